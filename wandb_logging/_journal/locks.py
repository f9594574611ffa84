"""A file lock that ends with its process: the system holds it for an open file, so no stale lock is left behind.

No library's, because of `fork`: the child of a process that holds a lock has to close its copy of the descriptor
without unlocking it for the parent (`abandon`), which the libraries looked at do not offer.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from wandb_logging._journal import safe_files
from wandb_logging._values.reentrant import new_lock, of_child

_PROBE = 0.005  # seconds between two tries to lock a folder
_HIGH = 200  # lowest descriptor of ours: above those of a program that begins, below every system's limit

if sys.platform == "win32":
    import msvcrt

    # Locks on Windows keep others from reading the locked bytes: take one far behind the end of the file.
    _FAR = 2**30

    def _lock(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

    def _unlock(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

    def out_of_the_way(fd: int) -> int:
        """The same descriptor: on Windows no program closes descriptors that are not its own."""
        return fd

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)

    def out_of_the_way(fd: int) -> int:
        """A copy of a descriptor with a high number, in place of it; the same descriptor if there can be no copy.

        A program that becomes a daemon closes all descriptors, ours too, and its next files get the lowest numbers. A
        high number is then found to be closed; a low one would be a file of the program, and we would write into it.
        """
        try:
            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        except OSError:
            return fd
        os.close(fd)
        return high


def close_quietly(fd: int) -> None:
    """Close a descriptor. Harmless if it is closed already, or -1."""
    try:  # noqa: SIM105  in a forked child each function that is called for the first time costs a page
        os.close(fd)
    except OSError:
        pass


class ProcessLock:
    """An exclusive lock on a small file, released at the latest when the process ends.

    Args:
        folder: the folder of the lock file.
        name: its name there. It is made when missing, and left there (unlinking it would let two processes hold "the"
            lock on two files of that name).
        make: whether it may be made.
    """

    def __init__(self, folder: Path, name: str, *, make: bool = True) -> None:
        self._folder = folder
        self._name = name
        self._make = make
        self._fd: int | None = None
        self._made: int | None = None  # descriptor of the file that `make` has made, until it is locked
        # If one thread closed the descriptor while another writes, the number could be another file by then. A signal
        # handler that releases the lock in the middle of `note` leaves it to `note` to close the descriptor.
        self._guard = new_lock()
        self._noting = 0
        self._text = ""

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def make(self) -> None:
        """Make the file, which must not be there yet. `acquire` then locks this very file.

        Raises:
            FileExistsError: there is something of that name.
            OSError: the file cannot be made.
        """
        self._made = safe_files.create(self._folder, self._name)

    def make_held(self, text: str) -> bool:
        """As `make`, `acquire` and `note`, in one. Returns False if it is made, and `acquire` has to try again.

        Raises:
            FileExistsError: there is something of that name.
            OSError: the file cannot be made.
        """
        fd = self._made = safe_files.create(self._folder, self._name)
        try:
            _lock(fd)
        except OSError:  # somebody looks at it just now, or nothing can be locked here
            return False
        self._made = None
        fd = out_of_the_way(fd)
        try:  # noqa: SIM105  as in `close_quietly`
            os.write(fd, text.encode())
        except OSError:
            pass
        self._text = text
        self._fd = fd  # not before it is written to: a signal's handler that releases the lock would close it
        return True

    def acquire(self) -> bool:
        """Take the lock without waiting. Returns False if another process, or another object here, has it.

        Raises:
            OSError: the file system cannot lock, or the file cannot be made.
        """
        if self._fd is not None:
            return True
        fd, self._made = self._made, None
        if fd is None:
            fd = safe_files.open_lock(self._folder, self._name, make=self._make)
        try:
            _lock(fd)
        except (BlockingIOError, PermissionError):
            os.close(fd)
            return False
        except OSError:
            os.close(fd)
            raise
        self._fd = out_of_the_way(fd)
        return True

    def note(self, text: str) -> None:
        """Write who holds the lock into the file, for other processes and for messages."""
        with self._guard:
            if self._fd is None:
                return
            fd, self._text = self._fd, text
            self._noting += 1
            try:
                _overwrite(fd, text)
                if self._fd == fd and self._text != text:  # a signal's handler noted something meanwhile
                    _overwrite(fd, self._text)
            finally:
                self._noting -= 1
                if not (self.held or self._noting):
                    close_quietly(fd)

    def release(self) -> None:
        """Unlock the file. Harmless if it is not held."""
        with self._guard:
            fd, self._fd = self._fd, None
            if fd is not None:
                with contextlib.suppress(OSError):
                    _unlock(fd)
                if not self._noting:
                    close_quietly(fd)

    def abandon(self) -> None:
        """In a forked child: forget the parent's lock without unlocking it."""
        self._guard, self._noting = of_child(self._guard), 0
        if self._fd is not None:
            fd, self._fd = self._fd, None
            close_quietly(fd)


def _overwrite(fd: int, text: str) -> None:
    """Replace a file's text. Who reads meanwhile sees the old text or the new one, perhaps with blanks behind it."""
    with contextlib.suppress(OSError):
        found, written = os.fstat(fd), text.encode()
        if found.st_nlink > 1:  # a hard link: the file may be something else, too
            return
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, written.ljust(found.st_size))
        if found.st_size > len(written):
            os.ftruncate(fd, len(written))


@contextlib.contextmanager
def folder_lock(folder: Path, patience: float) -> Iterator[None]:
    """Hold a lock on a folder inside the `with`. After `patience` seconds, or where nothing can be locked, hold none.

    The lock is on the folder itself where the system can do that (not on NFS, nor on Windows), else on a hidden file in
    the folder above.
    """
    until = time.monotonic() + patience
    fd: int | None = None
    try:
        fd = _locked_folder(folder, until)
        file = None
    except OSError:
        file = ProcessLock(folder.parent, f".{folder.name}.lock")
    try:
        if file is not None:
            with contextlib.suppress(OSError):
                while not file.acquire() and time.monotonic() < until:
                    time.sleep(_PROBE)
        yield
    finally:
        if file is not None:
            file.release()
        if fd is not None:
            os.close(fd)


def _locked_folder(folder: Path, until: float) -> int:
    fd = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        while True:
            try:
                _lock(fd)
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= until:
                    return fd
                time.sleep(_PROBE)
            else:
                return fd
    except OSError:
        os.close(fd)
        raise


def lock_is_taken(path: Path) -> bool | None:
    """Whether the lock is taken; None if that cannot be found out. A missing file is not locked."""
    probe = ProcessLock(path.parent, path.name, make=False)
    try:
        taken = not probe.acquire()
    except FileNotFoundError:
        return False
    except OSError:  # it cannot be opened or locked, or is no regular file
        return None
    probe.release()
    return taken
