"""Which processes write in a run directory now: members, the last of which ends the run, and helpers, which do not.

A process that was started as a writer of the run is a member: a rank, a second program with the same run id. A forked
child and a worker of a pool are helpers: the run ends with the process that made them. Each writer says which it is in
`journal-<w>.lock`, the file that it holds locked while it lives. The file is JSON, and also says which process that is
(`presence.Holder`):

    {"pid": 12, "host": "node7", ..., "since": 1}               a member; writer 1 was the first of its group
    {"pid": 12, "host": "node7", ..., "since": 1, "left": 0}    a member that has ended, with this exit code
    {"pid": 13, "host": "node7", ..., "helps": true}            a helper
    {"pid": 13, ..., "helps": true, "rank": "9f86d081-3"}       its rows are elsewhere, and its warnings here
    {"pid": 12, ..., "helps": true, "carries": "5d3c..."}       it writes what the worker of that id carries here
    {"pid": 12, ..., "since": 1, "rank": "9f86d081-3"}          rank 3 of the launch of this name

A group are members each of which came while another one was there, and ranks of one launch whenever they came. A run
that goes on later has a new group.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple

from wandb_logging._dataclass import dataclass
from wandb_logging._journal.lease import Life
from wandb_logging._journal.presence import NOBODY, Holder, age_of, comes_from_here, is_running, life_of, said_in
from wandb_logging._journal.segments import segment_name, segments
from wandb_logging._values.plain import dumps

UPLOAD = "upload.lock"
_LOCK = re.compile(r"journal-([0-9]{4,})\.lock")


def lock_name(writer: int) -> str:
    """Name of the file that a writer holds locked for as long as it lives."""
    return f"journal-{writer:04d}.lock"


class Standing(NamedTuple):
    """What a process is in a run, as it says when it begins a writer.

    Attributes:
        helps: whether it is a helper: another process ends the run.
        carries, rank: as of `Note`, which has no rank for a helper.
        lease: seconds for which each renewal holds; None if this process does not renew (`lease`).
    """

    helps: bool = False
    carries: str = ""
    rank: str = ""
    lease: float | None = None

    def of_child(self) -> Standing:
        """That of a forked child: it helps, and has no thread that renews."""
        return self._replace(helps=True, lease=None)


MEMBER, HELPER = Standing(), Standing(helps=True)


@dataclass(frozen=True)
class Note:
    """What a writer's lock file says.

    Attributes:
        writer: the writer's number.
        since: number of the first member of its group; 0 if the file does not say it.
        helps: whether it is a helper.
        left: exit code of a member that has ended; None while it goes on.
        carries: id of the worker elsewhere whose lines it writes (`_carrying`); "" if they are its own.
        rank: a name for its launch, and its rank there, such as `9f86d081-3`; "" if it is no rank.
        holder: the process that holds the file.
    """

    writer: int
    since: int = 0
    helps: bool = False
    left: int | None = None
    carries: str = ""
    rank: str = ""
    holder: Holder = field(default=NOBODY)

    @property
    def text(self) -> str:
        """The content of the file."""
        said: dict[str, Any] = {**self.holder.to_json(), **({"helps": True} if self.helps else {"since": self.since})}
        more = {"left": self.left, "carries": self.carries or None, "rank": self.rank or None}
        return dumps({**said, **{name: value for name, value in more.items() if value is not None}}).decode()


def note_of(path: Path, writer: int) -> Note:
    """What a writer's lock file says. A writer whose file says nothing counts as a member."""
    try:
        said = said_in(path, lock_name(writer))
    except OSError:
        return Note(writer)
    since, left = (value if type(value := said.get(name)) is int else None for name in ("since", "left"))
    carries, rank = (value if isinstance(value := said.get(name), str) else "" for name in ("carries", "rank"))
    return Note(writer, since or 0, said.get("helps") is True, left, carries, rank, Holder.from_json(said))


def writers_of(path: Path) -> list[int]:
    """The numbers of all writers that write or wrote here, in order; none if the directory cannot be listed."""
    try:
        found = [_LOCK.fullmatch(name) for name in os.listdir(path)]  # noqa: PTH208  a Path for each
    except OSError:
        return []
    return sorted(int(match[1]) for match in found if match)


def life(path: Path, writer: int) -> Life:
    """What is known of a writer's process."""
    return life_of(path, lock_name(writer), lambda: note_of(path, writer).holder, lambda: _traces(path, writer))


def _traces(path: Path, writer: int) -> list[str]:
    """Other files whose time tells that a writer's process lives: its newest segment, and upload.lock if it sends."""
    found = []
    with contextlib.suppress(OSError):
        latest = max((segment for of, segment in segments(path) if of == writer), default=None)
        found += [] if latest is None else [segment_name(writer, latest)]
        if Holder.from_json(said_in(path, UPLOAD)).is_same(note_of(path, writer).holder):
            found.append(UPLOAD)
    return found


def longest_lease(path: Path) -> tuple[Holder, float] | None:
    """The process of another host that nobody may take for gone for longest, and for how many seconds from now.

    None if no process may write here any more, or if one is certain to live, or if that cannot be found out.
    """
    found: list[tuple[float, Holder]] = []
    for writer in writers_of(path):
        if life(path, writer) is Life.GONE:
            continue
        holder = note_of(path, writer).holder
        age = age_of(path, lock_name(writer), *_traces(path, writer))
        if holder.lease is None or age is None or holder.is_near(path):
            return None
        found.append((max(0.0, holder.lease - age), holder))
    seconds, holder = max(found, key=lambda each: each[0], default=(0.0, NOBODY))
    return (holder, seconds) if found else None


def is_writing(path: Path, writer: int) -> bool:
    """Whether a writer may still add to its journal: its process lives, or nothing certain is known of it."""
    return life(path, writer) is not Life.GONE


def has_written(path: Path, pid: int) -> bool:
    """Whether a process of this host with that number writes or wrote here."""
    holders = (note_of(path, writer).holder for writer in writers_of(path))
    return any(holder.pid == pid and holder.is_near(path) for holder in holders)


class Members:
    """The members of a run directory, and their helpers. There may be a thousand of these: each lock file is read once.

    Args:
        path: the run directory.
        but: number of a writer that is left out.
    """

    def __init__(self, path: Path, but: int = 0) -> None:
        self._path = path
        notes = [note_of(path, writer) for writer in writers_of(path) if writer != but]
        self._notes = [note for note in notes if not note.helps]
        self._helpers = [note for note in notes if note.helps]

    def living(self) -> list[Note]:
        """Those that have not ended. A member on another host counts if it may live."""
        return [note for note in self._notes if note.left is None and _may_go_on(self._path, note)]

    def children(self) -> int:
        """How many processes write here and live that this one, or on this host another one of the run, has started.

        Forked ones have no lease; those that were spawned, and do what is not another rank's, come from this one.
        """
        here = [
            note
            for note in self._helpers
            if not note.holder.ended and note.holder.is_near(self._path) and not note.rank
        ]
        pids = (note for note in here if is_running(note.holder.pid))
        started = (note for note in pids if note.holder.lease is None or comes_from_here(note.holder.pid))
        return sum(life(self._path, note.writer) is Life.LIVES for note in started)

    def is_written_by(self, pid: int) -> bool:
        """Whether the process of this host with that number writes here, as a member or a helper."""
        notes = (note for note in (*self._notes, *self._helpers) if note.holder.pid == pid)
        return any(note.holder.is_near(self._path) and life(self._path, note.writer) is Life.LIVES for note in notes)

    def exit_codes(self, since: int) -> list[int]:
        """The exit codes of the members from the number `since` on: 1 for a member that died silently."""
        group = (note for note in self._notes if since and note.writer >= since)
        return [code for note in group if (code := _exit_code(self._path, note)) is not None]

    def latest_of(self, launch: str) -> list[Note]:
        """The members of the latest group of a launch; none if it has none here."""
        ranks = [note for note in self._notes if note.rank.rpartition("-")[0] == launch]
        latest = max((note.since for note in ranks), default=0)
        return [note for note in ranks if note.since == latest]


def _may_go_on(path: Path, note: Note) -> bool:
    found = life(path, note.writer)
    return found is Life.LIVES or (found is Life.UNKNOWN and note.holder.lease is not None)


def first_of_group(path: Path, writer: int, rank: str) -> int:
    """The first member of the group that the new member `writer` belongs to: itself, if it is alone.

    Args:
        path: the run directory.
        writer: the new member's number.
        rank: as of `Note`. Where the launch's latest group has ended, and had this rank, a new group begins: the launch
            was started again.
    """
    members = Members(path, writer)
    since = min((note.since or note.writer for note in members.living()), default=writer)
    if since == writer and rank:
        latest = members.latest_of(rank.rpartition("-")[0])
        if latest and rank not in {note.rank for note in latest}:
            return latest[0].since
    return since


def _exit_code(path: Path, note: Note) -> int | None:
    if note.left is None:
        note = note_of(path, note.writer)  # it may have left since its file was read
    died = note.left is None and life(path, note.writer) is Life.GONE and _has_begun(path, note)
    return 1 if died else note.left


def _has_begun(path: Path, note: Note) -> bool:
    """Whether a writer has said who it is, or has written. One that has only made its file may be a helper."""
    return note.holder != NOBODY or any(writer == note.writer for writer, _ in segments(path))
