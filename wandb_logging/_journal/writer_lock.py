"""The lock file of a writer in a run directory: it gives the writer its number, and is held for as long as it lives."""

from __future__ import annotations

import contextlib
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


class WriterLock:
    """A writer's lock file, held by this process. `NO_LOCK` stands for none.

    Attributes:
        number: the writer's number; 0 without a file.
        since: number of the first member of the group that this member joined, see `members`; 0 for a helper.
    """

    def __init__(self, note: Note | None = None, lock: ProcessLock | None = None, path: Path = Path()) -> None:
        self._note = note or Note(0)
        self._path = path
        self._lock = lock
        self.number = self._note.writer
        self.since = self._note.since

    @classmethod
    def take(cls, path: Path, least: int, standing: Standing, family: Family | None = None) -> WriterLock:
        """Take the first free number from `least` on, by making its lock file: only one process can do that.

        Args:
            path: the run directory.
            least: the least number.
            standing: what this process is in the run.
            family: of a forked child: knows what was taken before, so that the directory is not listed.

        Raises:
            OSError: the lock file cannot be made.
        """
        taken = {writer for writer, _ in segments(path)} if family is None else {family.latest}
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
            if family is not None:
                family.has_taken(number)
            helps, carries, rank, lease = standing
            holder = Holder.here(path, lease) if family is None else family.holder.of_child()
            if helps:  # the group and its ranks are those who end the run
                note = Note(number, helps=True, carries=carries, holder=holder)
            else:
                note = Note(number, first_of_group(path, number, rank), carries=carries, rank=rank, holder=holder)
            refused += 1
            if _held(lock, note) or refused == _NUMBERS:
                return cls(note, lock, path)
            # Whoever looks at the file has been stopped meanwhile. Without lock and note this process would pass for
            # one that died: it takes the next number, and this one stands for nobody.

    def leave(self, exit_code: int) -> None:
        """Note the exit code of this member in its lock file; the run goes on with the other members, if any."""
        if self._lock is not None and not self._note.helps:
            self._note = replace(self._note, left=exit_code)
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
            self._note = replace(self._note, holder=replace(self._note.holder, ended=True))
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
    for of in (Counts, Holder, Note):
        of.__init__  # noqa: B018  asking for it compiles it: once here, and not in each child
    return Family(number, standing.of_child(), Holder.here(path))


def _held(lock: ProcessLock, note: Note) -> bool:
    """Lock a writer's new file and write into it whose it is; False if another process holds it for long.

    For a moment others hold it, who look whether it is locked.
    """
    try:
        for _ in range(_TRIES):
            if lock.acquire():
                lock.note(note.text)
                return True
            time.sleep(0.001)
    except OSError:  # no locks on this file system: to other processes the run looks dead
        return True
    return False
