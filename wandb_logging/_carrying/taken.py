"""How many lines of a worker's journal are in the run's directory. The disk says it, whichever process wrote them.

Each line that was carried has its number in the worker's journal as the member `carried`, and the lock file of each
writer names the worker whose lines it writes. So a process that takes the place of one that was killed knows of each
worker what is there: a line is there whole, with its number, or it is not there.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from wandb_logging._journal import safe_files
from wandb_logging._journal.members import is_writing, note_of, writers_of
from wandb_logging._journal.presence import NOBODY
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.segments import by_writer, segment_name
from wandb_logging._values.plain import loads

_BLOCK = 2**16  # bytes read from the end of a segment; twice as many if no whole line is among them, and so on


class Taken:
    """Of each worker elsewhere: which writers of a run directory have written its lines.

    Args:
        path: the run directory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[int] = set()  # writers whose lock file was read
        self._of: defaultdict[str, list[int]] = defaultdict(list)

    def lines(self, source: str) -> int | None:
        """How many lines of a worker are there. None if a process may still add some: nobody else takes more then.

        Raises:
            OSError: a segment cannot be read.
        """
        self._look()
        writers = self._of.get(source, [])
        if any(is_writing(self._path, writer) for writer in writers):
            return None
        present = by_writer(self._path) if writers else {}
        return max((_last(self._path, writer, present.get(writer, [])) for writer in writers), default=0)

    def _look(self) -> None:
        for writer in writers_of(self._path):
            if writer not in self._known:
                note = note_of(self._path, writer)
                if note.holder != NOBODY:  # else its process is about to write who it is
                    self._known.add(writer)
                if note.carries:
                    self._of[note.carries].append(writer)


def _last(path: Path, writer: int, numbers: list[int]) -> int:
    """The number of the last line of a writer; 0 without one. Its last segment may have been made a moment ago."""
    found = (_last_in(path, segment_name(writer, number)) for number in reversed(numbers))
    return next(filter(None, found), 0)


def _last_in(path: Path, name: str) -> int:
    with safe_files.open_to_read(path, name) as file:
        size = os.fstat(file.fileno()).st_size
        block = _BLOCK
        while True:
            file.seek(max(0, size - block))
            # The last line may be half a line: its process was killed as it wrote. Readers leave it out.
            numbers = map(_number, reversed(file.read(block).split(b"\n")))
            if (number := next(filter(None, numbers), 0)) or block >= size:
                return number
            block *= 2


def _number(line: bytes) -> int:
    body = unseal(line)
    number = loads(body).get("carried") if body is not None else None
    return number if type(number) is int else 0
