"""What all benchmarks share: a result, interleaved rounds, child processes with their own accounts."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        name: what was measured.
        figure: what came out.
        goal: what it should be at most, or at least if `at_least`; None if there is none.
        unit: of both.
        note: the absolute figures behind a ratio.
    """

    name: str
    figure: float
    goal: float | None
    unit: str = "x"
    note: str = ""
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the goal was reached; None without one."""
        if self.goal is None:
            return None
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal


def time_calls(call: Callable[[int], object], count: int) -> float:
    """Seconds a call, over `count` calls in a row."""
    begun = time.perf_counter()
    for i in range(count):
        call(i)
    return (time.perf_counter() - begun) / count


def interleaved(
    contenders: Mapping[str, Callable[[int], object]], *, calls: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds a call of each contender in each round; all take their turn within a round."""
    for call in contenders.values():
        time_calls(call, calls // 10 + 1)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            times[name].append(time_calls(call, calls))
    return times


def ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """The median of the ratios, pair by pair: what slows a whole round slows both."""
    return statistics.median(a / b for a, b in zip(these, those))


def micros(seconds: Sequence[float]) -> str:
    """The median in microseconds."""
    return f"{statistics.median(seconds) * 1e6:.2f} µs"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass(frozen=True)
class Child:
    """What a child process printed as its last line, as JSON, and what it cost with all its own children."""

    said: Any
    seconds: float
    cpu: float
    peak_mib: float


def child(code: str, **environment: str) -> Child:
    """Run Python code in a process of its own.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    # A process in between, so that its accounts hold this child and nothing else.
    script = (
        "import json, resource, subprocess, sys, time\n"
        "begun = time.perf_counter()\n"
        "done = subprocess.run([sys.executable, '-c', sys.argv[1]], capture_output=True, text=True)\n"
        "seconds = time.perf_counter() - begun\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([done.returncode, done.stdout, done.stderr, seconds, used.ru_utime + used.ru_stime,\n"
        "                  used.ru_maxrss]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, code],
        capture_output=True,
        text=True,
        check=True,
        # Compiled once, as an installed package is, whatever this shell prefers.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environment},
    )
    code_, out, err, seconds, cpu, peak = json.loads(done.stdout)
    if code_:
        raise RuntimeError(err[-2000:])
    lines = out.strip().splitlines()
    return Child(json.loads(lines[-1]) if lines else None, seconds, cpu, peak / 1024)


def cpu_of_children() -> float:
    """CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
