"""The lock file of a writer in a run directory: it gives the writer its number, and is held for as long as it lives."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path

from wandb_logging._journal import safe_files
from wandb_logging._journal.counts import Counts
from wandb_logging._journal.family import Family
from wandb_logging._journal.locks import ProcessLock
from wandb_logging._journal.members import Note, Standing, first_of_group, lock_name
from wandb_logging._journal.presence import Holder, renew
from wandb_logging._journal.segments import MOST, segments

_TRIES = 1000
_NUMBERS = 3  # more than that are not refused by chance: this disk locks nothing
_NO_NOTE = Note(0)


class WriterLock:
    """A writer's lock file, held by this process. `NO_LOCK` stands for none.

    Args:
        note: what the file says; in a family, what that of each child says.
        lock: the file.
        path: the run directory.
        number: the writer's number in a family; default: the one in the note.
        process: id of the process in a family; default: the one in the note.

    Attributes:
        number: the writer's number; 0 without a file.
        since: number of the first member of the group that this member joined, see `members`; 0 for a helper.
    """

    def __init__(
        self,
        note: Note = _NO_NOTE,
        lock: ProcessLock | None = None,
        path: Path = Path(),
        *,
        number: int = 0,
        process: int = 0,
    ) -> None:
        self._said = note
        self._process = process
        self._path = path
        self._lock = lock
        self.number = number or note.writer
        self.since = note.since

    @classmethod
    def take(cls, path: Path, least: int, standing: Standing) -> WriterLock:
        """Take the first free number from `least` on, by making its lock file: only one process can do that.

        Args:
            path: the run directory.
            least: the least number.
            standing: what this process is in the run.

        Raises:
            OSError: the lock file cannot be made.
        """
        taken = {writer for writer, _ in segments(path)}
        number = max(least - 1, *taken, 0)
        if number >= MOST:  # a file that no writer of ours made: a free number below it does as well
            number = least - 1
        refused = 0
        while True:
            number += 1
            if number in taken:
                continue
            lock = ProcessLock(path, lock_name(number))
            try:
                lock.make()
            except FileExistsError:
                continue
            helps, carries, rank, lease = standing
            holder = Holder.here(path, lease)
            if helps:  # the group and its ranks are those who end the run
                note = Note(number, helps=True, carries=carries, holder=holder)
            else:
                note = Note(number, first_of_group(path, number, rank), carries=carries, rank=rank, holder=holder)
            refused += 1
            if _held(lock, note.text) or refused == _NUMBERS:
                return cls(note, lock, path)
            # Whoever looks at the file has been stopped meanwhile. Without lock and note this process would pass for
            # one that died: it takes the next number, and this one stands for nobody.

    @classmethod
    def take_in_family(cls, path: Path, least: int, family: Family) -> WriterLock:
        """As `take`, in a forked child: its family knows what was taken before, and what the file says.

        So the directory is not listed, and few functions are called: in a child each one costs pages.

        Raises:
            OSError: the lock file cannot be made.
        """
        number, process, refused = family.latest, os.getpid(), 0
        if not least <= number < MOST:
            number = least - 1
        while True:
            number += 1
            lock = ProcessLock(path, lock_name(number))
            try:
                text = family.text(process)
                held = lock.make_held(text)
            except FileExistsError:
                continue
            family.has_taken(number)
            refused += 1
            if held or _held(lock, text) or refused == _NUMBERS:  # as in `take`
                return cls(family.note, lock, path, number=number, process=process)

    @property
    def _note(self) -> Note:
        if not self._process:
            return self._said
        return replace(self._said, writer=self.number, holder=replace(self._said.holder, pid=self._process))

    def leave(self, exit_code: int) -> None:
        """Note the exit code of this member in its lock file; the run goes on with the other members, if any."""
        if self._lock is not None and not self._said.helps:
            self._said = replace(self._said, left=exit_code)
            self._lock.note(self._note.text)

    def replaces(self, former: WriterLock) -> None:
        """Note in the lock file of this process's former number that it is not used any more. Never raises."""
        if former.number:
            note = replace(former._note, helps=True, holder=replace(former._note.holder, ended=True))
            with contextlib.suppress(OSError):
                safe_files.replace(self._path, lock_name(former.number), note.text.encode(), durable=False)

    def renew(self) -> None:
        """Tell other hosts that the process lives.

        Raises:
            OSError: the disk refuses it.
        """
        if self._lock is not None and self._lock.held:
            renew(self._path, lock_name(self.number))

    def note_end(self) -> None:
        """Note that this number is not used any more."""
        if self._lock is not None:
            self._said = replace(self._said, holder=replace(self._said.holder, ended=True))
            self._lock.note(self._note.text)

    def release(self) -> None:
        """Note that this number is not used any more, and unlock its file."""
        self.note_end()
        if self._lock is not None:
            self._lock.release()

    def abandon(self) -> None:
        """In a forked child: forget the parent's file without unlocking its file."""
        if self._lock is not None:
            self._lock.abandon()


NO_LOCK = WriterLock()


def begin_family(path: Path, number: int, standing: Standing) -> Family:
    """What a writer shares with the children that its process forks from now on.

    Args:
        path: the run directory.
        number: the writer's number.
        standing: what this process is in the run.

    Raises:
        OSError, ValueError: there is no memory to share.
    """
    Counts.__init__  # noqa: B018  asking for it compiles it: once here, and not in each child
    of_child = standing.of_child()
    holder = replace(Holder.here(path), pid=0)
    return Family(number, of_child, Note(0, helps=True, carries=of_child.carries, holder=holder))


def _held(lock: ProcessLock, text: str) -> bool:
    """Lock a writer's new file and write into it whose it is; False if another process holds it for long.

    For a moment others hold it, who look whether it is locked.
    """
    try:
        for _ in range(_TRIES):
            if lock.acquire():
                lock.note(text)
                return True
            time.sleep(0.001)
    except OSError:  # no locks on this file system: to other processes the run looks dead
        return True
    return False
