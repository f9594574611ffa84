"""The run directory of one run: its small files, its writers and readers, and who may send it.

`docs/journal.md` lists the files with their format, and who writes each.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalLocked
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import access_errors, safe_files
from wandb_logging._journal.backlog import Backlog, Lines
from wandb_logging._journal.copies import Copies
from wandb_logging._journal.folder_mutex import alone_in
from wandb_logging._journal.lease import Life, apart
from wandb_logging._journal.lost import disk_of
from wandb_logging._journal.members import MEMBER, Members, Note, Standing, life, writers_of
from wandb_logging._journal.order import order_of
from wandb_logging._journal.position import Position, places
from wandb_logging._journal.reader import GuardedReader, Reader
from wandb_logging._journal.scan import scan
from wandb_logging._journal.segments import make_durably, segments, sync_directory
from wandb_logging._journal.sending_right import SendingRight
from wandb_logging._journal.small_files import SmallFiles
from wandb_logging._journal.writer import Writer
from wandb_logging._values.alive import Alive
from wandb_logging._values.plain import dumps, loads
from wandb_logging._values.reentrant import new_lock, of_child

_MOST_LEAVING = 2.0  # seconds that the end of a process waits for those who come and go
ASIDE = "aside.jsonl"


class RunDir(SmallFiles):
    """A run directory: its small files, journal, copies and locks.

    Attributes:
        files: the copies of files that are to be uploaded.
        on_disk: whether it outlives the process.
        times_anew: how often it was made again because it had been removed.
        generation: changes when this process removes lines at which a reader may have been.
        guard: reentrant lock; held while segments are read or removed, and while upload.lock is taken.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files = Copies(path)
        self.generation = 0
        self._right = SendingRight(path)
        self._disk: int | None = None  # the device that this process writes on
        self._renewal_due = 0.0
        self.guard = new_lock()
        self._sending: GuardedReader | None = None
        self._backlog = Backlog(path)
        self._writers: Alive[Writer] = Alive()
        self.times_anew = 0
        self.on_disk = True

    def save_identity(self, info: RunInfo) -> None:
        """Write the first run.json of a directory that was claimed.

        Raises:
            OSError: the disk refuses it.
        """
        self.save_info(info)
        sync_directory(self.path.parent)

    def discard(self) -> None:
        """Remove the directory with its content: its run has never begun, or another process has all of it.

        First goes what makes it a run, so that nobody sends the rest of it if this process dies meanwhile.
        """
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileNotFoundError):
                safe_files.remove(self.path, "run.json")
            for folder, below, names in os.walk(self.path, topdown=False):
                for name in names:
                    Path(folder, name).unlink()
                for name in below:
                    Path(folder, name).rmdir()
            self.path.rmdir()

    def add_writer(self, writer: Writer) -> None:
        """Note a writer of this process: readers also read the lines that it keeps in memory."""
        self._writers.add(writer)
        if self._disk is None:
            self._disk = disk_of(self.path)

    def is_away(self) -> bool:
        """Whether the whole disk is gone: then the directory may come back with its content."""
        return self._disk is not None and disk_of(self.path) not in {None, self._disk}

    def leaves_out_lines(self) -> None:
        """Note that lines are left out of the journal because the server has them: readers have to look again."""
        self.generation += 1

    @property
    def has_writers(self) -> bool:
        """Whether this process writes in the directory."""
        return bool(self._writers.all())

    @property
    def is_incomplete(self) -> bool:
        """Whether writers of this process keep lines in memory that the disk refuses."""
        return any(writer.waiting for writer in self._writers.all())

    def _writer_here(self, number: int) -> Writer | None:
        return next((writer for writer in self._writers.all() if writer.number == number and not writer.closed), None)

    def stand_again(self) -> bool:
        """Make the directory again if it is gone. Returns whether it was gone.

        Raises:
            OSError: it cannot be made.
        """
        if (self.path / "run.json").exists():
            return False
        if self.is_away():
            raise OSError(errno.ESTALE, "the disk is away", str(self.path))
        if self._backup.identity is None:
            return False
        held = self._right.held
        make_durably(self.path)
        self._write_anew()
        if held:
            self._right.release()
            with contextlib.suppress(OSError):
                self._right.acquire()
        self.times_anew += 1
        self.generation += 1
        return True

    def become_run(self) -> None:
        """As `Home.become_run`, for a directory that is made late (`late`); others are runs."""

    def give_up(self) -> None:
        """As `Home.give_up`, for a directory that is made late."""

    def writer(self, standing: Standing = MEMBER, **options: Any) -> Writer:
        """A new writer in this directory."""
        return Writer(self.path, standing, home=self, **options)

    def reader(self, position: Position | None, *, record_order: bool = True) -> Reader:
        """A reader from a position on."""
        reader = GuardedReader(
            self.guard, self.path, position, right=self._right if record_order else None, writer_here=self._writer_here
        )
        if record_order:
            self._sending = reader
        return reader

    def reached(self) -> Mapping[int, int]:
        """By writer: the latest segment of which something may have been sent; 0 if nothing was.

        An uploader may have died after it sent a batch and before it saved the cursor. With one writer a batch comes
        from one segment, so it lies in that of the cursor or the next one; with several, order.jsonl says where.
        """
        reached: defaultdict[int, int] = defaultdict(int if self.said_in("server.json") is None else lambda: 1)
        latest = [(writer, place[0] + 1) for writer, place in self.cursor.places.items()]
        latest += [(entry[0], entry[1]) for entry in order_of(self.path) if entry]
        latest += self._sending.reached.items() if self._sending else []
        for writer, segment in latest:
            reached[writer] = max(reached[writer], segment)
        return reached

    def first_time_after(self, position: Position | None) -> float | None:
        """Time of the first event after a position, seconds since 1970; None if there is none."""
        reader = self.reader(position, record_order=False)
        try:
            bodies = reader.read(1, 2**16).bodies
        finally:
            reader.close()
        # A line of an editor may have a right checksum, and no time.
        with contextlib.suppress(ValueError, KeyError, TypeError, OverflowError):
            return float(loads(bodies[0])["t"]) if bodies else None
        return None

    def lines_after(self, position: Position | None) -> int:
        """How many lines come after a position.

        Raises:
            OSError: a segment cannot be read.
        """
        return self._backlog.after(places(position)).number

    def lines_after_in_time(self, position: Position | None, until: float) -> Lines:
        """How many lines come after a position. What is not counted by `until` (monotonic time) is estimated.

        Raises:
            OSError: as `lines_after`.
        """
        return self._backlog.after(places(position), until)

    def scan_after(self, position: Position | None, words: Sequence[bytes], take: Callable[[bytes], object]) -> int:
        """Count the lines after a position, and give the bodies of those that hold one of some words to `take`.

        Much faster than reading: only lines with a word are parsed. Writers are read one after the other.

        Raises:
            OSError: a segment cannot be read.
        """
        return scan(self.path, places(position), words, take)

    def has_several_writers(self) -> bool:
        """Whether there is more than one writer's journal. False where the directory cannot be listed."""
        with contextlib.suppress(OSError):
            return len({writer for writer, _ in segments(self.path)}) > 1
        return False

    def alive(self) -> bool:
        """Whether a living process may still add events."""
        return any(life(self.path, writer) is Life.LIVES for writer in writers_of(self.path))

    def dead(self) -> bool:
        """Whether it is certain that no process of any host adds events any more. False where that cannot be known."""
        return all(life(self.path, writer) is Life.GONE for writer in writers_of(self.path))

    def members(self, but: int = 0) -> list[Note]:
        """The members that have not ended, without the writer `but`."""
        return Members(self.path, but).living()

    @contextlib.contextmanager
    def leaving(self) -> Iterator[None]:
        """Inside the `with` no other process joins the run or leaves it, so that exactly one is the last."""
        with alone_in(self.path.parent, _MOST_LEAVING):
            yield

    def ask(self) -> None:
        """Have the process that sends this run look at the journal now."""
        with contextlib.suppress(OSError):
            safe_files.replace(self.path, "asked", b"", durable=False)

    def asked(self) -> object:
        """A value that changes whenever a process calls `ask`."""
        with contextlib.suppress(OSError):
            found = safe_files.status(self.path, "asked")
            return None if found is None else (found.st_mtime_ns, found.st_ino)
        return None

    @contextlib.contextmanager
    def uploading(self) -> Iterator[None]:
        """Hold the right to upload this run.

        Raises:
            JournalLocked: as `lock_upload`.
        """
        self.lock_upload()
        try:
            yield
        finally:
            self.unlock_upload()

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process uploads this run. Inside the `with` no thread of this process reads it."""
        with self.guard:
            held = free = self._right.held
            if not held:
                with contextlib.suppress(OSError):
                    free = self._right.acquire()
            try:
                yield free
            finally:
                if free and not held:
                    self._right.release()

    def lock_upload(self) -> None:
        """Take the right to upload this run; harmless when held already.

        Raises:
            JournalLocked: another process has it, and the message says which; or none can have it, and it says why.
        """
        try:
            with self.guard:
                free = self._right.acquire()
        except OSError as exc:
            raise access_errors.lock_refused(self.path, exc) from exc
        if not free:
            holder = self._right.holder()
            seconds = self._right.seconds_left()
            raise JournalLocked(f"{self.path} is being uploaded by {holder}", holder, seconds=seconds)

    def sender(self) -> str | None:
        """The process that uploads this run now, for a person; None if nobody does. Asked by one that does not."""
        return self._right.holder() if self._right.is_taken() else None

    def unlock_upload(self) -> None:
        """Give the right to upload back."""
        with self.guard:
            self._right.release()

    def note_end(self) -> None:
        """Let other hosts send this run, as this process ends now: they need not wait until nobody has heard of it.

        May be called in a signal handler, or while another thread is stuck in a request.
        """
        self._right.note_end()

    @property
    def term(self) -> int:
        """Number of the term for which this process has the right to upload this run; 0 if it has not."""
        return self._right.term

    def forget_locks(self) -> None:
        """In a forked child: let go of the parent's locks without unlocking them."""
        self.guard = of_child(self.guard)
        self._right.abandon()

    # --- what tells other hosts that this process lives ---

    @property
    def lease(self) -> float:
        """Seconds for which a renewal holds."""
        return self._right.lease

    @lease.setter
    def lease(self, seconds: float) -> None:
        self._right.lease = seconds

    def renewal_due(self) -> float:
        """When the next renewal is due (monotonic)."""
        return self._renewal_due

    def renew(self) -> None:
        """Tell other hosts that this process writes and sends, if that is due. Never raises."""
        now = time.monotonic()
        if now < self._renewal_due:
            return
        self._renewal_due = now + apart(self.lease)
        with contextlib.suppress(OSError), self.guard:
            if self._right.held:  # which tells of the writers here, too
                self._right.renew()
                return
        for writer in self._writers.all():
            with contextlib.suppress(OSError):
                writer.renew()

    def check_right(self) -> None:
        """Make sure that this process still has the right to upload this run: another host could have taken it.

        Raises:
            JournalLocked: it has lost the right, or that cannot be found out.
        """
        self.renew()
        with self.guard:
            self._right.check()

    def set_aside(self, reason: str, what: object) -> None:
        """Add something that cannot be sent to aside.jsonl, with the reason."""
        with contextlib.suppress(OSError), safe_files.open_to_append(self.path, ASIDE) as file:
            file.write(dumps({"reason": reason, "what": what}) + b"\n")
