"""Does a call still cost what it did, to QueueHandler's? Fails if that is a quarter more than in recorded.json.

Two kinds of rows, with default settings, text and all: ten floats; and a mixture of what else people log.

    python -m benchmarks.guard             compare; exit code 1 if worse
    python -m benchmarks.guard --record    make today's ratio the recorded one

Where valgrind is installed, instructions are counted: the same ones each time, however busy the machine is. Elsewhere
the clock decides, as the median over many short rounds of both in turns. Each way has a ratio of its own on record.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._measure import environment_of, interleaved, rows
from benchmarks.call import log_row, offline_logger, stock_logger

RECORDED = Path(__file__).with_name("recorded.json")
_WORSE = 1.25
_CALLS = 10_000  # what differs from run to run, as who wakes when, is then a small part

# Both loggers are made and have worked before the calls that are counted. Nobody takes the records off the queue:
# how far another thread gets with that is chance.
_PROGRAM = """
import os, sys
from contextlib import ExitStack
from logging.handlers import QueueHandler
from queue import SimpleQueue
from benchmarks._contenders import logger_of
from benchmarks._measure import rows, time_calls
from benchmarks.call import log_row, offline_logger
from benchmarks.guard import ROWS
with ExitStack() as stack:
    ours = offline_logger(stack, flush_interval=3600, standard_files=[], system_metrics=False)
    loggers = {"ours": ours, "stock": logger_of(QueueHandler(SimpleQueue()))}
    calls = {name: log_row(logger, ROWS[sys.argv[3]]()) for name, logger in loggers.items()}
    for call in calls.values():
        time_calls(call, 100)
    if sys.argv[1] in calls:
        time_calls(calls[sys.argv[1]], int(sys.argv[2]))
    os._exit(0)  # what ends a run is not counted
"""


def _mixed() -> list[dict[str, Any]]:
    """A text, a nested dict, a NaN and scalars of numpy in each row."""
    return [{**row, "split": "val", "lr": {"head": 0.1}, "nan": math.nan, "n": np.float32(0.1)} for row in rows(6, 100)]


ROWS: dict[str, Callable[[], Sequence[Mapping[str, Any]]]] = {"floats": lambda: rows(10, 100), "mixed": _mixed}


def main(arguments: list[str] | None = None) -> int:
    """Compare, or record; 1 if a call has become dearer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name}")
    parser.add_argument("--clock", action="store_true", help="by the clock, even where instructions can be counted")
    given = parser.parse_args(arguments)
    by_clock = given.clock or shutil.which("valgrind") is None
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    worse = False
    for kind, ratio in (_by_clock() if by_clock else _by_instructions()).items():
        python = ".".join(platform.python_version_tuple()[:2])
        way = f"{'clock' if by_clock else 'instructions'} {kind}, Python {python}"
        print(f"a call of ours to QueueHandler's ({way}): {ratio:.3f}, recorded {recorded.get(way, 'nothing')}")
        if given.record:
            recorded[way] = round(ratio, 3)
            RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        else:
            worse |= is_worse(ratio, recorded, way)
    return int(worse)


def is_worse(ratio: float, recorded: dict[str, float], way: str) -> bool:
    """Whether a ratio is more than a quarter above what is on record: for that Python, or else for any."""
    kind = way.partition(",")[0]
    known = recorded.get(way) or max(value for name, value in recorded.items() if name.partition(",")[0] == kind)
    return ratio > known * _WORSE


def _by_instructions() -> dict[str, float]:
    _run([], "nothing", "floats")  # what is imported is compiled now, and not while instructions are counted
    found = {}
    for kind in ROWS:
        nothing, ours, stock = (_instructions(name, kind) for name in ("nothing", "ours", "stock"))
        found[kind] = (ours - nothing) / (stock - nothing)
    return found


def _run(valgrind: list[str], name: str, kind: str) -> str:
    """Run the program with the calls of one of the two, or of neither, with rows of a kind; what it said beside."""
    with tempfile.TemporaryDirectory() as place:
        return subprocess.run(
            [*valgrind, sys.executable, "-c", _PROGRAM, name, str(_CALLS), kind],
            capture_output=True,
            text=True,
            check=True,
            env=environment_of({"PYTHONHASHSEED": "0", "TMPDIR": place}),
        ).stderr


def _instructions(name: str, kind: str) -> int:
    said = _run(["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}"], name, kind)
    counted = re.search(r"I +refs: +([\d,]+)", said)
    assert counted is not None, said
    return int(counted[1].replace(",", ""))


def _by_clock() -> dict[str, float]:
    with ExitStack() as stack:
        loggers = {"ours": offline_logger(stack), "stock": stock_logger(stack)}
        calls = {(name, kind): log_row(logger, ROWS[kind]()) for name, logger in loggers.items() for kind in ROWS}
        times = interleaved(calls, calls=300, rounds=700)
    pairs = {kind: zip(times["ours", kind], times["stock", kind]) for kind in ROWS}
    return {kind: statistics.median(a / b for a, b in of) for kind, of in pairs.items()}


if __name__ == "__main__":
    sys.exit(main())
