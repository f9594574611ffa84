"""Answers the page's requests, by path: the runs, their bins, a point, text, details, a file."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalError
from wandb_logging._fold.state import without_ours
from wandb_logging._journal.metadata import captured_environment, git_of
from wandb_logging._page import guard
from wandb_logging._page.bins import AXES, Bins, Grid, Series, grids_of, of_row, on_grid
from wandb_logging._page.exact import waiting
from wandb_logging._page.guard import Answer, Refused
from wandb_logging._page.parts import MOST_LINES, Zoom, nearest, rows_from, text_page
from wandb_logging._page.runs import Run, Runs
from wandb_logging._page.scan import MOST_RUNS
from wandb_logging._page.wire import Line, packed
from wandb_logging._values.plain import LONG, dumps, fast_dumps, finite

MOST_BINS = 2000  # most bins of a metric
MOST_METRICS = 200  # most metrics in one request
_MOST_ASKED = 500  # most runs in one request
_KNOWN = 100  # most runs whose state is found out before the list of all comes
_FIRST = 40  # of more runs, so many: a window of them
_MOST_NAME = 12_000  # most characters of a query's value
_FIGURES = 100_000  # most metrics of all runs together whose figures are told; but of each run at least
_FEWEST_FIGURES = 2000
_SYSTEM = "system."

Query = Mapping[str, str]


class Answers:
    """Answers the requests of the page.

    Args:
        runs: the runs that the page shows.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self._zoom = Zoom()
        self.routes: dict[str, Callable[[Query], Answer]] = {
            "/api/runs": self.list_runs,
            "/api/bins": self.bins,
            "/api/near": self.near,
            "/api/text": self.text,
            "/api/run": self.run,
            "/api/csv": self.csv,
            "/api/file": self.file,
        }

    def list_runs(self, query: Query) -> Answer:
        """All runs, or those asked for, with the figures of their metrics as far as the runs have been read.

        Of all runs many may be "unread": the page asks for those again, and meanwhile it has a list.
        """
        if "r" in query:
            return _json(self.listed(_numbers(query["r"], _MOST_ASKED)))
        keys = list(self.runs.by_key)
        return _json(self.listed(keys, _KNOWN if len(keys) <= _KNOWN else _FIRST))

    def listed(self, keys: Iterable[int], most: int = MOST_RUNS) -> dict[str, Any]:
        """The same as a mapping, for runs with these keys. The state of so many at most is found out first."""
        runs = self.runs.some(keys)
        self.runs.know(runs, most)
        listed = [self._about(run) for run in runs]
        return {"root": str(self.runs.root), "runs": listed, "metrics": self.runs.names}

    def _about(self, run: Run) -> dict[str, Any]:
        card, (bins, exact) = run.card, run.bins("_step")
        reading = run.readings.get("_step")
        state = reading.state if reading else None
        with run.held() as held:
            exact = exact and held  # if not held, a slow disk is being read: the page keeps the figures it has
            figures = self._latest(card.last) if bins is None else self._figures(bins, exact=exact) if held else []
            if reading and held:
                figures += self._figures(reading.system, exact=True)
        return {
            "key": run.key,
            "path": _relative(card.path, self.runs.root),
            "state": card.state,
            "exit": card.exit_code,
            "unsent": card.unsent if card.looked and not card.error else None,
            "error": run.error or card.error,
            "damaged": reading.unreadable if reading else 0,
            "info": {**card.info, **(state.run if state else {})},
            "config": without_ours(state.config) if state else card.config,
            "lines": state.lines if state else None,
            "rows": state.rows + waiting(state) if state else None,
            "exact": exact,
            "version": run.version,
            "axis": [bins.low, bins.high] if bins and bins.exponent is not None else None,
            "figures": figures,
            "untold": max(0, len(bins.series) - self._most_figures) if bins else 0,
        }

    @property
    def _most_figures(self) -> int:
        return max(_FEWEST_FIGURES, _FIGURES // max(1, len(self.runs.by_key)))

    def _figures(self, bins: Bins, *, exact: bool) -> list[list[Any]]:
        return [
            [self.runs.id_of(name), *_figures(series, exact=exact)]
            for name, series in islice(list(bins.series.items()), self._most_figures)
        ]

    def _latest(self, last: Mapping[str, float]) -> list[list[Any]]:
        some = islice(last.items(), self._most_figures)
        return [[self.runs.id_of(name), value] for name, value in some]

    def bins(self, query: Query) -> Answer:
        """Bins of some metrics of some runs. All bins of one metric are on one grid: see `_page.wire`."""
        runs = self.runs.some(_numbers(query.get("r", ""), _MOST_ASKED))
        names = self._names(query)
        most = max(8, min(MOST_BINS, int(query.get("n", "256"))))
        low, high = _float(query.get("lo"), -math.inf), _float(query.get("hi"), math.inf)
        axis = self._axis(query)
        system = bool(names) and names[0].startswith(_SYSTEM)
        complete = self.runs.want(runs, "_step" if system else axis)
        found = [(run, *self._bins_of(run, axis, system=system, between=(low, high), most=most)) for run in runs]
        only = set(_numbers(query["only"], _MOST_ASKED)) if "only" in query else {run.key for run in runs}
        known = [(run, bins, exact) for run, bins, exact in found if bins is not None]
        grids = grids_of([bins for _, bins, _ in known], names, most, low, high)
        head = {"complete": complete, "read": {run.key: [run.version, int(exact)] for run, _, exact in found}}
        drawn = [item for item in known if item[0].key in only]
        return Answer("application/octet-stream", self.packed(head, drawn, grids))

    def packed(self, head: dict[str, Any], drawn: Iterable[tuple[Run, Bins, bool]], grids: Mapping[str, Grid]) -> bytes:
        """Some metrics of some runs, each metric on its grid, in the form in which they are sent."""
        lines = []
        for run, bins, exact in drawn:
            with run.held() as held:
                if not held:  # a slow disk is being read: the page keeps what it has
                    head["read"][run.key][1] = 0
                placed = [(name, on_grid(bins, name, grid)) for name, grid in grids.items()] if held else []
            lines += [Line(run.key, self.runs.id_of(name), found, exact) for name, found in placed if found]
        return packed(head, {self.runs.id_of(name): grid for name, grid in grids.items()}, lines)

    def _bins_of(
        self, run: Run, axis: str, *, system: bool, between: tuple[float, float], most: int
    ) -> tuple[Bins | None, bool]:
        if system:
            reading = run.readings.get("_step")
            return (reading.system, True) if reading else (None, False)
        if math.isinf(between[0]) or math.isinf(between[1]):
            return run.bins(axis)
        return self._zoom.bins(run, axis, *between, most)

    def near(self, query: Query) -> Answer:
        """The logged row of a run that is nearest to a point."""
        run, axis = self._one(query), self._axis(query)
        names = self._names(query)
        reading = run.readings.get(axis)
        row = nearest(run, reading, axis, _float(query.get("at"), 0.0), names[0]) if reading and names else None
        values = {} if row is None else {name: of_row(row, name) for name in (*AXES, *names)}
        return _json({"row": values})

    def text(self, query: Query) -> Answer:
        """A page of a run's text."""
        run = self._one(query)
        reading = self._reading(run)
        if reading is None:
            return _json({"lines": [], "next": 0, "total": 0, "complete": False})
        most = max(1, min(MOST_LINES, int(query.get("n", "500"))))
        words, level = query.get("q", "")[:200], int(query.get("level", "0"))
        shown = text_page(run, reading, int(query.get("from", "0")), most, level=level, words=words)
        return _json({**shown, "complete": True})

    def run(self, query: Query) -> Answer:
        """What a run has besides numbers: media, files, artifacts, alerts, and summary values that were set by hand."""
        return _json(self.details(self._one(query)))

    def details(self, run: Run) -> dict[str, Any]:
        """The same as a mapping."""
        reading = self._reading(run)
        if reading is None:
            return {"complete": False}
        git = git_of(captured_environment(run.run_dir))
        with run.lock:
            return {
                "complete": True,
                "path": str(run.run_dir.path),
                "media": {name: list(kept) for name, kept in reading.media.items()},
                "files": sorted(reading.files)[:5000],
                "tasks": reading.tasks,
                "summary": {key: value for key, value in reading.state.summary.items() if key[:1] != "_"},
                "damaged": reading.unreadable,
                "git": git,
            }

    def csv(self, query: Query) -> Answer:
        """The logged values of some metrics of some runs as CSV, with a line for each value."""
        runs, names, axis = self.runs.some(_numbers(query.get("r", ""), _MOST_ASKED)), self._names(query), "_step"
        self.runs.want(runs, axis)
        headers = (("Content-Disposition", guard.disposition(f"{names[0] if len(names) == 1 else 'charts'}.csv")),)
        return Answer("text/csv; charset=utf-8", _csv_of(runs, names), headers)

    def file(self, query: Query) -> Answer:
        """A file of a run, by the name that its journal gives it."""
        run, name = self._one(query), query.get("name", "")
        reading = self._reading(run)
        place = reading.files.get(name) if reading else None
        path = guard.inside(run.run_dir.path, place) if place is not None else None
        if path is None:
            raise Refused(404, "The run has no such file, or not any more.")
        kind = guard.type_of(name)
        if kind is None or "save" in query:
            return Answer("application/octet-stream", path, (("Content-Disposition", guard.disposition(name)),))
        return Answer(kind, path, policy=guard.policy_of(name))

    def _reading(self, run: Run) -> Any:
        self.runs.want([run], "_step")
        return run.readings.get("_step")

    def _one(self, query: Query) -> Run:
        for run in self.runs.some(_numbers(query.get("run", ""), 1)):
            return run
        raise Refused(404, "There is no such run, or not any more.")

    def _names(self, query: Query) -> list[str]:
        known = self.runs.names
        return [known[number] for number in _numbers(query.get("m", ""), MOST_METRICS) if number < len(known)]

    def _axis(self, query: Query) -> str:
        given = query.get("x", "_step")
        if given in AXES:
            return given
        known = self.runs.names
        return next((known[number] for number in _numbers(given, 1) if number < len(known)), "_step")


def _csv_of(runs: Sequence[Run], names: Sequence[str]) -> Iterator[bytes]:
    yield _csv_line(["run", "name", "step", "time", *names])
    for run in runs:
        reading = run.readings.get("_step")
        if reading:
            left = reading.state.rows - (reading.marks[0].state.rows if reading.marks else 0)
            for rows in rows_from(run, reading, "_step", -math.inf):
                left -= len(rows)
                lines = []
                for row in rows:
                    values = [of_row(row, name) for name in names]
                    if any(isinstance(value, (int, float)) for value in values):
                        info = run.card.info
                        head = [info.get("id"), info.get("name"), row["_step"], row["_timestamp"]]
                        lines.append(_csv_line([*head, *values]))
                yield b"".join(lines)
            if left > 0:  # then the file must not look whole: the browser says that the download failed
                raise JournalError(f"{run.run_dir.path}: {left} rows are gone that were read before")


def _csv_line(values: Sequence[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(map(_cell, values))
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    """Change a cell so that no spreadsheet takes it for a formula."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return "" if value is None or isinstance(value, (dict, list)) else value


def _figures(series: Series, *, exact: bool) -> list[Any]:
    if not exact or not series.count:
        return [None if series.last != series.last else series.last, None, None, None, series.bad]
    return [series.last, series.lowest, series.highest, series.count, series.bad]


def _relative(path: Path, root: Path) -> str:
    """The path below the root as it is shown. Of a thousand runs `Path.relative_to` alone would take a tenth."""
    whole, above = path.as_posix(), root.as_posix().rstrip("/") + "/"
    return whole[len(above) :] if whole.startswith(above) else "." if path == root else str(path)


def _float(given: str | None, default: float) -> float:
    value = default if given is None else float(given)
    if value != value:
        raise Refused(400, "NaN is no place.")
    return value


def _numbers(given: str, most: int) -> list[int]:
    """Parse a list of numbers such as "1,2,5-9".

    Raises:
        Refused: there are too many, or the text is no such list.
    """
    found: list[int] = []
    for part in filter(None, given[:_MOST_NAME].split(",")):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or "0").isdecimal():
            raise Refused(400, "Expected numbers such as 1,2,5-9.")
        found += range(int(first), min(int(last or first), int(first) + most) + 1)
        if len(found) > most:
            raise Refused(400, f"At most {most} at once.")
    return found


def _json(value: Any) -> Answer:
    return Answer("application/json", strict(value))


def strict(value: Any) -> bytes:
    """JSON that a browser can read."""
    if not _is_odd(value):
        with contextlib.suppress(TypeError):  # surrogates, whole numbers beyond 64 bits; or there is no orjson
            return fast_dumps(value)
    line = dumps(value)
    return dumps(finite(value)) if b"NaN" in line or b"Infinity" in line else line  # or texts that hold these words


def _is_odd(tree: Any) -> bool:
    """Whether there is what orjson must not write: a number that is not finite, or a very long text."""
    parts = [tree]
    for part in parts:  # the list grows meanwhile
        kind = type(part)
        if kind is float:
            if part - part != 0.0:
                return True
        elif kind is dict:
            parts += part.values()
        elif kind is list or kind is tuple:
            parts += part
        elif kind is str and len(part) > LONG:
            return True
    return False
