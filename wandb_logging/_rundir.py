"""The run directory: identity, cursor, locks and files of one run. The format has a page in the docs.

wandb_cache/<project>/<run id>/
    run.json                 who the run is; written once
        server.json              what the server said of the run; from where its lines are counted
    journal-<w>-<n>.jsonl    the journal (`_journal`)
    order.jsonl              the order in which several writers were read (`_reader`)
    cursor.json              what the server has acknowledged, and the folded state there
    upload.lock              held by the one process that uploads this run
    aside.jsonl              what could not be sent, and why
    files/                   copies of what is to be uploaded beside the streams (`_keep`)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalCorrupt, JournalLocked, LogError
from wandb_logging._identity import FORMAT, problem
from wandb_logging._journal import Writer, seal, segment_path, segments, sync_directory, unseal
from wandb_logging._keep import Kept, Source, append_file, keep_file, keep_media
from wandb_logging._locks import ProcessLock, is_locked
from wandb_logging._reader import Position, Reader, is_position
from wandb_logging._values import dumps, loads


class RunDir:
    """A run directory: its identity, cursor, locks and files.

    Attributes:
        path: the directory.
        on_disk: whether it outlives the process.
    """

    on_disk = True

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
        _make_durably(parent)
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

    @classmethod
    def find(cls, cache_dir: Path, info: Mapping[str, Any]) -> RunDir | None:
        """The directory that a run of this project, id and host has here already; of several the latest."""
        found = None
        for name in _names(info["id"]):
            run_dir = cls(cache_dir / info["project"] / name)
            if not run_dir.path.is_dir():
                return found
            known = run_dir._load("run.json") or {}
            same = all(known.get(key) == info.get(key) for key in ("id", "project", "host"))
            if same and known.get("format") == FORMAT and info.get("entity") in {None, known.get("entity")}:
                found = run_dir
        raise AssertionError("unreachable: the names do not end")

    @property
    def info(self) -> dict[str, Any]:
        """The content of run.json, with that of server.json as its member `server` once the server knows the run.

        Raises:
            JournalCorrupt: it is missing, not JSON, of a newer format, or does not say what it must.
        """
        try:
            info = loads((self.path / "run.json").read_bytes())
        except OSError as exc:
            raise JournalCorrupt(f"{self.path} has no readable run.json: {exc.strerror or exc}") from exc
        except ValueError:
            info = None
        if not isinstance(info, dict):
            raise JournalCorrupt(f"{self.path} has no readable run.json: it holds no JSON object")
        server = self._load("server.json")
        if server is not None:
            info = {**info, "server": server}
        wrong = problem(info)
        if wrong:
            raise JournalCorrupt(f"{self.path / 'run.json'} {wrong}")
        return info

    def save_info(self, info: Mapping[str, Any]) -> None:
        """Write run.json. Only for its maker. Its name is forced to the disk with that of the first segment.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("run.json", json.dumps(info, indent=1).encode() + b"\n", durable=True)

    def save_server(self, server: Mapping[str, Any]) -> None:
        """Write server.json. Only for the holder of the upload lock.

        A file of its own, so that a newer copy of the run's files from elsewhere leaves it alone.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("server.json", json.dumps(server, indent=1).encode() + b"\n", durable=True)
        sync_directory(self.path)

    @property
    def cursor(self) -> dict[str, Any]:
        """The content of cursor.json; empty if there is none or it is damaged: that costs bandwidth, never data."""
        try:
            body = unseal((self.path / "cursor.json").read_bytes().rstrip(b"\n"))
            cursor = loads(body or b"{}")
        except (OSError, ValueError):
            return {}
        # Sealed, so that another version wrote what we cannot use.
        return cursor if isinstance(cursor, dict) and is_position(cursor.get("position")) else {}

    def save_cursor(self, cursor: Mapping[str, Any]) -> None:
        """Write cursor.json. Sealed as a journal line is: a wrong count in it would put lines at wrong offsets.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("cursor.json", seal(dumps(cursor)), durable=False)

    def writer(self, **options: Any) -> Writer:
        """A new writer in this directory."""
        return Writer(self.path, **options)

    def reader(self, position: Position | None, *, record_order: bool = True) -> Reader:
        """A reader from a position on."""
        return Reader(self.path, position, record_order=record_order)

    def first_time_after(self, position: Position | None) -> float | None:
        """Time of the first event after a position, seconds since 1970; None if there is none."""
        reader = self.reader(position, record_order=False)
        try:
            bodies = reader.read(1, 2**16).bodies
        finally:
            reader.close()
        return float(loads(bodies[0])["t"]) if bodies else None

    def lines_after(self, position: Position | None) -> int:
        """How many lines come after a position.

        Raises:
            OSError: a segment cannot be read.
        """
        return self.scan_after(position, ())[0]

    def scan_after(self, position: Position | None, words: Sequence[bytes]) -> tuple[int, list[bytes]]:
        """How many lines come after a position, and the bodies of whole ones that hold one of some words.

        Much faster than reading: only lines with a word are looked at.

        Raises:
            OSError: a segment cannot be read.
        """
        at = (position or {}).get("writers", {})
        count = 0
        found: list[bytes] = []
        for writer, segment in segments(self.path):
            first, offset = at.get(str(writer), (1, 0))
            if segment >= first:
                for block in _blocks(segment_path(self.path, writer, segment), offset if segment == first else 0):
                    count += block.count(b"\n")
                    if any(word in block for word in words):
                        lines = [line for line in block.split(b"\n") if any(word in line for word in words)]
                        found += [body for body in map(unseal, lines) if body is not None]
        return count, found

    def alive(self) -> bool:
        """Whether a living process may still add events."""
        return any(is_locked(path) for path in self.path.glob("journal-*.lock"))

    @contextlib.contextmanager
    def uploading(self) -> Iterator[None]:
        """Hold the right to upload this run.

        Raises:
            JournalLocked: as `lock_upload`.
        """
        self.lock_upload()
        try:
            yield
        finally:
            self.unlock_upload()

    def lock_upload(self) -> None:
        """Take the right to upload this run; harmless when held already.

        Raises:
            JournalLocked: another process holds it, and the message says which; or the file system has no locks.
        """
        try:
            free = self._upload_lock.acquire()
        except OSError as exc:
            raise JournalLocked(
                f"{self.path} cannot be locked ({exc.strerror or exc}), and without a lock two could send it at once"
            ) from exc
        if not free:
            holder = self._holder()
            raise JournalLocked(f"{self.path} is being uploaded by {holder}", holder)
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

    def keep_media(self, source: Source, extension: str) -> Kept:
        """Copy the bytes of a media value into the run directory.

        Raises:
            OSError: they cannot be read or copied.
        """
        return keep_media(self.path, source, extension)

    def keep_file(self, source: Source, name: str) -> str:
        """Copy a file of the run, or bytes, into the run directory; its path relative to the directory.

        Raises:
            OSError: it cannot be read or copied.
        """
        return keep_file(self.path, source, name)

    def append_file(self, data: bytes, name: str, size: int) -> int:
        """Append to a file that is kept, behind its first `size` bytes; its size now.

        Raises:
            OSError: it cannot be written.
        """
        return append_file(self.path, data, name, size)

    def _started(self) -> float:
        start = (self._load("run.json") or {}).get("start")
        return float(start) if isinstance(start, (int, float)) and abs(start) < 1e12 else 0.0

    def _load(self, name: str) -> dict[str, Any] | None:
        try:
            value = loads((self.path / name).read_bytes())
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def _save(self, name: str, data: bytes, *, durable: bool) -> None:
        """Replace a file as a whole: whoever reads it sees the old content or the new."""
        temporary = self.path / f"{name}.{os.getpid()}.tmp"
        try:
            with temporary.open("wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(self.path / name)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def _make_durably(path: Path) -> None:
    """Make a folder with its parents, and force their names to the disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_directory(folder.parent)


def _blocks(path: Path, offset: int) -> Iterator[bytes]:
    """The whole lines of a segment from a place on, some at a time."""
    with path.open("rb") as file:
        file.seek(offset)
        while block := file.read(2**20):
            yield block + (b"" if block.endswith(b"\n") else file.readline())


def _names(run_id: str) -> Iterator[str]:
    yield run_id
    for number in range(2, 1_000_000):
        yield f"{run_id}.{number}"


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


def find_runs(path: Path, on_problem: Callable[[OSError], object] | None = None) -> list[RunDir]:
    """All run directories at or below `path`, oldest first. What is inside of one is not looked at.

    Args:
        path: where to look.
        on_problem: told of each folder that cannot be read, which is left out.
    """
    found = []
    for folder, below, files in os.walk(path, onerror=on_problem):
        if "run.json" in files:
            below.clear()
            found.append(RunDir(Path(folder)))
    return sorted(found, key=lambda run_dir: (run_dir._started(), run_dir.path))  # noqa: SLF001  the same room
