"""A run directory that could not be made when its run began, and that is made as soon as the disk lets it.

Until then its writer keeps the lines in memory, from where they are sent (`stand_in`). They are written in the end into
a directory that is no run before all is there that says what the server already has: run.json gets its name last. So
whenever the process is killed, nobody sends a line again that the server has, or sends later lines in its place.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import safe_files
from wandb_logging._journal.cache_folder import folder_of
from wandb_logging._journal.copies import Copies, Kept, Source
from wandb_logging._journal.lost import disk_of
from wandb_logging._journal.memory import ProgramsFiles
from wandb_logging._journal.names import folder_name
from wandb_logging._journal.position import Position
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.segments import make_durably, sync_directory
from wandb_logging._journal.stand_in import StandIn
from wandb_logging._journal.writer import Writer
from wandb_logging._values.ids import new_id

_UNNAMED = "run.json.new"  # the name of run.json until the directory is a run


class LateRunDir(RunDir):
    """A run directory that is yet to be made. Its writer has it made: in a round, or when it is closed.

    Args:
        cache_dir: the folder of run directories, which may be missing.
        info: identity of the run.
    """

    def __init__(self, cache_dir: Path, info: RunInfo) -> None:
        # Nobody can look which names are free. The number of a run whose id is taken could be another run's by then.
        super().__init__(folder_of(cache_dir, info.project) / f"{folder_name(info.id)}.{new_id()}")
        self.on_disk = False
        self.files = _LateFiles(self)
        self._is_made = False  # whether `give_up` may remove it
        self._is_to_send = False
        self.keep_in_mind(info=info)

    @property
    def info(self) -> RunInfo:
        return super().info if self.on_disk else self.known_info

    def keep_identity(self) -> None:
        if self.on_disk:
            super().keep_identity()

    def add_writer(self, writer: Writer) -> None:
        super().add_writer(writer)
        self._disk = disk_of(self.path) if self.on_disk else None  # another one may be mounted there

    def lock_upload(self) -> None:
        self._is_to_send = True
        if self.on_disk:
            super().lock_upload()

    def unlock_upload(self) -> None:
        self._is_to_send = False
        super().unlock_upload()

    def first_time_after(self, position: Position | None) -> float | None:
        if self.on_disk:
            return super().first_time_after(position)
        times = [StandIn(self, writer).first_time_after(None) for writer in self._writers.all()]
        return times[0] if times else None

    def stand_again(self) -> bool:
        if self.on_disk:
            return super().stand_again()
        make_durably(self.path.parent)
        self.path.mkdir()
        self._is_made = True
        with self.guard:
            if self._is_to_send and not self._right.acquire():
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self.path))
        self._write_anew(identity=_UNNAMED)
        return True

    def become_run(self) -> None:
        safe_files.move(self.path, _UNNAMED, "run.json")
        self.on_disk = True
        self._disk = disk_of(self.path)
        self.times_anew += 1
        self.generation += 1
        with contextlib.suppress(OSError):
            sync_directory(self.path)
            sync_directory(self.path.parent)

    def give_up(self) -> None:
        with self.guard:
            self._right.release()
        if self._is_made:
            self._is_made = False
            self.discard()


class _LateFiles(Copies):
    """Without a directory the program's files are sent from where they are; afterwards copies are made."""

    def __init__(self, run_dir: LateRunDir) -> None:
        super().__init__(run_dir.path)
        self._of = run_dir
        self._programs = ProgramsFiles(run_dir.path)
        self._named: set[str] = set()  # what was kept as the program's own file: only that is opened outside

    def keep_media(self, source: Source, extension: str, *, once: bool = False) -> Kept:
        if self._of.on_disk:
            return super().keep_media(source, extension, once=once)
        return self._programs.keep_media(source, extension, once=once)

    def keep(self, source: Source, name: str) -> str:
        if self._of.on_disk:
            return super().keep(source, name)
        kept = self._programs.keep(source, name)
        self._named.add(kept)
        return kept

    def append(self, data: bytes, name: str, size: int) -> int:
        return super().append(data, name, size) if self._of.on_disk else size

    def open(self, kept: str) -> BinaryIO:
        return self._programs.open(kept) if kept in self._named else super().open(kept)

    def status(self, kept: str) -> Any:
        return self._programs.status(kept) if kept in self._named else super().status(kept)
