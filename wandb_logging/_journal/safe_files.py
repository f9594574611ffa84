"""Opens the files of a run directory safely, and is the only place that does: regular files alone, through no link.

A run directory may come from somebody else: an archive, a folder that others can write to. Somebody may have planted a
link to a private file there, a pipe that nobody writes to, or a device; these must not be read, written or waited for.
So each folder on the way from the run directory to the file is opened as a folder, no link is followed, and anything
but a regular file is refused before a byte of it is read.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MOST_JSON = 256 * 2**20  # bytes of a file that is read as a whole: it may hold the config and summary of a run
MOST_NOTE = 1024  # bytes of a lock file
_PIECE = 2**20  # bytes that are copied at once

_FLAGS = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe is opened, and refused, without waiting for its other end
    | getattr(os, "O_NOCTTY", 0)
)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_numbers = itertools.count()
_LARGE = 2**30  # bytes from which on a file's holes are looked at
_HOLLOW = 1000  # a file with less than one part of so many on the disk is hollow: no disk compresses a journal so much
_MODE = 0o666  # less the umask: where a group shares the folder, its members can go on with a run
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # a name that is one part on every system
_STEP_BY_STEP = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class NotOurs(OSError):
    """Something in a run directory that is no file of a run: a link, a pipe, a device, or more than it may hold."""


def read(root: Path, name: str, most: int = MOST_JSON) -> bytes:
    """The content of a file.

    Args:
        root: the run directory.
        name: path of the file in there, with forward slashes.
        most: bytes that the file may have.

    Raises:
        NotOurs: it is no regular file, or has more bytes.
        OSError: it cannot be read.
    """
    with open_to_read(root, name) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise NotOurs(errno.EFBIG, f"is larger than {most} bytes", str(root / name))
        return file.read(size)


def open_to_read(root: Path, name: str, *, sole: bool = False) -> BinaryIO:
    """Open a file to read, unbuffered.

    Args:
        sole: refuse a file that has a second name (a hard link): it may be somebody's private file.

    Raises:
        NotOurs: it is no regular file.
        OSError: it cannot be opened.
    """
    fd = _open(root, name, os.O_RDONLY)
    if sole and os.fstat(fd).st_nlink > 1:
        os.close(fd)
        raise NotOurs(errno.EMLINK, "has a second name (a hard link): copy the run directory, and sync the copy", name)
    return os.fdopen(fd, "rb", buffering=0)


def open_to_append(root: Path, name: str) -> BinaryIO:
    """Open a file to write at its end, and make it if it is missing. A file that has a second name is copied first.

    Raises:
        NotOurs: it is no regular file.
        OSError: it cannot be opened.
    """
    fd = _open(root, name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if os.fstat(fd).st_nlink > 1:
        with os.fdopen(fd, "rb") as shared:
            pieces = iter(partial(shared.read, _PIECE), b"")
            _replace(root, name, lambda file: file.writelines(pieces), durable=True)
        fd = _open(root, name, os.O_RDWR | os.O_APPEND)
    return os.fdopen(fd, "r+b", buffering=0)


def open_lock(root: Path, name: str, *, make: bool = True) -> int:
    """Descriptor of a lock file, for reading and writing; for reading alone if it may not be written.

    Args:
        make: make the file if it is missing.

    Raises:
        NotOurs: it is no regular file.
        OSError: it cannot be opened.
    """
    try:
        return _open(root, name, os.O_RDWR | (os.O_CREAT if make else 0))
    except PermissionError as refused:
        try:
            return _open(root, name, os.O_RDONLY)
        except FileNotFoundError:
            raise refused from None  # that it is missing is not what is wrong


def create(root: Path, name: str, *, append: bool = False) -> int:
    """Descriptor of a new file.

    Raises:
        FileExistsError: there is something of that name.
        OSError: it cannot be made.
    """
    # For reading, too: its content can be read back after the file was removed (`lost`).
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | (os.O_APPEND if append else 0)
    if _PLAIN.fullmatch(name):  # there is no folder on the way, and what is made is a regular file
        return os.open(f"{root}/{name}", flags | _FLAGS, _MODE)
    return _open(root, name, flags)


def replace(root: Path, name: str, data: bytes, *, durable: bool) -> None:
    """Replace the content of a file as a whole: whoever reads the file sees the old content or the new one.

    Raises:
        OSError: the disk refuses it; then the file is as it was.
    """
    _replace(root, name, lambda file: file.write(data), durable=durable)


def overwrite(root: Path, name: str, data: bytes) -> None:
    """Replace the content of a file in the blocks that it has: a full disk has no room for a new file.

    Whoever reads the file meanwhile, or after a crash in between, may see half of the new content.

    Raises:
        OSError: the disk refuses it, or the file has too few blocks; then the file is as it was.
    """
    fd = _open(root, name, os.O_RDWR)
    with os.fdopen(fd, "r+b", buffering=0) as file:
        found = os.fstat(fd)
        if found.st_nlink > 1 or getattr(found, "st_blocks", 0) * 512 < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(root / name))
        file.write(data)
        file.truncate()


def _replace(root: Path, name: str, write: Callable[[BinaryIO], object], *, durable: bool) -> None:
    above, last = _split(name)
    with _folder(root, above) as at:
        temporary = f"{last}.{os.getpid()}-{next(_numbers)}.tmp"
        try:
            with os.fdopen(create(root, "/".join([*above, temporary])), "wb") as file:
                write(file)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(at.path(temporary), at.path(last), src_dir_fd=at.fd, dst_dir_fd=at.fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(at.path(temporary), dir_fd=at.fd)
            raise


def move(root: Path, name: str, target: str) -> None:
    """Rename a file within its folder in the run directory, in place of a file of that name.

    Raises:
        OSError: it cannot be renamed.
    """
    above, source = _split(name)
    with _folder(root, above) as at:
        os.replace(at.path(source), at.path(_split(target)[1]), src_dir_fd=at.fd, dst_dir_fd=at.fd)


def remove(root: Path, name: str) -> None:
    """Remove a file; where it is a link, the link.

    Raises:
        OSError: it is not there, or cannot be removed.
    """
    above, last = _split(name)
    with _folder(root, above) as at:
        os.unlink(at.path(last), dir_fd=at.fd)


def make_folder(root: Path, name: str) -> None:
    """Make a folder and the folders above it, up to the run directory.

    Raises:
        NotOurs: something on the way is no folder.
        OSError: it cannot be made.
    """
    with _folder(root, _parts(name), make=True):
        pass


def touch(root: Path, name: str) -> os.stat_result:
    """Have the disk set the time of an existing file. Returns the file's status then.

    Raises:
        OSError: it is not there, or the disk refuses it.
    """
    above, last = _split(name)
    with _folder(root, above) as at:
        last = at.path(last)
        if _STEP_BY_STEP and os.utime in os.supports_dir_fd and os.utime in os.supports_follow_symlinks:
            os.utime(last, dir_fd=at.fd, follow_symlinks=False)
        else:
            os.utime(last)
        return os.stat(last, dir_fd=at.fd, follow_symlinks=False)


def status(root: Path, name: str) -> os.stat_result | None:
    """The system's status of a file; None if there is no such file.

    Raises:
        NotOurs: it is no regular file, or something on the way is no folder.
    """
    above, last = _split(name)
    try:
        with _folder(root, above) as at:
            found = os.stat(at.path(last), dir_fd=at.fd, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise _not_ours(root / name)
    return found


def is_there(root: Path, name: str) -> bool:
    """Whether there is anything of that name, of whatever kind. True also where that cannot be found out."""
    try:
        return status(root, name) is not None
    except OSError:
        return True


def is_file(root: Path, name: str) -> bool:
    """Whether there is a regular file of that name. False also where that cannot be found out."""
    try:
        return status(root, name) is not None
    except OSError:
        return False


class _Folder:
    """A folder of a run directory. Below the run directory it is held open where the system can do that.

    Then nobody can exchange it. The run directory itself need not be: it may be given as a link anyway.
    """

    def __init__(self, root: Path, parts: tuple[str, ...], fd: int | None) -> None:
        self.fd = fd
        self._root = root
        self._parts = parts

    def path(self, name: str) -> str:
        """A name in this folder, as the functions of `os` take it together with `dir_fd=fd`."""
        return name if self.fd is not None else "/".join([str(self._root), *self._parts, name])


@contextlib.contextmanager
def _folder(root: Path, parts: tuple[str, ...], *, make: bool = False) -> Iterator[_Folder]:
    """Open a folder below the run directory, following no link on the way. With `make`, make those that are missing."""
    if not (parts and _STEP_BY_STEP):
        _look_at(root, parts, make=make)
        yield _Folder(root, parts, None)
        return
    fd = os.open(root, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))  # the run directory itself may be given as a link
    try:
        for part in parts:
            fd, above = _opened(fd, part, root, parts, make=make), fd
            os.close(above)
        yield _Folder(root, parts, fd)
    finally:
        os.close(fd)


def _opened(above: int, part: str, root: Path, parts: tuple[str, ...], *, make: bool) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=above)
    except FileNotFoundError:
        if not make:
            raise
        with contextlib.suppress(FileExistsError):  # somebody else has just made it
            os.mkdir(part, dir_fd=above)
        return _opened(above, part, root, parts, make=False)
    except OSError as exc:
        if exc.errno in {errno.ELOOP, errno.ENOTDIR, errno.EMLINK}:
            raise _not_ours(root.joinpath(*parts)) from exc
        raise


def _look_at(root: Path, parts: tuple[str, ...], *, make: bool) -> None:
    for count in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:count])
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)  # noqa: PTH102  as above
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise _not_ours(path)


def _open(root: Path, name: str, flags: int) -> int:
    """Descriptor of a regular file."""
    above, last = _split(name)
    with _folder(root, above) as at:
        # Looked at before it is opened: opening a device may do something. And after: it may just have been exchanged.
        # With O_EXCL nothing is opened that is there.
        if not flags & os.O_EXCL:
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISREG(os.stat(at.path(last), dir_fd=at.fd, follow_symlinks=False).st_mode):
                    raise _not_ours(root / name)
        try:
            fd = os.open(at.path(last), flags | _FLAGS, _MODE, dir_fd=at.fd)
        except OSError as exc:
            if exc.errno in {errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EMLINK, errno.ENODEV, errno.EOPNOTSUPP}:
                raise _not_ours(root / name) from exc
            exc.filename = str(root / name)
            raise
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or _is_hollow(found):
        os.close(fd)
        raise _not_ours(root / name)
    return fd


def _is_hollow(found: os.stat_result) -> bool:
    """Whether a large file is nearly all holes: no journal is, and reading it would take hours."""
    stored = getattr(found, "st_blocks", found.st_size) * 512
    return found.st_size > _LARGE and stored * _HOLLOW < found.st_size


def _split(name: str) -> tuple[tuple[str, ...], str]:
    """The folders above a file, and its name in the last of them."""
    if _PLAIN.fullmatch(name):  # nearly every name, and taking it apart would be most of the work
        return (), name
    *above, last = _parts(name) or (".",)
    return tuple(above), last


@lru_cache(maxsize=256)  # of those that lie in folders most are asked for again and again
def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if ".." in parts or PurePosixPath(name).is_absolute() or "\0" in name:
        raise NotOurs(errno.EINVAL, "is not in the run directory", name)
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate, as JSON can have it
        raise NotOurs(errno.EINVAL, "is no name that a file can have", name) from None
    return parts


def _not_ours(path: Path) -> NotOurs:
    return NotOurs(
        errno.EINVAL, "is no regular file of a run but a link, a folder, a pipe, a device or a file of holes", str(path)
    )
