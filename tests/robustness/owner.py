"""One owner: several processes send one run directory at once, beside a process that logs into it and its forks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.patience import PATIENCE
from tests.robustness.ground import Outcome, rows_problems
from wandb_logging._sending.sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent

SYNC = "import sys, wandb_logging; wandb_logging.sync(sys.argv[1])"

FORKS = """
import os, sys, threading
from wandb_logging import new_run
cache, mode, forks = sys.argv[1], sys.argv[2], int(sys.argv[3])
run = new_run("p", run_id="forks", mode=mode, cache_dir=cache, quiet=True, flush_interval=0.05)
over = threading.Event()
logged = [0]
def flat_out():
    while not over.is_set():
        run.log({"n": logged[0]})
        logged[0] += 1
        over.wait(0.0005)
thread = threading.Thread(target=flat_out)
thread.start()
for number in range(forks):
    child = os.fork()
    if not child:
        run.log({"n": 10_000_000 + number})
        os._exit(0)
    os.waitpid(child, 0)
over.set()
thread.join()
print(logged[0], flush=True)
run.finish(timeout=300)
"""


def study(place: Path, *, full: bool) -> Outcome:
    """Whoever else has the directory, each row is sent once; children's records reach the run, and none deadlocks."""
    outcome = Outcome()
    place.mkdir(parents=True, exist_ok=True)
    with LocalServer() as server:
        environment = {**os.environ, **server.env()}
        os.environ.update(server.env())
        for number in range(4 if full else 1):
            for mode in ("offline", "online"):
                forks = 250 if full else 25
                cache = place / f"{number}{mode}"
                outcome.check(f"{forks} forks, {mode}", _forks(server, cache, mode, forks, environment))
                outcome.cases += forks - 1
                server._store.runs.clear()
    return outcome


def _forks(server: LocalServer, cache: Path, mode: str, forks: int, environment: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-c", FORKS, str(cache), mode, str(forks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as program:
        assert program.stdout is not None
        logged = int(program.stdout.readline())
        beside = [
            subprocess.Popen([sys.executable, "-c", SYNC, str(cache)], cwd=ROOT, env=environment) for _ in range(3)
        ]
        program.wait(PATIENCE)
        for process in beside:
            process.wait(PATIENCE)
    for report in sync(cache):
        if report.error or not report.finished:
            yield str(report)
    found = [line["n"] for run in server.runs for line in run.history]
    wanted = [*range(logged), *range(10_000_000, 10_000_000 + forks)]
    yield from rows_problems(found, wanted, wanted)
    yield from map(str, server.violations)
