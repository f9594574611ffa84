"""Takes the place of a run directory where none can be made: keeps rows in bounded memory until they are sent."""

from __future__ import annotations

import contextlib
import errno
import math
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._journal.backlog import Lines
from wandb_logging._journal.copies import Copies, Kept, Source
from wandb_logging._journal.counts import Appends, Counts
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.family import tell_of_forks
from wandb_logging._journal.members import MEMBER, Note, Standing
from wandb_logging._journal.position import Ends, Position
from wandb_logging._journal.reader import Chunk, Reader
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.writer import Writer
from wandb_logging._values.plain import loads
from wandb_logging._values.reentrant import new_lock, of_child


def line_of(position: Position | None) -> int:
    """The number of the line where reading goes on in a journal in memory."""
    return int((position or {}).get("line", 0))


class MemoryRunDir(RunDir):
    """A run directory without files: its content ends with the process."""

    def __init__(self, info: RunInfo, memory_bytes: int) -> None:
        super().__init__(Path("(memory)"))
        self.on_disk = False
        self.files = ProgramsFiles(self.path)
        self._info = info
        self._cursor = Cursor()
        self.queue = MemoryQueue(memory_bytes)

    @property
    def info(self) -> RunInfo:
        return self._info

    def save_server(self, server: Remote) -> None:
        self._info = self._info.but(server=server)

    def save_info(self, info: RunInfo) -> None:
        self._info = info.but(server=self._info.server)

    @property
    def cursor(self) -> Cursor:
        return self._cursor

    def save_cursor(self, cursor: Cursor) -> None:
        self._cursor = cursor
        if cursor.position is not None:
            self.queue.forget(line_of(cursor.position))

    def forget_cursor(self) -> None:
        self._cursor = Cursor()

    @property
    def base(self) -> Cursor:
        return Cursor()

    @property
    def has_base(self) -> bool:
        return False  # no disk is asked: where nothing can be opened, it would be taken to have one

    def writer(self, standing: Standing = MEMBER, **options: Any) -> Writer:  # noqa: ARG002
        return self.queue  # type: ignore[return-value]  # the same methods

    def reader(self, position: Position | None, *, record_order: bool = True) -> Reader:  # noqa: ARG002
        self.queue.seek(position)
        return self.queue  # type: ignore[return-value]  # the same methods

    def first_time_after(self, position: Position | None) -> float | None:  # noqa: ARG002
        return self.queue.first_time()

    def lines_after(self, position: Position | None) -> int:
        return self.queue.lines_after(position)

    def lines_after_in_time(self, position: Position | None, until: float) -> Lines:  # noqa: ARG002  it is quick
        return Lines(self.lines_after(position))

    def has_several_writers(self) -> bool:
        return False

    def alive(self) -> bool:
        return True

    def members(self, but: int = 0) -> list[Note]:  # noqa: ARG002
        return []

    @contextlib.contextmanager
    def leaving(self) -> Iterator[None]:
        yield

    def ask(self) -> None:
        pass

    def asked(self) -> object:
        return None

    def lock_upload(self) -> None:
        pass

    def unlock_upload(self) -> None:
        pass

    def note_end(self) -> None:
        pass

    @property
    def term(self) -> int:
        return 0

    def check_right(self) -> None:
        pass

    def renew(self) -> None:
        pass

    def renewal_due(self) -> float:
        return math.inf

    def set_aside(self, reason: str, what: object) -> None:
        pass


class ProgramsFiles(Copies):
    """For a run without a directory: the program's files are sent from where they are, and no copies are made."""

    def keep_media(self, source: Source, extension: str, *, once: bool = False) -> Kept:  # noqa: ARG002
        raise OSError(f"there is no run directory to keep the {extension} file in")

    def keep(self, source: Source, name: str) -> str:
        if isinstance(source, bytes):
            raise OSError(f"there is no run directory to keep {name} in")
        return str(source.absolute())

    def open(self, kept: str) -> BinaryIO:
        return open(kept, "rb")  # noqa: PTH123  the program's own file

    def status(self, kept: str) -> os.stat_result | None:
        return os.stat(kept)  # noqa: PTH116  as above

    def read(self, name: str) -> bytes:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)

    def has(self, name: str) -> bool:  # noqa: ARG002
        return False

    def append(self, data: bytes, name: str, size: int) -> int:  # noqa: ARG002
        return size


class MemoryQueue(Appends):
    """Writer and reader of a `MemoryRunDir`. Lines are forgotten once a later position was acknowledged."""

    trouble = None
    most_output = None
    waiting = 0
    is_homeless = False  # its run directory is in memory, too
    unsent = 0
    number = 0
    since = 0

    def __init__(self, memory_bytes: int) -> None:
        self.counts = Counts()
        self.closed = False
        self._memory_bytes = memory_bytes
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._first = 0  # number of the first line in memory
        self._next = 0  # number of the next line to read
        self._lock = new_lock()
        self._forked = False
        tell_of_forks(self)

    @property
    def position(self) -> Position:
        return {"line": self._next}

    def offer(self, body: bytes) -> bool:
        with self._lock:
            if self.closed:
                return False
            if self._forked:  # nobody sends what is in a child's memory
                self.counts.lose("a forked child, no disk")
            elif self._bytes + len(body) > self._memory_bytes:
                self.counts.lose("memory full, no disk")
            else:
                self._lines.append(body)
                self._bytes += len(body)
                self.counts.journalled += 1
            return True

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        bodies: list[bytes] = []
        with self._lock:
            while len(bodies) < max_lines and max_bytes > 0 and self._next < self._first + len(self._lines):
                body = self._lines[self._next - self._first]
                bodies.append(body)
                max_bytes -= len(body)
                self._next += 1
        return Chunk(bodies, [], self.position)

    def ends(self) -> Ends:
        with self._lock:
            return {1: (1, self._first + len(self._lines))}

    def has_passed(self, ends: Ends) -> bool:
        return (1, self._next) >= ends[1]

    def seek(self, position: Position | None) -> None:
        self._next = max(line_of(position), self._first)

    def first_time(self) -> float | None:
        with self._lock:
            at = self._next - self._first
            return float(loads(self._lines[at])["t"]) if at < len(self._lines) else None

    def lines_after(self, position: Position | None) -> int:
        with self._lock:
            return self._first + len(self._lines) - max(line_of(position), self._first)

    def forget(self, line: int) -> None:
        with self._lock:
            while self._first < line and self._lines:
                self._bytes -= len(self._lines.popleft())
                self._first += 1

    def make_way(self, size: int) -> None:
        pass

    def look(self) -> None:
        pass

    def retry(self) -> None:
        pass

    def sync(self) -> None:
        pass

    def sync_ahead(self, ends: Ends) -> None:
        pass

    def leave(self, exit_code: int) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def reopen(self) -> None:
        self.closed = False

    def before_fork(self) -> None:
        pass

    def after_fork_in_child(self) -> None:
        """In a forked child: replace the lock, which another thread of the parent may have held."""
        self._lock = of_child(self._lock)
        self._forked = True
        self.counts = Counts()
