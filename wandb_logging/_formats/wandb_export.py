"""Writes runs as the official SDK keeps them offline: a folder with a `.wandb` file, and the run's files beside it.

A folder is filled under another name and then moved to its place. An existing folder is never replaced, because it may
be the SDK's own.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from itertools import chain, count
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalError
from wandb_logging._events.file_names import METADATA, REQUIREMENTS
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold import fold
from wandb_logging._fold.state import without_ours
from wandb_logging._formats import wandb_messages as messages
from wandb_logging._formats.exported import Exported
from wandb_logging._formats.wandb_log import LogWriter
from wandb_logging._journal.copies import place_of
from wandb_logging._journal.metadata import git_of
from wandb_logging._journal.names import folder_name, safe_name
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.replay import beginning, parts_of
from wandb_logging._values.plain import loads
from wandb_logging._version import __version__

_FILES = ("file", "standard", "media")
_LINE = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}) ?(.*)", re.DOTALL)


def export_wandb(run_dir: RunDir, target: Path, taken: set[Path] | None = None) -> Exported:
    """Write a run into a folder of offline runs, where `wandb sync` finds it.

    Args:
        run_dir: the run. It is read twice, so that the first record has the config of the run's end.
        target: the folder, such as `wandb`.
        taken: folders that were written by the same export, to which this one is added. Parts of one run that began in
            the same second get a number behind their name.

    Raises:
        JournalError: the run cannot be read, or the folder has it already.
        OSError: the folder cannot be written.
    """
    info = run_dir.info
    taken = set() if taken is None else taken
    first = f"offline-run-{_local(info.start)}-{folder_name(info.id)}"
    names = chain([first], (f"{first}-{number}" for number in count(1)))
    folder = next(target / name for name in names if target / name not in taken)
    taken.add(folder)
    if folder.exists():
        raise JournalError(f"{folder} is there already: remove it, or name another folder")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target) as aside:
        inner = Path(aside) / "run"
        (inner / "files").mkdir(parents=True)
        with (inner / f"run-{folder_name(info.id)}.wandb").open("wb") as log:
            done = _Export(run_dir, info, inner, LogWriter(log)).write()
        inner.rename(folder)
    done.path = folder
    return done


def _local(start: float) -> str:
    return datetime.fromtimestamp(start).astimezone().strftime("%Y%m%d_%H%M%S")


class _Export:
    def __init__(self, run_dir: RunDir, info: RunInfo, folder: Path, log: LogWriter) -> None:
        self._run_dir = run_dir
        self._info = info
        self._folder = folder
        self._log = log
        self._done = Exported.begun(folder, run_dir, info)
        self._edits: dict[int, str] = {}
        self._line = beginning(run_dir, info)[0].lines

    def write(self) -> Exported:
        state = self._first_look()
        for message in self._head(state):
            self._log.append(message)
        for latest, delta in parts_of(self._run_dir, self._info):
            state = latest
            for message in self._messages(delta):
                self._log.append(message)
        for message in self._tail(state):
            self._log.append(message)
        return self._done

    def _first_look(self) -> fold.State:
        """Read the run once. Returns its last state, and notes the final form of overwritten lines (progress bars)."""
        state = fold.State()
        for latest, delta in parts_of(self._run_dir, self._info, self._done.damaged):
            state = latest
            self._edits.update(delta.edits)
        return state

    def _head(self, state: fold.State) -> Iterator[bytes]:
        info = {**self._info.to_json(), **state.run}
        yield messages.header(f"wandb-logging {__version__}")
        about = self._environment()
        yield messages.run(info, without_ours(state.config), git_of(about))
        if about:
            yield messages.environment(about, info["start"])
        for name, definition in state.metrics.items():
            yield messages.metric(name, definition)
        if self._run_dir.files.has(REQUIREMENTS):
            yield from self._file({"kind": "standard", "name": REQUIREMENTS, "path": place_of(REQUIREMENTS)})

    def _environment(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            about = loads(self._run_dir.files.read(METADATA))
            return about if isinstance(about, dict) else {}
        return {}

    def _messages(self, delta: fold.Delta) -> Iterator[bytes]:
        for line in delta.rows:
            self._done.rows += 1
            yield messages.history(loads(line))
        for line in delta.samples:
            yield self._sample(loads(line))
        for line in delta.lines:
            yield _output(self._edits.pop(self._line, line))
            self._line += 1
        for task in delta.tasks:
            yield from self._task(task)

    def _sample(self, values: dict[str, Any]) -> bytes:
        named = {key.partition(".")[2]: value for key, value in values.items() if key.startswith("system.")}
        return messages.stats(named, values["_timestamp"])

    def _task(self, task: Mapping[str, Any]) -> Iterator[bytes]:
        if task["kind"] == "alert":
            yield messages.alert(task)
        elif task["kind"] not in _FILES:
            self._done.leave(task["kind"])
        elif task.get("name") != METADATA:  # `wandb sync` makes that file of the environment
            yield from self._file(task)

    def _file(self, task: Mapping[str, Any]) -> Iterator[bytes]:
        try:
            name = safe_name(str(task["name"]))
            target = self._folder / "files" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._run_dir.files.open(str(task["path"])) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        except (OSError, ValueError, KeyError, JournalError):
            self._done.leave("file")
            return
        self._done.files += 1
        yield messages.file(name, media=task["kind"] == "media")

    def _tail(self, state: fold.State) -> Iterator[bytes]:
        yield messages.summary({**fold.summary(state), "_wandb": {"runtime": int(state.runtime)}})
        if state.exit is not None:
            yield messages.ended(state.exit, state.runtime)


def _output(line: str) -> bytes:
    """The record for a line of output.log, which begins with its time and whether it is an error."""
    found = _LINE.fullmatch(line)
    if found is None:
        return messages.output(line + "\n", 0.0, error=False)
    error, stamp, text = found.groups()
    time = datetime.fromisoformat(stamp).replace(tzinfo=timezone.utc).timestamp()
    return messages.output(text + "\n", time, error=error is not None)
