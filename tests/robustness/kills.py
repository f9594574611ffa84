"""SIGKILL of real processes, at random instants and at named points; then `sync`, and every row is counted."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.robustness.ground import Outcome, rows_problems
from tests.robustness.victim import POINTS, ROW
from wandb_logging._rundir import find_runs
from wandb_logging._sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
FULL = 10_000
QUICK = 120


def study(place: Path, *, full: bool) -> Outcome:
    """After sync every row whose logging call had returned is on the server exactly once."""
    outcome = Outcome()
    rng = random.Random(1)
    place.mkdir(parents=True, exist_ok=True)
    with LocalServer() as server, _Victims(server) as victims:
        os.environ.update(server.env())
        for number in range(FULL if full else QUICK):
            order = _order(rng, f"run{number}", place)
            killed = victims.kill(order)
            what = f"{order['settings']['mode']}, {order['threads']} threads, {order['point'] or order['after']}"
            outcome.check(f"kill {number} ({what})", _problems(server, order, killed=killed))
            shutil.rmtree(place / "cache", ignore_errors=True)
            _forget(server)
        outcome.failures += map(str, server.violations)
    return outcome


def _order(rng: random.Random, run_id: str, place: Path) -> dict[str, Any]:
    """A victim: what it does and when it dies."""
    point = None if rng.random() < 0.4 else [rng.choice(POINTS), rng.choice(("before", "after")), _early(rng)]
    fast = rng.random() < 0.7
    for name in ("begun", "returned"):
        (place / name).write_bytes(b"")
    return {
        "cache": str(place / "cache"),
        "begun": str(place / "begun"),
        "returned": str(place / "returned"),
        "threads": rng.choice((1, 1, 3)),
        "rows": 300 if fast else 20,
        "pause": 0 if fast else 0.001,
        "point": point,
        "after": rng.random() * 0.06 if point is None else None,
        "settings": {
            "mode": rng.choice(("online", "offline")),
            "run_id": run_id,
            "segment_bytes": rng.choice((4096, 2**20)),
            "flush_interval": rng.choice((0.005, 15)),
            "batch_size": rng.choice((200, 10_000)),  # smaller ones would wait for the rate limit
            "fsync": rng.choice(("interval", "interval", "never")),
        },
    }


def _early(rng: random.Random) -> int:
    return rng.choice((rng.randrange(1, 8), rng.randrange(1, 60)))


def _problems(server: LocalServer, order: dict[str, Any], *, killed: bool) -> Iterator[str]:
    cache = Path(order["cache"])
    begun, returned = (_rows(Path(order[name])) for name in ("begun", "returned"))
    # Linux gives back the locks of a killed process a moment after its parent has heard of its death.
    until = time.monotonic() + 10
    while any(run_dir.alive() for run_dir in find_runs(cache)) and time.monotonic() < until:
        time.sleep(0.001)
    reports = sync(cache) if cache.exists() else []
    for report in reports:
        if report.error or not report.finished or report.remaining:
            yield f"sync: {report}"
        if killed and report.exit_code not in {1, 0}:
            yield f"exit code {report.exit_code}"
    found = [line["n"] for run in server.runs for line in run.history]
    yield from rows_problems(found, returned, begun)
    if len(set(begun) - set(returned)) > order["threads"]:
        yield "more rows on their way than threads"


def _rows(path: Path) -> list[int]:
    data = path.read_bytes()
    return [number for (number,) in ROW.iter_unpack(data[: len(data) // ROW.size * ROW.size])]


def _forget(server: LocalServer) -> None:
    """Each victim is looked at by itself; ten thousand together would only take memory."""
    server._store.runs.clear()
    server._requests.clear()


class _Victims:
    """The process that forks them."""

    def __init__(self, server: LocalServer) -> None:
        environment = {**os.environ, **server.env()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.robustness.victim"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )

    def __enter__(self) -> _Victims:  # noqa: PYI034  typing.Self needs Python 3.11
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.communicate()

    def kill(self, order: dict[str, Any]) -> bool:
        """Make a victim; whether it was killed before it had finished."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return bool(json.loads(self._process.stdout.readline())["killed"])
