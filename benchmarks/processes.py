"""Many processes that write one run: how fast what all of them log is sent, and what one more of them costs."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks._measure import TINY, Found, Result, Size, child
from benchmarks._sink import Sink, sink

_ROWS_A_SECOND = 20_000
_MOST_MEMORY = 4.0  # MiB

# What a child does: log rows, which is measured; append as many lines to a file of its own; or nothing.
_LOG, _APPEND, _NOTHING = "log", "append", "nothing"

# Forks, so that not the start of interpreters is measured. Seconds from the first row to the end of the run.
_WRITERS = """
import json, logging, multiprocessing, os, resource, sys, time
import wandb_logging
what, place, processes, rows, at_once = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
log = logging.getLogger("work")
log.setLevel(logging.INFO)
log.addHandler(wandb_logging.WandbHandler(project="bench", cache_dir=place, quiet=True, close_timeout=600))
log.info("first", extra={"metrics": {"i": -1}})
context = multiprocessing.get_context("fork")
gate = context.Barrier(at_once + 1)

def write(number):
    if number < at_once:
        gate.wait()
    if what == "append":
        with open(f"{place}/{number}", "ab", buffering=0) as file:
            for i in range(rows):
                file.write(json.dumps({"i": i, "loss": i / rows, "by": number}).encode() + b"\\n")
    for i in range(rows if what == "log" else 0):
        log.info("row", extra={"metrics": {"i": i, "loss": i / rows, "by": number}})

waiting = [context.Process(target=write, args=(number,)) for number in range(processes)]
running = [waiting.pop(0) for _ in range(at_once)]
for process in running:
    process.start()
gate.wait()
def used():
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in each)
before = used()
begun = time.perf_counter()
while running:
    running.pop(0).join()
    if waiting:
        running.append(waiting.pop(0))
        running[-1].start()
logged = time.perf_counter()
logging.shutdown()
print(json.dumps({"logging": logged - begun, "all": time.perf_counter() - begun, "used": used() - before}))
"""

_MEMORY = """
import logging, pickle, sys
import wandb_logging
from benchmarks._memory import most
log = logging.getLogger("work")
log.setLevel(logging.INFO)
if len(sys.argv) > 2:
    pickle.loads(bytes.fromhex(sys.argv[2]))()
else:
    log.addHandler(wandb_logging.WandbHandler(project="bench", cache_dir=sys.argv[1], mode="offline", quiet=True))
for i in range(1000):
    log.info("row", extra={"metrics": {"i": i, "loss": i / 1000}})
print(most())
"""

_INVITES = """
import logging, pickle, subprocess, sys
import wandb_logging
log = logging.getLogger("work")
log.addHandler(wandb_logging.WandbHandler(project="bench", cache_dir=sys.argv[1], quiet=True))
ticket = pickle.dumps(wandb_logging.join()).hex()
command = [sys.executable, "-c", sys.argv[2], sys.argv[1], ticket]
print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
"""


def results(size: Size) -> list[Found]:
    """All of it."""
    few = size is TINY
    with sink() as target:
        return [
            _sent(target, size, "processes at once", *((4, 50, 4) if few else (64, 1000, 64))),
            _sent(target, size, "forked children, 16 at once", *((20, 10, 4) if few else (1000, 100, 16))),
            _memory(target, size),
        ]


def _sent(target: Sink, size: Size, kind: str, *counts: int) -> Result:
    processes, rows, _ = counts
    taken: dict[str, list[dict[str, float]]] = {_LOG: [], _APPEND: [], _NOTHING: []}
    for _ in range(size.pairs):
        for what, found in taken.items():  # in turns: the machine may be busier at one time than at another
            with tempfile.TemporaryDirectory() as place:
                target.take_counts()
                found.append(child(_WRITERS, what, place, *map(str, counts), **target.environment()).said)
                arrived = target.take_counts()["rows"]
                assert arrived == (processes * rows if what == _LOG else 0) + 1, arrived
    seconds, logging = (statistics.median(one[part] for one in taken[_LOG]) for part in ("all", "logging"))
    ours, plain, nothing = (statistics.median(one["used"] for one in found) for found in taken.values())
    note = (
        f"all of it sent after {seconds:.2f} s, {logging:.2f} s of them until the last had logged; {ours:.2f} s of a "
        f"core, where processes that append as many lines to a file each take {plain:.2f} s, and such as do nothing "
        f"{nothing:.2f} s"
    )
    what = f"one run, {processes:,} {kind}, {rows:,} rows each: rows a second until all are sent"
    return Result(what, processes * rows / seconds, _ROWS_A_SECOND, "rows/s", note, at_least=True)


def _memory(target: Sink, size: Size) -> Result:
    joined, alone = [], []
    for _ in range(size.pairs):
        with tempfile.TemporaryDirectory() as place:
            joined.append(float(child(_INVITES, place, _MEMORY, **target.environment()).said))
            alone.append(float(child(_MEMORY, str(Path(place) / "own"), **target.environment()).said))
    ours, offline = statistics.median(joined), statistics.median(alone)
    note = f"{ours:.1f} MiB against {offline:.1f} MiB of one that is offline, interpreter included"
    return Result("one more process that joined a run: memory", ours - offline, _MOST_MEMORY, "MiB", note)
