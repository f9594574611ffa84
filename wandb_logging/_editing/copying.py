"""A copy of one run, or of several as one, with changes. What it is made of is only read.

The rows are those of the fold, each with its step, so that they stay what they were. Beside them the copy's journal has
the other events as they stand in the original's. Several runs come together step by step: rows of the same step are
one, in which the values of the later run count.
"""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._editing.changes import Drop, Editor, Rename
from wandb_logging._errors import JournalError, LogError, WandbLoggingError
from wandb_logging._events.file_names import CAPTURED
from wandb_logging._events.media_names import step_in
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold import fold
from wandb_logging._fold.state import CLOCK
from wandb_logging._journal.cache_folder import folder_of
from wandb_logging._journal.copies import place_of
from wandb_logging._journal.names import safe_name
from wandb_logging._journal.new_run import NewRun, folder_aside
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.replay import beginning
from wandb_logging._values.plain import dumps, loads

_ENDS = frozenset({"exit", "resume"})
# What counts for the rows behind it, or closes the one before: it stays where it is among them.
_BREAKS = (b'"exit":', b'"resume":', b'"define":', b'"summary":')
_MICROSECOND = 1e-6


@dataclass(frozen=True)
class Copied:
    """What came of it.

    Attributes:
        path: the copy.
        rows: its rows.
        renamed, dropped: points that a change met.
        damaged: lines of the originals that cannot be read.
        missing: rows of the originals that are on the server alone.
    """

    path: Path
    rows: int
    renamed: int
    dropped: int
    damaged: int
    missing: int


def copied(
    sources: Sequence[RunDir], editor: Editor, who: Mapping[str, Any], into: Path, *, append: bool = False
) -> Copied:
    """Make a run of others.

    Args:
        sources: a run, or several that become one; the first says who it is.
        editor: the changes.
        who: members of its identity that are to be others: id, project, entity, name.
        into: folder of run directories for the copy.
        append: steps of each run are counted on from the run before, instead of joined.

    Raises:
        JournalError: a source cannot be read, the id is taken there, or a change fits nothing.
        OSError: the copy cannot be written.
    """
    read = [_SourceRun(run_dir, editor) for run_dir in sources]
    info = _identity(read, editor, who)
    if read[0].info.server is not None and who.keys().isdisjoint(("id", "project", "entity")):
        raise JournalError(f"the server has run {info.id} already: give the copy another id, project or entity")
    if (place := folder_of(into, info.project)).is_dir() and _is_taken(place, info.id):
        raise JournalError(f"{place} has a run {info.id} already: give another id, or another folder")
    with folder_aside(into) as aside:
        new = NewRun(into, aside, info)
        for name in CAPTURED:  # which no event names
            _copy_file(read[0].run_dir, new.run_dir, place_of(name))
        rows = _fill(new, read, append=append)
        if editor.unused:
            raise JournalError("; ".join(map(_nothing, editor.unused)))
        path = new.settle()
    damaged, missing = (sum(getattr(source, name) for source in read) for name in ("damaged", "missing"))
    return Copied(path, rows, editor.renamed, editor.dropped, damaged, missing)


def _is_taken(place: Path, run_id: str) -> bool:
    for folder in place.iterdir():
        with suppress(JournalError):
            if RunDir(folder).info.id == run_id:
                return True
    return False


def _nothing(change: Rename | Drop) -> str:
    if isinstance(change, Rename):
        return f"no metric is called {change.old.text}"
    name = change.name.text if change.name else "any metric"
    return f"no metric is called {name}" if change.is_whole else f"there is no point of {name} in these steps"


def _identity(read: Sequence[_SourceRun], editor: Editor, who: Mapping[str, Any]) -> RunInfo:
    """Who the copy is: the first, begun when the earliest did, set to what all were; without what it alone was."""
    definitions = [editor.definition(each) for source in read for each in source.info.define_metrics]
    alone = {"server": None, "ranks": None, "text_metrics": None, "imported": None, "resume": None, "rewind": False}
    return read[0].info.but(
        **alone,
        config={key: value for source in read for key, value in source.info.config.items()},
        define_metrics=[each for each in definitions if each],
        start=min(source.info.start for source in read),
        mode="offline",
        **who,
    )


def _fill(new: NewRun, read: Sequence[_SourceRun], *, append: bool) -> int:
    """Write the journal; how many rows it has."""
    if len(read) > 1:
        return _fill_merged(new, read, _merged(_appended(read) if append else _side_by_side(read)))
    count = 0
    for rows, rest in read[0].pieces():
        count += len(rows)
        for event in (*map(_event_of, rows), *rest):
            _add(new, read[0], event)
    return count


def _fill_merged(new: NewRun, read: Sequence[_SourceRun], rows: Iterable[_Found]) -> int:
    """First what counts for all rows, then these, then what was set by hand, and how the last one ended."""
    by_hand = []
    for source in read:
        for _, rest in source.pieces():
            for event in rest:
                by_hand += [{"summary": event["summary"], "t": event["t"]}] if "summary" in event else []
                _add(new, source, {key: value for key, value in event.items() if key not in {*_ENDS, "summary"}})
    count = 0
    for source, row in rows:
        _add(new, source, _event_of(row))
        count += 1
    for event in by_hand:
        _add(new, read[0], event)
    last = max(read, key=lambda source: source.time)
    if last.exit is not None:
        _add(new, last, {"exit": last.exit, "t": last.time})
    return count


def _add(new: NewRun, source: _SourceRun, event: Mapping[str, Any]) -> None:
    """Append an event, and take along the files that it names."""
    if event.keys() - {"t", "by"}:
        for path in _paths_in(event):
            _copy_file(source.run_dir, new.run_dir, path)
        new.append((dumps(event),))


def _paths_in(value: Any) -> Iterator[str]:
    """What in an event names a file of the run directory."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _paths_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _paths_in(each)
    elif isinstance(value, str) and value.startswith("files/"):
        yield value


def _copy_file(source: RunDir, target: RunDir, path: str) -> None:
    """Copy a file that is kept, to the same place. What cannot be is told of when the copy is sent."""
    with suppress(OSError, ValueError, WandbLoggingError), source.files.open(path) as file:
        place = target.path / safe_name(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as copy:
            shutil.copyfileobj(file, copy)


@dataclass
class _Row:
    step: int
    time: float
    metrics: dict[str, Any]
    media: list[Any]


def _event_of(row: _Row) -> dict[str, Any]:
    media = {"media": row.media} if row.media else {}
    return {"metrics": row.metrics, "step": row.step, "commit": True, **media, "t": row.time}


_Found = tuple["_SourceRun", _Row]


def _side_by_side(read: Iterable[_SourceRun]) -> Iterator[_Found]:
    """The rows of all runs in the order of their steps."""
    return heapq.merge(*(source.rows() for source in read), key=lambda found: found[1].step)


def _appended(read: Iterable[_SourceRun]) -> Iterator[_Found]:
    """The rows of one run behind those of the other, whose steps they go on from."""
    step = -1
    for source in read:
        behind = step + 1
        for _, row in source.rows():
            row.step += behind
            step = row.step
            yield source, row


def _merged(rows: Iterable[_Found]) -> Iterator[_Found]:
    """Rows of the same step as one."""
    kept: _Found | None = None
    for source, row in rows:
        if kept is not None and kept[1].step == row.step:
            before = kept[1]
            metrics, media = {**before.metrics, **row.metrics}, before.media + row.media
            kept = source, _Row(row.step, max(before.time, row.time), metrics, media)
            continue
        if kept is not None:
            yield kept
        kept = source, row
    if kept is not None:
        yield kept


class _SourceRun:
    """A run that is read.

    Attributes:
        info: who it is.
        damaged: lines of it that cannot be read.
        missing: rows of it that are on the server alone.
        time: of its latest event.
        exit: how it ended; None if it does not say.
    """

    def __init__(self, run_dir: RunDir, editor: Editor) -> None:
        self.run_dir = run_dir
        self.info = run_dir.info
        self.damaged = 0
        self.missing = beginning(run_dir, self.info)[0].rows
        self.time = self.info.start
        self.exit: int | None = None
        self._editor = editor
        self._media: dict[int, list[dict[str, Any]]] = {}  # by the step of the row, which may still be open

    def rows(self) -> Iterator[_Found]:
        """Its rows as they are in the copy, in the order of their steps."""
        for rows, _ in self.pieces():
            for row in rows:
                yield self, row

    def pieces(self) -> Iterator[tuple[list[_Row], list[dict[str, Any]]]]:
        """What the copy has of it, some at a time: rows, and then other events."""
        self.damaged = 0
        rules = fold.rules_of(self.info)
        state, position = beginning(self.run_dir, self.info)
        reader = self.run_dir.reader(position, record_order=False)
        try:
            while (chunk := reader.read()).bodies or chunk.damaged:
                self.damaged += len(chunk.damaged)
                for bodies in _cut(chunk.bodies):
                    paused = state.paused
                    state, delta = fold.fold(rules, state, bodies)
                    yield self._rows(delta, rules.start + paused), [*filter(None, map(self._rest, map(loads, bodies)))]
        finally:
            reader.close()
        self.exit = state.exit
        yield self._rows(fold.finish(rules, state)[1], rules.start + state.paused), []

    def _rows(self, delta: fold.Delta, start: float) -> list[_Row]:
        for task in delta.tasks:
            if task["kind"] == "media" and (step := step_in(task["name"])) is not None:
                self._media.setdefault(step, []).append({"name": task["name"], "path": task["path"]})
        return [*filter(None, (self._row(row, start) for row in map(loads, delta.rows)))]

    def _row(self, row: Mapping[str, Any], start: float) -> _Row | None:
        try:
            metrics = self._editor.row(row)
        except LogError as exc:
            raise JournalError(f"{self.run_dir.path}: {exc}") from exc
        media = self._media_of(metrics, self._media.pop(row["_step"], []))
        if not metrics and row.keys() - CLOCK:
            return None
        time = row["_timestamp"]
        if abs(time - start - row["_runtime"]) > _MICROSECOND:  # a time of the program's own
            metrics, time = {**metrics, "_timestamp": time}, start + row["_runtime"]
        return _Row(row["_step"], time, metrics, media)

    @staticmethod
    def _media_of(metrics: Mapping[str, Any], files: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The files that values of a row are of, told by what of their digest is in the name."""
        text = dumps(metrics).decode() if files else ""
        return [file for file in files if file["name"].rpartition("_")[2] in text]

    def _rest(self, event: Any) -> dict[str, Any]:
        if not isinstance(event, dict):
            return {}
        if isinstance(event.get("t"), (int, float)):
            self.time = max(self.time, event["t"])
        return self._editor.rest(event)


def _cut(bodies: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Events in pieces, those that must not change places with rows alone."""
    piece: list[bytes] = []
    for body in bodies:
        if any(each in body for each in _BREAKS):
            yield piece
            yield [body]
            piece = []
        else:
            piece.append(body)
    yield piece
