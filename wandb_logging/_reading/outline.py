"""Finds out what it can about a run without folding its journal: enough for a list of many long runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.event import Event, event_of
from wandb_logging._events.run_info import RunInfo, problem
from wandb_logging._fold.state import without_ours
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.replay import state_at
from wandb_logging._server import protocol


@dataclass(frozen=True)
class Outline:
    """What is known of a run without reading its rows: enough for a list of many runs.

    Attributes:
        path, info, exit_code, finished, alive, unsent, url, name: as in `_reading.read.RunData`.
        logged: number of journal lines so far.
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
    """The outline of a run, from its cursor and its unsent lines. The cost is that of counting the unsent lines.

    Raises:
        JournalError: there is no run directory, or its format is a newer one.
        OSError: the journal cannot be read.
    """
    info, cursor = run_dir.info, run_dir.cursor
    if cursor.events < 0:
        cursor = Cursor()
    seen = _Standing(run_dir)
    unsent = run_dir.scan_after(cursor.position, (b'"exit":', b'"resume":', b'"run":'), seen.take)
    exit_code, changed = seen.after(cursor.exit, cursor.run_changes)
    return Outline(
        path=run_dir.path,
        info=info_now(info, changed),
        exit_code=exit_code,
        finished=cursor.complete,
        alive=run_dir.alive(),
        unsent=unsent,
        logged=max(0, cursor.events) + unsent,
        url=url_of(info),
        name=name_of(info, changed),
    )


def config_of(run_dir: RunDir) -> dict[str, Any]:
    """The config of a run as it stands at the end of its journal, without `_wandb`. Only its changes are read."""
    state, position = state_at(run_dir.cursor, run_dir.info)  # acknowledged lines are not read again
    latest = _Latest(run_dir)

    def take(body: bytes) -> None:
        if event := event_of(body):
            latest.take(event, event.config or {})

    run_dir.scan_after(position, (b'"config":',), take)
    return without_ours({**state.config, **latest.values})


class _Latest:
    """Collects the latest value of each key that events set. Memory does not grow with the number of events.

    Args:
        run_dir: the run directory of the events. If several writers wrote them, they are ordered by time.
    """

    def __init__(self, run_dir: RunDir) -> None:
        self.values: dict[str, Any] = {}
        self._times: dict[str, float] = {}
        self._by_time = run_dir.has_several_writers()

    def take(self, event: Event, values: Mapping[str, Any]) -> None:
        """Take the values that an event sets."""
        time = event.t if self._by_time else 0.0
        for key, value in values.items():
            if time >= self._times.get(key, time):
                self._times[key], self.values[key] = time, value


class _Standing:
    """Collects the exit code of a run and the changes of its identity from the events of its journal."""

    def __init__(self, run_dir: RunDir) -> None:
        self._code, self._run = _Latest(run_dir), _Latest(run_dir)

    def take(self, body: bytes) -> None:
        """Take an event."""
        event = event_of(body)
        if event is None:
            return
        if event.resume:
            self._code.take(event, {"exit": None})
        if event.exit is not None:
            self._code.take(event, {"exit": event.exit})
        self._run.take(event, event.run or {})

    def after(self, code: Any, changed: Any) -> tuple[int | None, dict[str, Any]]:
        """Exit code and changed identity, given what they were before."""
        before = code if isinstance(code, int) else None
        return self._code.values.get("exit", before), {**_object(changed), **self._run.values}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def info_now(info: RunInfo, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The identity of the run after the changes in its journal. The changes are ignored if they make it invalid."""
    at_first = info.to_json()
    now = {**at_first, **changed}
    return at_first if problem(now) else now


def name_of(info: RunInfo, changed: Mapping[str, Any]) -> str | None:
    """The name of a run that people see: that of `sync --name`, else the program's, else the one the server made up."""
    server = info.server
    made_up = server.display_name if server and server.display_name != server.name else None
    name = (server.instead.get("name") if server else None) or changed.get("name") or info.name or made_up
    return name if isinstance(name, str) else None


def url_of(info: RunInfo) -> str | None:
    """Address of a run's page; None until the server knows the run."""
    server = info.server
    if server is None:
        return None
    made_for, host = info.host or "", server.host or info.host or ""
    app = (info.app_url if host == made_for else None) or protocol.app_url(host)
    return protocol.run_url(app, server.entity, server.project, server.name)
