"""Finds out which runs there are, then the state of each, without reading them whole: a thousand take a moment."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import islice
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError
from wandb_logging._events.event import Event, event_of, exit_code_after
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import safe_files
from wandb_logging._journal.cache_folder import walk_folders
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.segments import among, segment_name, segment_path

MOST_RUNS = 5000
_TAIL = 16_384
_CURSORS = frozenset({"cursor.json", "base.json"})
_LATEST = 6  # number of last lines that are looked at whatever they hold
_NUMBERS = frozenset({int, float})
_TEXTS = ("id", "project", "entity", "name", "group", "job_type", "notes", "program", "host_name", "mode")


@dataclass(frozen=True)
class Card:
    """What the list shows of a run.

    Attributes:
        path: the run directory.
        info: the members of run.json that the page shows; {} if it cannot be read.
        config: the config in run.json.
        alive: whether a process may still add to the run.
        exit_code: how the run ended; None if that is not known.
        last: numbers by metric from the rows at the end of the journal.
        unsent: whether there are lines that the server has not acknowledged.
        error: why the run cannot be shown; empty if it can.
        looked: whether more than run.json was read. If not, only `path`, `info`, `config` and `error` are known.
    """

    path: Path
    info: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    alive: bool = False
    exit_code: int | None = None
    last: dict[str, float] = field(default_factory=dict)
    unsent: bool = True
    error: str = ""
    looked: bool = True

    @property
    def state(self) -> str:
        """State of the run: running, finished or crashed; "unreadable" if that cannot be found out, "unread" before."""
        if self.error:
            return "unreadable"
        if not self.looked:
            return "unread"
        if self.alive and self.exit_code is None:
            return "running"
        return "finished" if self.exit_code == 0 else "crashed"


def run_folders(root: Path) -> Iterator[str]:
    """The run directories at or below a path, but not more than the page shows; also those without run.json."""
    return islice(walk_folders(root, lost=True), MOST_RUNS)


def first_card(run_dir: RunDir) -> Card:
    """What run.json alone says of a run: enough for a list of a thousand, a third of the work."""
    try:
        return Card(run_dir.path, **_told(run_dir.info), looked=False)
    except (JournalError, OSError, ValueError, TypeError, AttributeError) as exc:
        return Card(run_dir.path, error=words_of(exc))


def card(run_dir: RunDir) -> Card:
    """What can be said of a run without reading all of it."""
    try:
        info = run_dir.info
        alive = run_dir.alive()
        names = os.listdir(run_dir.path)  # noqa: PTH208  a Path for each
        cursor = run_dir.cursor if _CURSORS.intersection(names) else Cursor()
        newest = dict(among(names))
        saved = cursor.exit
        told, last = _at_the_end(run_dir, newest)
        return Card(
            path=run_dir.path,
            **_told(info),
            alive=alive,
            exit_code=saved if told is None else told,
            last=last,
            unsent=not _all_sent(run_dir, cursor, newest),
        )
    except (JournalError, OSError, ValueError, TypeError, AttributeError) as exc:
        return Card(run_dir.path, error=words_of(exc))


def words_of(exc: Exception) -> str:
    """Why a run cannot be read, for a person."""
    if isinstance(exc, OSError) and exc.filename:
        return f"{exc.filename}: {exc.strerror}"
    return str(exc) or type(exc).__name__


def _told(info: RunInfo) -> dict[str, Any]:
    texts = {name: getattr(info, name) for name in _TEXTS if getattr(info, name)}
    config = {key: value for key, value in info.config.items() if key != "_wandb"}
    return {"info": {**texts, "tags": info.tags, "start": float(info.start)}, "config": config}


def _all_sent(run_dir: RunDir, cursor: Cursor, newest: Mapping[int, int]) -> bool:
    return cursor.complete and all(
        cursor.places.get(writer) == (segment, segment_path(run_dir.path, writer, segment).stat().st_size)
        for writer, segment in newest.items()
    )


def _at_the_end(run_dir: RunDir, newest: Mapping[int, int]) -> tuple[int | None, dict[str, float]]:
    """The exit code, if one of the last events gives it, and the numbers of the last rows."""
    events: list[Event] = []
    for writer, segment in newest.items():
        with safe_files.open_to_read(run_dir.path, segment_name(writer, segment)) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            latest = file.read().rsplit(b"\n", _LATEST)
        before = latest.pop(0) if len(latest) > _LATEST else b""
        telling = before.split(b"\n") if b'"exit":' in before or b'"resume":' in before else []
        bodies = map(unseal, [*telling, *latest])
        events += [event for body in bodies if body and (event := event_of(body))]
    events.sort(key=lambda event: event.t)
    last: dict[str, float] = {}
    for event in events:
        last.update(numbers_of(event.metrics or {}))
    return exit_code_after(None, events), last


def numbers_of(row: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers in a row by name. The names of nested values are joined by dots."""
    found: dict[str, float] = {}
    for name, value in row.items():
        if type(value) in _NUMBERS and math.isfinite(value):
            found[prefix + name] = value
        elif isinstance(value, dict) and "_type" not in value:
            found.update(numbers_of(value, f"{prefix}{name}."))
    return found
