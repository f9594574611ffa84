"""The journal: events appended to a run directory, one line each. The format has a page in the docs.

    journal-<w>-<n>.jsonl    segment n of writer w: one line an event, in the order they happened
    journal-<w>.lock         held by writer w while it lives

A line is one JSON object with its checksum as last member. It is appended by one `write`, under no lock but the
writer's own, so a reader needs none: what ends in a newline is whole. A process that opens a directory begins a
writer of its own and never changes another's segments; that also serves forked children and later resumption.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from wandb_logging._journal import safe_files
from wandb_logging._journal.counts import Appends, Counts, reason_of
from wandb_logging._journal.family import Family, tell_of_forks
from wandb_logging._journal.fsyncs import Fsyncs
from wandb_logging._journal.locks import close_quietly, out_of_the_way
from wandb_logging._journal.lost import LOST, Home, is_cut_off, is_in_place, unacknowledged
from wandb_logging._journal.members import MEMBER, Standing
from wandb_logging._journal.seal import SEAL_LINE
from wandb_logging._journal.segments import segment_name, segment_path
from wandb_logging._journal.unwritten import UnwrittenLines, lines_until, part_of
from wandb_logging._journal.writer_lock import NO_LOCK, WriterLock, begin_family
from wandb_logging._values.reentrant import let_go_unless_within, new_lock, of_child
from wandb_logging._values.zlib import crc32


class Writer(Appends):
    """Appends events to a journal of its own in a run directory. Safe from any thread, signal handler and fork.

    Args:
        path: the run directory; must exist.
        standing: what this process is in the run.
        segment_bytes: size at which a segment is closed and the next begun.
        memory_bytes: most bytes kept in memory while the disk refuses them.
        durable: whether each line is forced to the disk before `append` returns (fsync: always).
        least_number: the writer takes the first free number from this one on.
        home: makes the directory again when it was removed; default: nobody does.
        mark: JSON members to add to each event, such as `,"label":"3"`.
        late: whether there is no directory yet. Lines are kept in memory until `retry`, `sync` or `close` can make one.
    """

    refused: Callable[[], object] = staticmethod(bool)  # called after the disk has refused a line, for each such line
    # Called before a fork when many children have begun journals since it last returned True.
    many_came: Callable[[], bool] = staticmethod(bool)
    most_output: int | None = None  # bytes of output.log as a file, where the room for files is bounded

    def __init__(
        self,
        path: Path,
        standing: Standing = MEMBER,
        *,
        segment_bytes: int = 64 * 2**20,
        memory_bytes: int = 64 * 2**20,
        durable: bool = False,
        least_number: int = 1,
        home: Home | None = None,
        mark: bytes = b"",
        late: bool = False,
    ) -> None:
        self.path = path
        self.mark = mark
        self.counts = Counts()
        self.closed = False
        self._standing = standing
        self._segment_bytes = segment_bytes
        self._memory_bytes = memory_bytes
        self._durable = durable
        self._least_number = least_number
        self._home = home
        self._forked = False
        self._family: Family | None = None  # of a process that has forked, and of its children
        self._told = -1  # count of journalled events at the latest look whether to renew
        self._marked = False  # whether the mark is the writer's number, because other writers were there before
        # Reentrant: a signal handler or a finaliser may log while this very thread is in `append`.
        self._lock = new_lock()
        self._kept = UnwrittenLines()
        self._trouble = "there is no directory" if late else ""
        self._forced = Fsyncs(path)
        self._retrying = False
        self._turning = False
        self._ending = False
        self._late = late
        self._forget_files()
        if not late:
            self._begin()
        tell_of_forks(self)
        if home is not None:
            home.add_writer(self)

    def _forget_files(self) -> None:
        self._lock_file = self._former = NO_LOCK  # the former: of files that were closed, or that cannot be reached
        self._fd = -1
        self._segment = self._size = 0  # of the segment the bytes on the disk; the lines in memory begin there
        self._gap = False  # whether lines before those in memory are not on the disk, because the server has them
        self._full_at = self._segment_bytes
        self._too_large = False  # whether the first line in memory is larger than a file may be
        self._shown = 0  # byte of the segment up to which a reader was given lines from memory
        self._forced.forget()
        self._begun: dict[int, int] = {}  # events journalled when each segment was begun

    def _begin_late(self) -> None:
        """Make the directory, of which nothing is left if that fails."""
        assert self._home is not None
        try:
            self._begin()
            self._home.become_run()
        except OSError:
            self._leave()
            self._home.give_up()
            raise
        self._late = False

    def _begin(self) -> None:
        lock = self._lock_file
        if not lock.number:
            if self._home is not None:
                self._home.stand_again()
            where, family = (self.path, self._least_number), self._family if self._forked else None
            lock = WriterLock.take_in_family(*where, family) if family else WriterLock.take(*where, self._standing)
            self._lock_file = lock
            if self._former is not NO_LOCK:
                lock.replaces(self._former)
            if not self.mark or self._marked:
                self._marked = self._standing.helps or lock.since != lock.number
                self.mark = b',"by":%d' % lock.number if self._marked else b""
        self._next_segment()

    @property
    def number(self) -> int:
        """The writer's number in the directory; 0 while it has none."""
        return self._lock_file.number

    @property
    def waiting(self) -> int:
        """Events kept in memory because the disk refuses them."""
        return len(self._kept.lines)

    @property
    def unsent(self) -> int:
        """How many of the waiting events the server does not have either."""
        if not self._kept.lines:  # without the lock: see `look`
            return 0
        with self._lock:
            return len(self._kept.lines) - self._kept_and_acknowledged()

    def end(self) -> tuple[int, int]:
        """Segment and byte at which the journal will end when the lines in memory are written."""
        while True:  # without the lock: see `look`
            segment, end = self._segment, self._size + self._kept.size
            if segment == self._segment:
                return segment, end

    def kept_from(self, place: tuple[int, int], offset: int, most: int) -> bytes:
        """Bytes in memory that will be in segment `place` from byte `offset` on; b"" if the disk has that byte."""
        if not self._kept.lines:  # without the lock: see `look`
            return b""
        with self._lock:
            if place != (self.number, self._segment) or offset < self._size:
                return b""
            data = part_of(self._kept.lines, self._size, offset, most)
            self._shown = max(self._shown, offset + len(data))
            return data

    @property
    def trouble(self) -> str | None:
        """What is wrong with the disk, and what that means, or None."""
        if self._kept.lines and not self._late:  # which was said when the run began
            return f"{self._trouble}; rows wait in memory"
        unsynced = self._forced.trouble
        return f"fsync: {unsynced}; a power cut could cost rows" if unsynced else None

    def offer(self, body: bytes) -> bool:
        """Add one event, a JSON object in bytes. When this returns the line is with the operating system.

        Never raises for what the disk does: a line it refuses is kept in memory, up to `memory_bytes`, and
        written before the next one; beyond that it is counted as dropped.

        Returns:
            False if this writer is closed. Then nothing was done.
        """
        if self._fd == -1 and not self._late:
            self._begin_first()
        if self.mark:
            body = body[:-1] + self.mark + b"}"
        line = body[:-1] + SEAL_LINE % crc32(body)
        # Not acquire() and try, which takes half the time: a KeyboardInterrupt between the two would keep the lock. One
        # that comes between the block's end and the lock's release is what the outer `try` is for.
        try:
            with self._lock:
                if self._kept.lines or self._gap or self._fd == -1:  # lines stay in the order they came
                    return self._wait(line)
                try:
                    written = os.write(self._fd, line)
                except OSError as exc:
                    self._refused(exc)
                    return self._wait(line)
                self.counts.journalled += 1
                self._size += written
                self._forced.dirty = True
                if written != len(line) or self._size >= self._full_at or self._durable:
                    self._after_write(line, written)
                return True
        except BaseException:
            let_go_unless_within(self._lock, self)
            raise

    def _begin_first(self) -> None:
        """Begin a forked child's own journal before its first line is made: the line has the writer's mark."""
        with self._lock, contextlib.suppress(OSError):  # if the disk refuses it, `_wait` tries again
            if self._fd == -1 and not (self.closed or self._retrying or self._kept.lines or self._gap):
                self._begin()

    def make_way(self, size: int) -> None:
        """Make room for a copy of `size` bytes beside the journal. Without max_cache_bytes there is always room.

        Raises:
            OSError: there is no room.
        """

    def _after_write(self, line: bytes, written: int) -> None:
        if written != len(line):  # the disk is full: the rest of this line is written before all others
            self.counts.journalled -= 1
            self._kept.put_begun(line, written)
            self.retry()
        elif self._durable:
            self.sync()
        if self._size >= self._full_at and not self._kept.lines and not self._turning:
            # A signal handler may log meanwhile, into the old segment or the next: readers leave the old one only
            # when there is a line in the next.
            self._turning = True
            try:
                self._next_segment()
            except OSError:
                self._full_at = self._size + self._segment_bytes  # go on in the old one, try again a segment later
            finally:
                self._turning = False

    def _refused(self, error: OSError) -> None:
        self._trouble = reason_of(error)
        if self._fd != -1 and not self.closed and (error.errno == errno.EBADF or self._is_cut_off()):
            # The program has closed our file, as one does that becomes a daemon, or the disk was away. The next line
            # begins under a new number; the lines in the old segment stay there, and are read.
            self._let_go_of_acknowledged()
            self._kept.make_whole()
            former = self._lock_file
            self._forget_files()
            self._former = former
        elif error.errno == errno.EFBIG and not self._gap and self._fd != -1:
            with contextlib.suppress(OSError):
                self._leave_full_segment()

    def _leave_full_segment(self) -> None:
        """Begin the next segment because this one may not grow (`ulimit -f`), unless it is empty.

        A reader that was given lines from memory goes on reading behind them in this segment. Then the next segment
        begins only when the server has those lines.
        """
        if self._shown > self._size:
            self._leave_gap()
        elif self._size > len(self._kept.part):
            self._cut_part()
            self._next_segment()
        else:
            self._too_large = True

    def _leave_gap(self) -> None:
        """Forget the lines in memory that the server has. They will not be on the disk; a new segment follows."""
        count = self._kept_and_acknowledged()
        if count and self._home is not None:
            self._cut_part()
            self._gap = True
            self._home.leaves_out_lines()
            self._size += self._let_go(count)

    def _go_on_behind_gap(self) -> bool:
        """Begin the next segment, once no reader looks for more lines in this one. Returns whether it was begun."""
        self._leave_gap()
        if self._shown > self._size and self._kept.lines and not self._ending:
            return False
        if self._home is not None:
            self._home.begins_behind_gap()
        self._next_segment()
        return True

    def _cut_part(self) -> None:
        """Remove the beginning of the first line in memory from the end of the segment."""
        if self._kept.part:
            self._forced.cut(self.place)
            os.ftruncate(self._fd, self._size - len(self._kept.part))
            self._size -= len(self._kept.part)
            self._kept.make_whole()

    def _wait(self, line: bytes) -> bool:
        """Keep a line in memory, and try the disk again. Returns False if this writer is closed."""
        if self.closed:
            return False
        if self._has_memory_for(line):
            self._kept.add(line)
        else:
            self.counts.lose(f"disk: {self._trouble}")
        if not self._late:  # to make a directory takes a while: that is for a round
            self.retry()
            self.refused()
        return True

    def _has_memory_for(self, line: bytes) -> bool:
        """Whether one more line may be kept in memory, where need be in place of lines that the server has."""
        if self._kept.size + len(line) > self._memory_bytes:
            with contextlib.suppress(OSError):
                self._leave_gap()
        return self._kept.size + len(line) <= self._memory_bytes

    def retry(self) -> None:
        """Write the lines that the disk refused, if it takes them now."""
        with self._lock:
            if self._retrying or self.closed:  # a nested call would write the same line a second time
                return
            self._retrying = True
            try:
                while (self._kept.lines or (self._late and not self._ending)) and self._write_kept():
                    pass
            finally:
                self._retrying = False
            if self._durable:
                self._sync_now()

    def _write_kept(self) -> bool:
        """Write the lines in memory. Returns whether to try again: a new segment was begun after an error."""
        try:
            if self._late:
                self._begin_late()
            elif self._fd == -1:
                self._begin()  # a forked child's first line
            if self._gap and not self._go_on_behind_gap():
                return False
            while self._kept.lines:
                self._write_first_kept()
        except OSError as exc:
            before = self._segment
            self._refused(exc)
            return self._segment > before
        return False

    def _write_first_kept(self) -> None:
        written = os.write(self._fd, self._kept.lines[0])
        self._size += written
        self._forced.dirty = True
        if self._kept.wrote(written):
            self.counts.journalled += 1
        elif not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _next_segment(self) -> None:
        fd = out_of_the_way(safe_files.create(self.path, segment_name(self.number, self._segment + 1), append=True))
        self._size = self._shown = 0  # in this order: whoever forces it meanwhile takes too little for forced
        self._segment += 1
        old, self._fd = self._fd, fd
        self._begun[self._segment] = self.counts.journalled
        self._gap = self._too_large = False
        self._full_at = self._segment_bytes
        self._forced.begin()
        if self._durable:  # each line of the old segment was synced by itself
            self._forced.name()
            close_quietly(old)
        elif old != -1 and self._forced.retire(old):  # the old segment is synced later, so that nobody waits for that
            self._sync_now()

    def sync(self) -> None:
        """Force all lines to the disk (fsync), without holding the writer's lock: a thread that logs does not wait."""
        if self._kept.lines or self._late:
            self.retry()
        self._sync_now()

    def _sync_now(self) -> None:
        self._forced.now(lambda: self._fd, lambda: self.place, at_last=self.closed)

    def close(self) -> None:
        """Write the lines in memory, force all lines to the disk and close. Later events are not taken."""
        with self._lock:
            if self.closed:
                return
            self.look()
            self._ending = True  # no reader of this process reads on
            self._write_all_that_fits()
            self.closed = True
            self._sync_now()
            fd, self._fd = self._fd, -1
            close_quietly(fd)
            self._let_go_of_acknowledged()
            for _ in self._kept.lines:
                self.counts.lose(f"disk: {self._trouble}")
            self._kept.clear()
            self._lock_file.release()

    def leave(self, exit_code: int) -> None:
        """Note the exit code of this member in its lock file; the run goes on with the other members, if any."""
        self._lock_file.leave(exit_code)

    def note_end(self) -> None:
        """Tell other hosts that nothing more is written, as the process ends now. May be called in a signal handler."""
        self._lock_file.note_end()

    def renew(self) -> None:
        """Tell other hosts that this process lives, unless events were written since the latest call.

        Raises:
            OSError: the disk refuses it.
        """
        told, self._told = self._told, self.counts.journalled
        if told == self._told:
            self._lock_file.renew()

    @property
    def since(self) -> int:
        """Number of the first member of this writer's group (`members`); 0 for a helper."""
        return self._lock_file.since

    def _write_all_that_fits(self) -> None:
        """Write the lines in memory, and drop those that are larger than a file may be (`ulimit -f`)."""
        self.retry()
        while self._too_large and self._kept.lines:
            with contextlib.suppress(OSError):
                self._cut_part()
            if self._kept_and_acknowledged():
                self.counts.journalled += 1
            else:
                self.counts.lose(f"disk: {self._trouble}")
            self._kept.pop()
            self._too_large = False
            self.retry()

    def _kept_and_acknowledged(self) -> int:
        """How many of the lines in memory the server has."""
        if self._home is None or not self._kept.lines:
            return 0
        segment, end = self._home.acknowledged(self.number)
        return lines_until(self._kept.lines, self._size, end) if segment == self._segment else 0

    def _let_go_of_acknowledged(self) -> None:
        """Forget the lines in memory that the server has. Only when this segment gets no more lines."""
        self._let_go(self._kept_and_acknowledged())

    def _let_go(self, count: int) -> int:
        """Forget the first lines in memory, which the server has. Returns how many bytes they were."""
        self.counts.journalled += count
        return sum(self._kept.pop() for _ in range(count))

    @property
    def is_homeless(self) -> bool:
        """Whether lines wait in memory because there is no directory to write a segment in."""
        return self._late or (not self.number and bool(self._kept.lines))

    @property
    def place(self) -> tuple[int, int, int]:
        """Number, segment and byte at which the lines in memory begin."""
        return self.number, self._segment, self._size

    def look(self) -> int | None:
        """Look whether the run directory is still there; if it was removed, make it again and write what is not sent.

        If it is there, the lock is not taken: a thread that logs may hold it, interrupted by a signal whose handler
        waits for the thread that calls this.

        Returns:
            How many events are lost; None if the directory was there.
        """
        if self._fd == -1 or self._is_in_place():
            return None
        with self._lock:
            if self.closed or self._home is None or self._fd == -1 or self._is_in_place() or self._home.is_away():
                return None
            open_ones = list(self._open_segments())
            acknowledged = self._home.acknowledged(self.number)
            lines = unacknowledged(open_ones, acknowledged)
            lost = max(0, self._begun.get(min(open_ones)[0], 0) - self._begun.get(acknowledged[0], 0))
            self._let_go_of_acknowledged()
            self._kept.make_whole()
            self._leave()
            self.counts.journalled -= len(lines) + lost
            for _ in range(lost):
                self.counts.lose(LOST)
            self._kept.put_before(lines)
            self._trouble = "it went away"
            self.retry()
            return lost

    def has_forced(self, segment: int, byte: int) -> bool:
        """Whether a segment is surely on the disk up to a byte. False may only mean that this is not known."""
        return self._forced.has((self.number, segment, byte))

    def _is_in_place(self) -> bool:
        return (fd := self._fd) != -1 and is_in_place(fd, segment_path(self.path, self.number, self._segment))

    def _is_cut_off(self) -> bool:
        return is_cut_off(self._fd, segment_path(self.path, self.number, self._segment))

    def _open_segments(self) -> Iterator[tuple[int, int]]:
        """Number and descriptor of each open segment."""
        yield self._segment, self._fd
        for back, descriptor in enumerate(reversed(self._forced.retired), 1):
            yield self._segment - back, descriptor

    def _leave(self) -> None:
        """Close all files: they were removed."""
        for descriptor in (self._fd, *self._forced.retired):
            close_quietly(descriptor)
        self._lock_file.release()
        self._forget_files()

    def reopen(self) -> None:
        """Go on after `close`: the next event begins a journal under a new number. Counts go on."""
        with self._lock:
            if self.closed:
                self._forget_files()
                self.closed = self._ending = False

    def before_fork(self) -> None:
        """Begin a family: the child shares with this process which numbers are taken. Tell when many have come."""
        if self._family is not None:
            self._family.tell_if_many_came(self.many_came)
        elif self.number and not self.closed:
            with contextlib.suppress(OSError, ValueError):  # no memory: the child lists the directory
                self._family = begin_family(self.path, self.number, self._standing)

    def after_fork_in_child(self) -> None:
        """Let go of the parent's files and lines; the next event begins a journal of this process's own."""
        # Another thread may have held the lock while this process was forked, or have been changing what is kept. The
        # open file is the parent's, and so are the lines in memory. What is the parent's is not freed: that would write
        # to the pages that it lies in, and the kernel copies each of these first.
        self._parents = self._lock_file, self._former, self._home, self._begun, self.counts
        self._lock = of_child(self._lock)
        self._retrying = self._turning = self._ending = self._late = False
        if self._kept.lines or self._kept.size or self._kept.part:
            self._kept.clear()
        self._home = None  # if the directory is removed, the parent makes it again
        self._standing = self._standing.of_child() if self._family is None else self._family.standing
        self._forked = True
        self.counts = Counts()
        self._lock_file.abandon()
        for fd in (self._fd, *self._forced.retired):
            close_quietly(fd)
        self._forget_files()  # the next append begins a writer of the child's own
