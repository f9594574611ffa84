"""Makes a run directory of existing TensorBoard event files. This can be repeated: each value is taken once.

The event of each row says up to where its file was read. So an interrupted import goes on where it stopped, and a
repeated one takes only what was added to the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Iterable
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError
from wandb_logging._events.event import Event
from wandb_logging._events.run_info import RunInfo
from wandb_logging._formats.event_folder import STEP, EventFolder, Row
from wandb_logging._formats.event_paths import beginning
from wandb_logging._journal.cache_folder import claim_run, find_runs, opening
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.writer import Writer
from wandb_logging._media.placing import Placing
from wandb_logging._records.encoding import change_event, row_event
from wandb_logging._run.start import identity
from wandb_logging._run.tensorboard import logged
from wandb_logging._settings.settings import Settings
from wandb_logging._values.plain import dumps, loads

_ID_LENGTH = 8
_ORIGIN = "tensorboard"  # the member of `imported` that identifies the event files


@dataclass
class Taken:
    """The result of an import.

    Attributes:
        path: the run directory; None if there was nothing to import.
        rows: number of new rows.
        left_out: why values could not be taken. Keys are names of values, or of files that could be read no further.
    """

    path: Path | None = None
    rows: int = 0
    left_out: dict[str, str] = field(default_factory=dict)


def take(folder: Path, name: str, settings: Settings) -> Taken:
    """Make a run directory of the event files at or below a folder, or add what is new to the one made before.

    Args:
        folder: a folder with event files, or an event file.
        name: the run's name that people see.
        settings: the run's settings. The run directory is made in their cache_dir.

    Raises:
        JournalError: another process is importing the files, or the disk refuses a write.
        OSError: the files cannot be read, or the directory cannot be made.
    """
    found = EventFolder(folder)
    first = next(found.in_order(), None)
    if first is None:
        return Taken(left_out=_damage(found))
    origin, begins = _origin(folder, settings.cache_dir)
    info = identity(settings.but(mode="offline", run_id=origin, name=name), "offline", {})
    imported = {_ORIGIN: origin, "begins": begins, "folder": os.path.realpath(folder)}
    info = info.but(start=first.wall_time, program=str(folder), imported=imported)
    with contextlib.ExitStack() as opened:
        with opening(settings.cache_dir, info):  # no other process makes the directory meanwhile
            run_dir = _found_or_made(settings.cache_dir, info)
            read, until = _read_before(run_dir)
            files = EventFolder(folder, read)
            rows = files.in_order()
            new = list(itertools.islice(rows, 1))
            if not new:
                return Taken(run_dir.path, left_out=_damage(files))
            writer = run_dir.writer()
            opened.callback(writer.close)
            if until is not None:  # with the time of the last event, so that no time passes in between
                writer.append(dumps(Event(until, resume=True).to_json()))
        taken = _Import(run_dir, writer).take(itertools.chain(new, rows))
    taken.left_out.update(_damage(files))
    return taken


def _origin(folder: Path, cache_dir: Path) -> tuple[str, str]:
    """What identifies the import of a folder, and what identifies how its event files begin.

    A folder that was moved is the run that it was. One that was copied, as for a training that goes on from another, is
    a run by itself: the folder that it is a copy of is still there, or is the run of another folder of that name.
    """
    here = os.path.realpath(folder)
    begun = beginning(folder)
    begins = hashlib.sha256(begun).hexdigest()[:_ID_LENGTH]
    known: dict[str, str] = {}  # folder -> what identifies its import
    for run_dir in find_runs(cache_dir) if cache_dir.is_dir() else ():
        with contextlib.suppress(JournalError, OSError):
            imported = run_dir.info.imported or {}
            if imported.get("begins") == begins:
                known[str(imported["folder"])] = str(imported[_ORIGIN])
    if here in known:
        return known[here], begins
    gone = [other for other in known if beginning(Path(other)) != begun]
    if gone:
        return known[min(gone, key=lambda other: (Path(other).name != Path(here).name, other))], begins
    of_copy = hashlib.sha256(begun + b"\0" + os.fsencode(here)).hexdigest()[:_ID_LENGTH]
    return (of_copy if known else begins), begins


def _found_or_made(cache_dir: Path, info: RunInfo) -> RunDir:
    """The directory of an import.

    Raises:
        JournalError: another process is importing the files.
    """
    for run_dir in find_runs(cache_dir) if cache_dir.is_dir() else ():
        with contextlib.suppress(JournalError, OSError):
            if (run_dir.info.imported or {}).get(_ORIGIN) == info.id:
                break
    else:
        run_dir = claim_run(cache_dir, info)
        run_dir.save_identity(info)
        return run_dir
    if run_dir.alive():
        raise JournalError(f"another process adds to {run_dir.path} now")
    run_dir.remember()
    return run_dir


def _read_before(run_dir: RunDir) -> tuple[dict[str, int], float | None]:
    """Up to where each file was read, as the rows in the journal say, and the time of the last event."""
    read: dict[str, int] = {}
    until = None
    reader = run_dir.reader(None, record_order=False)
    try:
        while (chunk := reader.read()).bodies or chunk.damaged:
            for event in map(Event.from_json, map(loads, chunk.bodies)):
                name, through = event.tensorboard or ("", 0)
                read[name] = through
                until = event.t
    finally:
        reader.close()
    return read, until


def _damage(files: EventFolder) -> dict[str, str]:
    return {str(path): why for path, why in files.damaged.items()}


def _no_artifact(artifact: object, *, incremental: bool = False) -> None:
    """Do nothing: event files hold no tables, and so no artifacts."""
    del artifact, incremental


class _Import:
    """Writes the rows of event files into a journal."""

    def __init__(self, run_dir: RunDir, writer: Writer) -> None:
        self._taken = Taken(run_dir.path)
        self._writer = writer
        self._time = 0.0
        self._told: dict[tuple[str, str], dict[str, Any]] = {}
        self._media = Placing(run_dir.files.keep_media, _no_artifact, self._label)

    def take(self, rows: Iterable[Row]) -> Taken:
        """Write the rows, and the end of the run.

        Raises:
            JournalError: the disk refuses a write.
        """
        for row in rows:
            self._row(row)
        self._writer.append(dumps(Event(self._time, exit=0).to_json()))
        self._writer.sync()
        if dropped := self._writer.counts.dropped:
            raise JournalError(f"{self._taken.path} cannot be written: {', '.join(dropped)}")
        return self._taken

    def _row(self, row: Row) -> None:
        self._time = max(self._time, row.wall_time)
        metrics = logged(row.metrics, self._leave_out)
        event = Event(row.wall_time)
        if metrics.keys() != {STEP}:  # something is left
            self._taken.rows += 1
            event = Event.from_json(loads(row_event(metrics, None, row.wall_time, self._leave_out, self._media)))
        event = replace(event, tensorboard=[row.file, row.through])
        self._writer.append(dumps(event.to_json()))
        if row.hparams:
            self._writer.append(change_event("config", row.hparams, row.wall_time, self._leave_out))

    def _leave_out(self, name: str, why: str) -> None:
        self._taken.left_out.setdefault(name, why)

    def _label(self, kind: str, key: str, what: dict[str, Any]) -> None:
        if self._told.get((kind, key)) == what:
            return
        self._told[kind, key] = what
        self._writer.append(change_event("config", {"_wandb": {kind: {key: what}}}, self._time, self._leave_out))
