"""Reads the journal: whole lines from a position on, in an order that a second reading repeats."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._journal import safe_files
from wandb_logging._journal.fsyncs import MANY, Forcing, force_all
from wandb_logging._journal.lost import is_in_place
from wandb_logging._journal.members import is_writing, writers_of
from wandb_logging._journal.order import Entry, Order, Right, Taking, order_of
from wandb_logging._journal.position import START, At, Ends, Position, Written, order_passed, places, torn_places
from wandb_logging._journal.seal import salvage, unseal, unseal_all
from wandb_logging._journal.segments import by_writer, segment_name, segment_path, segments, sync_directory
from wandb_logging._journal.unwritten import OpenSegment, WithMemory
from wandb_logging._journal.writer import Writer

_PLAN_BYTES = 2**20  # bytes of the journal that are planned, and written to order.jsonl, at the cost of one fsync
_MOST_OPEN = 128  # segments that are kept open: many systems let a process have 1,024 files, or 256
_MOST_PLANNED = 100  # pieces that are planned at once: so many are still open when they are read
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
        self._order = Order(path / "order.jsonl", right) if record_order else None
        self._seen: list[Entry] | None = None
        self._files: dict[int, tuple[int, OpenSegment]] = {}
        self._unforced: set[At] = set()  # segments that something was read of since `sync`
        self._ahead: Ends = {}  # up to where segments are forced that are not read yet
        self._forcing = Forcing(path)
        self._begun_anew = False  # whether one of them was opened since `sync`: its name has to be forced, too
        self._present: dict[int, list[int]] = {}  # by writer: numbers of its segments, as last seen
        self.seek(position)

    def seek(self, position: Position | None) -> None:
        """Go on from a position; None is the start."""
        self._at = Written(places(position))
        self._told = torn_places(position)
        self._torn: list[bytes] = []
        self._order_at = order_passed(position)

    @property
    def position(self) -> Position:
        """The position up to which was read, as JSON."""
        return self._at.position(self._order_at, self._told)

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        """Read whole lines from the position on; an empty chunk if there are none.

        Raises:
            JournalError: with several writers, when the order cannot be recorded.
        """
        self._torn = []
        looked = False
        while True:
            if not (looked or self._knows_next()):
                self._present, looked = by_writer(self._path), True
                if self._is_one_alone():
                    taken = (self._take(writer, max_lines, max_bytes) for writer in self._present)
                    return self._chunk(next(taken, []))
            entries = self._entries()
            if self._order_at < len(entries):
                lines = self._take_planned(entries[self._order_at], max_lines, max_bytes)
            elif self._order is None:
                taken = (self._take(writer, max_lines, max_bytes) for writer in self._present)
                return self._chunk(next(filter(None, taken), []))
            elif self._plan(self._order):
                continue
            else:
                return self._chunk([])
            if lines:
                return self._chunk(lines)
            self._order_at += 1

    def _is_one_alone(self) -> bool:
        """Whether there is one writer at most.

        A writer that has not written yet counts, too: lines read before its first one have to come first for ever.
        """
        writers = self._present.keys()
        return len({*writers, *(writers_of(self._path) if len(writers) == 1 else ())}) < 2

    def _knows_next(self) -> bool:
        """Whether the order says what is next, of a segment that still exists: then the directory is not listed."""
        entries = (self._order.entries if self._order is not None else self._seen) or ()
        entry = entries[self._order_at] if self._order_at < len(entries) else None
        if entry is None or len(self._present) < 2:
            return False
        writer, segment, _ = entry
        at, _ = self._at.get(writer, START)
        return at == segment in self._present.get(writer, ()) and self._is_there(writer, segment)

    def ends(self) -> Ends:
        """By writer: where its journal ends just now."""
        found: Ends = {}
        for writer, segment in segments(self._path):
            with contextlib.suppress(FileNotFoundError):  # the segment was acknowledged, and removed meanwhile
                size = self._size(writer, segment)
                here = self._writer_here(writer)
                end = max((segment, size), here.end() if here is not None and here.waiting else START)
                if end[1]:
                    found[writer] = end
        return found

    def has_passed(self, ends: Ends) -> bool:
        """Whether reading has reached the given ends of all writers' journals."""
        return all(self._at.get(writer, START) >= end for writer, end in reversed(ends.items()))  # the last come last

    def sync_ahead(self, ends: Ends) -> None:
        """Begin to force to the disk what will be read, up to the given ends, if that is in many files.

        While the disk is at it, they are read and folded. `sync` waits for those that were read by then.
        """
        self._forcing.give_up()
        ahead = {writer: end for writer, end in ends.items() if end > self._at.get(writer, START)}
        self._ahead = ahead if len(ahead) >= MANY else {}
        self._forcing = Forcing(self._path, [segment_name(writer, self._ahead[writer][0]) for writer in self._ahead])

    def sync(self) -> None:
        """Force to the disk what was read, by all writers: the server must not have lines that the journal may lose."""
        begun, others = list[str](), list[str]()
        for place in sorted(self._unforced):
            if not self._is_forced(*place):  # by its writer, a moment ago
                (begun if self._is_ahead(*place) else others).append(segment_name(*place))
        force_all(self._path, others)
        self._forcing.wait_for(begun)
        if self._begun_anew:
            sync_directory(self._path)  # with order.jsonl and server.json, which are written before
        self._unforced.clear()
        self._begun_anew = False

    def _is_ahead(self, writer: int, segment: int) -> bool:
        """Whether what was read of a segment was there when `sync_ahead` began to force it."""
        end = self._ahead.get(writer, START)
        return end[0] == segment and self._at.get(writer, START) <= end

    def _is_forced(self, writer: int, segment: int) -> bool:
        """Whether a writer of this process has forced to the disk what was read of a segment."""
        here, (at, byte) = self._writer_here(writer), self._at.get(writer, START)
        return here is not None and at == segment and here.has_forced(segment, byte)

    def let_go_of_removed(self) -> bool:
        """Close the open segments that are not in the directory any more. Returns whether there were any.

        If the directory was removed, and made again with the same lines, reading goes on there.
        """
        opened = [(writer, segment, file) for writer, (segment, file) in self._files.items()]
        removed = [
            writer
            for writer, segment, file in opened
            if not is_in_place(file.fileno(), segment_path(self._path, writer, segment))
        ]
        for writer in removed:
            self._let_go_of(writer)
        return bool(removed)

    def close(self) -> None:
        """Close the segments that are open."""
        self._forcing.give_up()
        self._ahead = {}
        while self._files:
            self._let_go_of(next(iter(self._files)))

    def _chunk(self, lines: list[bytes]) -> Chunk:
        whole_lines = unseal_all(lines)
        bodies: list[bytes] = whole_lines or []
        damaged = [] if lines else self._torn
        for line in lines if whole_lines is None else ():
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
            end = until[1] if until is not None and until[0] == segment else None
            # Asked before reading: if there is a line in the next segment, this one is complete.
            following = segment if end is not None else self._following(writer, segment)
            complete = end is None and self._begun(writer, following)
            data = b""
            if segment in self._present.get(writer, ()) and (end is None or offset < end):
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
        later = min((number for number in self._present.get(writer, ()) if number > segment), default=segment + 1)
        # A listing may lack what was made while it was made.
        near = range(segment + 1, min(later, segment + _MISSED))
        return segment + 1 if any(self._is_there(writer, number) for number in near) else later

    def _begun(self, writer: int, segment: int) -> bool:
        # A writer makes the next segment a moment before it leaves the old one: only a line in it tells that it has.
        return segment in self._present.get(writer, ()) and self._size(writer, segment) > 0

    def _is_read_to_its_end(self, writer: int) -> bool:
        """Whether a writer's latest segment was read, and has not grown since: found out without opening it."""
        segment, offset = self._at.get(writer, START)
        if segment != self._present[writer][-1] or self._writer_here(writer) is not None:  # in memory there may be more
            return False
        try:
            return self._size(writer, segment) <= offset
        except FileNotFoundError:  # `_next` knows what that means
            return False

    # With text, not with a Path: of a run with a thousand writers these are asked thousands of times.

    def _size(self, writer: int, segment: int) -> int:
        return os.stat(f"{self._path}/{segment_name(writer, segment)}").st_size  # noqa: PTH116

    def _is_there(self, writer: int, segment: int) -> bool:
        return os.path.exists(f"{self._path}/{segment_name(writer, segment)}")  # noqa: PTH110

    def _open(self, writer: int, segment: int) -> OpenSegment:
        current = self._files.get(writer)
        self._unforced.add((writer, segment))
        if current is None or current[0] != segment:
            self._begun_anew = True
            if current is not None or len(self._files) >= _MOST_OPEN:
                self._let_go_of(writer if current is not None else next(iter(self._files)))
            file = safe_files.open_to_read(self._path, segment_name(writer, segment))
            here = self._writer_here(writer)
            kept = partial(here.kept_from, (writer, segment)) if here is not None else None
            current = self._files[writer] = (segment, WithMemory(file, kept) if kept else file)
        return current[1]

    def _let_go_of(self, writer: int) -> None:
        _, file = self._files.pop(writer)  # before the next one is opened, which may fail
        with contextlib.suppress(OSError):  # the program has closed all descriptors, as daemons do
            file.close()

    # --- several ---

    def _entries(self) -> list[Entry]:
        if self._order is not None:
            return self._order.entries
        if self._seen is None or self._order_at >= len(self._seen):
            self._seen = order_of(self._path)
        return self._seen

    def _take_planned(self, entry: Entry, max_lines: int, max_bytes: int) -> list[bytes]:
        if entry is None:
            return []
        writer, until = entry[0], (entry[1], entry[2])
        if self._at.get(writer, START) >= until:
            return []
        lines = self._take(writer, max_lines, max_bytes, until)
        if not lines:  # the lines were there when the entry was written: lost in a power cut, or removed by somebody
            self._at[writer] = until
        return lines

    def _plan(self, order: Order) -> bool:
        """Write down which pieces are read next. Returns False if there is nothing to read."""
        if not any(order.entries):
            # Lines that were read while there was one writer may have been sent before the position was saved. How many
            # is not known, so all that this writer has by now comes first.
            first = next(iter(self._present))
            end = self._end_of(first)
            if end != START:
                order.add([(first, *end)])
                return True
        last = next((entry[0] for entry in reversed(order.entries) if entry), 0)
        takings: list[Taking] = []
        size = 0
        # In turns, so that a writer that logs without pause does not keep the others waiting.
        for writer in sorted(self._present, key=lambda writer: (writer <= last, writer)):
            if self._is_read_to_its_end(writer):  # nearly all of a thousand writers are, and need not be opened
                continue
            data, end = self._next(writer, _PLAN_BYTES)
            if data:
                takings.append((writer, *end))
                size += len(data)
                if size >= _PLAN_BYTES or len(takings) == _MOST_PLANNED:
                    break
        if takings:
            order.add(takings)
        return bool(takings)

    def _end_of(self, writer: int) -> At:
        before = self._at.get(writer, START)
        more = True
        while more:
            data, self._at[writer] = self._next(writer, _PLAN_BYTES)
            more = bool(data)
        end, self._at[writer] = self._at[writer], before
        return end


class GuardedReader(Reader):
    """A reader that holds `guard` while it reads, so that no segment is removed meanwhile.

    Attributes:
        reached: by writer: the latest segment of which something was read, whether it was sent or not.
    """

    def __init__(self, guard: threading.RLock, path: Path, position: Position | None, **options: Any) -> None:
        self.reached: dict[int, int] = {}
        self._guard = guard
        super().__init__(path, position, **options)

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        """As `Reader.read`."""
        with self._guard:
            chunk = super().read(max_lines, max_bytes)
            for writer, (segment, _) in self._at.moved():
                self.reached[writer] = max(segment, self.reached.get(writer, 0))
            return chunk
