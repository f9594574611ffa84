"""SIGKILL of real processes, at random instants and at named points; then `sync`, and every row is counted."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.patience import PATIENCE
from tests.robustness.ground import Outcome, rows_problems
from tests.robustness.victim import ROW
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._sending.sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
FULL = 10_000
QUICK = 120
REPLAYS = 100

# Named points, and about how many of them a victim comes by.
POINTS = {
    "write": 300,
    "fsync": 8,
    "open": 8,
    "replace": 5,
    "mkdir": 2,
    "unlink": 4,
    "request": 4,
    "answer": 4,
}


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """After sync every row whose logging call had returned is on the server exactly once.

    A case is a kill. A victim that had finished before is looked at, too, and not counted.
    """
    first, step = part
    kills = Kills(place)
    with kills.ready():
        number = first
        while kills.outcome.cases < (FULL if full else QUICK) / step:
            kills.make(number)
            number += step
    missing = [f"{kind} {when}" for kind in POINTS for when in ("before", "after") if not kills.at[kind, when]]
    if full and missing:
        kills.outcome.failures.append(f"nobody died at {', '.join(missing)}")
    return kills.outcome


def replay(place: Path, number: int) -> Outcome:
    """Make the same kill again and again: the same program, the same point or instant, never the same scheduling."""
    kills = Kills(place)
    with kills.ready():
        for _ in range(REPLAYS):
            kills.make(number)
    return kills.outcome


class Kills:
    """Makes kills by their number, which says all about the victim, and counts them."""

    def __init__(self, place: Path) -> None:
        self.outcome = Outcome()
        self.at: Counter[tuple[str, str]] = Counter()
        self._place = place
        self._server = LocalServer()

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """Server and victims' mother are there while the context lasts."""
        self._place.mkdir(parents=True, exist_ok=True)
        with self._server as server, mock.patch.dict(os.environ, server.env()), _Victims() as self._victims:
            yield

    def make(self, number: int) -> None:
        """One victim, killed unless it is faster, and what is left of it."""
        cache = self._place / "cache"
        order = order_of(number, self._place)
        killed = self._victims.kill(order)
        if cache.exists():
            shutil.copytree(cache, self._place / "left")
        problems = list(_problems(self._server, order, killed=killed))
        self.outcome.cases += killed
        self.outcome.failures += [f"kill {number}: {problem}" for problem in problems]
        if killed and order["point"]:
            kind, when, _ = order["point"]
            self.at[kind, when] += 1
        if problems:
            self._keep(number, order, problems)
        shutil.rmtree(cache, ignore_errors=True)
        shutil.rmtree(self._place / "left", ignore_errors=True)
        _forget(self._server)

    def _keep(self, number: int, order: dict[str, Any], problems: list[str]) -> None:
        """Say and keep all there is to know of a failure."""
        kept = self._place / "evidence" / f"kill-{number}-{len(self.outcome.failures)}"
        kept.mkdir(parents=True)
        requests = [f"{item.time:.4f} {item.status} {item.path} {item.body!r}" for item in self._server.requests]
        short = [request[:200] for request in requests[-20:]]
        evidence = {
            "problems": problems,
            "order": order,
            "violations": list(map(str, self._server.violations)),
            "runs": {run.path: run.history_lines for run in self._server.runs},
            "requests": requests,
        }
        (kept / "evidence.json").write_text(json.dumps(evidence, indent=1), encoding="utf-8")
        for name in ("begun", "returned", "left", "cache"):  # left: what the victim left; cache: the same after sync
            source = self._place / name
            if source.is_dir():
                shutil.copytree(source, kept / name)
            elif source.exists():
                shutil.copy(source, kept / name)
        files = {str(path.relative_to(kept)): path.stat().st_size for path in kept.rglob("left/**/*") if path.is_file()}
        again = f"python -m tests.robustness --replay {number}"
        print(
            f"kill {number}:", json.dumps({**evidence, "runs": "", "requests": short, "files": files, "again": again})
        )


def order_of(number: int, place: Path) -> dict[str, Any]:
    """A victim: what it does and when it dies, all of it given by the number."""
    rng = random.Random(f"kill {number}")
    kind = rng.choice(list(POINTS))
    point = None if rng.random() < 0.4 else [kind, rng.choice(("before", "after")), _turn(rng, POINTS[kind])]
    bounded = point is not None and kind == "unlink"  # segments that were sent are removed
    online = point is not None and kind in {"request", "answer", "unlink"}
    fast = bounded or rng.random() < 0.7
    return {
        "cache": str(place / "cache"),
        "begun": str(place / "begun"),
        "returned": str(place / "returned"),
        "threads": 1 if bounded else rng.choice((1, 1, 3)),
        "rows": 300 if fast else 20,
        "more": "x" * 2500 if bounded else "",
        "pause": 0 if fast else 0.001,
        "point": point,
        "after": rng.random() * 0.06 if point is None else None,
        "settings": {
            "mode": "online" if online else rng.choice(("online", "offline")),
            "max_cache_bytes": 2**20 if bounded else None,  # more than all rows need
            "run_id": f"run{number}",
            "segment_bytes": rng.choice((4096, 2**20)),
            "flush_interval": rng.choice((0.005, 15)),
            "batch_size": rng.choice((200, 10_000)),  # smaller ones would wait for the rate limit
            "fsync": rng.choice(("interval", "interval", "never")),
        },
    }


def _turn(rng: random.Random, most: int) -> int:
    return rng.randrange(1, rng.choice((min(most, 8), most)) + 1)


def _problems(server: LocalServer, order: dict[str, Any], *, killed: bool) -> Iterator[str]:
    cache = Path(order["cache"])
    begun, returned = (_rows(Path(order[name])) for name in ("begun", "returned"))
    # Linux gives back the locks of a killed process a moment after its parent has heard of its death.
    until = time.monotonic() + PATIENCE
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
    yield from map(str, server.violations)


def _rows(path: Path) -> list[int]:
    data = path.read_bytes()
    return [number for (number,) in ROW.iter_unpack(data[: len(data) // ROW.size * ROW.size])]


def _forget(server: LocalServer) -> None:
    """Each victim is looked at by itself; ten thousand together would only take memory."""
    server._store.runs.clear()
    server._store.violations.clear()
    server._requests.clear()


class _Victims:
    """The process that forks them."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.robustness.victim"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def __enter__(self) -> _Victims:  # noqa: PYI034  typing.Self needs Python 3.11
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.communicate()

    def kill(self, order: dict[str, Any]) -> bool:
        """Make a victim; whether it was killed before it had finished."""
        for name in ("begun", "returned"):
            Path(order[name]).write_bytes(b"")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return bool(json.loads(self._process.stdout.readline())["killed"])
