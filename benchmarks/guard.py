"""Does a call still cost what it did, to QueueHandler's? Fails if that is a quarter more than in recorded.json.

    python -m benchmarks.guard             compare; exit code 1 if worse
    python -m benchmarks.guard --record    make today's ratio the recorded one

Where valgrind is installed, instructions are counted: the same ones each time, however busy the machine is. Elsewhere
the clock decides, as the median over many short rounds of both in turns. Each way has a ratio of its own on record.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks._measure import environment_of, interleaved, rows
from benchmarks.call import log_row, offline_logger, stock_logger

RECORDED = Path(__file__).with_name("recorded.json")
_WORSE = 1.25
_CALLS = 2000

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
with ExitStack() as stack:
    ours = offline_logger(stack, console=False, flush_interval=3600, standard_files=[])
    loggers = {"ours": ours, "stock": logger_of(QueueHandler(SimpleQueue()))}
    calls = {name: log_row(logger, rows(10, 100)) for name, logger in loggers.items()}
    for call in calls.values():
        time_calls(call, 100)
    if sys.argv[1] in calls:
        time_calls(calls[sys.argv[1]], int(sys.argv[2]))
    os._exit(0)  # what ends a run is not counted
"""


def main(arguments: list[str] | None = None) -> int:
    """Compare, or record; 1 if a call has become dearer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name}")
    parser.add_argument("--clock", action="store_true", help="by the clock, even where instructions can be counted")
    given = parser.parse_args(arguments)
    by_clock = given.clock or shutil.which("valgrind") is None
    way = f"{'clock' if by_clock else 'instructions'}, Python {'.'.join(platform.python_version_tuple()[:2])}"
    ratio = _by_clock() if by_clock else _by_instructions()
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    print(f"a call of ours to QueueHandler's ({way}): {ratio:.3f}, recorded {recorded.get(way, 'nothing')}")
    if given.record:
        recorded[way] = round(ratio, 3)
        RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    return int(is_worse(ratio, recorded, way))


def is_worse(ratio: float, recorded: dict[str, float], way: str) -> bool:
    """Whether a ratio is more than a quarter above what is on record: for that Python, or else for any."""
    kind = way.partition(",")[0]
    known = recorded.get(way) or max(value for name, value in recorded.items() if name.startswith(kind))
    return ratio > known * _WORSE


def _by_instructions() -> float:
    _run([], "nothing")  # what is imported is compiled now, and not while instructions are counted
    nothing, ours, stock = (_instructions(name) for name in ("nothing", "ours", "stock"))
    return (ours - nothing) / (stock - nothing)


def _run(valgrind: list[str], name: str) -> str:
    """Run the program with the calls of one of the two, or of neither; what it said beside."""
    with tempfile.TemporaryDirectory() as place:
        return subprocess.run(
            [*valgrind, sys.executable, "-c", _PROGRAM, name, str(_CALLS)],
            capture_output=True,
            text=True,
            check=True,
            env=environment_of({"PYTHONHASHSEED": "0", "TMPDIR": place}),
        ).stderr


def _instructions(name: str) -> int:
    said = _run(["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}"], name)
    counted = re.search(r"I +refs: +([\d,]+)", said)
    assert counted is not None, said
    return int(counted[1].replace(",", ""))


def _by_clock() -> float:
    with ExitStack() as stack:
        values = rows(10, 100)
        calls = {
            "ours": log_row(offline_logger(stack, console=False), values),
            "stock": log_row(stock_logger(stack), values),
        }
        times = interleaved(calls, calls=300, rounds=1500)
    return statistics.median(a / b for a, b in zip(times["ours"], times["stock"]))


if __name__ == "__main__":
    sys.exit(main())
