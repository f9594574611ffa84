"""A contender in a process of its own, which does what it is told: so they take turns, and share no interpreter.

`python -m benchmarks._worker NAME DIRECTORY [INTERVAL]` reads commands from its input, one JSON list a line, and
answers each with a line of JSON. `Worker` is the other end.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import _contenders
from benchmarks._measure import each_call, environment_of, quantile, rows, time_calls
from benchmarks._values import LARGE

SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999, 1.0)
_SAMPLE = 0.02  # seconds between two looks at the memory of a tree of processes


class Worker:
    """A contender's process. Leaving the block ends it.

    Args:
        name: of the contender.
        environment: variables on top of ours.
        interval: our own `flush_interval`.
        watch: whether to look at the memory of its processes all the while.
        directory: where it keeps what it keeps. Default: one of its own, removed at the end.

    Attributes:
        cpu: seconds of it and its children; known when it has ended.
        peak: most memory at once of it and its children, in MiB; the same.
    """

    def __init__(
        self,
        name: str,
        environment: dict[str, str] | None = None,
        *,
        interval: float = 15.0,
        watch: bool = False,
        directory: str | None = None,
    ) -> None:
        self.cpu = 0.0
        self.peak = 0.0
        self._name = name
        self._environment = environment or {}
        self._interval = interval
        self._watch = watch
        self._kept = directory

    def __enter__(self) -> Worker:  # noqa: PYI034  Self is new in 3.11
        self._directory = self._kept or tempfile.mkdtemp()
        self._before = _used_by_children()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks._worker", self._name, self._directory, str(self._interval)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment_of(self._environment),
        )
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._look, daemon=True)
        if self._watch:
            self._watcher.start()
        return self

    def ask(self, command: str, *arguments: object) -> Any:
        """Have something done; the answer.

        Raises:
            RuntimeError: the worker has died of it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name}: no answer to {command}")
        return json.loads(line)

    def cpu_so_far(self) -> float:
        """CPU seconds of it and its children until now."""
        return sum(map(_cpu, self._tree()))

    def _tree(self) -> list[Any]:
        import psutil  # noqa: PLC0415  only where memory and CPU of a tree of processes are measured

        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._ended.set()
        if self._watch:
            self._watcher.join()
        self.cpu = _used_by_children() - self._before
        if self._kept is None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _look(self) -> None:
        while not self._ended.wait(_SAMPLE):
            with contextlib.suppress(Exception):  # it has just ended
                self.peak = max(self.peak, sum(process.memory_info().rss for process in self._tree()) / 2**20)


def _cpu(process: Any) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- the process ------------------------------------------------------------------------------------


class _Told:
    """The commands."""

    def __init__(self, contender: _contenders.Contender) -> None:
        self._contender = contender

    def burst(self, count: int, metrics: int, digits: int = 17) -> float:
        """Seconds a call."""
        values = rows(metrics, digits=digits)
        log, many = self._contender.log, len(values)
        return time_calls(lambda i: log(values[i % many]), count)

    def spread(self, count: int, metrics: int) -> list[float]:
        """Mean, median and 99th percentile of the seconds of single calls, in a burst."""
        values = rows(metrics)
        log, many = self._contender.log, len(values)
        taken = each_call(lambda i: log(values[i % many]), count)
        return [statistics.fmean(taken), quantile(taken, 0.5), quantile(taken, 0.99)]

    def large(self, kind: str, count: int) -> float:
        """Median seconds of a call with a large value, made within it."""
        make, log = LARGE[kind](self._contender.media), self._contender.log
        return quantile(each_call(lambda _: log(make()), count), 0.5)

    def tail(self, count: int, metrics: int) -> list[float]:
        """Quantiles of the seconds of single calls, in a burst."""
        values = rows(metrics)
        log, many = self._contender.log, len(values)
        taken = each_call(lambda i: log(values[i % many]), count)
        return [quantile(taken, share) for share in SHARES]

    def steps(self, count: int, metrics: int) -> float:
        """Median seconds of a training step that holds the GIL for 0.3 ms, then logs so many metrics or none."""
        (row,) = rows(metrics, 1)

        def step(_i: int) -> None:
            _spin(0.0003)
            if metrics:
                self._contender.log(row)

        return quantile(each_call(step, count), 0.5)

    def whole(self, count: int, metrics: int, digits: int = 17) -> float:
        """Seconds from the first of so many calls to the finished run."""
        begun = time.perf_counter()
        self.burst(count, metrics, digits)
        self._contender.finish()
        return time.perf_counter() - begun

    def finish(self) -> float:
        """Seconds to finish."""
        begun = time.perf_counter()
        self._contender.finish()
        return time.perf_counter() - begun


def _spin(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def _main(name: str, directory: str, interval: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what contenders print is no answer
    if name == _contenders.OURS:
        contender = _contenders.ours(Path(directory), interval=float(interval))
    else:
        contender = _contenders.MAKERS[name](Path(directory))
    told = _Told(contender)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        print(json.dumps(getattr(told, command)(*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
