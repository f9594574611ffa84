"""One run, many writers: who sends is killed, who joined, who began it; then every row is counted.

A case is a kill. Writers begin within a quarter of a second, log for up to a second, and end by themselves; the last
one that is left ends the run. Where none is left, `sync` does.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.robustness.ground import Outcome, rows_problems
from wandb_logging._sending.sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
FULL = 1000
QUICK = 12
EACH = 1_000_000  # rows that no writer comes to

# Forks writers, none of which has anything of another's run, and kills some of them.
MOTHER = """
import json, os, random, signal, sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import requests, tenacity
from wandb_logging import new_run

def write(number, place, seed):
    rng = random.Random(seed)
    time.sleep(rng.random() / 4)
    begun, returned = (os.open(f"{place}/{name}-{number}", os.O_WRONLY | os.O_CREAT) for name in ("begun", "returned"))
    run = new_run("p", run_id="r", resume="allow", cache_dir=f"{place}/cache", flush_interval=rng.choice([0.05, 0.2]),
                  quiet=True, recover=False, standard_files=rng.random() < 0.2, close_timeout=300)
    until, pause = time.monotonic() + rng.random(), rng.choice([0.0005, 0.002, 0.01])
    i = 0
    while time.monotonic() < until:
        os.write(begun, b".")
        run.log({"n": number * 1_000_000 + i})
        os.write(returned, b".")
        i += 1
        time.sleep(pause)
    run.finish()

def sender(place):
    try:
        return json.loads(next(Path(place).glob("cache/p/*/upload.lock")).read_text())["pid"]
    except (StopIteration, KeyError, ValueError):
        return 0

for line in sys.stdin:
    order = json.loads(line)
    place, pids = order["place"], {}
    for number in range(order["writers"]):
        pid = os.fork()
        if not pid:
            try:
                write(number, place, f"{order['seed']} {number}")
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(3)
            os._exit(0)
        pids[pid] = number
    began, ended, killed = time.monotonic(), {}, []
    rng = random.Random(order["seed"])
    def reap():
        for pid in [pid for pid in pids if pid not in ended]:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended[pid] = os.waitstatus_to_exitcode(status)
    for delay, who in order["kills"]:
        time.sleep(max(0, began + delay - time.monotonic()))
        reap()
        left = [pid for pid in pids if pid not in ended]
        wanted = {"sender": sender(place), "first": next(iter(pids)), "joiner": rng.choice(left or [0])}[who]
        if wanted in left:
            os.kill(wanted, signal.SIGKILL)
            ended[wanted] = os.waitstatus_to_exitcode(os.waitpid(wanted, 0)[1])
            killed += [[who, pids[wanted]]] if ended[wanted] == -9 else []
    until = time.monotonic() + 300
    while len(ended) < len(pids) and time.monotonic() < until:
        reap()
        time.sleep(0.005)
    hung = [pid for pid in pids if pid not in ended]
    for pid in hung:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    print(json.dumps({"killed": killed, "hung": len(hung), "codes": sorted(ended.values())}), flush=True)
"""


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """Each row whose call had returned is there once, and the run ends as its writers did."""
    number, step = part
    outcome = Outcome()
    place.mkdir(parents=True)
    with LocalServer() as server, mock.patch.dict(os.environ, server.env()), _mother() as mother:
        while outcome.cases < (FULL if full else QUICK) / step:
            order = order_of(number, place / "case")
            shutil.rmtree(place / "case", ignore_errors=True)
            (place / "case").mkdir()
            done = _ask(mother, order)
            outcome.cases += len(done["killed"])
            problems = list(_problems(server, place / "case", order["writers"], done))
            outcome.failures += [f"many writers {number}: {problem}" for problem in problems]
            if problems:
                shutil.copytree(place / "case", place / "evidence" / f"writers-{number}")
            server._store.runs.clear()
            server.violations.clear()
            server.requests.clear()
            number += step
    return outcome


def order_of(number: int, place: Path) -> dict[str, Any]:
    """A case: how many writers, and who dies when; all of it given by the number."""
    rng = random.Random(f"many writers {number}")
    writers = rng.randint(4, 16)
    kills = sorted(
        (rng.random() * 1.3, rng.choice(["sender", "sender", "first", "joiner", "joiner"]))
        for _ in range(rng.randint(1, writers))
    )
    return {"place": str(place), "writers": writers, "kills": kills, "seed": number}


def _mother() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MOTHER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _ask(mother: subprocess.Popen[str], order: dict[str, Any]) -> dict[str, Any]:
    assert mother.stdin is not None
    assert mother.stdout is not None
    mother.stdin.write(json.dumps(order) + "\n")
    mother.stdin.flush()
    done: dict[str, Any] = json.loads(mother.stdout.readline())
    return done


def _problems(server: LocalServer, place: Path, writers: int, done: dict[str, Any]) -> Iterator[str]:
    if done["hung"]:
        yield f"{done['hung']} writers never end"
    if not set(done["codes"]) <= {0, -9}:
        yield f"writers ended with {done['codes']}"
    left_alone = all(code == -9 for code in done["codes"])
    reports = sync(place / "cache") if (place / "cache").exists() else []
    if len(reports) > 1:
        yield f"{len(reports)} directories"
    found = [line["n"] for run in server.runs for line in run.history]
    begun, returned = ([*_rows(place, name, writers)] for name in ("begun", "returned"))
    yield from rows_problems(found, returned, begun)
    yield from map(str, server.violations)
    for run in server.runs:
        if run.state not in {"finished", "failed"}:
            yield f"the run is {run.state}"
        elif run.exit_code and not done["killed"]:
            yield f"nobody was killed, and its exit code is {run.exit_code}"
        elif left_alone and not run.exit_code:
            yield "everybody was killed, and its exit code is 0"


def _rows(place: Path, name: str, writers: int) -> Iterator[int]:
    for number in range(writers):
        file = place / f"{name}-{number}"
        yield from range(number * EACH, number * EACH + (file.stat().st_size if file.exists() else 0))
