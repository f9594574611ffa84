"""A run directory read back: what `show`, notebooks and tests look at. Changes nothing, needs no server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wandb_logging import _fold, _protocol
from wandb_logging._rundir import RunDir
from wandb_logging._values import loads


@dataclass(frozen=True)
class RunData:
    """A run as its journal tells it.

    Attributes:
        path: the run directory.
        info: who the run is: id, project, entity, name, notes, tags, group, job_type, start, mode, host.
        rows: history rows in order, each with `_step`, `_timestamp`, `_runtime`.
        lines: text lines with time, in the plain form of output.log.
        config, summary: as they stand at the end of the journal.
        exit_code: how the run ended; None if its journal does not say.
        finished: whether the server has been told of the end.
        alive: whether a process may still add to it.
        unsent: journal lines the server has not acknowledged.
        damaged: journal lines that cannot be read; the rest is here.
        url: address of the run's page; None while the server does not know it.
    """

    path: Path
    info: dict[str, Any]
    rows: list[dict[str, Any]]
    lines: list[str]
    config: dict[str, Any]
    summary: dict[str, Any]
    exit_code: int | None
    finished: bool
    alive: bool
    unsent: int
    damaged: int
    url: str | None


def read_run(path: str | os.PathLike[str]) -> RunData:
    """The content of a run directory.

    Raises:
        JournalError: there is no run directory at `path`, or its format is a newer one.
    """
    run_dir = RunDir(Path(path))
    info, cursor = run_dir.info, run_dir.cursor
    server = info.get("server") or {}
    rules = _fold.rules_of(info)
    state = _fold.first_state(info)
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    damaged = 0
    reader = run_dir.reader(None, record_order=False)
    try:
        while True:
            chunk = reader.read()
            if not chunk.bodies and not chunk.damaged:
                break
            state, delta = _fold.fold(rules, state, chunk.bodies)
            rows += map(loads, delta.rows)
            for number, line in delta.edits.items():
                lines[number] = line
            lines += delta.lines
            damaged += len(chunk.damaged)
    finally:
        reader.close()
    state, delta = _fold.finish(rules, state)
    rows += map(loads, delta.rows)
    return RunData(
        path=run_dir.path,
        info={key: value for key, value in {**info, **state.run}.items() if key != "server"},
        rows=rows,
        lines=lines,
        config={key: value for key, value in state.config.items() if key != "_wandb"},
        summary=loads(_fold.summary_line(state)),
        exit_code=state.exit,
        finished=bool(cursor.get("complete")),
        alive=run_dir.alive(),
        unsent=run_dir.lines_after(cursor.get("position")),
        damaged=damaged,
        url=_url(info, server),
    )


def config_of(run_dir: RunDir) -> dict[str, Any]:
    """The config of a run as it stands at the end of its journal, without `_wandb`."""
    info, cursor = run_dir.info, run_dir.cursor
    saved = cursor.get("state")
    try:  # what the server has acknowledged need not be read again
        state, position = (_fold.State(**saved), cursor["position"]) if saved else (_fold.first_state(info), None)
    except (KeyError, TypeError):
        state, position = _fold.first_state(info), None
    reader = run_dir.reader(position, record_order=False)
    try:
        while (chunk := reader.read()).bodies or chunk.damaged:
            state, _ = _fold.fold(_fold.rules_of(info), state, chunk.bodies)
    finally:
        reader.close()
    return {key: value for key, value in state.config.items() if key != "_wandb"}


def _url(info: dict[str, Any], server: dict[str, Any]) -> str | None:
    if not server:
        return None
    app = info.get("app_url") or _protocol.app_url(info["host"])
    return _protocol.run_url(app, server["entity"], server["project"], server["name"])
