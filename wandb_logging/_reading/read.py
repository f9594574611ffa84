"""Reads a run directory back, for `show`, notebooks and tests. Changes nothing, needs no server."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError
from wandb_logging._fold import fold
from wandb_logging._fold.state import Delta, without_ours
from wandb_logging._fold.told import sample_of
from wandb_logging._journal.access_errors import words_of
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading import frames
from wandb_logging._reading.outline import info_now, name_of, url_of
from wandb_logging._reading.replay import beginning, replay
from wandb_logging._values.plain import loads
from wandb_logging._values.terminal_text import one_line


@dataclass(frozen=True)
class RunData:
    """The content of a run, read from its journal.

    Attributes:
        path: the run directory.
        info: the identity of the run: id, project, entity, name, notes, tags, group, job_type, start, mode, host.
        rows: history rows in order, each with `_step`, `_timestamp`, `_runtime`. With max_cache_bytes, rows that were
            removed from the disk are missing.
        lines: text lines with their times, in the plain form of output.log.
        samples: system metrics in order, each with `_timestamp`, `_runtime` and names such as `system.cpu`.
        config, summary: config and summary at the end of the journal.
        exit_code: exit code of the run; None if its journal does not hold one.
        finished: whether the server was told that the run has ended.
        alive: whether a process may still add to the run.
        unsent: number of journal lines that the server has not acknowledged.
        damaged: number of journal lines that cannot be read. All others are included here.
        url: address of the run's page; None while the server does not know the run.
        name: the name that people see: the one the run was given, else the one the server made up; else None.
    """

    path: Path
    info: dict[str, Any]
    rows: list[dict[str, Any]]
    lines: list[str]
    samples: list[dict[str, Any]]
    config: dict[str, Any]
    summary: dict[str, Any]
    exit_code: int | None
    finished: bool
    alive: bool
    unsent: int
    damaged: int
    url: str | None
    name: str | None = None

    def to_arrow(self) -> Any:
        """The rows as a `pyarrow.Table` with a column for each metric.

        Nested names are joined by dots. A missing value is null.

        Raises:
            ImportError: pyarrow is not installed.
        """
        return frames.to_arrow(self.rows)

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame` with the columns of `to_arrow`.

        As in W&B's own data frames, a column of whole numbers is one of floats if rows lack it, and one of flags one of
        objects. `to_arrow` and `to_polars` keep such columns as they are.

        Raises:
            ImportError: pandas is not installed.
        """
        return frames.to_pandas(self.rows)

    def to_polars(self) -> Any:
        """The rows as a `polars.DataFrame` with the columns of `to_arrow`.

        Raises:
            ImportError: polars is not installed.
        """
        return frames.to_polars(self.rows)


@dataclass(frozen=True)
class Overview:
    """The content of a run without rows and text lines, which may be gigabytes.

    Attributes:
        path, info, config, summary, exit_code, finished, alive, unsent, damaged, url, name: as in `RunData`.
        row_count, line_count: number of history rows and of text lines.
    """

    path: Path
    info: dict[str, Any]
    row_count: int
    line_count: int
    config: dict[str, Any]
    summary: dict[str, Any]
    exit_code: int | None
    finished: bool
    alive: bool
    unsent: int
    damaged: int
    url: str | None
    name: str | None


def read_overview(path: Path, take: Callable[[Delta], object] = lambda _delta: None) -> Overview:
    """Read a run directory once, from beginning to end. Memory does not grow with its size.

    Args:
        path: the run directory.
        take: called with the result of each piece of the journal, in order.

    Raises:
        JournalError, OSError: as `read_run`.
    """
    run_dir = RunDir(path)
    info, cursor = run_dir.info, run_dir.cursor
    state, position = beginning(run_dir, info)
    rows, lines, damaged = -state.rows, -state.lines, 0
    for state_then, delta, unreadable in replay(run_dir, info, state, position):
        state = state_then
        damaged += unreadable
        take(delta)
    state, delta = fold.finish(fold.rules_of(info), state)
    take(delta)
    return Overview(
        path=run_dir.path,
        info=info_now(info, state.run),
        row_count=rows + state.rows,
        line_count=lines + state.lines,
        config=without_ours(state.config),
        summary=loads(fold.summary_line(state)),
        exit_code=state.exit,
        finished=cursor.complete,
        alive=run_dir.alive(),
        unsent=run_dir.lines_after(cursor.position),
        damaged=damaged,
        url=url_of(info),
        name=name_of(info, state.run),
    )


def read_run(path: str | os.PathLike[str]) -> RunData:
    """Read the content of a run directory.

    Raises:
        JournalError: there is no run directory at `path`, its format is a newer one, or its run.json lacks something
            that it must have.
        OSError: the journal cannot be read.
    """
    run_dir = RunDir(Path(path))
    everything = _Everything(beginning(run_dir, run_dir.info)[0].lines)
    told = vars(read_overview(run_dir.path, everything.take))
    rest = {name: value for name, value in told.items() if name not in {"row_count", "line_count"}}
    return RunData(rows=everything.rows, lines=everything.lines, samples=everything.samples, **rest)


class _Everything:
    """Collects everything that a journal holds."""

    def __init__(self, first_line: int) -> None:
        self.rows: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.samples: list[dict[str, Any]] = []
        self._first_line = first_line

    def take(self, delta: Delta) -> None:
        """Add the result of a piece of the journal."""
        self.rows += map(loads, delta.rows)
        for number, line in delta.edits.items():
            if number >= self._first_line:
                self.lines[number - self._first_line] = line
        self.lines += delta.lines
        self.samples += map(sample_of, delta.samples)


def read_runs(path: str | os.PathLike[str] = "wandb_cache") -> list[RunData]:
    """Read the content of every run directory at or below a path, oldest first.

    Of a folder, a run or a folder in it that cannot be read is left out, and a `RuntimeWarning` says which and why.

    Raises:
        JournalError, OSError: as `read_run` raises them, if `path` is itself a run directory.
    """
    folder = Path(path)
    problems: list[Exception] = []
    runs = []
    for run_dir in find_runs(folder, problems.append):
        try:
            runs.append(read_run(run_dir.path))
        except (JournalError, OSError) as exc:
            if run_dir.path == folder:
                raise
            problems.append(exc)
    for problem in problems:
        if folder.exists():  # a folder that is not there yet has no runs
            warnings.warn(f"left out: {one_line(words_of(problem))}", RuntimeWarning, stacklevel=2)
    return runs
