"""Reads a run to its end, and on from there as it grows: bins over one axis, and what else the page shows of the run.

A reading is kept between two looks, in memory or in the cache, so that each line of a journal is read once. Its marks
are places from which a part can be read again: for zooming, for text, and for the point below the mouse pointer.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold import fold
from wandb_logging._fold.told import History, Told, mark, so_far, tell
from wandb_logging._journal import safe_files
from wandb_logging._journal.position import Position, places, torn_ends
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.segments import segment_name, segment_path
from wandb_logging._page.bins import AXES, Bins, Row, of_row
from wandb_logging._reading.replay import beginning, chunks_of
from wandb_logging._values.plain import dumps

_SPACING = 2  # number of chunks between two marks, at first
_MARKS = 1024  # most marks
_MEDIA = 100  # number of latest media values that are kept of one metric
_MEDIA_METRICS = 500  # most metrics whose media are kept
_TASKS = 2000  # most artifacts and alerts that are kept
_TAIL = 64  # bytes by which the journal that was read is recognised


@dataclass
class Mark:
    """A place in the journal from which reading can begin again.

    Attributes:
        position: the place in the journal.
        state: the fold's state there, without the parts that only grow.
        x: the x of the first row after the mark; None if no row comes before the next mark.
        step: the step of the row under construction.
        line: the number of the next line of text.
    """

    position: Position | None
    state: fold.State
    x: float | None
    step: int
    line: int


@dataclass
class Exact:
    """All that was read of a run so far.

    Attributes:
        bins: bins of the metrics, over the axis that was asked for.
        system: bins of the system metrics, over the seconds since the start.
        state: the fold's state at the end.
        position: where reading stopped.
        marks: the marks, in order.
        media: for each metric, its latest media values as pairs (step, value).
        files: name in the run -> path in the run directory, as the journal gives them.
        tasks: artifacts and alerts, as the journal gives them.
        damaged: number of lines that were passed and cannot be read. See `unreadable`.
        shown: the values of the row under construction that are already in the bins.
        ahead: the bins together with rows whose step is not decided yet, at the steps they would get now; None if there
            are no such rows.
        identity: a checksum of what run.json says. By it, the reading of another run is recognised, or of this one with
            another config or other rules.
        tail: the last bytes that were read of the first writer's journal. By them, too.
        spacing: number of chunks between two marks.
        chunks: number of chunks that were read.
    """

    bins: Bins
    state: fold.State
    position: Position | None
    system: Bins = field(default_factory=lambda: Bins("_runtime"))
    marks: list[Mark] = field(default_factory=list)
    media: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    damaged: int = 0
    shown: dict[str, Any] = field(default_factory=dict)
    identity: int = 0
    tail: str = ""
    spacing: int = _SPACING
    chunks: int = 0
    ahead: Bins | None = None

    @property
    def unreadable(self) -> int:
        """Number of lines that cannot be read. Half a line at the end counts as long as the rest has not come."""
        return self.damaged + torn_ends(self.position)

    @property
    def drawn(self) -> Bins:
        """The bins of all that was logged so far."""
        return self.ahead or self.bins


def begin(run_dir: RunDir, axis: str) -> Exact:
    """Begin a reading, with nothing read yet.

    Raises:
        JournalError: there is no run directory, or its format is a newer one.
    """
    info = run_dir.info
    return Exact(Bins(axis), *beginning(run_dir, info), identity=_identity(info))


def read_on(run_dir: RunDir, exact: Exact, seconds: float = math.inf) -> bool:
    """Read the new events of a run, to the end of its journal, or for so many seconds.

    Returns:
        Whether the end was reached.

    Raises:
        JournalError: as `begin`.
        OSError: a segment cannot be read.
    """
    rules = fold.rules_of(run_dir.info)
    until = time.monotonic() + seconds
    whole = True
    for chunk in chunks_of(run_dir, exact.position):
        if places(chunk.position) != places(exact.position):  # else it tells of half a line at the end
            exact.damaged += len(chunk.damaged)
        _take(rules, exact, chunk.bodies, chunk.position)
        if time.monotonic() > until:
            whole = False
            break
    _show_open_row(rules, exact)
    exact.tail = _tail(run_dir, exact)
    return whole


def still_true(run_dir: RunDir, exact: Exact) -> bool:
    """Whether the journal still is the one that was read; it may have grown.

    Raises:
        JournalError: as `begin`.
        OSError: a segment is gone, or cannot be read.
    """
    return (
        _identity(run_dir.info) == exact.identity
        and all(
            segment_path(run_dir.path, writer, segment).stat().st_size >= offset
            for writer, (segment, offset) in places(exact.position).items()
        )
        and _tail(run_dir, exact) == exact.tail
    )


def _identity(info: RunInfo) -> int:
    return zlib.crc32(dumps(info.to_json()))


def _tail(run_dir: RunDir, exact: Exact) -> str:
    for writer, (segment, offset) in sorted(places(exact.position).items()):
        with safe_files.open_to_read(run_dir.path, segment_name(writer, segment)) as file:
            file.seek(max(0, offset - _TAIL))
            return file.read(min(offset, _TAIL)).decode("latin-1")
    return ""


def _take(rules: fold.Rules, exact: Exact, bodies: list[bytes], position: Position) -> None:
    before, place = exact.state, exact.position
    exact.state, told = tell(rules, before, bodies)
    exact.position = position
    xs = _xs(told.history, exact.bins.axis)
    if exact.chunks % exact.spacing == 0 or not exact.marks:
        x = next((x for x in xs if isinstance(x, (int, float))), None)
        exact.marks.append(Mark(place, mark(before), x, before.step, before.lines))
        if len(exact.marks) > _MARKS:
            del exact.marks[1::2]
            exact.spacing *= 2
    exact.chunks += 1
    if xs and exact.shown:
        told.history.metrics[0] = _without(told.rows[0], exact.shown)
        exact.shown = {}
    exact.bins.put(xs, told.history.metrics)
    exact.system.add(told.samples)
    _note_others(exact, told, media=b'"_type":' in b"".join(bodies))


def _xs(history: History, axis: str) -> Sequence[Any]:
    """The x of each row."""
    clock = history.clock
    return clock[axis] if axis in clock else [of_row(row, axis) for row in history.metrics]


def _show_open_row(rules: fold.Rules, exact: Exact) -> None:
    """Add the row under construction to the bins, too, because no other row may follow for long."""
    exact.ahead = _with_waiting(rules, exact) if waiting(exact.state) else None
    if exact.state.open is not None and exact.ahead is None:
        told = so_far(rules, exact.state)
        exact.bins.add([_without(row, exact.shown) for row in told.rows])
        exact.shown = {**exact.shown, **told.rows[0]} if told.rows else exact.shown


def waiting(state: fold.State) -> int:
    """The number of rows from other processes that have no step yet."""
    return sum(len(state.apart.get(name, ())) for name in ("early", "waiting"))


def _with_waiting(rules: fold.Rules, exact: Exact) -> Bins:
    """The bins, with the rows of other processes at the steps they would get if the run ended now."""
    ahead = exact.bins.copy()
    ahead.add([_without(row, exact.shown) for row in so_far(rules, exact.state).rows])
    return ahead


def _without(row: Row, shown: Row) -> dict[str, Any]:
    """A row without the values that were put into the bins before it was complete."""
    if row.get("_step") != shown.get("_step"):
        return dict(row)
    return {name: value for name, value in row.items() if name in AXES or shown.get(name) != value}


def _note_others(exact: Exact, told: Told, *, media: bool) -> None:
    for step, row in zip(told.history.steps, told.history.metrics) if media else ():
        for name, value in _media_in(row, ""):
            _note_media(exact, name, step, value)
    for task in told.tasks:
        if task["kind"] in {"media", "file"} and isinstance(task.get("name"), str):
            if isinstance(task.get("path"), str):
                exact.files[task["name"]] = task["path"]
        elif len(exact.tasks) < _TASKS:
            exact.tasks.append(task)


def _media_in(row: Row, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            if "_type" in value:
                yield prefix + name, value
            else:
                yield from _media_in(value, f"{prefix}{name}.")


def _note_media(exact: Exact, name: str, step: int, value: Any) -> None:
    if name in exact.media or len(exact.media) < _MEDIA_METRICS:
        kept = exact.media.setdefault(name, [])
        kept.append((step, value))
        del kept[:-_MEDIA]


def again(run_dir: RunDir, exact: Exact, first: int) -> Iterator[Told]:
    """Fold the journal again from a mark on, a chunk at a time, up to where reading stopped.

    Raises:
        JournalError: as `begin`.
        OSError: a segment cannot be read.
    """
    rules = fold.rules_of(run_dir.info)
    state = exact.marks[first].state
    for chunk in chunks_of(run_dir, exact.marks[first].position):
        state, told = tell(rules, state, chunk.bodies)
        yield told
    yield so_far(rules, state)
