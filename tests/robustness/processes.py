"""Processes: forks from several threads under load, workers that come and go, daemons that close what is ours.

Ours is the only handler. A stream that another thread was writing to at the fork is one that Python itself leaves
locked in the child: logging's own StreamHandler hangs there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.patience import PATIENCE
from tests.robustness.ground import Outcome, rows_problems
from wandb_logging._sending.sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent


SETUP = """
import logging, os, sys, threading, time, warnings
warnings.simplefilter("ignore")
logging.getLogger().setLevel(logging.DEBUG)  # urllib3 logs, too
from wandb_logging import WandbHandler
cache, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = logging.getLogger()
settings = {"mode": mode, "cache_dir": cache, "quiet": True, "flush_interval": 0.05, "console": False}
handler = WandbHandler(project="p", run_id="r", **settings)
log.addHandler(handler)
def row(n):
    log.info("row %d", n, extra={"metrics": {"n": n}})
"""

# Threads fork while others log; the first rows and the first forks come together.
THREADS = (
    SETUP
    + """
over = threading.Event()
def flat_out(first):
    n = first
    while not over.is_set():
        row(n)
        n += 1
        over.wait(0.0005)
    logged.append((first, n))
logged = []
def fork(first, children):
    for n in range(first, first + children):
        child = os.fork()
        if not child:
            row(n)
            threading.Thread(target=row, args=(n + 50_000_000,)).start()
            while threading.active_count() > 1 and threading.enumerate()[-1] is not threading.current_thread():
                time.sleep(0.001)
            os._exit(0)
        os.waitpid(child, 0)
loggers = [threading.Thread(target=flat_out, args=(first,)) for first in (0, 10_000_000)]
forkers = [threading.Thread(target=fork, args=(first, count // 2)) for first in (20_000_000, 30_000_000)]
for thread in [*loggers, *forkers]:
    thread.start()
for thread in forkers:
    thread.join()
over.set()
for thread in loggers:
    thread.join()
for first, end in logged:
    print(first, end)
for first in (20_000_000, 30_000_000):
    print(first, first + count // 2)
    print(first + 50_000_000, first + 50_000_000 + count // 2)
"""
)

# A pool whose workers do little and are replaced.
POOL = (
    SETUP
    + """
import multiprocessing
row(count)
with multiprocessing.get_context("fork").Pool(4, maxtasksperchild=1) as pool:
    pool.map(row, range(count), 1)
print(0, count + 1)
"""
)

# Daemons that log, close everything, open files of their own, and log on.
DAEMONS = (
    SETUP
    + """
row(0)
children = []
for number in range(1, count + 1):
    child = os.fork()
    if not child:
        os.setsid()
        if os.fork():
            os._exit(0)
        for n in range(3):
            row(number * 10 + n)
        os.closerange(3, 1024)
        own = [open(os.path.join(cache, f"own{number}-{i}"), "w") for i in range(5)]
        for n in range(3, 6):
            row(number * 10 + n)
        for file in own:
            file.close()
        os.rename(os.path.join(cache, f"own{number}-0"), os.path.join(cache, f"done{number}"))
        os._exit(0)
    os.waitpid(child, 0)
deadline = time.monotonic() + 300
while not all(os.path.exists(os.path.join(cache, f"done{n}")) for n in range(1, count + 1)):
    assert time.monotonic() < deadline
    time.sleep(0.01)
strange = [name for name in os.listdir(cache) if name.startswith("own") and os.path.getsize(os.path.join(cache, name))]
assert not strange, strange
print(0, 1)
for number in range(1, count + 1):
    print(number * 10, number * 10 + 6)
"""
)
PROGRAMS = {"threads": THREADS, "pool": POOL, "daemons": DAEMONS}


def study(place: Path, *, full: bool) -> Outcome:
    """Nothing hangs, each row of each process reaches the run once, and nobody else's file gets one."""
    outcome = Outcome()
    children = {"threads": 400, "pool": 200, "daemons": 50} if full else {"threads": 20, "pool": 10, "daemons": 4}
    with LocalServer() as server:
        os.environ.update(server.env())
        for number in range(4 if full else 1):
            for name, program in PROGRAMS.items():
                for mode in ("online", "offline") if full else ("online",):
                    cache = place / f"{name}{mode}{number}"
                    cache.mkdir(parents=True)
                    what = f"{children[name]} children, {name}, {mode}"
                    outcome.check(what, _problems(server, cache, program, mode, children[name]))
                    outcome.cases += children[name] - 1
    return outcome


def _problems(server: LocalServer, cache: Path, program: str, mode: str, count: int) -> Iterator[str]:
    server._store.runs.clear()
    before = len(server.violations)
    command = [sys.executable, "-c", program, str(cache), mode, str(count)]
    # Files, not pipes: a child that hangs would keep a pipe open.
    out, err = cache / "out", cache / "err"
    with out.open("w") as o, err.open("w") as e, subprocess.Popen(command, cwd=ROOT, stdout=o, stderr=e) as process:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            yield "it never ends"
    if process.returncode:
        yield f"exit code {process.returncode}: {err.read_text()[-1000:]}"
        return
    wanted: list[int] = []
    for line in out.read_text().splitlines():
        first, end = map(int, line.split())
        wanted += range(first, end)
    reports = sync(cache)
    deadline = time.monotonic() + PATIENCE
    while not all(report.finished for report in reports) and time.monotonic() < deadline:
        time.sleep(0.1)
        reports = sync(cache)
    yield from (str(report) for report in reports if report.error or not report.finished)
    yield from rows_problems([line["n"] for run in server.runs for line in run.history if "n" in line], wanted, wanted)
    yield from map(str, server.violations[before:])
