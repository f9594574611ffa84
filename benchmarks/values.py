"""A call with what people log besides floats, text and all, offline: against QueueHandler, and the official SDK."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks._contenders import FLOOR, OFFLINE, OURS, SDK, STOCK, missing
from benchmarks._measure import Found, Result, Size, interleaved, micros, ratio
from benchmarks._values import IMAGES, KINDS, LARGE, installed, torch_rows
from benchmarks._worker import Worker
from benchmarks.call import beside, floor_logger, log_row, offline_logger, stock_logger

_LONG = "one of 40 characters"
_GOALS = {"10 floats": 1.1, "one string among them": 1.2, _LONG: 1.2, "nested, 2 x 5": 1.2, "100 metrics": 1.5}
_OTHERWISE = 2.0
_TORCH = "10 scalars of torch"
# Kinds of rows whose JSON the floor can write; of the others it is none.
_WRITTEN = ("10 floats", "one string among them", _LONG, "nested, 2 x 5", "one None", "100 metrics")


def results(size: Size) -> list[Found]:
    """All kinds in turns, in one process; then the large ones, whose calls the SDK makes in a process of its own."""
    return [*_small(size), *_large(size)]


def _small(size: Size) -> list[Found]:
    with ExitStack() as stack:
        ours, stock = offline_logger(stack), stock_logger(stack)
        kinds = {name: make() for name, (needs, make) in KINDS.items() if installed(needs)}
        calls = {
            (name, who): log_row(logger, of)
            for name, of in kinds.items()
            for who, logger in ((OURS, ours), (STOCK, stock))
        }
        least = floor_logger(stack)
        calls.update({(name, FLOOR): log_row(least, kinds[name]) for name in _WRITTEN})
        if installed("torch"):
            tensors = torch_rows()
            least = floor_logger(stack, lambda row: {name: value.item() for name, value in row.items()})
            calls.update({(_TORCH, who): log_row(of, tensors) for who, of in ((OURS, ours), (STOCK, stock))})
            calls[_TORCH, FLOOR] = log_row(least, tensors)
            calls[_TORCH, "item"] = lambda i: [each.item() for each in tensors[i % len(tensors)].values()]
        times = interleaved(calls, calls=max(size.calls // 5, 10), rounds=size.rounds)
    found: list[Found] = []
    for name in kinds:
        these, those = times[name, OURS], times[name, STOCK]
        note = beside(these, those, times.get((name, FLOOR)))
        found.append(Result(f"{name}, to QueueHandler", ratio(these, those), _GOALS.get(name, _OTHERWISE), note=note))
    if (_TORCH, OURS) in times:
        these, those, items, floor = (times[_TORCH, who] for who in (OURS, STOCK, "item", FLOOR))
        both = [stock + item for stock, item in zip(those, items)]
        note = f"{micros(these)} against {micros(those)} and {micros(items)}"
        note += f"; floor {ratio(floor, both):.3g} x, {micros(floor)}"
        found.append(Result(f"{_TORCH}, to QueueHandler and ten .item()", ratio(these, both), 1.3, note=note))
    return found


def _large(size: Size) -> list[Found]:
    """What stands for a value is made within the call that is timed: who makes it earlier does not do less."""
    if not size.peers or SDK in missing() or not installed("numpy") or not installed("PIL"):
        return []
    environment = {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    with Worker(OFFLINE, environment) as ours, Worker(SDK, environment) as theirs, Worker(FLOOR) as least:
        found: list[Found] = []
        for name in LARGE:
            workers = (ours, theirs, least) if name in IMAGES else (ours, theirs)
            turns = [tuple(worker.ask("large", name, 20) for worker in workers) for _ in range(7)]
            these, those, *floors = zip(*turns[1:])
            note = f"{_millis(these)} against {_millis(those)}"
            note += "".join(f"; floor {ratio(floor, those):.3g} x, {_millis(floor)}, not packed" for floor in floors)
            found.append(Result(f"{name}, to the official SDK's call", ratio(these, those), 1 / 3, note=note))
    return found


def _millis(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.2g} ms"
