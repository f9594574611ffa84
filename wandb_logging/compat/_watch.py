"""`wandb.watch`: gradients and parameters of a PyTorch model as histograms, and its layers as a graph.

PyTorch is not imported here: a program that has a PyTorch model has already imported it.
"""

from __future__ import annotations

import itertools
import math
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wandb_logging._media.graph import Graph
from wandb_logging._media.histogram import Histogram
from wandb_logging.compat._refused import say_once

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run

BINS = 64
_KINDS = {"gradients": ("gradients",), "parameters": ("parameters",), "all": ("parameters", "gradients"), None: ()}

_numbers = itertools.count()  # numbers of watched models; names of all but the first contain them


class Watcher:
    """Watches the models of one run.

    Args:
        run: the run that gets the histograms.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._handles: dict[int, list[Any]] = {}  # id of a model -> its hooks
        self._names: dict[str, int] = {}  # name of a histogram -> id of its model

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        *,
        log_graph: bool = False,
    ) -> list[Graph]:
        """Do the work of `Run.watch`."""
        del criterion
        if log not in _KINDS:
            raise ValueError(f"log={log!r}: expected gradients, parameters, all or None")
        given = list(models) if isinstance(models, (list, tuple)) else [models]
        for model in given:
            _check(model)
        graphs = []
        for local, model in enumerate(given):
            number = next(_numbers)
            number = number if idx is None else idx + local
            prefix = f"graph_{number}" if number else ""
            if "parameters" in _KINDS[log]:
                self._watch_parameters(model, prefix, log_freq)
            if "gradients" in _KINDS[log]:
                self._watch_gradients(model, prefix, log_freq)
            if log_graph:
                graphs.append(self._watch_layers(model, number))
        return graphs

    def unwatch(self, models: Any = None) -> None:
        """Do the work of `Run.unwatch`."""
        given = list(models) if isinstance(models, (list, tuple)) else [models]
        wanted = list(self._handles) if models is None else [id(model) for model in given]
        for model in wanted:
            if model not in self._handles:
                say_once("wandb.unwatch(): a model is not watched")
            self._forget(model)

    def _forget(self, model: int) -> None:
        """Remove the hooks of a model, given its id. Also called when the model is gone, because ids are reused."""
        for handle in self._handles.pop(model, ()):
            handle.remove()
        self._names = {name: of for name, of in self._names.items() if of != model}

    def _keep(self, model: Any, handle: Any) -> None:
        if id(model) not in self._handles:
            weakref.finalize(model, self._forget, id(model)).atexit = False
        self._handles.setdefault(id(model), []).append(handle)

    def _watch_parameters(self, model: Any, prefix: str, every: int) -> None:
        due = _every(every)

        def after(module: Any, *_: Any) -> None:
            if due():
                for name, parameter in module.named_parameters():
                    self._log(f"parameters/{prefix}{name}", parameter)

        self._keep(model, model.register_forward_hook(after))

    def _watch_gradients(self, model: Any, prefix: str, every: int) -> None:
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                hook = self._gradient_hook(f"gradients/{prefix}{name}", id(model), every)
                self._keep(model, parameter.register_hook(hook))

    def _gradient_hook(self, name: str, model: int, every: int) -> Callable[[Any], None]:
        if name in self._names:
            raise ValueError(f"{name} is watched already: unwatch the model first, or give it another idx")
        self._names[name] = model
        due = _every(every)

        def after(gradient: Any) -> None:
            if due():
                self._log(name, gradient)

        return after

    def _watch_layers(self, model: Any, number: int) -> Graph:
        """Note each layer when it is first used. Once all have been used, the graph goes into the summary."""
        graph, waiting = Graph("torch"), set()

        def hook(name: str) -> Callable[..., None]:
            def after(module: Any, _given: Any, output: Any) -> None:
                if name in waiting:
                    waiting.discard(name)
                    graph.nodes.append(_node(name, module, output))
                    if not waiting and self._run.going_on:
                        self._run.summary[f"graph_{number}"] = graph

            return after

        for name, layer in layers(model):
            waiting.add(name)
            self._keep(model, layer.register_forward_hook(hook(name)))
        return graph

    def _log(self, name: str, tensor: Any) -> None:
        counted = counts_of(tensor)
        if counted is not None and self._run.going_on:  # the program may use the model after the run's end
            self._run.log({name: Histogram(np_histogram=counted)}, commit=False)


def _check(model: Any) -> None:
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        raise TypeError(f"watch: expected a PyTorch model (torch.nn.Module), got {type(model).__name__}")


def _every(number: int) -> Callable[[], bool]:
    """Make a function that returns True once in this many calls."""
    calls = itertools.count(1)
    return lambda: next(calls) % max(number, 1) == 0


def counts_of(tensor: Any) -> tuple[list[float], list[float]] | None:
    """Counts and edges of equal bins over the finite values of a tensor, as in the official SDK.

    Returns:
        None if there is no finite value.
    """
    torch: Any = sys.modules["torch"]
    values = tensor.detach()
    zeros = 0
    if values.is_sparse:
        values = values.coalesce()
        zeros = values.numel() - values.values().numel()
        values = values.values()
    values = values.reshape(-1).cpu()
    if values.dtype not in {torch.float32, torch.float64}:
        values = values.float()
    values = values[torch.isfinite(values)]
    if not values.numel():
        return None
    low, high = values.min().item(), values.max().item()
    if zeros:
        low, high = min(low, 0), max(high, 0)
    if low == high:
        return [float(values.numel() + zeros)], torch.tensor([low, high]).tolist()
    counts = values.histc(bins=BINS, min=low, max=high).float()
    edges = torch.linspace(low, high, steps=BINS + 1)
    if zeros:
        counts[min(int((torch.searchsorted(edges, torch.tensor(0.0), right=True) - 1).item()), BINS - 1)] += zeros
    return counts.tolist(), edges.tolist()


def layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Name and module of each layer. Containers are searched; every other module is one layer."""
    nn: Any = sys.modules["torch"].nn
    for name, module in model.named_children():
        full = f"{prefix}.{name}" if prefix else name
        if isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
            yield from layers(module, full)
        else:
            yield full, module


def _node(name: str, module: Any, output: Any) -> dict[str, Any]:
    parameters = [(of, list(parameter.size())) for of, parameter in module.named_parameters()]
    return {
        "name": name,
        "id": id(module),
        "class_name": str(module),
        "parameters": parameters,
        "output_shape": _shape_of(output if isinstance(output, tuple) else (output,)),
        "num_parameters": [math.prod(size) for _, size in parameters],
    }


def _shape_of(value: Any, depth: int = 0) -> Any:
    if callable(getattr(value, "size", None)):
        return list(value.size())
    if hasattr(value, "shape"):
        return list(value.shape)
    items: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value
    return [_shape_of(item, depth + 1) for item in items] if isinstance(items, (list, tuple)) and depth < 8 else []
