"""The logging call itself: against the standard library's QueueHandler, and how it grows."""

from __future__ import annotations

import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import _contenders
from benchmarks._contenders import FLOOR, OURS, STOCK, logger_of
from benchmarks._measure import (
    Found,
    Plot,
    Result,
    Size,
    each_call,
    interleaved,
    micros,
    quantile,
    ratio,
    rows,
    time_calls,
)
from wandb_logging import WandbHandler

_METRICS = (1, 10, 100, 1000)
_THREADS = (1, 4, 16, 64)


def results(size: Size) -> list[Found]:
    """Ratios to QueueHandler on a SimpleQueue with an idle listener, in one process, one round after the other."""
    with ExitStack() as stack:
        stock, ours, rows_only = stock_logger(stack), offline_logger(stack), offline_logger(stack, console=False)
        least = floor_logger(stack)
        values = rows(10)
        found: list[Found] = [
            *(
                _against(
                    size,
                    f"call, {count} metrics and their text",
                    log_row(ours, of),
                    log_row(stock, of),
                    goal,
                    least=log_row(least, of),
                )
                for count, goal in ((1, None), (10, 1.1), (100, 1.5))
                for of in [rows(count)]
            ),
            _against(size, "call, 10 metrics and their text, explicit step", _step(ours, values), _step(stock, values)),
            _against(size, "call, text only", _text(ours), _text(stock)),
            _p99(size, log_row(ours, values), log_row(stock, values)),
            _against(
                size,
                "the kindest case: call, 10 metrics, no text",
                log_row(rows_only, values),
                log_row(stock, values),
                1.0,
                least=log_row(least, values),
            ),
        ]
    return [*found, *_metrics(size), *_threads(size)]


# --- what is called ---


def offline_logger(stack: ExitStack, **settings: Any) -> logging.Logger:
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    handler = WandbHandler(project="bench", mode="offline", cache_dir=directory, quiet=True, **settings)
    stack.callback(handler.close)
    logger = logger_of(handler)
    # What the thread does once, at the beginning, is over before anything is measured.
    logger.info("begin", extra={"metrics": {"begin": 1}})
    handler.flush()
    return logger


def stock_logger(stack: ExitStack) -> logging.Logger:
    contender = _contenders.stock()
    stack.callback(contender.finish)
    return contender.logger


def floor_logger(stack: ExitStack, read: Callable[[Mapping[str, Any]], Any] | None = None) -> logging.Logger:
    """A logger whose handler only writes a row's JSON and its checksum to a file; `read` makes numbers of the row."""
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    contender = _contenders.logging_floor(Path(directory), read)
    stack.callback(contender.finish)
    return contender.logger


def log_row(logger: logging.Logger, values: Sequence[Mapping[str, Any]]) -> Callable[[int], object]:
    many = len(values)
    return lambda i: logger.info("epoch", extra={"metrics": values[i % many]})


def _step(logger: logging.Logger, values: list[dict[str, float]]) -> Callable[[int], object]:
    many = len(values)
    return lambda i: logger.info("epoch", extra={"metrics": values[i % many], "step": i})


def _text(logger: logging.Logger) -> Callable[[int], object]:
    return lambda i: logger.info("epoch %d of %s", i, "many")


# --- how it is measured ---


def _against(
    size: Size,
    name: str,
    ours: Callable[[int], object],
    stock: Callable[[int], object],
    goal: float | None = 1.2,
    *,
    least: Callable[[int], object] | None = None,
) -> Result:
    contenders = {OURS: ours, STOCK: stock} if least is None else {OURS: ours, STOCK: stock, FLOOR: least}
    times = interleaved(contenders, calls=size.calls, rounds=size.rounds)
    figure = ratio(times[OURS], times[STOCK])
    note = beside(times[OURS], times[STOCK], times.get(FLOOR))
    return Result(f"{name}, to QueueHandler", figure, goal, note=note, rounds=times, calls=size.calls)


def beside(ours: Sequence[float], stock: Sequence[float], least: Sequence[float] | None = None) -> str:
    """The absolute figures behind a ratio; of the floor its own ratio, too."""
    floor = "" if least is None else f"; floor {ratio(least, stock):.3g} x, {micros(least)}"
    return f"{micros(ours)} against {micros(stock)}{floor}"


def _p99(size: Size, ours: Callable[[int], object], stock: Callable[[int], object]) -> Result:
    pairs = [
        (quantile(each_call(ours, size.calls), 0.99), quantile(each_call(stock, size.calls), 0.99))
        for _ in range(size.rounds)
    ]
    these, those = zip(*pairs)
    note = f"{micros(these)} against {micros(those)}"
    return Result("call, 10 metrics and their text, p99, to QueueHandler", ratio(these, those), 2.0, note=note)


def _metrics(size: Size) -> list[Found]:
    with ExitStack() as stack:
        stock, ours, floor = stock_logger(stack), offline_logger(stack), _floor(stack)
        calls = max(size.calls // 20, 10)
        times = {
            count: interleaved(
                {OURS: log_row(ours, of), STOCK: log_row(stock, of), "JSON, CRC, write": floor(of)},
                calls=calls,
                rounds=max(size.rounds // 2, 1),
            )
            for count in _METRICS
            for of in [rows(count, 10)]  # few: what is far away in memory would count as a metric's cost
        }
    # The best round: what a busy machine adds grows with the length of the call.
    best = {name: [min(times[count][name]) * 1e6 for count in _METRICS] for name in times[_METRICS[0]]}
    ours_of = dict(zip(_METRICS, best[OURS]))
    each = {high: (ours_of[high] - ours_of[low]) / (high - low) for low, high in [(10, 100), (100, 1000)]}
    return [
        Result(
            "call, a metric's cost at 1000 metrics to that at 100",
            each[1000] / each[100],
            1.1,
            note=", ".join(f"{count}: {value:.3g} µs" for count, value in ours_of.items()),
        ),
        Plot(
            "metrics",
            "A call, by metrics in the row",
            "metrics",
            "µs a call",
            {name: (_METRICS, values) for name, values in best.items()},
            log="xy",
        ),
    ]


def _floor(stack: ExitStack) -> Callable[[list[dict[str, float]]], Callable[[int], object]]:
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    floor = _contenders.floor(Path(directory))
    stack.callback(floor.finish)
    return lambda values: lambda i: floor.log(values[i % len(values)])


@dataclass(frozen=True)
class _Threads:
    """What a call takes where so many threads log at once: seconds of the clock, and of CPU, that of all threads."""

    wall: float
    cpu: float


def _threads(size: Size) -> list[Found]:
    times: dict[str, list[float]] = {OURS: [], STOCK: []}
    for threads in _THREADS:
        with ExitStack() as stack:
            loggers = offline_logger(stack), stock_logger(stack), floor_logger(stack)
            turns = [tuple(_threaded(logger, threads, size) for logger in loggers) for _ in range(7)]
            for name, of in zip(times, zip(*turns)):
                times[name].append(statistics.median(each.wall for each in of) * 1e6)
    these, those, least = zip(*turns)  # of the most threads
    note = ", ".join(
        f"{threads}: {this:.3g} against {that:.3g} µs" for threads, this, that in zip(_THREADS, *times.values())
    )
    note += f"; floor, which takes no lock, {_ratio_of_threads(least, those):.3g} x"
    cpu = [[each.cpu for each in of] for of in (these, those, least)]
    return [
        Result(
            "call from 64 threads at once, to QueueHandler's 64",
            _ratio_of_threads(these, those),
            1.3,
            note=note,
        ),
        Result("the same, CPU time of all threads", ratio(cpu[0], cpu[1]), None, note=beside(*cpu)),
        Plot(
            "threads",
            "A call, by threads that log at once",
            "threads",
            "µs a call",
            {name: (_THREADS, of) for name, of in times.items()},
            log="x",
        ),
    ]


def _ratio_of_threads(these: Sequence[_Threads], those: Sequence[_Threads]) -> float:
    return ratio([each.wall for each in these], [each.wall for each in those])


def _threaded(logger: logging.Logger, threads: int, size: Size) -> _Threads:
    call = log_row(logger, rows(10))
    share = max(size.calls * 4 // threads, 1)
    workers = [threading.Thread(target=time_calls, args=(call, share)) for _ in range(threads)]
    begun, cpu = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    count = share * threads
    return _Threads((time.perf_counter() - begun) / count, (time.process_time() - cpu) / count)
