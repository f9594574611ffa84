"""The run directory: identity, cursor, locks and files of one run. The format has a page in the docs.

wandb_cache/<project>/<run id>/
    run.json                 who the run is; written once
        server.json              what the server said of the run; from where its lines are counted
    journal-<w>-<n>.jsonl    the journal (`_journal.writer`)
    order.jsonl              the order in which several writers were read (`_journal.reader`)
    cursor.json              what the server has acknowledged, and the folded state there
    base.json                the same, where acknowledged segments were removed: where reading begins (`_journal.quota`)
    upload.lock              held by the one process that uploads this run
    asked                    made anew by a writer that wants this process to look at the journal now
    aside.jsonl              what could not be sent, and why
    files/                   copies of what is to be uploaded beside the streams (`_journal.files`)
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalCorrupt, JournalLocked
from wandb_logging._events.run_info import Remote, RunInfo, problem
from wandb_logging._journal import door, whose
from wandb_logging._journal.anew import Keepsake
from wandb_logging._journal.backlog import Backlog, Lines
from wandb_logging._journal.cursor import Cursor, is_cursor
from wandb_logging._journal.files import Files
from wandb_logging._journal.gate import alone_in
from wandb_logging._journal.guarded import GuardedReader
from wandb_logging._journal.lease import Life, apart
from wandb_logging._journal.lost import disk_of, is_gone
from wandb_logging._journal.members import Note, life, living, writers_of
from wandb_logging._journal.position import Position, places
from wandb_logging._journal.reader import Reader, order_of
from wandb_logging._journal.right import SendingRight
from wandb_logging._journal.scan import scan
from wandb_logging._journal.seal import seal, unseal
from wandb_logging._journal.segments import make_durably, segments, sync_directory
from wandb_logging._journal.writer import Writer
from wandb_logging._values.plain import dumps, loads

_REFUSED = frozenset((errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)))
_FULL = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)))
_MOST_LEAVING = 2.0  # seconds that the end of a process waits for those who come and go
ASIDE = "aside.jsonl"
SENT = "sent.json"  # the name of a run.json that was withdrawn


class RunDir:
    """A run directory: its identity, cursor, locks and files.

    Attributes:
        path: the directory.
        files: what is uploaded beside the streams.
        on_disk: whether it outlives the process.
        times_anew: how often it was made anew because it had gone away.
        generation: counts how often this process removed something that a reader may have stood in.
        guard: reentrant lock, held while segments are read or removed, and upload.lock is taken.
    """

    on_disk = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = Files(path)
        self.generation = 0
        self._right = SendingRight(path)
        self._disk: int | None = None  # the disk that this process writes on
        self._renewal_due = 0.0
        self.guard = threading.RLock()
        self._sending: GuardedReader | None = None
        self._keepsake = Keepsake()
        self._backlog = Backlog(path)
        self._writers: weakref.WeakSet[Writer] = weakref.WeakSet()
        self.times_anew = 0
        self._unsaved_server: Remote | None = None
        self._is_unsaved = False  # whether the latest cursor is in memory alone

    def save_identity(self, info: RunInfo) -> None:
        """Say who the run is, in a directory that was claimed.

        Raises:
            OSError: the disk refuses it.
        """
        self.save_info(info)
        sync_directory(self.path.parent)

    def discard(self) -> None:
        """Remove the directory with all that is in it: its run has never begun."""
        with contextlib.suppress(OSError):
            for folder, below, names in os.walk(self.path, topdown=False):
                for name in names:
                    Path(folder, name).unlink()
                for name in below:
                    Path(folder, name).rmdir()
            self.path.rmdir()

    def remember(self) -> None:
        """Keep in mind what is needed if the directory goes away: of one that was found, not made here."""
        for name in ("run.json", "server.json"):
            with contextlib.suppress(OSError):
                self._keepsake.take(name, door.read(self.path, name))
        self._keepsake.cursor = self.cursor

    def acknowledged(self, writer: int) -> tuple[int, int]:
        """Segment and byte up to which the server has what a writer wrote; (1, 0) is nothing."""
        return self._keepsake.acknowledged(writer)

    @property
    def latest_cursor(self) -> Cursor:
        """What this process knows to be acknowledged, wherever that is noted."""
        return self._keepsake.cursor

    @property
    def known_info(self) -> RunInfo:
        """As `info`, from memory alone where that is enough.

        Raises:
            JournalCorrupt: as `info`.
        """
        identity = self._keepsake.identity
        if identity is None:
            return self.info
        return RunInfo.from_json({**loads(identity), "server": self._keepsake.server})

    def keep_in_mind(
        self, *, server: Remote | None = None, cursor: Cursor | None = None, place: Position | None = None
    ) -> None:
        """Know what the server said while the directory is away: it is written there once it is back.

        Args:
            server: what it said of the run.
            cursor: what it has acknowledged.
            place: where reading goes on then.
        """
        if server is not None:
            self._keepsake.take("server.json", _readable(server.to_json()))
        if cursor is not None:
            self._keepsake.cursor = dataclasses.replace(cursor, position=place)
            self._is_unsaved = True

    def has_writer(self, writer: Writer) -> None:
        """Take note of who writes here in this process: readers also get what the disk refuses of it."""
        self._writers.add(writer)
        if self._disk is None:
            self._disk = disk_of(self.path)

    def is_away(self) -> bool:
        """Whether the directory is gone with the whole disk: then it may come back, with all that is in it."""
        return self._disk is not None and disk_of(self.path) not in {None, self._disk}

    def leaves_out_lines(self) -> None:
        """Take note that a reader may have stood before lines that will not come: the server has them."""
        self.generation += 1

    def begins_behind_gap(self) -> None:
        """Have readers begin behind what the server has: lines before that are not all there.

        Raises:
            OSError: the disk refuses it.
        """
        if self._unsaved_server is not None:
            self.save_server(self._unsaved_server)
        self.save_base(self._keepsake.cursor)

    @property
    def is_incomplete(self) -> bool:
        """Whether there is something in memory here that the disk refuses."""
        return any(writer.waiting for writer in list(self._writers))

    def _writer_here(self, number: int) -> Writer | None:
        return next((writer for writer in list(self._writers) if writer.number == number and not writer.closed), None)

    def stand_again(self) -> bool:
        """Make the directory anew if it is gone; whether it was.

        Raises:
            OSError: it cannot be made.
        """
        if (self.path / "run.json").exists():
            return False
        if self.is_away():
            raise OSError(errno.ESTALE, "the disk is away", str(self.path))
        files = list(self._keepsake.files())
        if not files:
            return False
        held = self._right.held
        make_durably(self.path)
        for name, data in files:
            door.replace(self.path, name, data, durable=True)
        if self._keepsake.cursor.state is not None:  # the lines before are on the server alone
            self.save_base(self._keepsake.cursor_anew())
            self._save("cursor.json", seal(dumps(self._keepsake.cursor_anew().to_json())), durable=False)
        if held:
            self._right.release()
            with contextlib.suppress(OSError):
                self._right.acquire()
        self.times_anew += 1
        self.generation += 1
        return True

    @property
    def info(self) -> RunInfo:
        """Who the run is, with what the server said of it once that knows the run.

        Raises:
            JournalCorrupt: it is missing, not JSON, of a newer format, or does not say what it must.
        """
        try:
            kept = loads(self._identity())
        except OSError as exc:
            raise JournalCorrupt(f"{self.path} has no readable run.json: {whose.why_unread(self.path, exc)}") from exc
        except ValueError:
            kept = None
        if not isinstance(kept, dict):
            raise JournalCorrupt(f"{self.path} has no readable run.json: it holds no JSON object")
        server = self.said_in("server.json")
        if server is None and self._unsaved_server is not None:
            server = self._unsaved_server.to_json()
        if server is None and is_gone(self.path):
            server = self._keepsake.server
        is_there = server is not None or door.is_there(self.path, "server.json")
        if server is None and is_there:  # another process may just have made it
            server = self.said_in("server.json")
        if server is not None:
            kept = {**kept, "server": server}
        elif is_there:  # asked again, the server would count our lines as another's
            what = "where the run's lines begin on the server is unknown"
            raise JournalCorrupt(f"{self.path / 'server.json'} is damaged: {what}. See `wandb-logging repair`")
        wrong = problem(kept)
        if wrong:
            raise JournalCorrupt(f"{self.path / 'run.json'} {wrong}")
        return RunInfo.from_json(kept)

    def keep_identity(self) -> None:
        """Write run.json and server.json anew where somebody removed one of them alone.

        Without the one the directory is no run's; without the other, all would be sent a second time.
        """
        is_full = self._unsaved_server is not None or self.is_incomplete
        for name, data in () if is_full else self._keepsake.files():
            with contextlib.suppress(OSError):
                if self.path.is_dir() and not door.is_there(self.path, name):
                    door.replace(self.path, name, data, durable=True)

    def _identity(self) -> bytes:
        """What is in run.json; who knows it by heart, as the run's own process does, writes it anew if it is gone.

        Raises:
            OSError: it cannot be read, and is not known.
        """
        try:
            return door.read(self.path, "run.json")
        except (FileNotFoundError, NotADirectoryError):
            known = self._keepsake.identity
            if known is None:
                raise
            with contextlib.suppress(OSError):
                door.replace(self.path, "run.json", known, durable=True)
            return known

    def save_info(self, info: RunInfo) -> None:
        """Write run.json. Only for its maker. Its name is forced to the disk with that of the first segment.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("run.json", _readable(info.to_json()), durable=True)

    def save_server(self, server: Remote) -> None:
        """Write server.json. Only for the holder of the upload lock.

        A file of its own, so that a newer copy of the run's files from elsewhere leaves it alone. Where the disk is
        full a run that goes on has it in memory, and `save_cursor` writes it later.

        Raises:
            OSError: the disk refuses it.
        """
        try:
            self._save("server.json", _readable(server.to_json()), durable=True)
        except OSError as exc:
            if exc.errno not in _REFUSED or not self._writers:
                raise
            self._unsaved_server = server  # `save_cursor` tries again: what is in memory can be sent meanwhile
            with contextlib.suppress(OSError, JournalCorrupt):  # run.json has room for it, as a rule, in its last block
                door.overwrite(self.path, "run.json", _readable({**self.info.to_json(), "server": server.to_json()}))
        else:
            self._unsaved_server = None

    @property
    def cursor(self) -> Cursor:
        """The content of cursor.json; the beginning if there is none or it is damaged: costs bandwidth, never data.

        That of base.json if it is lost or older than that.
        """
        cursor, base = self.load_cursor("cursor.json"), self.base
        if self._is_unsaved and self._keepsake.cursor.events > cursor.events:  # the disk is full
            cursor = self._keepsake.cursor
        return base if base.events > cursor.events else cursor

    @property
    def base(self) -> Cursor:
        """The content of base.json, of a form as the cursor's; the beginning if reading begins at the start."""
        return self.load_cursor("base.json")

    @property
    def has_base(self) -> bool:
        """Whether acknowledged segments were removed, so that the journal cannot be read from its start."""
        return door.is_there(self.path, "base.json")

    def save_base(self, cursor: Cursor) -> None:
        """Write base.json, forced to the disk: what comes before the position in there may be removed then.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("base.json", seal(dumps(cursor.to_json())), durable=True)
        sync_directory(self.path)

    def load_cursor(self, name: str) -> Cursor:
        """The content of cursor.json or base.json alone; the beginning if it is missing or damaged."""
        try:
            body = unseal(door.read(self.path, name).rstrip(b"\n"))
            cursor = loads(body or b"{}")
        except (OSError, ValueError):
            return Cursor()
        # Sealed, so that another version wrote what we cannot use.
        return Cursor.from_json(cursor) if is_cursor(cursor) else Cursor()

    def save_cursor(self, cursor: Cursor) -> None:
        """Write cursor.json. Sealed as a journal line is: a wrong count in it would put lines at wrong offsets.

        Raises:
            OSError: the disk refuses it.
        """
        self._keepsake.cursor = cursor
        self._is_unsaved = True
        data = seal(dumps(cursor.to_json()))
        if self._unsaved_server is not None:
            self.save_server(self._unsaved_server)
        if self._unsaved_server is not None:  # a cursor belongs to a server
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path / "server.json"))
        try:
            self._save("cursor.json", data, durable=False)
        except OSError as exc:
            if exc.errno not in _FULL or self.has_base:
                raise
            door.overwrite(self.path, "cursor.json", data)  # if that breaks off, all goes again, which is harmless
        self._is_unsaved = False

    def withdraw(self) -> None:
        """Have nobody send this run again: all is on the server, and the disk had no room to note that.

        What is in the directory stays; without its run.json it is no run's.

        Raises:
            OSError: that cannot be done.
        """
        door.move(self.path, "run.json", SENT)
        self._keepsake.forget("run.json")

    def forget_cursor(self) -> None:
        """Remove cursor.json: it tells of another server than the one that is to be asked now.

        Raises:
            OSError: the disk refuses it.
        """
        with contextlib.suppress(FileNotFoundError):
            door.remove(self.path, "cursor.json")

    def writer(self, **options: Any) -> Writer:
        """A new writer in this directory."""
        return Writer(self.path, home=self, **options)

    def reader(self, position: Position | None, *, record_order: bool = True) -> Reader:
        """A reader from a position on."""
        reader = GuardedReader(
            self.guard, self.path, position, right=self._right if record_order else None, writer_here=self._writer_here
        )
        if record_order:
            self._sending = reader
        return reader

    def reached(self) -> Mapping[int, int]:
        """The latest segment of each writer of which something may have been read to send it; 0 if nothing.

        What an uploader sent and died before it was acknowledged lies in the segment of the cursor or the one behind
        it, where no batch is from two segments, or is in order.jsonl.
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
        return float(loads(bodies[0])["t"]) if bodies else None

    def lines_after(self, position: Position | None) -> int:
        """How many lines come after a position.

        Raises:
            OSError: a segment cannot be read.
        """
        return self._backlog.after(places(position)).number

    def lines_after_in_time(self, position: Position | None, until: float) -> Lines:
        """How many lines come after a position, estimated as far as they cannot be counted by then (monotonic).

        Raises:
            OSError: as `lines_after`.
        """
        return self._backlog.after(places(position), until)

    def scan_after(self, position: Position | None, words: Sequence[bytes], take: Callable[[bytes], object]) -> int:
        """How many lines come after a position. Gives the bodies of whole ones that hold one of some words.

        Much faster than reading: only lines with a word are looked at. Of several writers it is one after the other.

        Raises:
            OSError: a segment cannot be read.
        """
        return scan(self.path, places(position), words, take)

    def has_several_writers(self) -> bool:
        """Whether more than one process has written here, or one more than once. Not where nobody can tell."""
        with contextlib.suppress(OSError):
            return len({writer for writer, _ in segments(self.path)}) > 1
        return False

    def alive(self) -> bool:
        """Whether a living process may still add events."""
        return any(life(self.path, writer) is Life.LIVES for writer in writers_of(self.path))

    def dead(self) -> bool:
        """Whether it is certain that no process adds events any more, on whatever host: not where nobody can tell."""
        return all(life(self.path, writer) is Life.GONE for writer in writers_of(self.path))

    def members(self, but: int = 0) -> list[Note]:
        """The members that are there and have not left, one of them left out."""
        return list(living(self.path, but))

    @contextlib.contextmanager
    def leaving(self) -> Iterator[None]:
        """While this lasts no other process joins the run or leaves it: one of them is the last."""
        with alone_in(self.path.parent, _MOST_LEAVING):
            yield

    def ask(self) -> None:
        """Have who sends this run look at the journal now."""
        with contextlib.suppress(OSError):
            door.replace(self.path, "asked", b"", durable=False)

    def asked(self) -> object:
        """What is another value as soon as somebody asked."""
        with contextlib.suppress(OSError):
            found = door.status(self.path, "asked")
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
        """Whether no other process uploads this run. In this one nobody reads it for as long as the context lasts."""
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
            JournalLocked: another process holds it, and the message says which; or none can have it, and it says why.
        """
        try:
            with self.guard:
                free = self._right.acquire()
        except OSError as exc:
            raise whose.refusal(self.path, exc) from exc
        if not free:
            holder = self._right.holder()
            raise JournalLocked(f"{self.path} is being uploaded by {holder}", holder)

    def unlock_upload(self) -> None:
        """Give that right back."""
        with self.guard:
            self._right.release()

    def forget_locks(self) -> None:
        """In a forked child: let go of the parent's locks without unlocking them."""
        self.guard = threading.RLock()
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
        for writer in list(self._writers):
            with contextlib.suppress(OSError):
                writer.renew()

    def check_right(self) -> None:
        """Make sure that this process still has the right to upload this run, where another host could have taken it.

        Raises:
            JournalLocked: it has not, or nobody can tell.
        """
        self.renew()
        with self.guard:
            self._right.check()

    def set_aside(self, reason: str, what: object) -> None:
        """Keep something that cannot be sent, with the reason, in aside.jsonl."""
        with contextlib.suppress(OSError), door.open_to_append(self.path, ASIDE) as file:
            file.write(dumps({"reason": reason, "what": what}) + b"\n")

    def said_in(self, name: str) -> dict[str, Any] | None:
        """The JSON object that a file holds; None if it is missing, or holds none."""
        try:
            value = loads(door.read(self.path, name))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def _save(self, name: str, data: bytes, *, durable: bool) -> None:
        """Replace a file as a whole: whoever reads it sees the old content or the new."""
        self._keepsake.take(name, data)
        door.replace(self.path, name, data, durable=durable)


def _readable(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
