"""Promises of `watch`: gradients and parameters of PyTorch models in rows that are logged anyway. Needs PyTorch."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import wandb_logging.compat as wandb
from wandb_logging.compat import _watch
from wandb_logging.testing import LocalServer

torch: Any = pytest.importorskip("torch", reason="PyTorch is in no extra, for its size: nox -s arrays installs it")

pytestmark = pytest.mark.arrays


@pytest.fixture(autouse=True)
def _afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_watch, "_numbers", itertools.count())
    yield
    wandb.teardown()


def net(**where: Any) -> Any:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1)).to(**where)


def train(run: wandb.Run, model: Any, steps: int = 4, **where: Any) -> None:
    for step in range(steps):
        model(torch.ones(5, 2, **where)).sum().backward()
        run.log({"step": step})


def keys(server: LocalServer) -> list[set[str]]:
    """Names of histograms in each row."""
    return [{key for key in row if "/" in key} for row in server.runs[0].history]


NAMES = {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_once_in_so_many_passes(wandb_server: LocalServer) -> None:
    """Gradients and parameters, in the rows that the program logs: no row is added."""
    with wandb.init(project="p") as run:
        model = net()
        run.watch(model, log="all", log_freq=2)
        train(run, model)
    both = {f"{kind}/{name}" for kind in ("gradients", "parameters") for name in NAMES}
    assert keys(wandb_server) == [set(), both, set(), both]
    found = wandb_server.runs[0].history[1]["gradients/2.bias"]
    assert (found["_type"], sum(found["values"])) == ("histogram", 1)


def test_what_is_asked_for(wandb_server: LocalServer) -> None:
    """Only parameters; nothing; something else is an error, also what is no model."""
    with wandb.init(project="p") as run:
        model = net()
        run.watch(model, log="parameters", log_freq=1)
        run.watch(net(), log=None)
        with pytest.raises(ValueError, match="expected gradients"):
            run.watch(net(), log="everything")
        with pytest.raises(TypeError, match="got str"):
            run.watch("no model")
        train(run, model, 1)
    assert keys(wandb_server) == [{f"parameters/{name}" for name in NAMES}]


def test_several_models_have_names_of_their_own(wandb_server: LocalServer) -> None:
    """By their number; the same one twice is an error that says so."""
    with wandb.init(project="p") as run:
        models = [net(), net()]
        run.watch(models, log_freq=1)
        with pytest.raises(ValueError, match=r"gradients/0\.weight is watched already"):
            run.watch(models[0], idx=0)
        for model in models:
            model(torch.ones(1, 2)).sum().backward()
        run.log({"loss": 1})
    prefixes = ("", "graph_1")
    assert keys(wandb_server) == [{f"gradients/{prefix}{name}" for prefix in prefixes for name in NAMES}]


def test_unwatch(wandb_server: LocalServer) -> None:
    """One, or all; after it they can be watched again, under the same names."""
    with wandb.init(project="p") as run:
        model = net()
        run.watch(model, log_freq=1, idx=0)
        run.unwatch(model)
        train(run, model, 1)
        run.watch(model, log_freq=1, idx=0)
        train(run, model, 1)
        wandb.unwatch()
        train(run, model, 1)
    assert [len(names) for names in keys(wandb_server)] == [0, 4, 0]


def test_a_model_that_is_deleted_is_let_go(wandb_server: LocalServer) -> None:
    """Nothing holds it, and its names are free for the next."""
    with wandb.init(project="p") as run:
        for _ in range(2):
            model = net()
            run.watch(model, log="all", log_freq=1, idx=0, log_graph=True)
            train(run, model, 1)
            gone = weakref.ref(model)
            del model
            gc.collect()
            assert gone() is None
        train(run, net(), 1)
    assert [len(names) for names in keys(wandb_server)] == [8, 8, 0]


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_a_model_that_is_moved_stays_watched(wandb_server: LocalServer, dtype: str) -> None:
    """To another type, as to another device: its parameters are the same objects."""
    with wandb.init(project="p") as run:
        model = net()
        run.watch(model, log="all", log_freq=1)
        kind = getattr(torch, dtype)
        model.to(dtype=kind)
        train(run, model, 1, dtype=kind)
    assert [len(names) for names in keys(wandb_server)] == [8]


# PyTorch copies a counter where it traces a model with hooks; Python 3.12 warns of that.
@pytest.mark.filterwarnings("ignore:Pickle, copy, and deepcopy support will be removed:DeprecationWarning")
@pytest.mark.parametrize("first", ["watch", "compile"])
def test_a_model_that_is_compiled_is_watched(wandb_server: LocalServer, first: str) -> None:
    """Before it is watched or after that; its gradients and parameters are in the rows."""
    with wandb.init(project="p") as run:
        model = net()
        if first == "watch":
            run.watch(model, log="all", log_freq=1)
        compiled = torch.compile(model, backend="eager")
        if first == "compile":
            run.watch(compiled, log="all", log_freq=1)
        train(run, compiled, 2)
    prefix = "_orig_mod." if first == "compile" else ""
    both = {f"{kind}/{prefix}{name}" for kind in ("gradients", "parameters") for name in NAMES}
    assert keys(wandb_server) == [both, both]


def test_after_the_run_the_model_goes_on(wandb_server: LocalServer) -> None:
    """Its hooks do nothing then, and do not raise."""
    with wandb.init(project="p") as run:
        model = net()
        run.watch(model, log="all", log_freq=1)
    model(torch.ones(1, 2)).sum().backward()
    assert keys(wandb_server) == []


def test_what_is_not_finite_is_left_out() -> None:
    """Also all of it; of one value there is one bin."""
    nan = float("nan")
    assert _watch.counts_of(torch.tensor([nan, nan])) is None
    assert _watch.counts_of(torch.tensor([3.0, nan, 3.0])) == ([2.0], [3.0, 3.0])
    sparse = torch.sparse_coo_tensor([[0, 2]], [1.0, 2.0], (4,), check_invariants=True)
    counted = _watch.counts_of(sparse)
    assert counted is not None
    assert sum(counted[0]) == 4


def test_the_graph_is_in_the_summary(wandb_server: LocalServer) -> None:
    """When each layer was used once."""
    with wandb.init(project="p") as run:
        model = net()
        graphs = run.watch(model, log=None, log_graph=True)
        train(run, model, 1)
    assert [node["name"] for node in graphs[0].nodes] == ["0", "1", "2"]
    assert wandb_server.runs[0].summary["graph_0"]["_type"] == "graph-file"
