"""The right to send a run. One process of all hosts has it, and finds out when it has lost it.

On one host the lock on `upload.lock` decides. Other hosts may not see that lock. So the holder writes into the file who
it is, and has the disk set the file's time again and again; another host takes the right when that has not happened for
as long as the holder said. Each time the right is taken begins a **term**, a number that no other process has: a file
with that number in its name is made, which only one process can do, on any file system. Before a holder sends, it looks
whether upload.lock still says its own term: a process that was frozen, or whose disk was away, sends nothing then.
"""

from __future__ import annotations

import contextlib
import re
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalLocked
from wandb_logging._journal import lease, safe_files
from wandb_logging._journal.lease import Life, Sign, judge
from wandb_logging._journal.locks import ProcessLock, lock_is_taken
from wandb_logging._journal.members import UPLOAD
from wandb_logging._journal.presence import NOBODY, Holder, age_of, renew, said_in
from wandb_logging._values.plain import dumps

_rights: weakref.WeakSet[SendingRight] = weakref.WeakSet()
_TERM = re.compile(r"upload-([0-9]{4,})\.term")


class SendingRight:
    """The right to send the run of one directory.

    Args:
        root: the directory.

    Attributes:
        lease: seconds for which each renewal holds.
        term: number of the term for which this process has the right; 0 if it has not.
        is_lost: whether this process had the right, and another one has taken it, or may have.
    """

    def __init__(self, root: Path) -> None:
        self.lease = lease.DEFAULT
        self.term = 0
        self.is_lost = False
        self._root = root
        self._lock = ProcessLock(root, UPLOAD)
        self._renewed = 0.0
        _rights.add(self)

    @property
    def held(self) -> bool:
        """Whether this process has the right, as far as it knows."""
        return self._lock.held

    def acquire(self) -> bool:
        """Take the right without waiting. Returns False if another process has it, or may have it.

        Raises:
            OSError: the file system cannot lock, or a file cannot be made.
        """
        if self._lock.held:
            return True
        if not self._lock.acquire():
            return False
        try:
            taken = self._take()
        except BaseException:
            self._lock.release()
            raise
        if not taken:
            self._lock.release()
        return taken

    def _take(self) -> bool:
        said = said_in(self._root, UPLOAD)
        term = term_of(said)
        latest = max(self._terms(), default=0)
        if self._lives(UPLOAD, said) or (latest > term and self._lives(term_name(latest))):
            return False
        term = max(term, latest) + 1
        note = dumps({**Holder.here(self._root, self.lease).to_json(), "term": term})
        if not self._make(term, note):
            return False
        self._renewed = time.monotonic()
        self._lock.note(note.decode())
        if not self._is_of(term):
            return False
        self.term, self.is_lost = term, False
        return True

    def _is_of(self, term: int) -> bool:
        """Whether this is the present term, by upload.lock; by the name of the term's file if the disk was too full.

        Raises:
            OSError: that cannot be found out.
        """
        said = term_of(said_in(self._root, UPLOAD))
        return said == term or (said < term and max(self._terms(), default=0) == term)

    def _lives(self, name: str, said: dict[str, Any] | None = None) -> bool:
        """Whether the holder that a file names may have the right, although its lock is not seen here."""
        holder = Holder.from_json(said_in(self._root, name) if said is None else said)
        sign = Sign(locked=False, near=holder.is_near(self._root), ended=holder.ended, lease=holder.lease)
        found = judge(sign)
        if found is Life.UNKNOWN:
            found = judge(replace(sign, age=age_of(self._root, name)))
        return found is not Life.GONE

    def _make(self, term: int, note: bytes) -> bool:
        """Make the file of a term, and remove earlier ones. Returns False if another process made it first."""
        try:
            fd = safe_files.create(self._root, term_name(term))
        except FileExistsError:
            return False
        with contextlib.suppress(OSError), open(fd, "wb", buffering=0) as file:  # noqa: PTH123  a descriptor
            file.write(note)  # on a full disk the name of the file has to be enough
        for earlier in self._terms():
            if earlier < term:
                with contextlib.suppress(OSError):
                    safe_files.remove(self._root, term_name(earlier))
        return True

    def renew(self) -> None:
        """Tell other hosts that this process still has the right.

        Raises:
            OSError: the disk refuses it.
        """
        if self._lock.held:
            began = time.monotonic()
            renew(self._root, UPLOAD)
            self._renewed = began

    def check(self) -> None:
        """Make sure that this process still has the right, if it ever took it.

        Raises:
            JournalLocked: another process has it, or may have it by now.
        """
        if not (self.term or self.is_lost):
            return
        try:
            is_mine = not self.is_lost and self._is_of(self.term)
        except OSError as exc:
            if time.monotonic() - self._renewed <= self.lease:
                return  # the lease is not over: no other process can have taken it
            self._lose()
            self.is_lost = True
            raise JournalLocked(f"{self._root} is away ({exc.strerror or exc}): another host may send it", "?") from exc
        if not is_mine:
            self._lose()
            self.is_lost = True
            holder = self.holder()
            raise JournalLocked(f"{self._root} is being uploaded by {holder}", holder)

    def _lose(self) -> None:
        self.term = 0
        self._lock.release()

    def note_end(self) -> None:
        """Let other hosts take the right: this process is about to end. Harmless when not held.

        If it goes on after all, `check` finds out whether one has.
        """
        if self._lock.held:
            with contextlib.suppress(OSError):
                said = said_in(self._root, UPLOAD)
                if term_of(said) == self.term:
                    ended = replace(Holder.from_json(said), ended=True)
                    self._lock.note(dumps({**ended.to_json(), "term": self.term}).decode())

    def release(self) -> None:
        """Give the right back. Harmless when not held."""
        if self._lock.held:
            self.note_end()
            self._lose()

    def abandon(self) -> None:
        """In a forked child: forget the parent's right without giving it back."""
        self.term = 0
        self._lock.abandon()

    def is_taken(self) -> bool:
        """Whether a process has the right, or may have it. Nothing is changed by asking."""
        if lock_is_taken(self._root / UPLOAD):
            return True
        with contextlib.suppress(FileNotFoundError):
            return self._lives(UPLOAD)
        return False

    def holder(self) -> str:
        """Who has the right, for a person."""
        with contextlib.suppress(OSError, ValueError):
            said = said_in(self._root, UPLOAD)
            if said:
                return str(Holder.from_json(said))
            # As versions before wrote it.
            return safe_files.read(self._root, UPLOAD, safe_files.MOST_NOTE).decode() or str(NOBODY)
        return str(NOBODY)

    def seconds_left(self) -> float | None:
        """Seconds until another process may take the right, if nobody hears of its holder until then.

        None if the holder's lock can be seen here, so that it is certain to live, or if that cannot be found out.
        """
        with contextlib.suppress(OSError):
            said = said_in(self._root, UPLOAD)
            latest = max(self._terms(), default=0)
            names = [UPLOAD, *([term_name(latest)] if latest > term_of(said) else [])]
            return max((left for name in names if (left := self._lease_left(name)) is not None), default=None)
        return None

    def _lease_left(self, name: str) -> float | None:
        holder = Holder.from_json(said_in(self._root, name))
        if holder.ended or holder.lease is None or holder.is_near(self._root):
            return None
        age = age_of(self._root, name)
        return None if age is None else max(0.0, holder.lease - age)

    def _terms(self) -> list[int]:
        found = [_TERM.fullmatch(item.name) for item in self._root.iterdir()]
        return [int(match[1]) for match in found if match]


def note_ends() -> None:
    """Do for each right that this process has what `SendingRight.note_end` does. May be called in a signal handler."""
    for right in list(_rights):
        right.note_end()


def term_name(term: int) -> str:
    """Name of the file that says which process took the right for a term."""
    return f"upload-{term:04d}.term"


def term_of(said: dict[str, Any]) -> int:
    """The term that a lock file says; 0 if it says none, as those of earlier versions."""
    term = said.get("term")
    return term if isinstance(term, int) else 0
