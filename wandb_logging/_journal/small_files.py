"""The small files of a run directory: run.json, server.json, cursor.json and base.json.

They say who the run is, and how much of it the server has. They are replaced as a whole, and kept in memory, too, since
the directory may be removed while its run goes on, or its disk be full.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalCorrupt
from wandb_logging._events.run_info import Remote, RunInfo, problem
from wandb_logging._journal import access_errors, safe_files
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.lost import is_gone
from wandb_logging._journal.position import START, Position, position
from wandb_logging._journal.segments import sync_directory
from wandb_logging._values.plain import loads

SENT = "sent.json"  # the name of a run.json that was withdrawn

_KEPT = frozenset(("run.json", "server.json"))
_FULL = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)))
_REFUSED = _FULL | {errno.EFBIG, errno.EROFS, errno.EIO}


class Backup:
    """The content of run.json, server.json and the cursor, a few kilobytes, for as long as the process lives.

    With it the directory is made again if it is removed while its run goes on.
    """

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self.cursor = Cursor()

    def take(self, name: str, data: bytes) -> None:
        """Remember a file that was written."""
        if name in _KEPT:
            self._files[name] = data

    def forget(self, name: str) -> None:
        """Forget a file: it is not to be written again."""
        self._files.pop(name, None)

    @property
    def identity(self) -> bytes | None:
        """The content of run.json; None if it is not known."""
        return self._files.get("run.json")

    @property
    def server(self) -> Any:
        """What the server said of the run, as JSON; None if it has not."""
        return loads(self._files["server.json"]) if "server.json" in self._files else None

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files to write again, without the cursor; none if run.json is not known."""
        if "run.json" in self._files:
            yield from sorted(self._files.items(), reverse=True)

    def cursor_anew(self) -> Cursor:
        """The cursor of a journal that begins with what the server does not have."""
        return dataclasses.replace(self.cursor, position=position())

    def acknowledged(self, writer: int) -> tuple[int, int]:
        """As `Home.acknowledged`."""
        return self.cursor.places.get(writer, START)


class SmallFiles:
    """The small files of one run directory.

    Attributes:
        path: the directory.
        has_writers: whether this process writes in the directory, so that its run goes on. Default: no.
        is_incomplete: whether the disk refuses lines that such a writer keeps in memory. Default: no.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._backup = Backup()
        self._unsaved_server: Remote | None = None
        self._is_unsaved = False  # whether the latest cursor is in memory alone

    @property
    def has_writers(self) -> bool:
        return False

    @property
    def is_incomplete(self) -> bool:
        return False

    def remember(self) -> None:
        """Read what is needed to make this directory again if it is removed: another process has made it."""
        for name in _KEPT:
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
        self,
        *,
        info: RunInfo | None = None,
        server: Remote | None = None,
        cursor: Cursor | None = None,
        place: Position | None = None,
    ) -> None:
        """Remember what the server said while the directory is away. It is written when the directory is back.

        Args:
            info: the identity of a run whose directory is yet to be made.
            server: what it said of the run.
            cursor: what it has acknowledged.
            place: the position to put into that cursor: where reading goes on then.
        """
        if info is not None:
            self._backup.take("run.json", _readable(info.to_json()))
        if server is not None:
            self._backup.take("server.json", _readable(server.to_json()))
        if cursor is not None:
            self._backup.cursor = dataclasses.replace(cursor, position=place)
            self._is_unsaved = True

    def begins_behind_gap(self) -> None:
        """Have readers begin behind what the server has: some of the lines before that are not in the journal.

        Raises:
            OSError: the disk refuses it.
        """
        if self._unsaved_server is not None:
            self.save_server(self._unsaved_server)
        self.save_base(self._backup.cursor)

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
            if exc.errno not in _REFUSED or not self.has_writers:
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
        self._save("base.json", cursor.sealed(), durable=True)
        sync_directory(self.path)

    def load_cursor(self, name: str) -> Cursor:
        """The content of cursor.json or base.json alone; the beginning if it is missing or damaged."""
        try:
            return Cursor.unsealed(safe_files.read(self.path, name))
        except OSError:
            return Cursor()

    def save_cursor(self, cursor: Cursor) -> None:
        """Write cursor.json.

        Raises:
            OSError: the disk refuses it.
        """
        self._backup.cursor = cursor
        self._is_unsaved = True
        data = cursor.sealed()
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
        self._save("base.json", cursor.sealed(), durable=False)

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

    def said_in(self, name: str) -> dict[str, Any] | None:
        """The JSON object in a file; None if the file is missing, or holds no object."""
        try:
            value = loads(safe_files.read(self.path, name))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def _write_anew(self, identity: str = "run.json") -> None:
        """Write into a directory that was removed, and made again, what this process knows of them.

        run.json comes last: without what the server has acknowledged, the run's other lines would go in its place.

        Args:
            identity: the name that run.json gets.

        Raises:
            OSError: the disk refuses it.
        """
        if self._backup.cursor.state is not None:  # the acknowledged lines are on the server alone
            sealed = self._backup.cursor_anew().sealed()
            self._save("base.json", sealed, durable=True)
            if identity == "run.json":  # else names are forced to the disk when this becomes a run
                sync_directory(self.path)
            self._save("cursor.json", sealed, durable=False)
        for name, data in self._backup.files():
            safe_files.replace(self.path, identity if name == "run.json" else name, data, durable=True)

    def _save(self, name: str, data: bytes, *, durable: bool) -> None:
        """Replace a file as a whole: whoever reads it sees the old content or the new."""
        self._backup.take(name, data)
        safe_files.replace(self.path, name, data, durable=durable)


def _readable(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
