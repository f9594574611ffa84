"""`sync` of many small runs at once, near the server and far from it, beside `wandb sync` of the same runs."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks._measure import Found, Result, Size, child, rows
from benchmarks._sink import Sink
from wandb_logging import new_run

SYNC = "import sys; from wandb_logging._cli import main; sys.exit(main(['sync', *sys.argv[1:]]))"
SDK_SYNC = "import sys; from wandb.cli.cli import cli; cli(['sync', *sys.argv[1:]])"
# Ours as the official SDK would have written them: its own `init` takes a second for each.
_EXPORT = "import sys; from wandb_logging._cli import main; sys.exit(main(['export', '--wandb', *sys.argv[1:]]))"

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
    taken: list[tuple[float, int]] = []
    of_sdk: list[tuple[float, int]] = []
    target.answer_after(latency)
    try:
        for _ in range(min(size.pairs, 3)):
            taken.append(_seconds(target, SYNC, ours))
            of_sdk += [] if theirs is None else [_seconds(target, SDK_SYNC, theirs)]
    finally:
        target.answer_after(0)
    what = f"sync of {size.run_dirs} runs of {_ROWS} rows, answers after {latency * 1e3:.0f} ms"
    seconds = statistics.median(of for of, _ in taken)
    note = f"{seconds / size.run_dirs * 1e3:.0f} ms a run, with the start of the command; {taken[0][1]:,} rows arrived"
    found: list[Found] = [Result(what, seconds, None, "s", note)]
    if of_sdk:
        sdk = statistics.median(of for of, _ in of_sdk)
        note = f"{seconds:.2f} s against {sdk:.2f} s, whole commands; {of_sdk[0][1]:,} rows arrived of its"
        found.append(Result(f"{what}, wandb sync's time to ours", sdk / seconds, 1, note=note, at_least=True))
    return found


def _seconds(target: Sink, command: str, runs: Path) -> tuple[float, int]:
    """How long a command takes for a copy of runs, which it has not seen before, and how many rows arrive."""
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(runs, Path(place) / runs.name)
        paths = sorted(map(str, copy.glob("offline-run-*"))) or [str(copy)]
        target.take_counts()
        seconds = child(command, *paths, **target.environment()).seconds
        return seconds, target.take_counts()["rows"]
