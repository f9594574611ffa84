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
from wandb_logging._journal.segments import segments

_TRIES = 1000


class Claim:
    """A number that was claimed. `Claim()` is none.

    Attributes:
        number: the writer's; 0 of none.
        since: the first of the members that this one came to; 0 of a helper.
    """

    def __init__(self, note: Note | None = None, lock: ProcessLock | None = None) -> None:
        self._note = note or Note(0)
        self._lock = lock
        self.number = self._note.writer
        self.since = self._note.since

    @classmethod
    def take(cls, path: Path, least: int, *, helps: bool) -> Claim:
        """Claim the first free number from `least` on: its lock file is made by one process only.

        Raises:
            OSError: it cannot be made.
        """
        number = max(least - 1, *(writer for writer, _ in segments(path)), 0)
        while True:
            number += 1
            name = path / lock_name(number)
            try:
                os.close(door.create(path, name.name))
            except FileExistsError:
                continue
            lock = ProcessLock(name)
            note = Note(number, 0 if helps else first_of(path, number), helps)
            with contextlib.suppress(OSError):  # a file system without locks: the run only looks dead to others
                for _ in range(_TRIES):
                    if lock.acquire():
                        lock.note(note.text)
                        break
                    time.sleep(0.001)  # another process is just probing it
            return cls(note, lock)

    def leave(self, exit_code: int) -> None:
        """Say how this member ended: the run goes on with the others, if there are some."""
        if self._lock is not None and not self._note.helps:
            self._note = replace(self._note, left=exit_code)
            self._lock.note(self._note.text)

    def release(self) -> None:
        """Let go of it: nobody writes under this number any more."""
        if self._lock is not None:
            self._lock.release()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's without unlocking it."""
        if self._lock is not None:
            self._lock.abandon()
