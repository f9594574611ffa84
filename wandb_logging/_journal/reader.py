"""Reads the journal: whole lines from a position on, in an order that a second reading repeats."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Optional, Protocol

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError, JournalLocked
from wandb_logging._journal import door
from wandb_logging._journal.members import is_writing, writers_of
from wandb_logging._journal.position import (
    START,
    At,
    Ends,
    Position,
    order_passed,
    places,
    position as written_down,
    torn_places,
)
from wandb_logging._journal.seal import salvage, seal, unseal
from wandb_logging._journal.segments import segment_path, segments, sync_directory
from wandb_logging._journal.unwritten import OpenSegment, WithMemory
from wandb_logging._journal.writer import Writer
from wandb_logging._values.plain import dumps, loads

_PLAN_BYTES = 2**20  # bytes of one writer's journal that an entry of order.jsonl covers: each entry costs an fsync
_MORE_BYTES = 2**16
_MISSED = 1000  # segments that a listing of the directory may lack, because they were made meanwhile
MOST_LINE = 2**28  # bytes of a line: the server takes a twentieth of that


@dataclass(frozen=True)
class Chunk:
    """The result of one read.

    Attributes:
        bodies: the events of whole lines, without their checksums.
        damaged: lines, or parts of lines, that cannot be read.
        position: where reading goes on.
    """

    bodies: list[bytes]
    damaged: list[bytes]
    position: Position


class Reader:
    """Reads a run directory's events from a position, in an order that a second reading repeats.

    With one writer that is the order of its lines. With several (forked children, resumption) the reader writes into
    `order.jsonl` which piece of which writer comes next, before it gives out that piece: a reader that starts again at
    an earlier position takes the same pieces in the same order.

    Half a line at the end of a dead writer's journal is reported once and not passed: the directory may be a copy that
    was made while the run went on, and the next copy has the rest of the line.

    Args:
        path: the run directory.
        position: where to begin; None begins at the start.
        record_order: whether to add to `order.jsonl`, which only the holder of the upload lock may do. False for a
            reader that only looks: it takes the order that is written there.
        right: the right to send that this process has; None where no other host can take it.
        writer_here: gives the writer of a number if it lives in this process: the lines that the disk refuses are read
            from its memory.
    """

    def __init__(
        self,
        path: Path,
        position: Position | None = None,
        *,
        record_order: bool = True,
        right: Right | None = None,
        writer_here: Callable[[int], Writer | None] = lambda _number: None,
    ) -> None:
        self._path = path
        self._writer_here = writer_here
        self._order = _Order(path / "order.jsonl", right) if record_order else None
        self._seen: list[_Entry] | None = None
        self._files: dict[int, tuple[int, OpenSegment]] = {}
        self._unforced: set[At] = set()  # segments that something was read of since `sync`
        self._begun_anew = False  # whether one of them was opened since `sync`: its name has to be forced, too
        self._present: frozenset[At] = frozenset()
        self.seek(position)

    def seek(self, position: Position | None) -> None:
        """Go on from a position; None is the start."""
        self._at = places(position)
        self._told = torn_places(position)
        self._torn: list[bytes] = []
        self._order_at = order_passed(position)

    @property
    def position(self) -> Position:
        """The position up to which was read, as JSON."""
        return written_down(self._at, self._order_at, self._told)

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        """Read whole lines from the position on; an empty chunk if there are none.

        Raises:
            JournalError: with several writers, when the order cannot be recorded.
        """
        self._present = frozenset(segments(self._path))
        writers = sorted({writer for writer, _ in self._present})
        self._torn = []
        # A writer that has not written yet counts, too: lines read before its first one have to come first for ever.
        if len({*writers, *(writers_of(self._path) if len(writers) == 1 else ())}) < 2:
            lines = self._take(writers[0], max_lines, max_bytes) if writers else []
            return self._chunk(lines)
        while True:
            entries = self._entries()
            if self._order_at < len(entries):
                lines = self._take_planned(entries[self._order_at], max_lines, max_bytes)
            elif self._order is None:
                taken = (self._take(writer, max_lines, max_bytes) for writer in writers)
                return self._chunk(next(filter(None, taken), []))
            elif self._plan(self._order, writers):
                continue
            else:
                return self._chunk([])
            if lines:
                return self._chunk(lines)
            self._order_at += 1

    def ends(self) -> Ends:
        """By writer: where its journal ends just now."""
        found: Ends = {}
        for writer, segment in segments(self._path):
            with contextlib.suppress(FileNotFoundError):  # the segment was acknowledged, and removed meanwhile
                size = segment_path(self._path, writer, segment).stat().st_size
                here = self._writer_here(writer)
                end = max((segment, size), here.end() if here is not None and here.waiting else START)
                if end[1]:
                    found[writer] = end
        return found

    def has_passed(self, ends: Ends) -> bool:
        """Whether reading has reached the given ends of all writers' journals."""
        return all(self._at.get(writer, START) >= end for writer, end in ends.items())

    def sync(self) -> None:
        """Force to the disk what was read, by all writers: the server must not have lines that the journal may lose."""
        for writer, segment in sorted(self._unforced):
            # Windows does not sync a file that is open for reading alone.
            name = segment_path(self._path, writer, segment).name
            with contextlib.suppress(OSError), door.open_to_read(self._path, name) as file:
                os.fsync(file.fileno())
        if self._begun_anew:
            sync_directory(self._path)  # with order.jsonl and server.json, which are written before
        self._unforced.clear()
        self._begun_anew = False

    def close(self) -> None:
        """Close the segments that are open."""
        for _, file in self._files.values():
            file.close()
        self._files.clear()

    def _chunk(self, lines: list[bytes]) -> Chunk:
        bodies: list[bytes] = []
        damaged = [] if lines else self._torn
        for line in lines:
            body = unseal(line)
            if body is not None:
                bodies.append(body)
            else:
                whole, rest = salvage(line)
                bodies += whole
                if len(rest) > 1 or not whole:  # a single byte is a damaged newline
                    damaged.append(rest)
        return Chunk(bodies, damaged, self.position)

    # --- one writer ---

    def _take(self, writer: int, max_lines: int, max_bytes: int, until: At | None = None) -> list[bytes]:
        data, end = self._next(writer, max_bytes, until)
        lines = data.split(b"\n", max_lines)
        rest = lines.pop()
        if rest and len(lines) < max_lines:  # a torn tail
            lines.append(rest)
        elif rest:
            end = (end[0], end[1] - len(rest))
        self._at[writer] = end
        return lines

    def _next(self, writer: int, max_bytes: int, until: At | None = None) -> tuple[bytes, At]:
        """Whole lines of a writer from the position on, and where they end; no bytes if there is nothing new."""
        segment, offset = self._at.get(writer, START)
        while True:
            # Asked before reading: if there is a line in the next segment, this one is complete.
            following = self._following(writer, segment)
            complete = self._begun(writer, following)
            end = until[1] if until is not None and until[0] == segment else None
            data = b""
            if (writer, segment) in self._present and (end is None or offset < end):
                data = self._read(writer, segment, offset, max_bytes, end, complete=complete)
            if data or end is not None or not complete:
                if end is None and not complete:
                    data = self._without_torn_tail(writer, segment, offset, data)
                return data, (segment, offset + len(data))
            segment, offset = following, 0

    def _without_torn_tail(self, writer: int, segment: int, offset: int, data: bytes) -> bytes:
        whole = data.rfind(b"\n") + 1
        tail = data[whole:]
        if not tail or unseal(tail) is not None or salvage(tail)[0]:  # only the newline of a whole line is missing
            return data
        end = (segment, offset + len(data))
        if self._told.get(writer) != end:
            self._told[writer] = end
            self._torn.append(tail)
        return data[:whole]

    def _read(
        self, writer: int, segment: int, offset: int, max_bytes: int, end: int | None, *, complete: bool
    ) -> bytes:
        """Whole lines of about `max_bytes`, or one longer line. Half a line only if no writer will complete it."""
        file = self._open(writer, segment)
        file.seek(offset)
        left = max_bytes if end is None else min(max_bytes, end - offset)
        data = file.read(left)
        whole = data.rfind(b"\n") + 1
        while not whole:
            if len(data) > MOST_LINE:  # no writer writes such a line: what was read of it is damaged
                return data
            left = max(len(data), _MORE_BYTES)
            more = file.read(left if end is None else min(left, end - offset - len(data)))
            if not more:
                final = data and (complete or end is not None or not is_writing(self._path, writer))
                return data if final else b""
            if b"\n" in more:
                whole = len(data) + more.rfind(b"\n") + 1
            data += more
        return data[:whole]

    def _following(self, writer: int, segment: int) -> int:
        """Number of the next segment of a writer, whether it exists or not. Segments between may have been removed."""
        later = min((number for of, number in self._present if of == writer and number > segment), default=segment + 1)
        # A listing may lack what was made while it was made.
        near = range(segment + 1, min(later, segment + _MISSED))
        between = (segment_path(self._path, writer, number) for number in near)
        return segment + 1 if any(path.exists() for path in between) else later

    def _begun(self, writer: int, segment: int) -> bool:
        # A writer makes the next segment a moment before it leaves the old one: only a line in it tells that it has.
        return (writer, segment) in self._present and segment_path(self._path, writer, segment).stat().st_size > 0

    def _open(self, writer: int, segment: int) -> OpenSegment:
        current = self._files.get(writer)
        self._unforced.add((writer, segment))
        if current is None or current[0] != segment:
            self._begun_anew = True
            if current is not None:
                del self._files[writer]  # before the next one is opened, which may fail
                current[1].close()
            file = door.open_to_read(self._path, segment_path(self._path, writer, segment).name)
            here = self._writer_here(writer)
            kept = partial(here.kept_from, (writer, segment)) if here is not None else None
            current = self._files[writer] = (segment, WithMemory(file, kept) if kept else file)
        return current[1]

    # --- several ---

    def _entries(self) -> list[_Entry]:
        if self._order is not None:
            return self._order.entries
        if self._seen is None or self._order_at >= len(self._seen):
            self._seen = order_of(self._path)
        return self._seen

    def _take_planned(self, entry: _Entry, max_lines: int, max_bytes: int) -> list[bytes]:
        if entry is None:
            return []
        writer, until = entry[0], (entry[1], entry[2])
        if self._at.get(writer, START) >= until:
            return []
        lines = self._take(writer, max_lines, max_bytes, until)
        if not lines:  # the lines were there when the entry was written: lost in a power cut, or removed by somebody
            self._at[writer] = until
        return lines

    def _plan(self, order: _Order, writers: list[int]) -> bool:
        """Write down which piece is read next. Returns False if there is nothing to read."""
        if not any(order.entries):
            # Lines that were read while there was one writer may have been sent before the position was saved. How many
            # is not known, so all that this writer has by now comes first.
            end = self._end_of(writers[0])
            if end != START:
                order.add(writers[0], end)
                return True
        last = next((entry[0] for entry in reversed(order.entries) if entry), 0)
        # In turns, so that a writer that logs without pause does not keep the others waiting.
        for writer in sorted(writers, key=lambda writer: (writer <= last, writer)):
            data, end = self._next(writer, _PLAN_BYTES)
            if data:
                order.add(writer, end)
                return True
        return False

    def _end_of(self, writer: int) -> At:
        before = self._at.get(writer, START)
        more = True
        while more:
            data, self._at[writer] = self._next(writer, _PLAN_BYTES)
            more = bool(data)
        end, self._at[writer] = self._at[writer], before
        return end


_Entry = Optional[tuple[int, int, int]]
"""An entry of order.jsonl: a writer, and the segment and byte up to which it is read next; None: no such entry."""


class Right(Protocol):
    """The right to send a run and to add to its order.jsonl: a `SendingRight`.

    Attributes:
        term: number of the term for which this process has the right; 0 if it has not.
    """

    term: int

    def check(self) -> None:
        """Make sure that this process still has it.

        Raises:
            JournalLocked: another host has taken it.
        """


class _Order:
    """order.jsonl, read and written by the process that has the right to send.

    A process that took this right from another one first adds an entry with its new term. Entries of an earlier term
    behind that are ignored: the other process may add some before it notices that it has lost the right. Each process
    looks whether it still has the right after it has added an entry, and before it sends what the entry says.
    """

    def __init__(self, path: Path, right: Right | None) -> None:
        self._path = path
        self._right = right
        self._entries: list[_Entry] | None = None

    @property
    def entries(self) -> list[_Entry]:
        if self._entries is None:
            data = _whole_lines(self._path)
            found = door.status(self._path.parent, self._path.name)
            if found is not None and found.st_size > len(data):
                with door.open_to_append(self._path.parent, self._path.name) as file:
                    file.truncate(len(data))  # nobody has acted on half an entry
            if self._term > 1 and _Entries(data).term < self._term:
                self._write({"writer": 0, "segment": 1, "offset": 0})
                data = _whole_lines(self._path)
            read = _Entries(data)
            if self._term and read.term > self._term:
                raise JournalLocked(f"{self._path.parent} is being uploaded by another process", "another process")
            self._entries = read.entries
        return self._entries

    def add(self, writer: int, end: At) -> None:
        entries = self.entries
        self._write({"writer": writer, "segment": end[0], "offset": end[1]})
        entries.append((writer, *end))  # a new file's name is forced with those of the segments: `Reader.sync`

    @property
    def _term(self) -> int:
        return 0 if self._right is None else self._right.term

    def _write(self, entry: dict[str, int]) -> None:
        line = seal(dumps({**entry, "term": self._term} if self._term > 1 else entry))
        try:
            with door.open_to_append(self._path.parent, self._path.name) as file:
                file.write(line)
                os.fsync(file.fileno())
            if self._right is not None and self._right.term:
                self._right.check()
        except OSError as exc:
            self._entries = None  # what is in the file now is not known: read it again
            raise JournalError(f"{self._path} cannot be written: {exc.strerror or exc}") from exc
        except JournalLocked:
            self._entries = None
            raise


def order_of(path: Path) -> list[_Entry]:
    """The entries of a run directory's order.jsonl; None in place of each that is damaged or of an earlier term.

    Raises:
        OSError: it is there and cannot be read.
    """
    return _Entries(_whole_lines(path / "order.jsonl")).entries


def damaged_in_order(path: Path) -> tuple[int, int]:
    """How many entries of a run directory's order.jsonl are damaged, and how many there are.

    Raises:
        OSError: it is there and cannot be read.
    """
    found = _Entries(_whole_lines(path / "order.jsonl"))
    return found.damaged, len(found.entries)


def _whole_lines(path: Path) -> bytes:
    try:
        data = door.read(path.parent, path.name)
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


class _Entries:
    """The content of order.jsonl.

    Attributes:
        entries: in order; None in place of one that is damaged, only says a new term, or is of an earlier term.
        term: the latest term.
        damaged: number of damaged entries.
    """

    def __init__(self, data: bytes) -> None:
        self.term = self.damaged = 0
        self.entries = [self._entry(unseal(line)) for line in data.split(b"\n")[:-1]]

    def _entry(self, body: bytes | None) -> _Entry:
        said = _said(body)
        if said is None:
            self.damaged += 1
            return None
        writer, segment, offset, term = said
        if term < self.term:
            return None
        self.term = term
        return (writer, segment, offset) if writer else None


def _said(body: bytes | None) -> tuple[int, int, int, int] | None:
    """Writer, segment, byte and term of an entry; None if it has not this form, even if its checksum is right."""
    try:
        said = loads(body) if body is not None else None
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    numbers: tuple[Any, Any, Any, Any]
    numbers = (said.get("writer"), said.get("segment"), said.get("offset"), said.get("term", 1))
    return numbers if all(type(number) is int and 0 <= number < 2**63 for number in numbers) else None
