"""Power loss: a disk that forgets what was not fsynced, and keeps names and contents in whichever order it likes.

Only `os.fsync` is watched. At each call the file's content, or the directory's names, are taken down as being on the
disk. A power cut then leaves a tree made of that alone: with the names that were forced, or with all names there are
but only the contents that were forced, or with part of what was appended since.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.robustness.ground import START, MemoryServer, Outcome, drain, event, rows_problems, uploader
from wandb_logging._errors import JournalError
from wandb_logging._rundir import RunDir, find_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from wandb_logging._journal import Writer
    from wandb_logging._uploader import Uploader

Names = dict[str, int]


@dataclass
class Disk:
    """What the disk would hold after a power cut. `skip` names a call of fsync that is left out."""

    root: Path
    skip: str | None = None
    sites: set[str] = field(default_factory=set)
    contents: dict[int, bytes] = field(default_factory=dict)
    names: dict[int, Names] = field(default_factory=dict)
    at_each: Callable[[], None] = lambda: None
    _held: list[int] = field(default_factory=list)

    def watch(self) -> Any:
        """Watch `os.fsync` while the context lasts."""
        real = os.fsync

        def fsync(fd: int) -> None:
            site = _site()
            self.sites.add(site)
            self.at_each()
            if site != self.skip:
                real(fd)
                self._note(fd)
                self.at_each()

        return mock.patch.object(os, "fsync", fsync)

    def _note(self, fd: int) -> None:
        status = os.fstat(fd)
        path = Path(f"/proc/self/fd/{fd}")
        if stat.S_ISDIR(status.st_mode):
            self.names[status.st_ino] = _names(path)
        else:
            self.contents[status.st_ino] = path.read_bytes()
        self._held.append(os.dup(fd))  # or the next new file might get the same number

    def close(self) -> None:
        for fd in self._held:
            os.close(fd)
        self._held.clear()

    def cut(self, target: Path, how: str, rng: random.Random) -> None:
        """Write into `target` what is left after a power cut now."""
        self._copy(self.root, target, how, rng)

    def _copy(self, source: Path, target: Path, how: str, rng: random.Random) -> None:
        target.mkdir()
        now = _names(source)
        forced = self.names.get(source.stat().st_ino, {})
        names = now if how == "all names" else forced
        if how == "mixed":
            # A name that was replaced is the old or the new one; a new one is there or not.
            names = {**forced, **{name: number for name, number in now.items() if rng.random() < 0.5}}
        paths = {path.stat().st_ino: path for path in source.iterdir()}
        for name, number in names.items():
            path = paths.get(number)
            if path is not None and path.is_dir():
                self._copy(path, target / name, how, rng)
                continue
            content = self.contents.get(number, b"")
            if how == "mixed" and path is not None:
                data = path.read_bytes()
                if data.startswith(content):  # some of what was appended, and zeros where the rest would be
                    kept = rng.randrange(len(content), len(data) + 1)
                    content = data[:kept] + bytes(rng.choice((0, len(data) - kept)))
            (target / name).write_bytes(content)


def _names(path: Path) -> Names:
    return {entry.name: entry.inode() for entry in os.scandir(path)}


def _site() -> str:
    """Who calls fsync, as file:function of the innermost three frames of ours."""
    names: list[str] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and len(names) < 3:
        file = Path(frame.f_code.co_filename)
        if file.parent.name == "wandb_logging":
            names.append(f"{file.stem}.{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(names)


HOWS = ("forced names", "all names", "mixed")


class _RedError(Exception):
    """Seen enough."""


def _rows_in(run_dir: RunDir) -> Iterator[int]:
    reader = run_dir.reader(None, record_order=False)
    try:
        while (chunk := reader.read()).bodies or chunk.damaged:
            events = map(json.loads, chunk.bodies)
            yield from (event["metrics"]["n"] for event in events if "metrics" in event)
    finally:
        reader.close()


class Workload:
    """A run that logs and sends while power may fail at each fsync and after each logging call."""

    def __init__(
        self, place: Path, *, durable: bool, skip: str | None = None, seed: int = 0, until_red: bool = False
    ) -> None:
        self.place = place
        self.until_red = until_red
        self.rng = random.Random(seed)
        self.durable = durable
        self.outcome = Outcome()
        self.sure: list[int] = []  # rows that must survive
        self.begun: list[int] = []
        self.server = MemoryServer()
        place.mkdir(parents=True)
        root = place / "disk"
        root.mkdir()
        self.disk = Disk(root, skip, at_each=self.power_cut)
        self.cuts = 0

    def run(self) -> Outcome:
        with self.disk.watch(), contextlib.suppress(_RedError):
            self._work()
        self.disk.close()
        return self.outcome

    def _work(self) -> None:
        run_dir = RunDir.create(self.disk.root / "cache", {"id": "r", "project": "p", "start": START})
        options = {"segment_bytes": 150, "durable": self.durable}
        with contextlib.ExitStack() as opened:
            writers = [opened.enter_context(contextlib.closing(run_dir.writer(**options)))]
            sender = opened.enter_context(contextlib.closing(uploader(run_dir, self.server)))
            for number in range(12):
                if number == 6:  # a forked child, or the run resumed
                    writers.append(opened.enter_context(contextlib.closing(run_dir.writer(**options))))
                self._step(number, writers, sender)
            self._end(writers, sender)
        self.sure = list(self.begun)
        self.power_cut()

    def _step(self, number: int, writers: list[Writer], sender: Uploader) -> None:
        self.begun.append(number)
        writers[number % len(writers)].append(event(number))
        if self.durable:
            self.sure.append(number)
        self.power_cut()
        if number % 3 == 2:
            for writer in writers:
                writer.sync()
            self.sure = list(self.begun)
            self.power_cut()
        if number % 4 == 3:
            sender.drain()
            self.power_cut()

    def _end(self, writers: list[Writer], sender: Uploader) -> None:
        # Rows that only the end of the run gives out: whoever sends them finds a journal that nobody has synced.
        self.begun.append(12)
        writers[0].append(event(12, step=100))
        sender.drain()
        sender.drain(ending=1)
        sender.close()
        self.power_cut()
        self.begun.append(13)
        writers[0].append(event(13))

    def power_cut(self) -> None:
        """Look at each tree that a power cut now could leave, and send what is in it."""
        for how in HOWS:
            self.cuts += 1
            target = self.place / f"cut{self.cuts}"
            self.disk.cut(target, how, self.rng)
            self.outcome.check(f"cut {self.cuts}, {how}", self._problems(target))
            shutil.rmtree(target)
            if self.until_red and self.outcome.failures:
                raise _RedError

    def _problems(self, root: Path) -> Iterator[str]:
        server = self.server.copy()
        with mock.patch.object(os, "fsync"):
            runs = find_runs(root)
            kept = {number for run_dir in runs for number in _rows_in(run_dir)}
            try:
                for run_dir in runs:
                    drain(run_dir, server)
            except JournalError as exc:
                # run.json is not there yet: nothing may have been promised.
                if self.sure or server.history:
                    yield str(exc)
                return
        yield from (f"only the server has row {number}" for number in self.server.numbers if number not in kept)
        yield from server.broken
        if not runs and not self.sure and not server.history:
            return
        yield from rows_problems(server.numbers, self.sure, self.begun)


def study(place: Path, *, full: bool) -> Outcome:
    """After a power cut: all rows with fsync always, all but the last interval's otherwise; the server's stay whole."""
    outcome = Outcome()
    for seed in range(10 if full else 1):
        for durable in (True, False):
            done = Workload(place / f"{seed}{durable}", durable=durable, seed=seed).run()
            outcome.cases += done.cases
            outcome.failures += done.failures
    return outcome


def needless(place: Path, *, full: bool) -> Outcome:
    """Each fsync of a file or a directory is needed: without any one of them the study above fails."""
    outcome = Outcome()
    sites: set[str] = set()
    for durable in (True, False):
        work = Workload(place / f"all{durable}", durable=durable)
        work.run()
        sites |= work.disk.sites
    for number, site in enumerate(sorted(sites)[:: 1 if full else 7]):
        red = any(
            Workload(place / f"{number}{durable}{seed}", durable=durable, skip=site, seed=seed, until_red=True)
            .run()
            .failures
            for seed in range(3)
            for durable in (True, False)
        )
        outcome.check(site, [] if red else ["can be left out and nothing fails"])
    return outcome
