"""The journal: events appended to a run directory, one line each. The format has a page in the docs.

    journal-<w>-<n>.jsonl    segment n of writer w: one line an event, in the order they happened
    journal-<w>.lock         held by writer w while it lives

A line is one JSON object with its checksum as last member. It is appended by one `write`, under no lock but the
writer's own, so a reader needs none: what ends in a newline is whole. A process that opens a directory begins a
writer of its own and never changes another's segments; that also serves forked children and later resumption.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import threading
import weakref
import zlib
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from wandb_logging._locks import ProcessLock

_SEGMENT = re.compile(r"journal-(\d{4,})-(\d{4,})\.jsonl")
_SEAL = b',"crc":"%08x"}\n'
_SEAL_SIZE = len(_SEAL % 0)


# --- lines ------------------------------------------------------------------------------------------


def seal(body: bytes) -> bytes:
    """A journal line: the event's JSON object with its checksum as last member, and a newline."""
    return body[:-1] + _SEAL % zlib.crc32(body)


def unseal(line: bytes) -> bytes | None:
    """The event's JSON object from a line without its newline; None if the line is damaged."""
    body = line[: 1 - _SEAL_SIZE] + b"}"
    if len(line) >= _SEAL_SIZE and line[1 - _SEAL_SIZE :] == (_SEAL % zlib.crc32(body))[:-1]:
        return body
    return None


# --- writing ----------------------------------------------------------------------------------------


@dataclass
class Counts:
    """What became of the events given to a writer."""

    journalled: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str) -> None:
        """Count one event that is lost, by reason."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


class Writer:
    """Appends events to a journal of its own in a run directory. Safe from any thread, signal handler and fork.

    Args:
        path: the run directory; must exist.
        segment_bytes: size at which a segment is closed and the next begun.
        memory_bytes: most bytes kept in memory while the disk refuses them.
        durable: whether each line is forced to the disk before `append` returns (fsync: always).
    """

    def __init__(
        self, path: Path, *, segment_bytes: int = 64 * 2**20, memory_bytes: int = 64 * 2**20, durable: bool = False
    ) -> None:
        self.path = path
        self.counts = Counts()
        self.closed = False
        self._segment_bytes = segment_bytes
        self._memory_bytes = memory_bytes
        self._durable = durable
        # Reentrant: a signal handler or a finaliser may log while this very thread is in `append`.
        self._lock = threading.RLock()
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        self._fd = -1
        self._size = 0
        self._segment = 0
        self._torn = False
        self._turning = False
        self._dirty = False
        self.number, self._alive = _claim_writer(self.path)
        self._next_segment()

    @property
    def waiting(self) -> int:
        """Events kept in memory because the disk refuses them."""
        return len(self._kept)

    @property
    def trouble(self) -> str | None:
        """Why lines are being kept in memory, or None while the disk takes them."""
        return self._trouble if self._kept else None

    def append(self, body: bytes) -> None:
        """Add one event, a JSON object in bytes. When this returns the line is with the operating system.

        Never raises for what the disk does: a line it refuses is kept in memory, up to `memory_bytes`, and
        written before the next one; beyond that it is counted as dropped.
        """
        line = body[:-1] + _SEAL % zlib.crc32(body)
        with self._lock:
            try:
                if self._kept or self._torn:
                    raise OSError(errno.EAGAIN, "lines are waiting")  # noqa: TRY301  keeps the usual path short
                written = os.write(self._fd, line)
            except OSError as exc:
                self._append_slowly(line, exc)
                return
            self.counts.journalled += 1
            self._size += written
            self._dirty = True
            if written != len(line) or self._size >= self._segment_bytes or self._durable:
                self._after_write(line, written)

    def _after_write(self, line: bytes, written: int) -> None:
        if written != len(line):  # the disk is full: the rest of this line has to wait
            self.counts.journalled -= 1
            self._torn = True
            self._keep(line, "short write")
        elif self._durable:
            self.sync()
        if self._size >= self._segment_bytes and not self._turning:
            self._turning = True  # a nested append writes to the old segment, which is still open
            try:
                self._next_segment()
            except OSError:
                self._size = 0  # go on in the old segment, try again a segment later
            finally:
                self._turning = False

    def _append_slowly(self, line: bytes, exc: OSError) -> None:
        if self.closed:
            self.counts.drop("logged after the run was closed")
            return
        if self._fd == -1:  # a forked child's first line
            try:
                self._begin()
            except OSError as again:
                exc = again
        self._keep(line, os.strerror(exc.errno) if exc.errno else str(exc))
        self.retry()

    def _keep(self, line: bytes, reason: str) -> None:
        if reason != os.strerror(errno.EAGAIN):
            self._trouble = reason
        if self._kept_bytes + len(line) > self._memory_bytes:
            self.counts.drop(f"disk: {self._trouble}")
            return
        self._kept.append(line)
        self._kept_bytes += len(line)

    def retry(self) -> None:
        """Write what the disk refused before, if it takes it now."""
        with self._lock:
            try:
                if self._torn:  # end the broken line, so that the next is whole
                    os.write(self._fd, b"\n")
                    self._torn = False
                while self._kept:
                    line = self._kept[0]
                    written = os.write(self._fd, line)
                    self._size += written
                    self._dirty = True
                    if written != len(line):
                        self._torn = True
                        return
                    self._kept.popleft()
                    self._kept_bytes -= len(line)
                    self.counts.journalled += 1
            except OSError as exc:
                self._trouble = os.strerror(exc.errno) if exc.errno else str(exc)

    _trouble = ""

    def _next_segment(self) -> None:
        name = segment_path(self.path, self.number, self._segment + 1)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        fd = os.open(name, flags | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o644)
        sync_directory(self.path)
        old, self._fd = self._fd, fd
        self._segment += 1
        self._size = 0
        if old != -1:
            with contextlib.suppress(OSError):
                os.fsync(old)
            os.close(old)

    def sync(self) -> None:
        """Force what was appended to the disk (fsync). Without the writer's lock: nobody waits for the disk."""
        if self._kept:
            self.retry()
        if self._dirty and self._fd != -1:
            self._dirty = False
            with contextlib.suppress(OSError):
                # A segment that is closed meanwhile was synced when it was closed.
                os.fsync(self._fd)

    def close(self) -> None:
        """Write what is left, force it to the disk and close. Later events are counted as dropped."""
        with self._lock:
            if self.closed:
                return
            self.sync()
            self.closed = True
            fd, self._fd = self._fd, -1
            if fd != -1:
                os.close(fd)
            for _ in self._kept:
                self.counts.drop(f"disk: {self._trouble}")
            self._alive.release()

    def _after_fork_in_child(self) -> None:
        # Another thread may have held the lock while this process was forked; its file is the parent's.
        self._lock = threading.RLock()
        self._alive.abandon()
        self._kept.clear()  # the parent writes them
        self._kept_bytes = 0
        self.counts = Counts()
        if self._fd != -1:
            os.close(self._fd)
            self._fd = -1  # the next append begins a writer of the child's own


def _after_fork_in_child() -> None:
    for writer in list(_writers):
        writer._after_fork_in_child()  # noqa: SLF001  the same room


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _claim_writer(path: Path) -> tuple[int, ProcessLock]:
    """The first free writer number, with its lock held: the lock file is made by one process only."""
    number = max((writer for writer, _ in segments(path)), default=0)
    while True:
        number += 1
        name = path / f"journal-{number:04d}.lock"
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            continue
        lock = ProcessLock(name)
        with contextlib.suppress(OSError):  # a file system without locks: the run only looks dead to others
            while not lock.acquire():
                pass  # another process is just probing it
            lock.note(f"pid {os.getpid()} on {socket.gethostname()}")
        return number, lock


def segments(path: Path) -> list[tuple[int, int]]:
    """All (writer, segment) of a run directory, in order."""
    names = (_SEGMENT.fullmatch(item.name) for item in path.iterdir())
    return sorted((int(match[1]), int(match[2])) for match in names if match)


def segment_path(path: Path, writer: int, segment: int) -> Path:
    """The file of one segment."""
    return path / f"journal-{writer:04d}-{segment:04d}.jsonl"


def sync_directory(path: Path) -> None:
    """Force the names in a directory to the disk (where the system can: not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
