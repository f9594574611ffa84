"""What all benchmarks share: their size, what they find, interleaved rounds, child processes."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union

Name = TypeVar("Name")
_ROOT = str(Path(__file__).parent.parent)
_BUSY = 0.25  # load of each core from which on the figures are not to be trusted


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        calls: in one round of a micro benchmark.
        rounds: of it.
        burst: calls whose tail is looked at.
        rows: of a whole run.
        pairs: repetitions of what runs in processes of its own, and takes seconds.
        starts: repetitions of what takes a moment there.
        many_rows: of the run that shows how cost grows.
        run_dirs: synced at once.
        steps: of a training loop, a round.
        peers: whether others are measured beside us; their processes take seconds to start.
    """

    calls: int
    rounds: int
    burst: int
    rows: int
    pairs: int
    starts: int
    many_rows: int
    run_dirs: int
    steps: int
    peers: bool = True


TINY = Size(
    calls=20, rounds=2, burst=100, rows=200, pairs=1, starts=1, many_rows=2_000, run_dirs=2, steps=5, peers=False
)
QUICK = Size(
    calls=1000, rounds=8, burst=10_000, rows=20_000, pairs=1, starts=3, many_rows=100_000, run_dirs=10, steps=100
)
# 18 million rows of 10 are a journal of 5 GB.
FULL = Size(
    calls=5000,
    rounds=60,
    burst=60_000,
    rows=100_000,
    pairs=5,
    starts=21,
    many_rows=18_000_000,
    run_dirs=200,
    steps=1000,
)


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        name: what was measured.
        figure: what came out.
        goal: what it should be at most, or at least if `at_least`; None if there is none.
        unit: of both.
        note: the absolute figures behind a ratio.
        at_least: whether more is better.
        rounds: of a micro benchmark the seconds a call of each contender in each round.
        calls: in one round.
    """

    name: str
    figure: float
    goal: float | None
    unit: str = "x"
    note: str = ""
    at_least: bool = False
    rounds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    calls: int = 1

    @property
    def reached(self) -> bool | None:
        """Whether the goal was reached; None without one."""
        if self.goal is None:
            return None
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal


@dataclass(frozen=True)
class Plot:
    """One picture: a line for each series, or, if there is no x axis, a bar for each point of the only one.

    Attributes:
        name: of the file.
        title, x, y: what is written at it.
        series: x and y values by label.
        log: axes of lines that are logarithmic, as in "xy"; bars always have a logarithmic one.
    """

    name: str
    title: str
    x: str
    y: str
    series: Mapping[str, tuple[Sequence[Any], Sequence[float]]]
    log: str = ""

    @property
    def bars(self) -> bool:
        """Whether its points have names."""
        return not self.x


Found = Union[Result, Plot]


# --- what is logged ---


def rows(metrics: int, count: int = 1000, digits: int = 17) -> list[dict[str, float]]:
    """Rows of so many metrics that all change, with all the digits a float has or fewer. The same ones each time."""
    numbers = random.Random(7)  # noqa: S311  no secret
    return [{f"metric_{i}": round(numbers.random(), digits) for i in range(metrics)} for _ in range(count)]


# --- times ---


def time_calls(call: Callable[[int], object], count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds a call, over `count` calls in a row."""
    begun = clock()
    for i in range(count):
        call(i)
    return (clock() - begun) / count


def each_call(call: Callable[[int], object], count: int) -> list[float]:
    """Seconds of each of `count` calls in a row."""
    clock = time.perf_counter
    taken = []
    for i in range(count):
        begun = clock()
        call(i)
        taken.append(clock() - begun)
    return taken


def interleaved(
    contenders: Mapping[Name, Callable[[int], object]], *, calls: int, rounds: int
) -> dict[Name, list[float]]:
    """Seconds a call of each contender in each round; all take their turn within a round.

    Where others want the processors, too, they are those that the calling thread had one: see `is_busy`.
    """
    clock = time.thread_time if is_busy() else time.perf_counter
    for call in contenders.values():
        time_calls(call, calls // 10 + 1)
    times: dict[Name, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            times[name].append(time_calls(call, calls, clock))
    return times


def ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """The median of the ratios, pair by pair: what slows a whole round slows both."""
    return statistics.median(a / b for a, b in zip(these, those))


def micros(seconds: Sequence[float]) -> str:
    """The median in microseconds."""
    return f"{statistics.median(seconds) * 1e6:.3g} µs"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


# --- processes ---


@dataclass(frozen=True)
class Child:
    """What a child process printed, and how long it took."""

    printed: str
    seconds: float

    @property
    def said(self) -> Any:
        """Its last line, as JSON."""
        return json.loads(self.printed.strip().splitlines()[-1])


def child(code: str, *arguments: str, **environment: str) -> Child:
    """Run Python code in a process of its own.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", f"import benchmarks\n{code}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment_of(environment),
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Child(done.stdout, seconds)


def environment_of(extra: Mapping[str, str]) -> dict[str, str]:
    """Variables for a child process: ours and some more.

    Its modules are compiled once, as installed ones are, and it finds this folder wherever it is started.
    """
    path = os.pathsep.join([_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": path, **extra}


@cache
def is_busy() -> bool:
    """Whether the machine was busy with other things when this process first asked."""
    return load() > _BUSY


def load() -> float:
    """How busy the machine is with other things: processes that want to run, for each core."""
    return os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 0.0
