"""Power loss: a disk that forgets what was not fsynced, and keeps names and contents in whichever order it likes.

Only `os.fsync` is watched, and stood in for: nobody waits for the real disk. At each call the file's content, or the
directory's names, are taken down as being on the disk. A power cut then leaves a tree made of that alone: with the
names that were forced, or with all names there are but only the contents that were forced, or with part of what was
appended since.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import random
import shutil
import stat
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import wandb_logging
from tests.robustness.ground import START, MemoryServer, Outcome, drain, event, rows_problems, uploader
from wandb_logging._errors import JournalError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run, find_runs
from wandb_logging._journal.late import LateRunDir
from wandb_logging._journal.quota import forget_acknowledged, strip, unread
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.segments import segment_path
from wandb_logging._journal.stand_in import stand_in_for
from wandb_logging._keys import netrc
from wandb_logging._keys.netrc_text import with_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from wandb_logging._journal.writer import Writer
    from wandb_logging._sending.uploader import Uploader

PACKAGE = Path(wandb_logging.__file__).parent
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

        def fsync(fd: int) -> None:
            site = _site()
            self.sites.add(site)
            self.at_each()
            if site != self.skip:
                self._note(fd)
                self.at_each()

        return mock.patch.object(os, "fsync", fsync)

    def _note(self, fd: int) -> None:
        status = os.fstat(fd)
        path = Path(f"/proc/self/fd/{fd}")
        if stat.S_ISDIR(status.st_mode):
            self.names[status.st_ino] = _names(path)
            held = [os.open(entry, os.O_RDONLY) for entry in path.iterdir() if entry.is_file()]
        else:
            self.contents[status.st_ino] = path.read_bytes()
            held = [os.dup(fd)]
        self._held += held  # or the next new file might get the same number

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
            # A name that was replaced is the old or the new one; one that is new or was removed is there or not.
            stayed = {name: number for name, number in forced.items() if name in now or rng.random() < 0.5}
            names = {**stayed, **{name: number for name, number in now.items() if rng.random() < 0.5}}
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
        if PACKAGE in file.parents:
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
    """Something that is done while power may fail at each fsync, and in between.

    Args:
        place: a directory of its own.
        skip: the call of fsync to leave out.
        seed: of what a power cut leaves.
        until_red: whether to stop at the first failure.
        in_turn: whether each cut leaves only one of the trees, the next cut the next one.
    """

    def __init__(
        self,
        place: Path,
        *,
        skip: str | None = None,
        seed: int = 0,
        until_red: bool = False,
        in_turn: bool = False,
    ) -> None:
        self.place = place
        self.until_red = until_red
        self.in_turn = in_turn
        self.rng = random.Random(seed)
        self.outcome = Outcome()
        place.mkdir(parents=True)
        root = place / "disk"
        root.mkdir()
        self.disk = Disk(root, skip, at_each=self.power_cut)
        self.cuts = 0

    def run(self) -> Outcome:
        with self.disk.watch(), contextlib.suppress(_RedError):
            self.work()
        self.disk.close()
        return self.outcome

    def sites(self) -> set[str]:
        """The calls of fsync that the work makes, without looking at what a power cut would leave."""
        self.disk.at_each = self.power_cut = lambda: None  # type: ignore[method-assign]
        self.run()
        return self.disk.sites

    def power_cut(self) -> None:
        """Look at each tree that a power cut now could leave."""
        for how in [HOWS[self.cuts % len(HOWS)]] if self.in_turn else HOWS:
            self.cuts += 1
            target = self.place / f"cut{self.cuts}"
            self.disk.cut(target, how, self.rng)
            with mock.patch.object(os, "fsync"):
                self.outcome.check(f"cut {self.cuts}, {how}", self.problems(target))
            shutil.rmtree(target)
            if self.until_red and self.outcome.failures:
                raise _RedError

    def work(self) -> None:
        """Do it."""
        raise NotImplementedError

    def problems(self, root: Path) -> Iterator[str]:
        """What is wrong with what a power cut left."""
        raise NotImplementedError


class Logging(Workload):
    """A run that logs and sends; what is left is sent to the server as that was at the time."""

    rows = 12
    segment_bytes = 150
    drains = 4  # rows between two drains
    syncs = 3  # and between two calls of fsync

    def __init__(self, place: Path, *, durable: bool, **options: Any) -> None:
        super().__init__(place, **options)
        self.durable = durable
        self.sure: list[int] = []  # rows that must survive
        self.begun: list[int] = []
        self.gone: set[int] = set()  # rows of segments that were removed when the server had them
        self.lost: set[int] = set()  # rows that had to make room for others
        self.server = MemoryServer()
        self.config = ""  # that came to the server after the last power cut

    def work(self) -> None:
        run_dir = create_run(self.disk.root / "cache", RunInfo("r", "p", start=START))
        options: dict[str, Any] = {"segment_bytes": self.segment_bytes, "durable": self.durable}
        with contextlib.ExitStack() as opened:
            writers = [opened.enter_context(contextlib.closing(run_dir.writer(**options)))]
            sender = opened.enter_context(contextlib.closing(uploader(run_dir, self.server)))
            for number in range(self.rows):
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
        if number % self.syncs == self.syncs - 1:
            for writer in writers:
                writer.sync()
            self.sure = list(self.begun)
            self.power_cut()
        if number % self.drains == self.drains - 1:
            sender.drain()
            self.power_cut()
        self.make_room(number, sender.run_dir)

    def make_room(self, number: int, run_dir: RunDir) -> None:
        """Let go of what can go."""

    def _end(self, writers: list[Writer], sender: Uploader) -> None:
        # Rows that only the end of the run gives out: whoever sends them finds a journal that nobody has synced.
        self.begun.append(self.rows)
        writers[0].append(event(self.rows, step=100))
        sender.drain()
        with mock.patch.object(sender.run_dir, "dead", return_value=True):  # the writers are in this process
            sender.drain(ending=1)
        sender.close()
        self.power_cut()
        self.begun.append(self.rows + 1)
        writers[0].append(event(self.rows + 1))

    def problems(self, root: Path) -> Iterator[str]:
        server = self.server.copy()
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
        known = kept | self.gone
        yield from (f"only the server has row {number}" for number in self.server.numbers if number not in known)
        yield from server.broken
        if not runs and not self.sure and not server.history:
            return
        self.config = server.config
        yield from rows_problems(server.numbers, set(self.sure) - self.lost, self.begun)


class Bounded(Logging):
    """The same with a bound to what the run directory holds: segments go that were sent, then one that was not."""

    rows = 24
    segment_bytes = 40  # a row
    drains = 8
    syncs = 5

    def _step(self, number: int, writers: list[Writer], sender: Uploader) -> None:
        if number == 1:
            writers[0].append(b'{"config":{"late":1},"t":%d}' % START)
        super()._step(number, writers, sender)

    def problems(self, root: Path) -> Iterator[str]:
        yield from super().problems(root)
        if self.syncs in self.sure and "late" not in self.config:
            yield "the config is lost"

    def make_room(self, number: int, run_dir: RunDir) -> None:
        if number % self.drains == self.drains - 1:
            self.gone |= set(self.server.numbers)
            forget_acknowledged(run_dir)
            self.power_cut()
        if number % self.drains == self.drains - 2:
            with run_dir.alone():
                for place in unread(run_dir)[:2]:
                    lines = segment_path(run_dir.path, *place).read_bytes().splitlines()
                    self.lost |= {row["metrics"]["n"] for row in map(json.loads, lines) if "metrics" in row}
                    strip(run_dir.path, *place)
                    run_dir.generation += 1
            self.power_cut()


class Late(Logging):
    """A run whose directory cannot be made at first: rows are sent from memory, and what is kept later knows which."""

    refused = 6  # rows

    def work(self) -> None:
        cache = self.disk.root / "cache"
        cache.touch()
        run_dir = LateRunDir(cache, RunInfo("r", "p", start=START))
        with contextlib.ExitStack() as opened:
            writer = run_dir.writer(segment_bytes=self.segment_bytes, durable=self.durable, late=True)
            opened.enter_context(contextlib.closing(writer))
            sender = opened.enter_context(contextlib.closing(uploader(run_dir, self.server)))
            for number in range(self.rows):
                if number == self.refused:
                    cache.unlink()
                self._step(number, [writer], sender)
            self._end([writer], sender)
        self.sure = list(self.begun)
        self.power_cut()

    def _step(self, number: int, writers: list[Writer], sender: Uploader) -> None:
        self.begun.append(number)
        writers[0].append(event(number))
        self.power_cut()
        if number % self.syncs == self.syncs - 1:
            writers[0].sync()
            self.sure = list(self.begun) if sender.run_dir.on_disk else []
            self.power_cut()
        if number % self.drains == self.drains - 1:
            if (memory := stand_in_for(sender.run_dir, writers[0])) is None:
                sender.drain()
            else:
                self.gone = set(self.begun)  # that the server has, and nobody else will
                sender.drain_from(memory)
            self.power_cut()


class Login(Workload):
    """A key written into a netrc that others have entries in, too: what is left is the old file or the new one."""

    def __init__(self, place: Path, **options: Any) -> None:
        super().__init__(place, **options)
        self.possible = [b"machine other login me password secret\n"]

    def work(self) -> None:
        path = self.disk.root / "netrc"
        path.write_bytes(self.possible[0])
        for name, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
            fd = os.open(name, flags)
            self.disk._note(fd)
            os.close(fd)
        for key in ("0" * 40, "1" * 40):
            old = self.possible[-1].decode()
            self.possible.append(with_entry(old, "api.example", "user", key).encode())
            netrc.write(path, "api.example", "user", key)
            del self.possible[:-1]
            self.power_cut()

    def problems(self, root: Path) -> Iterator[str]:
        found = (root / "netrc").read_bytes() if (root / "netrc").exists() else None
        if found not in self.possible:
            yield f"netrc holds {found!r}"


WORKLOADS: list[Callable[..., Workload]] = [
    partial(Logging, durable=True),
    partial(Logging, durable=False),
    partial(Bounded, durable=False),
    partial(Bounded, durable=True),
    partial(Late, durable=False),
    Login,
]


def study(place: Path, *, full: bool) -> Outcome:
    """After a power cut: all rows with fsync always, all but the last interval's otherwise; the server's stay whole."""
    outcome = Outcome()
    for seed in range(10 if full else 1):
        for number, workload in enumerate(WORKLOADS[:: 1 if full else 2]):
            outcome += workload(place / f"{seed}-{number}", seed=seed, in_turn=not full).run()
    return outcome


def needless(place: Path, *, full: bool) -> Outcome:
    """Each fsync of a file or a directory is needed: without any one of them the study above fails."""
    outcome = Outcome()
    by_site: dict[str, list[Callable[..., Workload]]] = {}
    for number, workload in enumerate(WORKLOADS):
        for site in workload(place / f"all{number}").sites():
            by_site.setdefault(site, []).append(workload)
    outcome.failures += [f"no power cut is tried at {name}" for name in sorted(_callers() - _functions(set(by_site)))]
    for number, (site, workloads) in enumerate(sorted(by_site.items())[:: 1 if full else 7]):
        red = any(
            workload(place / f"{number}-{seed}-{other}", skip=site, seed=seed, until_red=True).run().failures
            for seed in range(3)
            for other, workload in enumerate(workloads)
        )
        outcome.check(site, [] if red else ["can be left out and nothing fails"])
    return outcome


def _functions(sites: set[str]) -> set[str]:
    return {name for site in sites for name in site.split(" < ")}


def _callers() -> set[str]:
    """The package's functions that force something to the disk, as module.function."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(map(_forces, ast.walk(node))):
                found.add(f"{path.stem}.{node.name}")
    return found


def _forces(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"fsync", "sync_directory"}
