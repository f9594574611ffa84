"""The run directory: identity, cursor, locks and files of one run. The format has a page in the docs.

wandb_cache/<project>/<run id>/
    run.json                 who the run is; written once
        server.json              what the server said of the run; from where its lines are counted
    journal-<w>-<n>.jsonl    the journal (`_journal.writer`)
    order.jsonl              the order in which several writers were read (`_journal.reader`)
    cursor.json              what the server has acknowledged, and the folded state there
    base.json                the same, where acknowledged segments were removed: where reading begins (`_journal.quota`)
                             of a worker elsewhere: behind what the process of its run has taken (`_carrying`)
    upload.lock              held by the one process that uploads this run
    asked                    made anew by a writer that wants this process to look at the journal now
    aside.jsonl              what could not be sent, and why
    files/                   copies of what is to be uploaded beside the streams (`_journal.copies`)
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalCorrupt, JournalLocked
from wandb_logging._events.run_info import Remote, RunInfo, problem
from wandb_logging._journal import access_errors, safe_files
from wandb_logging._journal.backlog import Backlog, Lines
from wandb_logging._journal.backup import Backup
from wandb_logging._journal.copies import Copies
from wandb_logging._journal.cursor import Cursor, is_cursor
from wandb_logging._journal.folder_mutex import alone_in
from wandb_logging._journal.lease import Life, apart
from wandb_logging._journal.lost import disk_of, is_gone
from wandb_logging._journal.members import MEMBER, Members, Note, Standing, life, writers_of
from wandb_logging._journal.order import order_of
from wandb_logging._journal.position import Position, places
from wandb_logging._journal.reader import GuardedReader, Reader
from wandb_logging._journal.scan import scan
from wandb_logging._journal.seal import seal, unseal
from wandb_logging._journal.segments import make_durably, segments, sync_directory
from wandb_logging._journal.sending_right import SendingRight
from wandb_logging._journal.writer import Writer
from wandb_logging._values.alive import Alive
from wandb_logging._values.plain import dumps, loads
from wandb_logging._values.reentrant import new_lock, of_child

_REFUSED = frozenset((errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)))
_FULL = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)))
_MOST_LEAVING = 2.0  # seconds that the end of a process waits for those who come and go
ASIDE = "aside.jsonl"
SENT = "sent.json"  # the name of a run.json that was withdrawn


class RunDir:
    """A run directory: its identity, cursor, locks and files.

    Attributes:
        path: the directory.
        files: the copies of files that are to be uploaded.
        on_disk: whether it outlives the process.
        times_anew: how often it was made again because it had been removed.
        generation: changes when this process removes lines at which a reader may have been.
        guard: reentrant lock; held while segments are read or removed, and while upload.lock is taken.
    """

    on_disk = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = Copies(path)
        self.generation = 0
        self._right = SendingRight(path)
        self._disk: int | None = None  # the device that this process writes on
        self._renewal_due = 0.0
        self.guard = new_lock()
        self._sending: GuardedReader | None = None
        self._backup = Backup()
        self._backlog = Backlog(path)
        self._writers: Alive[Writer] = Alive()
        self.times_anew = 0
        self._unsaved_server: Remote | None = None
        self._is_unsaved = False  # whether the latest cursor is in memory alone

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

    def remember(self) -> None:
        """Read what is needed to make this directory again if it is removed: another process has made it."""
        for name in ("run.json", "server.json"):
            with contextlib.suppress(OSError):
                self._backup.take(name, safe_files.read(self.path, name))
        self._backup.cursor = self.cursor

    def acknowledged(self, writer: int) -> tuple[int, int]:
        """Segment and byte up to which the server has what a writer wrote; (1, 0): it has nothing."""
        return self._backup.acknowledged(writer)

    @property
    def latest_cursor(self) -> Cursor:
        """The latest cursor that this process knows, whether the disk has it or not."""
        return self._backup.cursor

    @property
    def known_info(self) -> RunInfo:
        """As `info`, but from memory if this process knows the content of run.json.

        Raises:
            JournalCorrupt: as `info`.
        """
        identity = self._backup.identity
        if identity is None:
            return self.info
        return RunInfo.from_json({**loads(identity), "server": self._backup.server})

    def keep_in_mind(
        self, *, server: Remote | None = None, cursor: Cursor | None = None, place: Position | None = None
    ) -> None:
        """Remember what the server said while the directory is away. It is written when the directory is back.

        Args:
            server: what it said of the run.
            cursor: what it has acknowledged.
            place: the position to put into that cursor: where reading goes on then.
        """
        if server is not None:
            self._backup.take("server.json", _readable(server.to_json()))
        if cursor is not None:
            self._backup.cursor = dataclasses.replace(cursor, position=place)
            self._is_unsaved = True

    def has_writer(self, writer: Writer) -> None:
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

    def begins_behind_gap(self) -> None:
        """Have readers begin behind what the server has: some of the lines before that are not in the journal.

        Raises:
            OSError: the disk refuses it.
        """
        if self._unsaved_server is not None:
            self.save_server(self._unsaved_server)
        self.save_base(self._backup.cursor)

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
        files = list(self._backup.files())
        if not files:
            return False
        held = self._right.held
        make_durably(self.path)
        for name, data in files:
            safe_files.replace(self.path, name, data, durable=True)
        if self._backup.cursor.state is not None:  # the acknowledged lines are on the server alone
            self.save_base(self._backup.cursor_anew())
            self._save("cursor.json", seal(dumps(self._backup.cursor_anew().to_json())), durable=False)
        if held:
            self._right.release()
            with contextlib.suppress(OSError):
                self._right.acquire()
        self.times_anew += 1
        self.generation += 1
        return True

    @property
    def info(self) -> RunInfo:
        """The run's identity, from run.json; with what the server said of the run, if there is a server.json.

        Raises:
            JournalCorrupt: run.json is missing, no JSON, of a newer format, or lacks a member; server.json is damaged.
        """
        try:
            kept = loads(self._identity())
        except OSError as exc:
            raise JournalCorrupt(
                f"{self.path} has no readable run.json: {access_errors.why_unread(self.path, exc)}"
            ) from exc
        except ValueError:
            kept = None
        if not isinstance(kept, dict):
            raise JournalCorrupt(f"{self.path} has no readable run.json: it holds no JSON object")
        is_there = safe_files.is_there(self.path, "server.json")
        server = self.said_in("server.json") if is_there else None
        if server is None and self._unsaved_server is not None:
            server = self._unsaved_server.to_json()
        if server is None and is_gone(self.path):
            server = self._backup.server
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
        """Write run.json and server.json again if somebody removed one of them alone.

        Without run.json the directory is no run; without server.json the whole run would be sent a second time.
        """
        is_full = self._unsaved_server is not None or self.is_incomplete
        for name, data in () if is_full else self._backup.files():
            with contextlib.suppress(OSError):
                if self.path.is_dir() and not safe_files.is_there(self.path, name):
                    safe_files.replace(self.path, name, data, durable=True)

    def _identity(self) -> bytes:
        """The content of run.json. If it was removed and this process knows its content, it is written again.

        Raises:
            OSError: it cannot be read, and this process does not know its content.
        """
        try:
            return safe_files.read(self.path, "run.json")
        except (FileNotFoundError, NotADirectoryError):
            known = self._backup.identity
            if known is None:
                raise
            with contextlib.suppress(OSError):
                safe_files.replace(self.path, "run.json", known, durable=True)
            return known

    def save_info(self, info: RunInfo) -> None:
        """Write run.json. Only for the process that made it. Its name is forced to the disk with the first segment's.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("run.json", _readable(info.to_json()), durable=True)

    def save_server(self, server: Remote) -> None:
        """Write server.json. Only for the holder of the upload lock.

        It is a file of its own, so that a newer copy of the run's files from another machine does not overwrite it. If
        the disk is full, a run that goes on keeps it in memory, and `save_cursor` writes it later.

        Raises:
            OSError: the disk refuses it.
        """
        try:
            self._save("server.json", _readable(server.to_json()), durable=True)
        except OSError as exc:
            if exc.errno not in _REFUSED or not self._writers.all():
                raise
            self._unsaved_server = server  # `save_cursor` tries again; lines in memory can be sent meanwhile
            with contextlib.suppress(OSError, JournalCorrupt):  # run.json has room for it, as a rule, in its last block
                safe_files.overwrite(
                    self.path, "run.json", _readable({**self.info.to_json(), "server": server.to_json()})
                )
        else:
            self._unsaved_server = None

    @property
    def cursor(self) -> Cursor:
        """The content of cursor.json; that of base.json if cursor.json is missing, damaged or older.

        The beginning if there is neither: then lines are sent again to the same places, which costs only bandwidth.
        """
        cursor, base = self.load_cursor("cursor.json"), self.base
        if self._is_unsaved and self._backup.cursor.events > cursor.events:  # the disk is full
            cursor = self._backup.cursor
        return base if base.events > cursor.events else cursor

    @property
    def base(self) -> Cursor:
        """The content of base.json, which has the form of a cursor; the beginning if there is none."""
        return self.load_cursor("base.json")

    @property
    def has_base(self) -> bool:
        """Whether acknowledged segments were removed, so that the journal cannot be read from its start."""
        return safe_files.is_there(self.path, "base.json")

    def save_base(self, cursor: Cursor) -> None:
        """Write base.json, forced to the disk. Lines before its position may be removed after that.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("base.json", seal(dumps(cursor.to_json())), durable=True)
        sync_directory(self.path)

    def load_cursor(self, name: str) -> Cursor:
        """The content of cursor.json or base.json alone; the beginning if it is missing or damaged."""
        try:
            body = unseal(safe_files.read(self.path, name).rstrip(b"\n"))
            cursor = loads(body or b"{}")
        except (OSError, ValueError):
            return Cursor()
        # The checksum is right, so if we cannot use the content another version wrote it.
        return Cursor.from_json(cursor) if is_cursor(cursor) else Cursor()

    def save_cursor(self, cursor: Cursor) -> None:
        """Write cursor.json. Sealed as a journal line is: a wrong count in it would put lines at wrong offsets.

        Raises:
            OSError: the disk refuses it.
        """
        self._backup.cursor = cursor
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
            # If this breaks off, lines are sent again, to the same places.
            safe_files.overwrite(self.path, "cursor.json", data)
        self._is_unsaved = False

    @property
    def is_carried(self) -> bool:
        """Whether this is the directory of a worker elsewhere: another process takes its lines (`_carrying`)."""
        return self.base.events == 0  # else a server counts the events before it

    @property
    def carried(self) -> Cursor:
        """Where sending to a server begins: behind the lines that another process has taken, if one takes them."""
        return self.base if self.is_carried else Cursor()

    def save_carried(self, cursor: Cursor) -> None:
        """Write base.json for lines that another run's process has taken. The state of the cursor is that of no events.

        Raises:
            OSError: the disk refuses it.
        """
        self._save("base.json", seal(dumps(cursor.to_json())), durable=False)

    def withdraw(self) -> None:
        """Rename run.json, so that nobody sends this run again: the server has all of it, and no cursor can be written.

        The other files stay; a directory without run.json is no run.

        Raises:
            OSError: run.json cannot be renamed.
        """
        safe_files.move(self.path, "run.json", SENT)
        self._backup.forget("run.json")

    def forget_cursor(self) -> None:
        """Remove cursor.json: it is about another server than the one that the run goes to now.

        Raises:
            OSError: the disk refuses it.
        """
        with contextlib.suppress(FileNotFoundError):
            safe_files.remove(self.path, "cursor.json")

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
        return float(loads(bodies[0])["t"]) if bodies else None

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
            raise JournalLocked(f"{self.path} is being uploaded by {holder}", holder)

    def unlock_upload(self) -> None:
        """Give the right to upload back."""
        with self.guard:
            self._right.release()

    def note_end(self) -> None:
        """Let other hosts send this run, as this process ends now: they need not wait until nobody has heard of it.

        May be called in a signal handler, or while another thread is stuck in a request.
        """
        self._right.note_end()

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

    def said_in(self, name: str) -> dict[str, Any] | None:
        """The JSON object in a file; None if the file is missing, or holds no object."""
        try:
            value = loads(safe_files.read(self.path, name))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def _save(self, name: str, data: bytes, *, durable: bool) -> None:
        """Replace a file as a whole: whoever reads it sees the old content or the new."""
        self._backup.take(name, data)
        safe_files.replace(self.path, name, data, durable=durable)


def _readable(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
