"""A program under `wandb-logging run`, beside the same without: when it begins, how long it takes."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import keys
from benchmarks._measure import Found, Result, Size, environment_of, ratio
from benchmarks._terminal import on_terminal

_RUN = ["-m", "wandb_logging", "run", "--mode", "offline", "--project", "bench", "--", sys.executable]
# The least that stands between a program and who reads it, and keeps what it says.
_COPY = """
import os, subprocess, sys
with open("kept", "wb", 0) as kept, subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) as program:
    while data := os.read(program.stdout.fileno(), 2**20):
        kept.write(data)
        os.write(1, data)
sys.exit(program.returncode)
"""
_LEAST = ["-c", _COPY, sys.executable]
# The same for a program on a terminal; `script` of util-linux takes as long.
_COPY_TERMINAL = """
import os, subprocess, sys, tty
ours, theirs = os.openpty()
tty.setraw(theirs)
with open("kept", "wb", 0) as kept, subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs) as program:
    os.close(theirs)
    try:
        while data := os.read(ours, 2**16):
            kept.write(data)
            os.write(1, data)
    except OSError:  # as Linux ends a terminal
        pass
sys.exit(program.returncode)
"""
_LEAST_ON_TERMINAL = ["-c", _COPY_TERMINAL, sys.executable]
_BEGIN = "import time; print(time.time())"
_LINES = """
import sys, time
print(time.perf_counter())
for i in range({lines}):
    print("iter %d: loss %.4f, time 12.5ms" % (i, 1 / (i + 1)){flush})
print(time.perf_counter())
"""

_Ran = Callable[[Sequence[str]], "tuple[bytes, float, float]"]
"""Runs Python with these arguments. Gives what it printed, the seconds it took, and those its processes had a CPU."""


@dataclass(frozen=True)
class _Times:
    """Seconds of one program.

    Attributes:
        own: until its first instruction, or between its first line and its last, by its own clock.
        whole: from beginning to end.
        cpu: that all of its processes had.
    """

    own: float
    whole: float
    cpu: float


@dataclass(frozen=True)
class _Pairs:
    """The same program without us, with us, and behind a program that only copies what it prints: in turns."""

    plain: list[_Times]
    ours: list[_Times]
    least: list[_Times]

    @classmethod
    def of(cls, count: int, time_one: Callable[[Sequence[str]], _Times], least: Sequence[str] = _LEAST) -> _Pairs:
        """Measure so many pairs; `time_one` is given what stands in front of the program."""
        turns = [tuple(map(time_one, ([], _RUN, least))) for _ in range(count)]
        return cls(*(list(each) for each in zip(*turns)))

    def more(self, name: str, part: str, goal: float | None = None, why: str = "") -> Result:
        """What is added, in milliseconds: the median of the pairs' differences."""
        plain, ours, least = self._all(part)
        more, more_least = (statistics.median(b - a for a, b in zip(plain, of)) * 1e3 for of in (ours, least))
        return Result(name, more, goal, "ms more", f"{_note(plain, ours)}{why}; floor {more_least:.0f} ms")

    def times(self, name: str, part: str, goal: float | None = None) -> Result:
        """How many times as long: the median of the pairs' ratios."""
        plain, ours, least = self._all(part)
        note = f"{_note(plain, ours)}; floor {ratio(least, plain):.3g} x"
        return Result(name, ratio(ours, plain), goal, note=note)

    def _all(self, part: str) -> list[list[float]]:
        return [[getattr(one, part) for one in of] for of in (self.plain, self.ours, self.least)]


def _note(plain: Sequence[float], ours: Sequence[float]) -> str:
    with_us, without = (statistics.median(times) * 1e3 for times in (ours, plain))
    return f"{with_us:.0f} ms instead of {without:.0f}"


def results(size: Size) -> list[Found]:
    """Medians over pairs of tries."""
    starts = _Pairs.of(size.starts, _began)
    found: list[Found] = [
        starts.more("start of a program, until its first instruction", "own", 100),
        starts.more(
            "a program that does nothing, from beginning to end", "whole", why=": its run begins and ends, too"
        ),
        starts.more("the same, CPU time of all processes", "cpu"),
    ]
    lines = min(100_000, size.rows)
    for name, flush in (("", ""), (", each flushed", ", flush=True")):
        code = _LINES.format(lines=lines, flush=flush)
        pairs = _Pairs.of(size.pairs * 3, partial(_printed, code, lines))
        found += [
            pairs.times(f"a program that prints {lines:,} lines into a pipe{name}, its own time", "own", 1.1),
            pairs.times(f"the same{name}, from beginning to end", "whole", 1.1),
            pairs.times(f"the same{name}, CPU time of all processes", "cpu"),
        ]
    code = _LINES.format(lines=lines, flush="")
    pairs = _Pairs.of(size.pairs, partial(_printed, code, lines, ran=_ran_on_terminal), _LEAST_ON_TERMINAL)
    found.append(pairs.times(f"a program that prints {lines:,} lines on a terminal, its own time", "own"))
    return [*found, *keys.results(size, _RUN)]


def _began(begin: Sequence[str]) -> _Times:
    """A program that says when it began."""
    begun = time.time()
    said, whole, cpu = _ran([*begin, "-c", _BEGIN])
    return _Times(float(said) - begun, whole, cpu)


def _printed(code: str, lines: int, begin: Sequence[str], *, ran: _Ran | None = None) -> _Times:
    """A program that prints lines."""
    said, whole, cpu = (ran or _ran)([*begin, "-c", code])
    first, *between, last = said.splitlines()
    if len(between) != lines:
        raise RuntimeError(f"{len(between)} of {lines} lines came")
    return _Times(float(last) - float(first), whole, cpu)


def _ran(arguments: Sequence[str]) -> tuple[bytes, float, float]:
    """What it printed, the seconds that it took, and those that its processes had a CPU."""
    with tempfile.TemporaryDirectory() as folder:
        before, begun = _cpu(), time.monotonic()
        printed = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment_of({"PYTHONUNBUFFERED": ""}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        ).stdout
        return printed, time.monotonic() - begun, _cpu() - before


def _ran_on_terminal(arguments: Sequence[str]) -> tuple[bytes, float, float]:
    """The same on a terminal, which we read as fast as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        before, begun = _cpu(), time.monotonic()
        with on_terminal(arguments, folder, {"PYTHONUNBUFFERED": ""}) as terminal:
            printed = b"".join(_pieces(terminal))
        return printed, time.monotonic() - begun, _cpu() - before


def _pieces(terminal: int) -> Iterator[bytes]:
    """What a terminal is written until nobody has it open; Linux then reports an error."""
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 2**16):
            yield data


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
