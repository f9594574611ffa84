"""Who writes in a run directory just now: members, the last of whom ends the run, and helpers, who do not.

A process that was started as a writer of the run is a member: a rank, a second program with its id. A forked child and
a worker of a pool are helpers: the run ends with the process that made them. Each says which it is in the file that it
holds locked while it lives, `journal-<w>.lock`, as JSON, beside who it is (`presence.Holder`):

    {"pid": 12, "host": "node7", ..., "since": 1}               a member; of those that came together 1 was the first
    {"pid": 12, "host": "node7", ..., "since": 1, "left": 0}    one that has ended, with this exit code
    {"pid": 13, "host": "node7", ..., "helps": true}            a helper
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb_logging._journal.lease import Life
from wandb_logging._journal.presence import NOBODY, Holder, life_of, said_in
from wandb_logging._journal.segments import segment_path, segments
from wandb_logging._values.plain import dumps

UPLOAD = "upload.lock"
_LOCK = re.compile(r"journal-([0-9]{4,})\.lock")


def lock_name(writer: int) -> str:
    """Name of the file that a writer holds locked for as long as it lives."""
    return f"journal-{writer:04d}.lock"


@dataclass(frozen=True)
class Note:
    """What a writer says of itself.

    Attributes:
        writer: its number.
        since: the first of those members that came while one of them was there; 0 of who does not say it.
        helps: whether it is a helper.
        left: exit code of a member that has ended; None while it goes on.
        holder: the process.
    """

    writer: int
    since: int = 0
    helps: bool = False
    left: int | None = None
    holder: Holder = field(default=NOBODY)

    @property
    def text(self) -> str:
        """As it stands in the file."""
        said: dict[str, Any] = {**self.holder.to_json(), **({"helps": True} if self.helps else {"since": self.since})}
        return dumps(said if self.left is None else {**said, "left": self.left}).decode()


def note_of(path: Path, writer: int) -> Note:
    """What a writer says of itself. One that does not say it is a member."""
    try:
        said = said_in(path, lock_name(writer))
    except OSError:
        return Note(writer)
    since, left = (value if type(value := said.get(name)) is int else None for name in ("since", "left"))
    return Note(writer, since or 0, said.get("helps") is True, left, Holder.from_json(said))


def writers_of(path: Path) -> list[int]:
    """The numbers of all that write or wrote here, in order; none where nobody can tell, as the directory is away."""
    try:
        found = [_LOCK.fullmatch(item.name) for item in path.iterdir()]
    except OSError:
        return []
    return sorted(int(match[1]) for match in found if match)


def life(path: Path, writer: int) -> Life:
    """What is known of a writer's process."""
    return life_of(path, lock_name(writer), lambda: note_of(path, writer).holder, lambda: _traces(path, writer))


def _traces(path: Path, writer: int) -> list[str]:
    """Where a writer's process leaves other traces: what it writes, and the right to send, if it has that."""
    found = []
    with contextlib.suppress(OSError):
        latest = max((segment for of, segment in segments(path) if of == writer), default=None)
        found += [] if latest is None else [segment_path(path, writer, latest).name]
        if Holder.from_json(said_in(path, UPLOAD)).is_same(note_of(path, writer).holder):
            found.append(UPLOAD)
    return found


def is_writing(path: Path, writer: int) -> bool:
    """Whether a writer may still add to its journal: it lives, or nobody can tell."""
    return life(path, writer) is not Life.GONE


def living(path: Path, but: int = 0) -> Iterator[Note]:
    """The members that are there and have not left, one of them left out; and those that may be, on another host."""
    for writer in writers_of(path):
        if writer != but:
            note = note_of(path, writer)
            if not note.helps and note.left is None and _may_go_on(path, note):
                yield note


def _may_go_on(path: Path, note: Note) -> bool:
    found = life(path, note.writer)
    return found is Life.LIVES or (found is Life.UNKNOWN and note.holder.lease is not None)


def first_of(path: Path, writer: int) -> int:
    """The first of the members that a new one comes to: itself, if it is alone."""
    return min((note.since or note.writer for note in living(path, writer)), default=writer)


def codes(path: Path, since: int, but: int = 0) -> list[int]:
    """The exit codes of the members that came since: 1 of one that is gone without a word."""
    found = []
    for writer in writers_of(path):
        if since and writer >= since and writer != but:
            note = note_of(path, writer)
            if note.left is not None:
                found.append(note.left)
            elif not note.helps and life(path, writer) is Life.GONE and _has_begun(path, note):
                found.append(1)
    return found


def _has_begun(path: Path, note: Note) -> bool:
    """Whether a writer has said who it is, or has written: one that has just made its file may be a helper."""
    return note.holder != NOBODY or any(writer == note.writer for writer, _ in segments(path))
