"""Where the time goes: which functions are at work when py-spy looks, a thousand times a second.

Of the call's thread and of the uploader's while 100,000 rows are logged and sent, and of `sync`. Sampled without
stopping the process: a sampler that stops it finds it at system calls more often than it is there.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks._contenders import OFFLINE
from benchmarks._measure import Found, Result, Size, environment_of
from benchmarks._sink import Sink, sink
from benchmarks._worker import Worker


def _spy() -> Path:
    """Where py-spy is: with its distribution, which may be in an environment below this one."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("py-spy") or ():
            if file.stem == "py-spy":
                return Path(str(file.locate()))
    return Path("py-spy")


SPY = _spy()
_SHOWN = 12  # functions of each thread
_LEAST = 1.0  # percent
_ONLINE = """
import sys
from pathlib import Path
from benchmarks._contenders import ours
from benchmarks._measure import rows
values = rows(10)
contender = ours(Path(sys.argv[1]))
for i in range(int(sys.argv[2])):
    contender.log(values[i % 1000])
contender.finish()
"""
_SYNC = "import sys; from wandb_logging import sync; sync(sys.argv[1])"


def results(size: Size) -> list[Found]:
    """Shares of the time at work, by function, the largest first; nothing where py-spy is not installed."""
    if not SPY.exists():
        return []
    stacks: Counter[str] = Counter()
    synced: Counter[str] = Counter()
    with sink() as target:
        for _ in range(size.pairs):
            stacks += _online(target, size.rows)
            synced += _sync(target, size.rows)
    return [
        *_shares("the call, online", stacks, lambda stack: "Logger.info (" in stack),
        *_shares("the uploader, online", stacks, lambda stack: "Uploader.drain (" in stack),
        *_shares("sync", synced, lambda stack: "Uploader.drain (" in stack),
    ]


def _online(target: Sink, count: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as place:
        return _sampled(target, _ONLINE, place, count)


def _sync(target: Sink, count: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as place:
        with Worker(OFFLINE, target.environment(), directory=place) as worker:
            worker.ask("whole", count, 10)
        return _sampled(target, _SYNC, place, count)


def _sampled(target: Sink, code: str, directory: str, count: int) -> Counter[str]:
    """How often each stack was found at work, in a process that runs the code, which sends so many rows."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "stacks"
        subprocess.run(
            [
                *(str(SPY), "record", "--nonblocking", "--rate", "1000", "--gil", "--format", "raw"),
                *("--output", str(out), "--", sys.executable, "-c", code, directory, str(count)),
            ],
            capture_output=True,
            check=True,
            env=environment_of(target.environment()),
        )
        lines = out.read_text(encoding="utf-8").splitlines()
    arrived = target.take_counts()["rows"]
    if arrived != count:
        raise RuntimeError(f"{arrived} rows arrived of {count}")
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, seen = line.rpartition(" ")
        found[stack] += int(seen)
    return found


def _shares(what: str, stacks: Counter[str], belongs: Callable[[str], bool]) -> list[Found]:
    """Of the stacks that belong: the functions in which most of the time is spent."""
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack, count in stacks.items():
        if belongs(stack):
            frames = [_function(frame) for frame in stack.split(";")]
            own[frames[-1]] += count
            within.update(dict.fromkeys(frames, count))
    total = sum(own.values()) or 1
    largest = ((name, count * 100 / total) for name, count in own.most_common(_SHOWN))
    return [
        Result(f"{what}: {name}", share, None, "%", f"{within[name] * 100 / total:.0f} % with what it calls")
        for name, share in largest
        if share >= _LEAST
    ]


def _function(frame: str) -> str:
    """`fold (wandb_logging/_fold/fold.py:12)` without its line."""
    name, _, place = frame.rpartition(" (")
    return f"{name} ({place.partition(':')[0].rstrip(')')})"
