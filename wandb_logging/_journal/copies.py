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
import itertools
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Union

from wandb_logging._dataclass import dataclass
from wandb_logging._journal import safe_files

_BLOCK = 2**20
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


def keep_media(run_dir: Path, source: Source, extension: str, *, once: bool = False) -> Kept:
    """Copy the bytes of a media value.

    Args:
        run_dir: path of the run directory.
        source: a file, or bytes.
        extension: of the copy, with its dot.
        once: make a copy for this event alone.

    Raises:
        OSError: the source cannot be read, or the copy cannot be written.
    """
    folder = "files/once" if once else "files/media"
    digest = new_digest("sha256")
    with _copied(run_dir, source, folder, digest) as (copy, size):
        sha256 = digest.hexdigest()
        last = f"{sha256}-{os.urandom(8).hex()}{extension}" if once else f"{sha256}{extension}"
        target = f"{folder}/{last}"
        if not safe_files.is_file(run_dir, target):
            safe_files.move(run_dir, copy, target)
    return Kept(target, sha256, size)


def remove_once(run_dir: Path, kept: str) -> None:
    """Remove a copy that was made for one event alone. A copy that other events may share is left where it is."""
    path = PurePosixPath(kept)
    if path.parent == PurePosixPath("files/once"):
        with contextlib.suppress(OSError):
            safe_files.remove(run_dir, kept)


def size_of(source: Source) -> int:
    """Size of a source in bytes.

    Raises:
        OSError: it cannot be read.
    """
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def keep_file(run_dir: Path, source: Source, name: str) -> str:
    """Copy a file of the run, in place of an earlier copy of that name. Returns its path relative to the run directory.

    Args:
        run_dir: path of the run directory.
        source: a file, or bytes.
        name: its name in the run, with forward slashes.

    Raises:
        OSError: it cannot be read or copied.
    """
    target = PurePosixPath(place_of(name))
    with _copied(run_dir, source, target.parent.as_posix()) as (copy, _):
        try:
            safe_files.move(run_dir, copy, target.as_posix())
        except PermissionError:  # Windows: the old one is just being uploaded
            target = target.with_name(f"{os.urandom(8).hex()}-{target.name}")
            safe_files.move(run_dir, copy, target.as_posix())
    return target.as_posix()


def place_of(name: str) -> str:
    """Where a file of the run is kept, relative to the run directory."""
    # By a hash of the name: as they are, "a" and "a/b", or "a" and "A" on some systems, would be in each other's way.
    digest = new_digest("sha256", name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"files/saved/{digest[:16]}/{PurePosixPath(name).name}"


def append_file(run_dir: Path, data: bytes, name: str, size: int) -> int:
    """Append to a copy behind its first `size` bytes. Later bytes are cut off: they were written before a crash.

    Returns:
        The size of the copy now.

    Raises:
        OSError: it cannot be written.
    """
    path = PurePosixPath(place_of(name))
    safe_files.make_folder(run_dir, path.parent.as_posix())
    with safe_files.open_to_append(run_dir, path.as_posix()) as file:
        file.truncate(min(size, os.fstat(file.fileno()).st_size))
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        return os.fstat(file.fileno()).st_size


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


@contextlib.contextmanager
def _copied(run_dir: Path, source: Source, folder: str, digest: Any = None) -> Iterator[tuple[str, int]]:
    """Name and size of a temporary copy, which is removed at the end unless it was moved to its place.

    Args:
        digest: takes in the bytes, which is most of a copy's work; default: nobody needs that.
    """
    safe_files.make_folder(run_dir, folder)
    # A number for each: a signal's handler may log an image while this very thread copies one.
    copy = f"{folder}/.{os.getpid()}-{next(_numbers)}.tmp"
    size = 0
    try:
        with os.fdopen(safe_files.create(run_dir, copy), "wb") as out:
            for block in blocks(source):
                if digest is not None:
                    digest.update(block)
                size += len(block)
                out.write(block)
        yield copy, size
    finally:
        with contextlib.suppress(OSError):
            safe_files.remove(run_dir, copy)


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
