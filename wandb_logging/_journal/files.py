"""The copies in one run directory that are to be uploaded: made, opened, asked for and removed.

`_journal.copies` makes a copy and says where it is; `_journal.safe_files` opens files, never through a link.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

from wandb_logging._journal import safe_files
from wandb_logging._journal.copies import (
    Kept,
    Source,
    append_file,
    keep_file,
    keep_media,
    place_of,
    remove_once,
)


class Files:
    """The copies in one run directory.

    Args:
        run_dir: path of the run directory.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def keep_media(self, source: Source, extension: str, *, once: bool = False) -> Kept:
        """Copy the bytes of a media value into the run directory.

        Args:
            once: make a copy for each value, even of equal bytes, so that it can be removed when that is uploaded.

        Raises:
            OSError: they cannot be read or copied.
        """
        return keep_media(self._run_dir, source, extension, once=once)

    def keep(self, source: Source, name: str) -> str:
        """Copy a file of the run, or bytes, into the run directory. Returns its path relative to the directory.

        Raises:
            OSError: it cannot be read or copied.
        """
        return keep_file(self._run_dir, source, name)

    def append(self, data: bytes, name: str, size: int) -> int:
        """Append to a copy behind its first `size` bytes. Returns its size now.

        Raises:
            OSError: it cannot be written.
        """
        return append_file(self._run_dir, data, name, size)

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
        """Remove a copy that is uploaded, if it was made for one event alone."""
        remove_once(self._run_dir, kept)
