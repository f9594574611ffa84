"""Lines of a journal that hold one of some words, found without reading the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from wandb_logging._journal import door
from wandb_logging._journal.position import START, At
from wandb_logging._journal.reader import MOST_LINE
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.segments import segment_path, segments


def scan(path: Path, at: Mapping[int, At], words: Sequence[bytes], take: Callable[[bytes], object]) -> int:
    """How many lines a journal has. Of several writers it is one after the other.

    Args:
        path: the run directory.
        at: where to begin, by writer. Writers that it does not name: at their start.
        words: what a line has to hold one of.
        take: called with the body of each whole line that does.

    Raises:
        OSError: a segment cannot be read.
    """
    count = 0
    for writer, segment in segments(path):
        first, offset = at.get(writer, START)
        if segment >= first:
            name = segment_path(path, writer, segment).name
            for block in _blocks(path, name, offset if segment == first else 0):
                count += block.count(b"\n")
                if any(word in block for word in words):
                    lines = (line for line in block.split(b"\n") if any(word in line for word in words))
                    for body in filter(None, map(unseal, lines)):
                        take(body)
    return count


def _blocks(path: Path, name: str, offset: int) -> Iterator[bytes]:
    """The whole lines of a segment from a place on, some at a time."""
    with io.BufferedReader(door.open_to_read(path, name)) as file:  # type: ignore[type-var]  # it is a FileIO
        file.seek(offset)
        while block := file.read(2**20):
            yield block + (b"" if block.endswith(b"\n") else file.readline(MOST_LINE))
