"""`sync` of many small runs at once, near the server and far from it, beside `wandb sync` of the same runs."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks._measure import Found, Result, Size, child, rows
from benchmarks._sink import Sink
from wandb_logging import new_run
from wandb_logging._server import protocol
from wandb_logging._server.allowance import REQUESTS

SYNC = "import sys; from wandb_logging._cli import main; sys.exit(main(['sync', *sys.argv[1:]]))"
SDK_SYNC = "import sys; from wandb.cli.cli import cli; cli(['sync', *sys.argv[1:]])"
# Ours as the official SDK would have written them: its own `init` takes a second for each.
_EXPORT = "import sys; from wandb_logging._cli import main; sys.exit(main(['export', '--wandb', *sys.argv[1:]]))"
_LEAST = "import sys; from benchmarks._floor_many import send_runs; send_runs(*sys.argv[1:])"

_ROWS = 50
_LATENCIES = (0.0, 0.05)  # seconds an answer takes


def many_runs(target: Sink, size: Size, peers: Sequence[str]) -> list[Found]:
    """Both commands, whole, over runs that nobody has sent yet."""
    with tempfile.TemporaryDirectory() as place:
        ours, theirs = Path(place) / "ours", Path(place) / "wandb"
        _write(target, ours, size.run_dirs)
        if peers:
            child(_EXPORT, str(ours), "-o", str(theirs))
        return [
            result
            for latency in _LATENCIES
            for result in _beside(target, size, ours, theirs if peers else None, latency)
        ]


def _write(target: Sink, directory: Path, count: int) -> None:
    values = rows(10, _ROWS)
    for _ in range(count):
        run = new_run("bench", mode="offline", cache_dir=str(directory), host=target.url, quiet=True)
        for row in values:
            run.log(row)
        run.finish()


def _beside(target: Sink, size: Size, ours: Path, theirs: Path | None, latency: float) -> list[Found]:
    taken: list[_Taken] = []
    of_sdk: list[_Taken] = []
    least: list[_Taken] = []
    target.answer_after(latency)
    try:
        for _ in range(min(size.pairs, 3)):
            taken.append(_taken(target, SYNC, ours))
            of_sdk += [] if theirs is None else [_taken(target, SDK_SYNC, theirs)]
            least += [] if latency else [_least(target, ours)]  # far away it would have to send files side by side
    finally:
        target.answer_after(0)
    what = f"sync of {size.run_dirs} runs of {_ROWS} rows, answers after {latency * 1e3:.0f} ms"
    seconds = statistics.median(of.seconds for of in taken)
    note = (
        f"{seconds / size.run_dirs * 1e3:.0f} ms a run, with the start of the command; {taken[0].rows:,} rows arrived, "
        f"in {taken[0].requests:,} requests"
    )
    if least:
        floor = statistics.median(of.seconds for of in least)
        note += f"; floor {floor:.2f} s, without the rate limit of a project's {REQUESTS.rate:.0f} requests a second"
    found: list[Found] = [Result(what, seconds, None, "s", note)]
    if of_sdk:
        sdk = statistics.median(of.seconds for of in of_sdk)
        note = f"{seconds:.2f} s against {sdk:.2f} s, whole commands; {of_sdk[0].rows:,} rows arrived of its"
        if least:
            note += f"; floor {sdk / floor:.3g} x"
        found.append(Result(f"{what}, wandb sync's time to ours", sdk / seconds, 1, note=note, at_least=True))
    return found


class _Taken(NamedTuple):
    """How long a command took, and how many rows and requests arrived."""

    seconds: float
    rows: int
    requests: int


def _taken(target: Sink, command: str, runs: Path) -> _Taken:
    """What a command takes for a copy of runs, which it has not seen before and the disk has."""
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(runs, Path(place) / runs.name)
        paths = sorted(map(str, copy.glob("offline-run-*"))) or [str(copy)]
        _force_to_disk()
        return _timed(target, command, *paths)


def _least(target: Sink, runs: Path) -> _Taken:
    """What the least program takes that makes the same requests."""
    asked = {
        "features": protocol.FEATURES,
        "line_count": protocol.LINE_COUNT,
        "upsert": protocol.UPSERT_BUCKET,
        "files": protocol.CREATE_RUN_FILES,
    }
    with tempfile.TemporaryDirectory() as place:
        documents = Path(place) / "documents.json"
        documents.write_text(json.dumps(asked))
        return _timed(target, _LEAST, str(runs), target.url, str(documents))


def _timed(target: Sink, command: str, *arguments: str) -> _Taken:
    target.take_counts()
    seconds = child(command, *arguments, **target.environment()).seconds
    counts = target.take_counts()
    return _Taken(seconds, counts["rows"], counts["requests"])


def _force_to_disk() -> None:
    """Runs wait for a sync longer than for the disk: ours forces to it what it sends, and would wait for the copy."""
    if hasattr(os, "sync"):
        os.sync()
