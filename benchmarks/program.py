"""A program under `wandb-logging run`, beside the same without: when it begins, how long it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks._measure import Found, Result, Size, environment_of

_PACKAGE = str(Path(__file__).parent.parent)
_RUN = ["-m", "wandb_logging", "run", "--mode", "offline", "--project", "bench", "--", sys.executable]
_BEGIN = "import time; print(time.time())"
_LINES = """
import sys, time
print(time.perf_counter())
for i in range({lines}):
    print("iter %d: loss %.4f, time 12.5ms" % (i, 1 / (i + 1)){flush})
print(time.perf_counter())
"""


def results(size: Size) -> list[Found]:
    """The least of many tries, in turns: the rest is the machine's business."""
    pairs = [(_began(), _began(*_RUN)) for _ in range(size.starts)]
    plain, ours = ([min(each) for each in zip(*(pair[which] for pair in pairs))] for which in (0, 1))
    lines = min(100_000, size.rows)
    printed = [(name, _printed(size, lines, flush)) for name, flush in (("", ""), (", each flushed", ", flush=True"))]
    return [
        Result(
            "start of a program",
            (ours[0] - plain[0]) * 1e3,
            100,
            "ms more",
            f"its first instruction after {ours[0] * 1e3:.0f} ms instead of {plain[0] * 1e3:.0f}",
        ),
        Result(
            "a program that does nothing, from beginning to end",
            (ours[1] - plain[1]) * 1e3,
            None,
            "ms more",
            f"{ours[1] * 1e3:.0f} ms instead of {plain[1] * 1e3:.0f}: its run begins and ends, too",
        ),
        *(
            Result(
                f"a program that prints {lines:,} lines into a pipe{name}, its own time",
                ours / plain,
                1.1,
                note=f"{ours * 1e3:.0f} ms instead of {plain * 1e3:.0f}",
            )
            for name, (plain, ours, _, _) in printed
        ),
        *(
            Result(
                f"the same{name}, from beginning to end",
                ours / plain,
                1.1,
                note=f"{ours * 1e3:.0f} ms instead of {plain * 1e3:.0f}: {(ours - plain) * 1e3:.0f} ms more",
            )
            for name, (_, _, plain, ours) in printed
        ),
    ]


def _began(*options: str) -> tuple[float, float]:
    """Seconds until a program's first instruction, and until its end."""
    begun = time.time()
    said = float(_output([*options, "-c", _BEGIN]))
    return said - begun, time.time() - begun


def _printed(size: Size, lines: int, flush: str) -> tuple[float, ...]:
    """Seconds that a program takes for its lines, without and with us; and from beginning to end."""
    code = _LINES.format(lines=lines, flush=flush)
    pairs = [(_times(["-c", code], lines), _times([*_RUN, "-c", code], lines)) for _ in range(size.pairs * 3)]
    return tuple(min(pair[which][part] for pair in pairs) for part in (0, 1) for which in (0, 1))


def _times(arguments: Sequence[str], lines: int) -> tuple[float, float]:
    """Seconds by the program's own clock, and by ours."""
    begun = time.monotonic()
    first, *between, last = _output(arguments).splitlines()
    whole = time.monotonic() - begun
    if len(between) != lines:
        raise RuntimeError(f"{len(between)} of {lines} lines came")
    return float(last) - float(first), whole


def _output(arguments: Sequence[str]) -> bytes:
    path = os.pathsep.join([_PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment_of({"PYTHONPATH": path}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        ).stdout
