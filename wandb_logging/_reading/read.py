"""A run directory read back: what `show`, notebooks and tests look at. Changes nothing, needs no server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wandb_logging._fold import fold
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.identity import problem
from wandb_logging._journal.rundir import RunDir, find_runs
from wandb_logging._reading import frames
from wandb_logging._reading.replay import beginning, replay, state_at
from wandb_logging._server import protocol
from wandb_logging._values.plain import loads


@dataclass(frozen=True)
class RunData:
    """A run as its journal tells it.

    Attributes:
        path: the run directory.
        info: who the run is: id, project, entity, name, notes, tags, group, job_type, start, mode, host.
        rows: history rows in order, each with `_step`, `_timestamp`, `_runtime`; with max_cache_bytes those that
            are still here.
        lines: text lines with time, in the plain form of output.log.
        samples: system metrics in order, each with `_timestamp`, `_runtime` and names such as `system.cpu`.
        config, summary: as they stand at the end of the journal.
        exit_code: how the run ended; None if its journal does not say.
        finished: whether the server has been told of the end.
        alive: whether a process may still add to it.
        unsent: journal lines the server has not acknowledged.
        damaged: journal lines that cannot be read; the rest is here.
        url: address of the run's page; None while the server does not know it.
        name: what people see: the name it was given, else the one that the server gave it; None if it has none.
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
        """The rows as a `pyarrow.Table`: a column a metric, nested names joined by dots, null where there is none.

        Raises:
            ImportError: pyarrow is not installed.
        """
        return frames.to_arrow(self.rows)

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`, columns as `to_arrow` has them.

        Raises:
            ImportError: pandas is not installed.
        """
        return frames.to_pandas(self.rows)

    def to_polars(self) -> Any:
        """The rows as a `polars.DataFrame`, columns as `to_arrow` has them.

        Raises:
            ImportError: polars is not installed.
        """
        return frames.to_polars(self.rows)


@dataclass(frozen=True)
class Outline:
    """A run as far as it can be told without reading its rows: enough for a list of many runs.

    Attributes:
        path, info, exit_code, finished, alive, unsent, url, name: as those of `RunData`.
        logged: journal lines so far.
    """

    path: Path
    info: dict[str, Any]
    exit_code: int | None
    finished: bool
    alive: bool
    unsent: int
    logged: int
    url: str | None = None
    name: str | None = None


def outline(run_dir: RunDir) -> Outline:
    """What cursor and unsent lines tell of a run. Costs as much as counting those lines, however many were sent.

    Raises:
        JournalError: there is no run directory, or its format is a newer one.
        OSError: its journal cannot be read.
    """
    info, cursor = run_dir.info, run_dir.cursor
    if cursor.events < 0:
        cursor = Cursor()
    state = cursor.state or {}
    unsent, found = run_dir.scan_after(cursor.position, (b'"exit":', b'"resume":', b'"run":'))
    exit_code, changed = _how_it_stands(state.get("exit"), state.get("run"), found)
    return Outline(
        path=run_dir.path,
        info=_info_now(info, changed),
        exit_code=exit_code,
        finished=cursor.complete,
        alive=run_dir.alive(),
        unsent=unsent,
        logged=state.get("events", 0) + unsent,
        url=_url(info, info.get("server") or {}),
        name=_name(info, changed),
    )


def _how_it_stands(code: Any, changed: Any, bodies: Iterable[bytes]) -> tuple[int | None, dict[str, Any]]:
    """Exit code and changed identity of a run after some events, as the fold would have them."""
    code = code if isinstance(code, int) else None
    changed = dict(changed) if isinstance(changed, dict) else {}
    events = [event for event in map(_event, bodies) if isinstance(event.get("t"), (int, float))]
    for event in sorted(events, key=lambda event: event["t"]):  # of several writers
        if "resume" in event:
            code = None
        if isinstance(event.get("exit"), int):
            code = event["exit"]
        if isinstance(event.get("run"), dict):
            changed.update(event["run"])
    return code, changed


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = loads(body)
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {}


def _info_now(info: dict[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Who the run is after the changes in its journal, if they are such that can be relied on; without what is ours."""
    now = {**info, **changed}
    return {key: value for key, value in (info if problem(now) else now).items() if key != "server"}


def read_run(path: str | os.PathLike[str]) -> RunData:
    """The content of a run directory.

    Raises:
        JournalError: there is no run directory at `path`, its format is a newer one, or its run.json does not say
            what it must.
        OSError: its journal cannot be read.
    """
    run_dir = RunDir(Path(path))
    info, cursor = run_dir.info, run_dir.cursor
    server = info.get("server") or {}
    rules = fold.rules_of(info)
    state, position = beginning(run_dir, info)
    first_line = state.lines
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    samples: list[dict[str, Any]] = []
    damaged = 0
    for state_then, delta, unreadable in replay(run_dir, info, state, position):
        state = state_then
        rows += map(loads, delta.rows)
        for number, line in delta.edits.items():
            if number >= first_line:
                lines[number - first_line] = line
        lines += delta.lines
        samples += map(_sample, delta.samples)
        damaged += unreadable
    state, delta = fold.finish(rules, state)
    rows += map(loads, delta.rows)
    return RunData(
        path=run_dir.path,
        info=_info_now(info, state.run),
        rows=rows,
        lines=lines,
        samples=samples,
        config={key: value for key, value in state.config.items() if key != "_wandb"},
        summary=loads(fold.summary_line(state)),
        exit_code=state.exit,
        finished=cursor.complete,
        alive=run_dir.alive(),
        unsent=run_dir.lines_after(cursor.position),
        damaged=damaged,
        url=_url(info, server),
        name=_name(info, state.run),
    )


def read_runs(path: str | os.PathLike[str] = "wandb_cache") -> list[RunData]:
    """The content of every run directory at or below a path, oldest first.

    Raises:
        JournalError, OSError: as `read_run`, of the first that cannot be read.
    """
    return [read_run(run_dir.path) for run_dir in find_runs(Path(path))]


def _sample(line: str) -> dict[str, Any]:
    return {key: value for key, value in loads(line).items() if key != "_wandb"}


def config_of(run_dir: RunDir) -> dict[str, Any]:
    """The config of a run as it stands at the end of its journal, without `_wandb`."""
    info = run_dir.info
    state, position = state_at(run_dir.cursor, info)  # what the server has acknowledged need not be read again
    for state_then, _, _ in replay(run_dir, info, state, position):
        state = state_then
    return {key: value for key, value in state.config.items() if key != "_wandb"}


def _name(info: Mapping[str, Any], changed: Mapping[str, Any]) -> str | None:
    """The name of a run as people see it: what `sync --name` said, what the program said, what the server made up."""
    server = info.get("server") or {}
    shown = server.get("display_name")
    made_up = None if shown == server.get("name") else shown
    name = (server.get("instead") or {}).get("name") or changed.get("name") or info.get("name") or made_up
    return name if isinstance(name, str) else None


def _url(info: dict[str, Any], server: dict[str, Any]) -> str | None:
    if not server:
        return None
    made_for, host = info.get("host") or "", server.get("host") or info.get("host") or ""
    app = (info.get("app_url") if host == made_for else None) or protocol.app_url(host)
    return protocol.run_url(app, server["entity"], server["project"], server["name"])
