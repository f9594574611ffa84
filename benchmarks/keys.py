"""A person at a terminal, with `wandb-logging run` and without: how long until a key, and a line, is shown."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks._measure import Found, Result, Size
from benchmarks._terminal import on_terminal

_APART = 0.005  # seconds between two keys, so that everybody has come to rest
_FIRST = 20  # keys that are not counted: the run is still being made
# It answers each key with a line that says when it was written.
_ANSWERS = """
import os, time, tty
tty.setraw(0)
os.write(1, b"ready\\n")
while os.read(0, 1) != b"q":
    os.write(1, b"%.9f\\n" % time.perf_counter())
"""


@dataclass
class _Waits:
    """Seconds until what was asked for was read from the terminal.

    Attributes:
        keys: from the key to the line that answers it.
        lines: from the line's being written, which is a part of that.
    """

    keys: list[float] = field(default_factory=list)
    lines: list[float] = field(default_factory=list)


def results(size: Size, begin: Sequence[str]) -> list[Found]:
    """Sessions in turns; `begin` is what stands in front of a program that is run."""
    alone, ours = _Waits(), _Waits()
    count = min(500, size.calls)
    for _ in range(size.pairs):
        _session([], count, alone)
        _session(begin, count, ours)
    return [
        _result("a key at a terminal, until its answer is shown, median", alone.keys, ours.keys),
        _result("a line on a terminal, until it is shown, median", alone.lines, ours.lines),
    ]


def _result(name: str, alone: list[float], ours: list[float]) -> Result:
    (middle, late), (middle_alone, late_alone) = _of(ours), _of(alone)
    note = (
        f"instead of {middle_alone:.3g} ms, {middle / middle_alone:.2g} x; "
        f"99 of 100 within {late:.3g} ms instead of {late_alone:.3g}"
    )
    return Result(name, middle, None, "ms", note)


def _of(seconds: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds."""
    return statistics.median(seconds) * 1e3, sorted(seconds)[len(seconds) * 99 // 100] * 1e3


def _session(begin: Sequence[str], count: int, waits: _Waits) -> None:
    """Type keys one after the other, as soon as the one before was answered and a little later."""
    arguments = [*begin, "-c", _ANSWERS]
    with tempfile.TemporaryDirectory() as folder, on_terminal(arguments, folder, {}) as terminal:
        _line(terminal)
        for i in range(_FIRST + count):
            time.sleep(_APART)
            typed = time.perf_counter()
            os.write(terminal, b"k")
            written = float(_line(terminal))
            shown = time.perf_counter()
            if i >= _FIRST:
                waits.keys.append(shown - typed)
                waits.lines.append(shown - written)
        os.write(terminal, b"q")


def _line(terminal: int) -> bytes:
    """The next line; nothing else is on its way then."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(terminal, 4096)
    return line
