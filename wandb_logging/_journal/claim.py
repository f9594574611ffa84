"""A writer's number in a run directory: claimed by one process only, and held for as long as that lives."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path

from wandb_logging._journal import door
from wandb_logging._journal.locks import ProcessLock
from wandb_logging._journal.members import Note, first_of, lock_name
from wandb_logging._journal.presence import Holder, renew
from wandb_logging._journal.segments import MOST, segments

_TRIES = 1000


class Claim:
    """A number that was claimed. `Claim()` is none.

    Attributes:
        number: the writer's; 0 of none.
        since: the first of the members that this one came to; 0 of a helper.
    """

    def __init__(self, note: Note | None = None, lock: ProcessLock | None = None, path: Path = Path()) -> None:
        self._note = note or Note(0)
        self._path = path
        self._lock = lock
        self.number = self._note.writer
        self.since = self._note.since

    @classmethod
    def take(cls, path: Path, least: int, *, helps: bool, lease: float | None = None) -> Claim:
        """Claim the first free number from `least` on: its lock file is made by one process only.

        Args:
            path: the run directory.
            least: the least number.
            helps: whether the run ends with another process.
            lease: seconds for which each renewal holds; None if nobody renews.

        Raises:
            OSError: it cannot be made.
        """
        taken = {writer for writer, _ in segments(path)}
        number = max(least - 1, *taken, 0)
        if number >= MOST:  # somebody else's file: what is free below is a number as good
            number = least - 1
        while True:
            number += 1
            if number in taken:
                continue
            name = path / lock_name(number)
            try:
                os.close(door.create(path, name.name))
            except FileExistsError:
                continue
            lock = ProcessLock(name)
            since = 0 if helps else first_of(path, number)
            note = Note(number, since, helps, holder=Holder.here(path, lease))
            with contextlib.suppress(OSError):  # a file system without locks: the run only looks dead to others
                for _ in range(_TRIES):
                    if lock.acquire():
                        lock.note(note.text)
                        break
                    time.sleep(0.001)  # another process is just probing it
            return cls(note, lock, path)

    def leave(self, exit_code: int) -> None:
        """Say how this member ended: the run goes on with the others, if there are some."""
        if self._lock is not None and not self._note.helps:
            self._note = replace(self._note, left=exit_code)
            self._lock.note(self._note.text)

    def replaces(self, former: Claim) -> None:
        """Say of another number of this process that nobody writes under it any more. Never raises."""
        if former.number:
            note = replace(former._note, helps=True, holder=replace(former._note.holder, ended=True))
            with contextlib.suppress(OSError):
                door.replace(self._path, lock_name(former.number), note.text.encode(), durable=False)

    def renew(self) -> None:
        """Tell other hosts that the process lives.

        Raises:
            OSError: the disk refuses it.
        """
        if self._lock is not None and self._lock.held:
            renew(self._path, lock_name(self.number))

    def release(self) -> None:
        """Let go of it: nobody writes under this number any more."""
        if self._lock is not None:
            self._note = replace(self._note, holder=replace(self._note.holder, ended=True))
            self._lock.note(self._note.text)
            self._lock.release()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's without unlocking it."""
        if self._lock is not None:
            self._lock.abandon()
