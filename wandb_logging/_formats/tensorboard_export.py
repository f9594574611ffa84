"""Writes runs as TensorBoard's event files: a folder with one file for each run.

A row becomes one event, with its `_step` and time. System metrics have the second of the run as their step. Names of
nested metrics are joined by dots, as in tables. An existing file is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from wandb_logging._errors import JournalError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold.state import CLOCK
from wandb_logging._formats import event_file, event_messages as messages
from wandb_logging._formats.exported import Exported, are_bins, readings
from wandb_logging._journal.names import folder_name
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.whole import whole
from wandb_logging._reading.frames import flat
from wandb_logging._reading.outline import config_of
from wandb_logging._reading.replay import beginning, parts_of
from wandb_logging._values.nested import filled
from wandb_logging._values.plain import as_float, loads

_IMAGES = ("image-file", "images/separated")


def export_tensorboard(run_dir: RunDir, target: Path, taken: set[Path] | None = None) -> Exported:
    """Write a run into a folder that `tensorboard --logdir` takes.

    Args:
        run_dir: the run.
        target: the folder. The run gets a folder of its own in it, with its name and id.
        taken: folders of other runs of this export, to which that of the run is added. Where name and id are those of
            another run, as those of two projects may be, a number follows them: in one folder they would be one run.

    Raises:
        JournalError: the run cannot be read.
        OSError: the folder cannot be written.
    """
    info = run_dir.info
    taken = set() if taken is None else taken
    named = target / _folder_of(info)
    numbered = (named.with_name(f"{named.name}-{number}") for number in count(2))
    folder = next(each for each in chain([named], numbered) if each not in taken)
    taken.add(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{int(info.start)}.{folder_name(info.id)}"
    with whole(path) as aside, aside.open("wb") as file:
        return _Export(run_dir, info, file, Exported.begun(path, run_dir, info)).write()


def _folder_of(info: RunInfo) -> str:
    named = f"{info.name}-{info.id}" if info.name else info.id
    return folder_name("".join("-" if letter in '/\\:\0<>|"*?' else letter for letter in named).strip(". ") or "run")


class _Export:
    def __init__(self, run_dir: RunDir, info: RunInfo, file: BinaryIO, done: Exported) -> None:
        self._run_dir = run_dir
        self._info = info
        self._file = file
        self._done = done
        self._kinds: dict[str, str] = {}
        self._media: dict[str, str] = {}
        self._has_all_media = False
        self._time = float(info.start)
        self._step = 0

    def write(self) -> Exported:
        state = beginning(self._run_dir, self._info)[0]
        self._put(messages.version(self._time))
        self._put(messages.event(self._time, 0, self._config()))
        for latest, delta in parts_of(self._run_dir, self._info, self._done.damaged):
            state = latest
            self._note_media(delta.tasks)
            for line in delta.rows:
                self._row(loads(line))
            for line in delta.samples:
                self._sample(loads(line))
        if state.exit is not None:
            self._put(messages.event(self._time, self._step, [messages.ended(self._time, well=state.exit == 0)]))
        return self._done

    def _config(self) -> list[bytes]:
        """The messages for the config at the run's end. There is one config only: TensorBoard ignores a second one."""
        config = {key: value for key, value in flat(config_of(self._run_dir)).items() if value is not None}
        return messages.hparams(config, self._info.id, self._info.start)

    def _row(self, row: Mapping[str, Any]) -> None:
        self._time, self._step = row["_timestamp"], row["_step"]
        self._done.rows += 1
        values = [value for name, given in filled(row) if name not in CLOCK for value in self._values(name, given)]
        if values:
            self._put(messages.event(self._time, self._step, values))

    def _sample(self, sample: Mapping[str, Any]) -> None:
        values = [value for name, given in filled(readings(sample)) for value in self._values(name, given)]
        self._put(messages.event(sample["_timestamp"], int(sample["_runtime"]), values))

    def _values(self, name: str, given: Any) -> Iterator[bytes]:
        """The messages for a value. TensorBoard has one kind for each metric: a value of another kind is left out."""
        kind = _kind(given)
        if kind is None or self._kinds.setdefault(name, kind) != kind:
            self._done.leave_value(given)
        elif kind == "scalar":
            yield messages.scalar(name, as_float(given))
        elif kind == "text":
            yield messages.text(name, given)
        elif kind == "histogram":
            yield messages.histogram(name, [*zip(given["bins"], given["bins"][1:], given["values"])])
        else:
            yield from self._images(name, given)

    def _images(self, name: str, given: Mapping[str, Any]) -> Iterator[bytes]:
        listed = given.get("filenames")
        names = listed if isinstance(listed, list) and listed else [given.get("path")]
        found = [data for each in names if (data := self._bytes_of(str(each))) is not None]
        self._done.leave("image", len(names) - len(found))
        if found:
            yield messages.images(name, (_pixels(given.get("width")), _pixels(given.get("height"))), found)

    def _note_media(self, tasks: Iterable[Mapping[str, Any]]) -> None:
        for task in tasks:
            name, path = task.get("name"), task.get("path")
            if task["kind"] in {"media", "file"} and isinstance(name, str) and isinstance(path, str):
                self._media[name] = path

    def _bytes_of(self, name: str) -> bytes | None:
        name = PurePosixPath(name).as_posix()
        if name not in self._media and not self._has_all_media:  # an imported run names its files after its rows
            self._has_all_media = True
            for _, delta in parts_of(self._run_dir, self._info):
                self._note_media(delta.tasks)
        kept = self._media.get(name)
        if kept is None:
            return None
        try:
            with self._run_dir.files.open(kept) as file:
                return file.read()
        except (OSError, JournalError):
            return None

    def _put(self, message: bytes) -> None:
        self._file.write(event_file.record(message))


def _kind(value: Any) -> str | None:
    """The kind of value that TensorBoard has for a value; None if it has none."""
    if isinstance(value, (int, float)):
        return "scalar"
    if isinstance(value, str):
        return "text"
    kind = value.get("_type") if isinstance(value, dict) else None
    if kind == "histogram" and are_bins(value):
        return "histogram"
    return "image" if kind in _IMAGES else None


def _pixels(given: Any) -> int:
    return given if isinstance(given, int) else 0
