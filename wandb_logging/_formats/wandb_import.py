"""Makes run directories of the official SDK's `.wandb` files.

A directory is filled under another name and then moved to its place, so that an interrupted import leaves none.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError, LogError
from wandb_logging._events.event import Event
from wandb_logging._events.file_names import MADE, METADATA
from wandb_logging._events.run_info import RunInfo
from wandb_logging._formats.protobuf import BrokenMessage
from wandb_logging._formats.wandb_events import Translator
from wandb_logging._formats.wandb_log import Lost, NotAWandbFile, records
from wandb_logging._formats.wandb_records import record
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.names import safe_name
from wandb_logging._journal.new_run import NewRun, folder_aside
from wandb_logging._values.plain import dumps

SUFFIX = ".wandb"
_TELL = 1000  # records between two calls of `on_progress`
_NO_PROJECT = "uncategorized"


@dataclass(frozen=True)
class Imported:
    """The result of importing one file.

    Attributes:
        source: the file.
        path: the run directory; None if none was made.
        run_id: id of the run; None if the file does not hold it.
        rows: number of rows.
        files: number of files of the run.
        lost: places where bytes could not be read, and why.
        left_out: number of records that our runs have no place for, by kind.
        ended: whether the file says how the run ended. If not, `sync` sends it as failed, as the official SDK does.
        already: whether the file was imported before.
        error: why nothing was imported.
    """

    source: Path
    path: Path | None = None
    run_id: str | None = None
    rows: int = 0
    files: int = 0
    lost: tuple[Lost, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    ended: bool = False
    already: bool = False
    error: str | None = None


def find_logs(path: Path, on_error: Callable[[OSError], object] = lambda _error: None) -> list[Path]:
    """The `.wandb` files at or below a path, in the order of their paths. The SDK's folder names begin with the time.

    Args:
        path: a file or a folder.
        on_error: called for each folder that cannot be read.
    """
    if path.is_file():
        return [path]
    found = []
    for folder, folders, names in os.walk(path, onerror=on_error):
        folders.sort()
        found += [Path(folder, name) for name in sorted(names) if name.endswith(SUFFIX)]
    return [file for file in found if file.is_file() and not file.is_symlink()]


def import_log(
    source: Path, cache_dir: Path, host: str, on_progress: Callable[[int], object] = lambda _bytes: None
) -> Imported:
    """Make a run directory of a `.wandb` file.

    Args:
        source: the file. The run's files in the folder `files` beside it are copied, too.
        cache_dir: folder in which the run directory is made.
        host: address of the API to which the run will be sent.
        on_progress: called now and then with the number of bytes read so far.

    Raises:
        OSError: the file cannot be read, or the directory cannot be written.
    """
    with folder_aside(cache_dir) as aside, source.open("rb") as file:
        try:
            return _Import(source, aside, cache_dir, host).of(_told(file, on_progress))
        except (NotAWandbFile, JournalError) as exc:
            return Imported(source, error=str(exc))


def _told(file: BinaryIO, on_progress: Callable[[int], object]) -> Iterator[bytes | Lost]:
    for number, each in enumerate(records(file)):
        yield each
        if number % _TELL == 0:
            on_progress(file.tell())


class _Import:
    def __init__(self, source: Path, aside: Path, cache_dir: Path, host: str) -> None:
        self._source = source
        self._aside = aside
        self._cache_dir = cache_dir
        self._host = host
        self._translator = Translator()
        self._lost: list[Lost] = []
        self._new: NewRun | None = None
        self._there: Path | None = None

    def of(self, found: Iterator[bytes | Lost]) -> Imported:
        for each in found:
            if isinstance(each, Lost):
                self._lost.append(each)
            else:
                self._take(each)
            if self._there is not None:
                return Imported(self._source, self._there, str(self._translator.info["id"]), already=True)
        if self._new is None:
            return Imported(self._source, lost=tuple(self._lost), error="it does not say which run it is of")
        self._new.append(self._translator.end())
        files = self._keep_files(self._new)
        return self._done(self._new.settle(), files)

    def _take(self, message: bytes) -> None:
        try:
            for event in self._translator.events(record(message)):
                assert self._new is not None  # no event comes before the record that names the run
                self._new.append((event,))
        except (BrokenMessage, ValueError, RecursionError) as exc:
            self._lost.append(Lost(-1, f"a record that cannot be understood: {exc}"))
        if self._translator.info and self._new is None:
            self._begin()

    def _begin(self) -> None:
        info = {"entity": None, "project": _NO_PROJECT, "host": self._host, **self._translator.info}
        if not info.get("id"):
            raise JournalError("its run has no id")
        info = {**info, "standard_files": list(MADE), "imported": self._origin()}
        self._there = self._found_before(str(info["project"]), str(info["id"]))
        self._new = NewRun(self._cache_dir, self._aside, RunInfo.from_json(info))

    def _origin(self) -> dict[str, Any]:
        return {"file": self._source.name, "bytes": self._source.stat().st_size}

    def _found_before(self, project: str, run_id: str) -> Path | None:
        """The directory into which this file was imported before; None if it was not."""
        folder = self._cache_dir / project
        for run_dir in find_runs(folder) if folder.is_dir() else ():
            with contextlib.suppress(JournalError, OSError):
                if run_dir.info.imported == self._origin() and run_dir.info.id == run_id:
                    return run_dir.path
        return None

    def _keep_files(self, new: NewRun) -> int:
        """Copy the files that the run names: only regular ones in its own folder. Returns how many.

        The file about machine and program is made of the record that holds the same, as `wandb sync` does.
        """
        found = self._named_files()
        if self._translator.environment:
            about = json.dumps(self._translator.environment, indent=2) + "\n"
            found[METADATA] = about.encode("utf-8", "replace")
        for name, source in found.items():
            file = {"name": name, "path": new.run_dir.files.keep(source, name)}
            new.append((dumps(Event(self._translator.time, file=file).to_json()),))
        return len(found)

    def _named_files(self) -> dict[str, Path | bytes]:
        found: dict[str, Path | bytes] = {}
        folder = (self._source.parent / "files").resolve()
        for name in dict.fromkeys(self._translator.paths):
            if name in MADE:
                continue
            try:
                path = folder / safe_name(name)
            except LogError:
                self._translator.left_out["file"] += 1
                continue
            inside = folder in path.resolve().parents
            if path.is_symlink():  # as `wandb.save` makes them; a folder from elsewhere may have one to any file here
                self._translator.left_out["file that is a link"] += 1
            elif not inside or not path.is_file():
                self._translator.left_out["file"] += 1
            else:
                found[name] = path
        return found

    def _done(self, path: Path, files: int) -> Imported:
        it = self._translator
        left_out = {kind: count for kind, count in it.left_out.items() if count}
        return Imported(
            self._source, path, str(it.info["id"]), it.rows, files, tuple(self._lost), left_out, ended=it.ended
        )
