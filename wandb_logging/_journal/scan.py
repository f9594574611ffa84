"""Finds the lines of a journal that hold one of some words, without parsing the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from wandb_logging._journal import safe_files
from wandb_logging._journal.position import START, At
from wandb_logging._journal.reader import MOST_LINE
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.segments import segment_name, segments


def scan(path: Path, at: Mapping[int, At], words: Sequence[bytes], take: Callable[[bytes], object]) -> int:
    """Count the lines of a journal, and give those that hold a word to `take`. Writers are read one after the other.

    Args:
        path: the run directory.
        at: by writer: where to begin. A writer that is not named is read from its start.
        words: a line is given to `take` if it holds one of these.
        take: called with the body of each such line that is whole.

    Returns:
        The number of all lines.

    Raises:
        OSError: a segment cannot be read.
    """
    count = 0
    for writer, segment in segments(path):
        first, offset = at.get(writer, START)
        if segment >= first:
            name = segment_name(writer, segment)
            for block in _blocks(path, name, offset if segment == first else 0):
                count += block.count(b"\n")
                if any(word in block for word in words):
                    lines = (line for line in block.split(b"\n") if any(word in line for word in words))
                    for body in filter(None, map(unseal, lines)):
                        take(body)
    return count


def _blocks(path: Path, name: str, offset: int) -> Iterator[bytes]:
    """Blocks of whole lines of a segment, from a byte on."""
    with io.BufferedReader(safe_files.open_to_read(path, name)) as file:  # type: ignore[type-var]  # it is a FileIO
        file.seek(offset)
        while block := file.read(2**20):
            yield block + (b"" if block.endswith(b"\n") else file.readline(MOST_LINE))
