"""The run directory: the only room that touches a run's files. The format has a page in the docs.

    wandb_cache/<project>/<run id>/
        run.json                 who the run is; read-only once the server knows the run
        journal-<w>-<n>.jsonl    segment n of writer w: one line an event, in the order they happened
        journal-<w>.lock         held by writer w while it lives
        order.jsonl              the order in which several writers were read, so that it can be repeated
        cursor.json              what the server has acknowledged, and the folded state there
        upload.lock              held by the one process that uploads this run
        aside.jsonl              what could not be sent, and why
        files/                   copies of what is to be uploaded beside the streams

A line is one JSON object with its checksum as last member. It is appended by one `write`, under no lock but the
writer's own, so a reader needs none: what ends in a newline is whole. A process that opens a directory begins a
writer of its own and never changes another's segments; that also serves forked children and later resumption.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import socket
import threading
import weakref
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from wandb_logging._errors import JournalCorrupt, JournalError, JournalLocked, LogError
from wandb_logging._locks import ProcessLock, is_locked
from wandb_logging._values import dumps, loads

FORMAT = 1
_SEGMENT = re.compile(r"journal-(\d{4,})-(\d{4,})\.jsonl")
_SEAL = b',"crc":"%08x"}\n'
_SEAL_SIZE = len(_SEAL % 0)

Position = dict[str, Any]
"""Where reading stands: `{"writers": {"1": [segment, byte]}, "order": entries of order.jsonl passed}`."""


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
        name = self.path / f"journal-{self.number:04d}-{self._segment + 1:04d}.jsonl"
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


# --- reading ----------------------------------------------------------------------------------------


def segments(path: Path) -> list[tuple[int, int]]:
    """All (writer, segment) of a run directory, in order."""
    names = (_SEGMENT.fullmatch(name) for name in os.listdir(path))
    return sorted((int(match[1]), int(match[2])) for match in names if match)


@dataclass(frozen=True)
class Chunk:
    """What one read gave: the bodies of whole lines, and how many were damaged and left out."""

    bodies: list[bytes]
    damaged: list[bytes]
    position: Position


class Reader:
    """Reads a run directory's events from a position, in an order that a second reading repeats.

    With one writer that is the order of its lines. With several (forked children, resumption) each read takes
    what is new of one writer, and says so in `order.jsonl` before anybody sees it: a reader that starts again
    before that point takes the same pieces in the same order.

    Args:
        path: the run directory.
        position: where to begin; None begins at the start.
        record_order: False for a reader that only looks: it repeats `order.jsonl` but never adds to it.
    """

    def __init__(self, path: Path, position: Position | None = None, *, record_order: bool = True) -> None:
        position = position or {}
        self._path = path
        self._at = {int(writer): (int(at[0]), int(at[1])) for writer, at in position.get("writers", {}).items()}
        self._order_at = int(position.get("order", 0))
        self._record_order = record_order
        self._files: dict[int, tuple[int, BinaryIO]] = {}
        self._order: list[tuple[int, int, int]] | None = None

    @property
    def position(self) -> Position:
        """Where reading stands, as JSON."""
        writers = {str(writer): list(at) for writer, at in sorted(self._at.items())}
        return {"writers": writers, "order": self._order_at}

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        """Whole lines from the position on, at most so many; an empty chunk when there are none."""
        present = segments(self._path)
        numbers = sorted({writer for writer, _ in present})
        if len(numbers) > 1:
            planned = self._planned()
            if planned is not None:
                writer, segment, end = planned
                lines = self._take(writer, set(present), max_lines, max_bytes, until=(segment, end))
                if self._at.get(writer, (1, 0)) >= (segment, end) or not lines:
                    self._order_at += 1
                return self._chunk(lines)
        for writer in numbers:
            lines = self._take(writer, set(present), max_lines, max_bytes)
            if lines:
                if len(numbers) > 1:
                    self._plan(writer)
                return self._chunk(lines)
        return self._chunk([])

    def close(self) -> None:
        """Close the segments that are open."""
        for _, file in self._files.values():
            file.close()
        self._files.clear()

    def _chunk(self, lines: list[bytes]) -> Chunk:
        bodies, damaged = [], []
        for line in lines:
            body = unseal(line)
            if body is not None:
                bodies.append(body)
            elif line:  # an empty line ends a broken one
                damaged.append(line)
        return Chunk(bodies, damaged, self.position)

    def _take(
        self,
        writer: int,
        present: set[tuple[int, int]],
        max_lines: int,
        max_bytes: int,
        until: tuple[int, int] | None = None,
    ) -> list[bytes]:
        segment, offset = self._at.get(writer, (1, 0))
        while True:
            # Looked up before reading: when the next segment is there, this one is complete.
            complete = (writer, segment + 1) in present
            if until is not None and until[0] == segment:
                max_bytes = min(max_bytes, until[1] - offset)
                exact = True
            else:
                exact = False
            if (writer, segment) in present and max_bytes > 0:
                data = _whole_lines(self._open(writer, segment), offset, max_bytes, exact=exact)
                if not data and complete:
                    tail = self._rest(writer, segment, offset)
                    if tail:  # torn by a crash or a full disk, and never continued
                        self._at[writer] = (segment + 1, 0)
                        return [tail]
                if data:
                    lines = data[:-1].split(b"\n", max_lines)
                    if len(lines) > max_lines:
                        lines.pop()
                    self._at[writer] = (segment, offset + sum(map(len, lines)) + len(lines))
                    return lines
            if not complete or exact:
                return []
            segment, offset = segment + 1, 0
            self._at[writer] = (segment, offset)

    def _open(self, writer: int, segment: int) -> BinaryIO:
        current = self._files.get(writer)
        if current is None or current[0] != segment:
            if current is not None:
                current[1].close()
            file = (self._path / f"journal-{writer:04d}-{segment:04d}.jsonl").open("rb", buffering=0)
            current = self._files[writer] = (segment, file)  # type: ignore[assignment]
        return current[1]

    def _rest(self, writer: int, segment: int, offset: int) -> bytes:
        file = self._open(writer, segment)
        file.seek(offset)
        return file.read().rstrip(b"\n")

    def _planned(self) -> tuple[int, int, int] | None:
        if self._order is None or len(self._order) <= self._order_at:
            self._order = _read_order(self._path)
        return self._order[self._order_at] if self._order_at < len(self._order) else None

    def _plan(self, writer: int) -> None:
        if self._record_order:
            segment, offset = self._at[writer]
            line = seal(dumps({"writer": writer, "segment": segment, "offset": offset}))
            with (self._path / "order.jsonl").open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            self._order_at += 1


def _whole_lines(file: BinaryIO, offset: int, max_bytes: int, *, exact: bool) -> bytes:
    """Bytes from `offset` up to a newline: about `max_bytes`, more if one line is longer, all if `exact`."""
    file.seek(offset)
    data = file.read(max_bytes)
    if exact:
        return data
    end = data.rfind(b"\n") + 1
    while not end:
        more = file.read(max(max_bytes, 2**16))
        if not more:
            return b""
        end = len(data) + more.rfind(b"\n") + 1 if b"\n" in more else 0
        data += more
    return data[:end]


def _read_order(path: Path) -> list[tuple[int, int, int]]:
    try:
        lines = (path / "order.jsonl").read_bytes().split(b"\n")
    except OSError:
        return []
    entries = []
    for line in lines:
        body = unseal(line)
        if body is not None:
            entry = loads(body)
            entries.append((entry["writer"], entry["segment"], entry["offset"]))
    return entries


# --- the directory ----------------------------------------------------------------------------------


class RunDir:
    """A run directory: its identity, cursor, locks and files.

    Attributes:
        path: the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._upload_lock = ProcessLock(path / "upload.lock")

    @classmethod
    def create(cls, cache_dir: Path, info: Mapping[str, Any]) -> RunDir:
        """Make the directory of a new run; a run id that is taken gets a number behind it.

        Raises:
            OSError: the directory cannot be made.
        """
        parent = cache_dir / info["project"]
        parent.mkdir(parents=True, exist_ok=True)
        for name in _names(info["id"]):
            try:
                (parent / name).mkdir()
            except FileExistsError:
                continue
            run_dir = cls(parent / name)
            run_dir.save_info({"format": FORMAT, **info})
            sync_directory(parent)
            return run_dir
        raise AssertionError("unreachable: the names do not end")

    @property
    def info(self) -> dict[str, Any]:
        """The content of run.json.

        Raises:
            JournalCorrupt: it is missing, not JSON, or of a newer format.
        """
        info = self._load("run.json")
        if info is None:
            raise JournalCorrupt(f"{self.path} has no readable run.json")
        if info.get("format") != FORMAT:
            raise JournalCorrupt(f"{self.path} has format {info.get('format')}; this version reads {FORMAT}")
        return info

    def save_info(self, info: Mapping[str, Any]) -> None:
        """Write run.json. Only for its maker, and the holder of the upload lock."""
        self._save("run.json", info, durable=True)

    @property
    def cursor(self) -> dict[str, Any]:
        """The content of cursor.json; empty if there is none (losing it costs bandwidth, never data)."""
        return self._load("cursor.json") or {}

    def save_cursor(self, cursor: Mapping[str, Any]) -> None:
        """Write cursor.json."""
        self._save("cursor.json", cursor, durable=False)

    def writer(self, **options: Any) -> Writer:
        """A new writer in this directory."""
        return Writer(self.path, **options)

    def reader(self, position: Position | None, *, record_order: bool = True) -> Reader:
        """A reader from a position on."""
        return Reader(self.path, position, record_order=record_order)

    def alive(self) -> bool:
        """Whether a living process may still add events."""
        return any(is_locked(path) for path in self.path.glob("journal-*.lock"))

    @contextlib.contextmanager
    def uploading(self) -> Iterator[None]:
        """Hold the right to upload this run.

        Raises:
            JournalLocked: another process holds it; the message says which.
        """
        self.lock_upload()
        try:
            yield
        finally:
            self.unlock_upload()

    def lock_upload(self) -> None:
        """Take the right to upload this run; harmless when held already.

        Raises:
            JournalLocked: another process holds it; the message says which.
        """
        try:
            free = self._upload_lock.acquire()
        except OSError as exc:
            raise JournalLocked(f"{self.path} cannot be locked: {exc}") from exc
        if not free:
            raise JournalLocked(f"{self.path} is being uploaded by {self._holder()}")
        self._upload_lock.note(f"pid {os.getpid()} on {socket.gethostname()}")

    def unlock_upload(self) -> None:
        """Give that right back."""
        self._upload_lock.release()

    def forget_locks(self) -> None:
        """In a forked child: let go of the parent's locks without unlocking them."""
        self._upload_lock.abandon()

    def _holder(self) -> str:
        try:
            return (self.path / "upload.lock").read_text() or "another process"
        except OSError:
            return "another process"

    def set_aside(self, reason: str, what: object) -> None:
        """Keep something that cannot be sent, with the reason, in aside.jsonl."""
        with contextlib.suppress(OSError), (self.path / "aside.jsonl").open("ab") as file:
            file.write(dumps({"reason": reason, "what": what}) + b"\n")

    def keep_file(self, source: Path, name: str) -> str:
        """Copy a file into the run directory; its path relative to the directory.

        Raises:
            OSError: it cannot be read or copied.
        """
        # A file of the same name may be waiting to be sent: each version is kept under a number.
        for number in range(1_000_000):
            target = self.path / "files" / f"{number:04d}" / Path(*PurePosixPath(name).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            except FileExistsError:
                continue
            shutil.copyfile(source, target)
            return target.relative_to(self.path).as_posix()
        raise JournalError(f"{name} was saved a million times")

    def _load(self, name: str) -> dict[str, Any] | None:
        try:
            value = loads((self.path / name).read_bytes())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def _save(self, name: str, value: Mapping[str, Any], *, durable: bool) -> None:
        temporary = self.path / f"{name}.{os.getpid()}.tmp"
        with temporary.open("wb") as file:
            file.write(json.dumps(value, indent=1).encode() if durable else dumps(value))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, self.path / name)
        if durable:
            sync_directory(self.path)


def _names(run_id: str) -> Iterator[str]:
    yield run_id
    for number in range(2, 1_000_000):
        yield f"{run_id}.{number}"


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


def safe_name(name: str) -> str:
    """A file's name inside the run, with forward slashes, checked to stay inside.

    Raises:
        LogError: empty, absolute, with `..`, a drive, or a NUL.
    """
    text = name.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if not parts or text.startswith("/") or ".." in parts or "\0" in text or re.match(r"[A-Za-z]:", text):
        raise LogError(f"file name {name!r}: expected a relative path inside the run, without '..'")
    return "/".join(parts)


def find_runs(path: Path) -> list[RunDir]:
    """All run directories at or below `path`, oldest first."""
    if (path / "run.json").is_file():
        return [RunDir(path)]
    found = [RunDir(item.parent) for item in path.glob("**/run.json")]
    return sorted(found, key=lambda run_dir: ((run_dir._load("run.json") or {}).get("start", 0), run_dir.path))  # noqa: SLF001


class MemoryRunDir(RunDir):
    """What stands in for a run directory where none can be made: everything in bounded memory, nothing survives."""

    def __init__(self, info: Mapping[str, Any], memory_bytes: int) -> None:
        super().__init__(Path("(memory)"))
        self._info = {"format": FORMAT, **info}
        self._cursor: dict[str, Any] = {}
        self.queue = MemoryQueue(memory_bytes)

    @property
    def info(self) -> dict[str, Any]:
        return self._info

    def save_info(self, info: Mapping[str, Any]) -> None:
        self._info = dict(info)

    @property
    def cursor(self) -> dict[str, Any]:
        return self._cursor

    def save_cursor(self, cursor: Mapping[str, Any]) -> None:
        self._cursor = dict(cursor)
        self.queue.forget(cursor["position"]["line"])

    def writer(self, **_options: Any) -> Writer:
        return self.queue  # type: ignore[return-value]  # the same methods

    def reader(self, position: Position | None, *, record_order: bool = True) -> Reader:  # noqa: ARG002
        self.queue.rewind((position or {}).get("line", 0))
        return self.queue  # type: ignore[return-value]  # the same methods

    def alive(self) -> bool:
        return True

    def lock_upload(self) -> None:
        pass

    def unlock_upload(self) -> None:
        pass

    def set_aside(self, reason: str, what: object) -> None:
        pass

    def keep_file(self, source: Path, name: str) -> str:  # noqa: ARG002
        return str(source.absolute())


class MemoryQueue:
    """Writer and reader of a `MemoryRunDir`. Lines are forgotten once a later position was acknowledged."""

    trouble = None

    def __init__(self, memory_bytes: int) -> None:
        self.counts = Counts()
        self.closed = False
        self._memory_bytes = memory_bytes
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._first = 0  # number of the first line in memory
        self._next = 0  # number of the next line to read
        self._lock = threading.RLock()

    @property
    def position(self) -> Position:
        return {"line": self._next}

    def append(self, body: bytes) -> None:
        with self._lock:
            if self.closed or self._bytes + len(body) > self._memory_bytes:
                self.counts.drop("logged after the run was closed" if self.closed else "memory full, no disk")
                return
            self._lines.append(body)
            self._bytes += len(body)
            self.counts.journalled += 1

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        bodies: list[bytes] = []
        with self._lock:
            while len(bodies) < max_lines and max_bytes > 0 and self._next < self._first + len(self._lines):
                body = self._lines[self._next - self._first]
                bodies.append(body)
                max_bytes -= len(body)
                self._next += 1
        return Chunk(bodies, [], self.position)

    def rewind(self, line: int) -> None:
        self._next = max(line, self._first)

    def forget(self, line: int) -> None:
        with self._lock:
            while self._first < line and self._lines:
                self._bytes -= len(self._lines.popleft())
                self._first += 1

    def retry(self) -> None:
        pass

    def sync(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
