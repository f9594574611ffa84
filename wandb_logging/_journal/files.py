"""The files of a run directory that are uploaded beside the streams: kept, read and removed by where they are.

How a copy is made, and where, is `_journal.copies`'; that nothing is opened through a link is `_journal.door`'s.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

from wandb_logging._journal import door
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
    """The kept files of one run directory.

    Args:
        run_dir: path of the run directory.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def keep_media(self, source: Source, extension: str, *, once: bool = False) -> Kept:
        """Copy the bytes of a media value into the run directory.

        Args:
            once: have a copy for each value, even of the same bytes, so that it can be removed with that one.

        Raises:
            OSError: they cannot be read or copied.
        """
        return keep_media(self._run_dir, source, extension, once=once)

    def keep(self, source: Source, name: str) -> str:
        """Copy a file of the run, or bytes, into the run directory; its path relative to the directory.

        Raises:
            OSError: it cannot be read or copied.
        """
        return keep_file(self._run_dir, source, name)

    def append(self, data: bytes, name: str, size: int) -> int:
        """Append to a file that is kept, behind its first `size` bytes; its size now.

        Raises:
            OSError: it cannot be written.
        """
        return append_file(self._run_dir, data, name, size)

    def open(self, kept: str) -> BinaryIO:
        """A copy that was kept, open to be sent: where it is, the journal says, which somebody may have changed.

        Raises:
            OSError: it cannot be read, is no regular file of this directory, or has a second name.
        """
        return door.open_to_read(self._run_dir, kept, sole=True)

    def status(self, kept: str) -> os.stat_result | None:
        """What the system says of a copy that was kept; None if it is gone."""
        return door.status(self._run_dir, kept)

    def read(self, name: str) -> bytes:
        """The content of a file of the run, by its name there.

        Raises:
            OSError: it cannot be read, is no regular file of this directory, or is larger than JSON is read.
        """
        with self.open(place_of(name)) as file:
            size = os.fstat(file.fileno()).st_size
            if size > door.MOST_JSON:
                raise door.NotOurs(errno.EFBIG, f"is larger than {door.MOST_JSON} bytes", name)
            return file.read(size)

    def has(self, name: str) -> bool:
        """Whether there is a file of the run of that name, and one that can be sent."""
        return door.is_file(self._run_dir, place_of(name))

    def remove(self, name: str) -> None:
        """Remove a file of the run, by its name there.

        Raises:
            OSError: it cannot be removed.
        """
        door.remove(self._run_dir, place_of(name))

    def let_go(self, kept: str) -> None:
        """Remove a copy that is uploaded, if only one event has it."""
        remove_once(self._run_dir, kept)
