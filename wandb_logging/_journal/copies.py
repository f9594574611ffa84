"""Copies of files that are to be uploaded, in a run directory.

The program may change or remove its own file after the copy is made. A copy is written under a temporary name and then
moved to its place, so that no reader sees half of it.

    files/media/<SHA-256><extension>          the bytes of a media value; equal bytes are kept once
    files/once/<SHA-256>-<number><extension>  the same where max_cache_bytes is set: a copy for each event, removed
                                              when it is uploaded
    files/saved/<hash of the name>/<name>     a file of the run; only its newest content, for the server keeps no other
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Union

from wandb_logging._dataclass import dataclass
from wandb_logging._journal import safe_files
from wandb_logging._values.text_hash import hash_of

_BLOCK = 2**20
_ONCE = "files/once"
_numbers = itertools.count()

Source = Union[Path, bytes]


@dataclass(frozen=True)
class Kept:
    """A copy of some bytes in the run directory.

    Attributes:
        path: relative to the run directory, with forward slashes.
        sha256: of the bytes, hexadecimal.
        size: in bytes.
    """

    path: str
    sha256: str
    size: int


class Copies:
    """The copies in one run directory: made, opened to be sent, asked for and removed.

    Args:
        run_dir: path of the run directory.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def keep_media(self, source: Source, extension: str, *, once: bool = False) -> Kept:
        """Copy the bytes of a media value.

        Args:
            source: a file, or bytes.
            extension: of the copy, with its dot.
            once: make a copy for this event alone, even of equal bytes, so that it can be removed when it is uploaded.

        Raises:
            OSError: the source cannot be read, or the copy cannot be written.
        """
        folder = _ONCE if once else "files/media"
        digest = new_digest("sha256")
        with self._copied(source, folder, digest) as (copy, size):
            sha256 = digest.hexdigest()
            last = f"{sha256}-{os.urandom(8).hex()}{extension}" if once else f"{sha256}{extension}"
            target = f"{folder}/{last}"
            if safe_files.is_file(self._run_dir, target):
                safe_files.remove(self._run_dir, copy)
            else:
                safe_files.move(self._run_dir, copy, target)
        return Kept(target, sha256, size)

    def keep(self, source: Source, name: str) -> str:
        """Copy a file of the run in place of an earlier copy of that name. Returns its path relative to the directory.

        Args:
            source: a file, or bytes.
            name: its name in the run, with forward slashes.

        Raises:
            OSError: it cannot be read or copied.
        """
        target = PurePosixPath(place_of(name))
        with self._copied(source, target.parent.as_posix()) as (copy, _):
            try:
                safe_files.move(self._run_dir, copy, target.as_posix())
            except PermissionError:  # Windows: the old one is just being uploaded
                target = target.with_name(f"{os.urandom(8).hex()}-{target.name}")
                safe_files.move(self._run_dir, copy, target.as_posix())
        return target.as_posix()

    def append(self, data: bytes, name: str, size: int) -> int:
        """Append to a copy behind its first `size` bytes. Later bytes are cut off: they were written before a crash.

        Returns:
            The size of the copy now.

        Raises:
            OSError: it cannot be written.
        """
        path = PurePosixPath(place_of(name))
        safe_files.make_folder(self._run_dir, path.parent.as_posix())
        with safe_files.open_to_append(self._run_dir, path.as_posix()) as file:
            file.truncate(min(size, os.fstat(file.fileno()).st_size))
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            return os.fstat(file.fileno()).st_size

    def open(self, kept: str) -> BinaryIO:
        """Open a copy to be sent. `kept` is its path as the journal says it, which may have been tampered with.

        Raises:
            OSError: it cannot be read, is no regular file of this directory, or has a second name.
        """
        return safe_files.open_to_read(self._run_dir, kept, sole=True)

    def status(self, kept: str) -> os.stat_result | None:
        """The system's status of a copy; None if it is gone."""
        return safe_files.status(self._run_dir, kept)

    def read(self, name: str) -> bytes:
        """The content of the copy of a file of the run.

        Args:
            name: the file's name in the run.

        Raises:
            OSError: it cannot be read, is no regular file of this directory, or is larger than `safe_files.MOST_JSON`.
        """
        with self.open(place_of(name)) as file:
            size = os.fstat(file.fileno()).st_size
            if size > safe_files.MOST_JSON:
                raise safe_files.NotOurs(errno.EFBIG, f"is larger than {safe_files.MOST_JSON} bytes", name)
            return file.read(size)

    def has(self, name: str) -> bool:
        """Whether there is a copy of the run's file of that name, as a regular file."""
        return safe_files.is_file(self._run_dir, place_of(name))

    def remove(self, name: str) -> None:
        """Remove the copy of the run's file of that name.

        Raises:
            OSError: it cannot be removed.
        """
        safe_files.remove(self._run_dir, place_of(name))

    def let_go(self, kept: str) -> None:
        """Remove a copy that is uploaded, if it was made for one event alone: others may be shared."""
        if PurePosixPath(kept).parent == PurePosixPath(_ONCE):
            with contextlib.suppress(OSError):
                safe_files.remove(self._run_dir, kept)

    @contextlib.contextmanager
    def _copied(self, source: Source, folder: str, digest: Any = None) -> Iterator[tuple[str, int]]:
        """Name and size of a temporary copy, to be moved to its place or removed. If that fails, it is removed.

        Args:
            digest: takes in the bytes, which is most of a copy's work; default: nobody needs that.
        """
        safe_files.make_folder(self._run_dir, folder)
        # A number for each: a signal's handler may log an image while this very thread copies one.
        copy = f"{folder}/.{os.getpid()}-{next(_numbers)}.tmp"
        size = 0
        try:
            with os.fdopen(safe_files.create(self._run_dir, copy), "wb") as out:
                for block in blocks(source):
                    if digest is not None:
                        digest.update(block)
                    size += len(block)
                    out.write(block)
            yield copy, size
        except BaseException:
            with contextlib.suppress(OSError):
                safe_files.remove(self._run_dir, copy)
            raise


def size_of(source: Source) -> int:
    """Size of a source in bytes.

    Raises:
        OSError: it cannot be read.
    """
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def place_of(name: str) -> str:
    """Where a file of the run is kept, relative to the run directory."""
    # By a hash of the name: as they are, "a" and "a/b", or "a" and "A" on some systems, would be in each other's way.
    return f"files/saved/{hash_of(name)[:16]}/{PurePosixPath(name).name}"


def md5_of(file: BinaryIO, part: tuple[int, int] | None = None) -> str:
    """MD5 of an open file, hexadecimal.

    Args:
        part: where the bytes to read begin, and most of how many; default: the whole file.

    Raises:
        OSError: the file cannot be read.
    """
    digest = new_digest("md5")
    start, left = part or (0, os.fstat(file.fileno()).st_size)
    file.seek(start)
    while block := file.read(min(_BLOCK, left)):
        digest.update(block)
        left -= len(block)
    return str(digest.hexdigest())


def new_digest(name: str, data: bytes = b"") -> Any:
    """As `hashlib.new`, for a digest that identifies bytes and protects no secret."""
    import hashlib  # noqa: PLC0415  it loads OpenSSL, and most programs that log keep no file

    return hashlib.new(name, data, usedforsecurity=False)


def blocks(source: Source) -> Iterator[bytes]:
    """The bytes of a source, a megabyte at a time.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
