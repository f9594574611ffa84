"""The logging call itself: against the standard library's QueueHandler, and how it grows."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks._measure import Result, interleaved, micros, quantile, ratio
from wandb_logging import WandbHandler


def metrics(count: int) -> dict[str, float]:
    """So many floats, as a training loop has them."""
    return {f"metric_{i}": 0.123456789 * (i + 1) for i in range(count)}


def _logger(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("train")
    logger.addHandler(handler)
    return logger


def _offline(stack: ExitStack, **settings: Any) -> logging.Logger:
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    handler = WandbHandler(project="bench", mode="offline", cache_dir=directory, quiet=True, **settings)
    stack.callback(handler.close)
    return _logger(handler)


def _stock(stack: ExitStack) -> logging.Logger:
    records: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records)
    listener.start()
    stack.callback(listener.stop)
    return _logger(logging.handlers.QueueHandler(records))


def _row(logger: logging.Logger, values: dict[str, float]) -> Callable[[int], object]:
    extra = {"metrics": values}
    return lambda _i: logger.info("epoch", extra=extra)


def _row_with_step(logger: logging.Logger, values: dict[str, float]) -> Callable[[int], object]:
    return lambda i: logger.info("epoch", extra={"metrics": values, "step": i})


def _text(logger: logging.Logger) -> Callable[[int], object]:
    return lambda i: logger.info("epoch %d of %s", i, "many")


def _tail(call: Callable[[int], object], count: int) -> list[float]:
    clock = time.perf_counter
    taken = []
    for i in range(count):
        begun = clock()
        call(i)
        taken.append(clock() - begun)
    return taken


def results(*, quick: bool) -> list[Result]:
    """Ratios to QueueHandler on a SimpleQueue with an idle listener."""
    calls, rounds = (2000, 25) if quick else (5000, 60)
    ten = metrics(10)
    found = []
    with ExitStack() as stack:
        stock, ours, rows_only = _stock(stack), _offline(stack), _offline(stack, console=False)
        cases = {
            "row of 10 metrics": (_row(rows_only, ten), _row(stock, ten)),
            "row with its text": (_row(ours, ten), _row(stock, ten)),
            "row with explicit step": (_row_with_step(rows_only, ten), _row_with_step(stock, ten)),
            "text only": (_text(ours), _text(stock)),
        }
        for name, (this, that) in cases.items():
            times = interleaved({"ours": this, "stock": that}, calls=calls, rounds=rounds)
            note = f"{micros(times['ours'])} against {micros(times['stock'])}"
            found.append(Result(f"call, {name}, to QueueHandler", ratio(times["ours"], times["stock"]), 1.0, note=note))
        pairs = [(_tail(_row(rows_only, ten), calls), _tail(_row(stock, ten), calls)) for _ in range(5)]
        p99 = [(quantile(a, 0.99), quantile(b, 0.99)) for a, b in pairs]
        note = f"{micros([a for a, _ in p99])} against {micros([b for _, b in p99])}"
        found.append(Result("call, p99, to QueueHandler", ratio(*zip(*p99)), 2.0, note=note))
        found += _growth(stack, calls, quick=quick)
    return found


def _growth(stack: ExitStack, calls: int, *, quick: bool) -> list[Result]:
    logger = _offline(stack, console=False)
    sizes = [1, 10, 100, 1000]
    times = interleaved(
        {str(size): _row(logger, metrics(size)) for size in sizes}, calls=max(calls // 20, 50), rounds=9
    )
    per_metric = {size: ratio(times[str(size)], times["10"]) for size in sizes}
    found = [
        Result(
            "call, 1000 metrics to 10 (linear: at most 100)",
            per_metric[1000],
            100,
            note=", ".join(f"{size}: {micros(times[str(size)])}" for size in sizes),
        )
    ]
    for threads in (16,) if quick else (2, 4, 16, 64):
        stock, ours = _stock(stack), _offline(stack, console=False)
        pairs = [(_threaded(ours, threads, calls), _threaded(stock, threads, calls)) for _ in range(5)]
        note = f"{micros([a for a, _ in pairs])} against {micros([b for _, b in pairs])}"
        found.append(
            Result(f"call from {threads} threads at once, to QueueHandler", ratio(*zip(*pairs)), None, note=note)
        )
    return found


def _threaded(logger: logging.Logger, threads: int, calls: int) -> float:
    call = _row(logger, metrics(10))
    share = calls // threads

    def work() -> None:
        for i in range(share):
            call(i)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - begun) / (share * threads)
