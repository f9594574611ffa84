"""The journal read: whole lines from a position on, in an order that a second reading repeats."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._journal import seal, segment_path, segments, unseal
from wandb_logging._values import dumps, loads

Position = dict[str, Any]
"""Where reading stands: `{"writers": {"1": [segment, byte]}, "order": entries of order.jsonl passed}`."""


@dataclass(frozen=True)
class Chunk:
    """What one read gave: the bodies of whole lines, and how many were damaged and left out."""

    bodies: list[bytes]
    damaged: list[bytes]
    position: Position


class Reader:
    """Reads a run directory's events from a position, in an order that a second reading repeats.

    With one writer that is the order of its lines. With several (forked children, resumption) each read takes
    what is new of one writer, and says so in `order.jsonl` before anybody sees it: a reader that starts again
    before that point takes the same pieces in the same order.

    Args:
        path: the run directory.
        position: where to begin; None begins at the start.
        record_order: False for a reader that only looks: it repeats `order.jsonl` but never adds to it.
    """

    def __init__(self, path: Path, position: Position | None = None, *, record_order: bool = True) -> None:
        self._path = path
        self._record_order = record_order
        self._files: dict[int, tuple[int, BinaryIO]] = {}
        self._order: list[tuple[int, int, int]] | None = None
        self.seek(position)

    def seek(self, position: Position | None) -> None:
        """Go on from a position; None is the start."""
        position = position or {}
        self._at = {int(writer): (int(at[0]), int(at[1])) for writer, at in position.get("writers", {}).items()}
        self._order_at = int(position.get("order", 0))

    @property
    def position(self) -> Position:
        """Where reading stands, as JSON."""
        writers = {str(writer): list(at) for writer, at in sorted(self._at.items())}
        return {"writers": writers, "order": self._order_at}

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        """Whole lines from the position on, at most so many; an empty chunk when there are none."""
        present = segments(self._path)
        numbers = sorted({writer for writer, _ in present})
        if len(numbers) > 1:
            planned = self._planned()
            if planned is not None:
                writer, segment, end = planned
                lines = self._take(writer, set(present), max_lines, max_bytes, until=(segment, end))
                if self._at.get(writer, (1, 0)) >= (segment, end) or not lines:
                    self._order_at += 1
                return self._chunk(lines)
        for writer in numbers:
            lines = self._take(writer, set(present), max_lines, max_bytes)
            if lines:
                if len(numbers) > 1:
                    self._plan(writer)
                return self._chunk(lines)
        return self._chunk([])

    def close(self) -> None:
        """Close the segments that are open."""
        for _, file in self._files.values():
            file.close()
        self._files.clear()

    def _chunk(self, lines: list[bytes]) -> Chunk:
        bodies, damaged = [], []
        for line in lines:
            body = unseal(line)
            if body is not None:
                bodies.append(body)
            elif line:  # an empty line ends a broken one
                damaged.append(line)
        return Chunk(bodies, damaged, self.position)

    def _take(
        self,
        writer: int,
        present: set[tuple[int, int]],
        max_lines: int,
        max_bytes: int,
        until: tuple[int, int] | None = None,
    ) -> list[bytes]:
        segment, offset = self._at.get(writer, (1, 0))
        while True:
            # Looked up before reading: when the next segment is there, this one is complete.
            complete = (writer, segment + 1) in present
            if until is not None and until[0] == segment:
                max_bytes = min(max_bytes, until[1] - offset)
                exact = True
            else:
                exact = False
            if (writer, segment) in present and max_bytes > 0:
                data = _whole_lines(self._open(writer, segment), offset, max_bytes, exact=exact)
                if not data and complete:
                    tail = self._rest(writer, segment, offset)
                    if tail:  # torn by a crash or a full disk, and never continued
                        self._at[writer] = (segment + 1, 0)
                        return [tail]
                if data:
                    lines = data[:-1].split(b"\n", max_lines)
                    if len(lines) > max_lines:
                        lines.pop()
                    self._at[writer] = (segment, offset + sum(map(len, lines)) + len(lines))
                    return lines
            if not complete or exact:
                return []
            segment, offset = segment + 1, 0
            self._at[writer] = (segment, offset)

    def _open(self, writer: int, segment: int) -> BinaryIO:
        current = self._files.get(writer)
        if current is None or current[0] != segment:
            if current is not None:
                current[1].close()
            file = segment_path(self._path, writer, segment).open("rb", buffering=0)
            current = self._files[writer] = (segment, file)
        return current[1]

    def _rest(self, writer: int, segment: int, offset: int) -> bytes:
        file = self._open(writer, segment)
        file.seek(offset)
        return file.read().rstrip(b"\n")

    def _planned(self) -> tuple[int, int, int] | None:
        if self._order is None or len(self._order) <= self._order_at:
            self._order = _read_order(self._path)
        return self._order[self._order_at] if self._order_at < len(self._order) else None

    def _plan(self, writer: int) -> None:
        if self._record_order:
            segment, offset = self._at[writer]
            line = seal(dumps({"writer": writer, "segment": segment, "offset": offset}))
            with (self._path / "order.jsonl").open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            self._order_at += 1


def _whole_lines(file: BinaryIO, offset: int, max_bytes: int, *, exact: bool) -> bytes:
    """Bytes from `offset` up to a newline: about `max_bytes`, more if one line is longer, all if `exact`."""
    file.seek(offset)
    data = file.read(max_bytes)
    if exact:
        return data
    end = data.rfind(b"\n") + 1
    while not end:
        more = file.read(max(max_bytes, 2**16))
        if not more:
            return b""
        end = len(data) + more.rfind(b"\n") + 1 if b"\n" in more else 0
        data += more
    return data[:end]


def _read_order(path: Path) -> list[tuple[int, int, int]]:
    try:
        lines = (path / "order.jsonl").read_bytes().split(b"\n")
    except OSError:
        return []
    entries = []
    for line in lines:
        body = unseal(line)
        if body is not None:
            entry = loads(body)
            entries.append((entry["writer"], entry["segment"], entry["offset"]))
    return entries
