"""Where a run is sent, if not where it was made for: a person says so, and it is kept in server.json.

A mistyped entity, a run made for another server, one that was deleted there or whose id another run has: its directory
stays as it is, run.json included. What is different on the server stands in server.json, as its member `instead`,
beside what the server said; the next one who sends goes on there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    JournalCorrupt,
    NotPossible,
    RequestRejected,
    RunNotFound,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._events.run_info import Remote, RunInfo, problem
from wandb_logging._sending.register import by_storage_id, upsert_run
from wandb_logging._server import protocol
from wandb_logging._server.link import Link, OutOfTime
from wandb_logging._settings.settings import Settings
from wandb_logging._values.ids import new_id


@dataclass(frozen=True)
class Target:
    """What is to be different about a run on the server; None leaves it as it was.

    Attributes:
        entity, project, name, run_id: as the settings of these names.
        as_new: send all of it as a new run with an id of its own.
    """

    entity: str | None = None
    project: str | None = None
    name: str | None = None
    run_id: str | None = None
    as_new: bool = False

    def __post_init__(self) -> None:
        if self.as_new and self.run_id is not None:
            raise ValueError("as_new makes an id of its own: leave out run_id, or as_new")
        named = {name: value for name, value in vars(self).items() if name != "as_new" and value is not None}
        Settings(**named)  # one place knows what a name may be

    @property
    def instead(self) -> dict[str, Any]:
        """The members of run.json that this replaces."""
        given = {"entity": self.entity, "project": self.project, "name": self.name, "id": self.run_id}
        if self.as_new:  # nobody has the new id, so there is nothing to go on with
            given["id"] = new_id()
            return {**_given(given), "resume": None, "rewind": False, "client_label": None}
        return _given(given)

    def elsewhere(self, server: Remote) -> bool:
        """Whether this is another run than the one that server.json tells of."""
        before = server.instead  # as it was typed then: the server may spell it in another way
        known = {"id": server.name, "entity": server.entity, "project": server.project}
        asked = {"id": self.run_id, "entity": self.entity, "project": self.project}
        return self.as_new or any(asked[key] not in {None, known[key], before.get(key)} for key in asked)


AS_IT_WAS = Target()


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def aimed(info: RunInfo, host: str | None, target: Target = AS_IT_WAS) -> tuple[RunInfo, dict[str, Any]]:
    """Who a run is on the server, from who it is on disk; and the members of run.json that are others there.

    What the server said is left out where the run begins anew: what one server, or one run there, has acknowledged,
    another has not.

    Args:
        info: as `RunDir.info`.
        host: the server; None for the one it was made for.

    Raises:
        JournalCorrupt: what server.json says of that cannot be.
    """
    server = info.server
    instead = {**(server.instead if server else {}), **target.instead}
    host = host or info.host or ""
    members = {**info.to_json(), **instead, "host": host}
    wrong = problem(members)
    if wrong:
        raise JournalCorrupt(f"server.json, in its member `instead`, {wrong}")
    if host != info.host:
        members["app_url"] = None  # the pages of the other one
    if server and (server.host != host or target.elsewhere(server)):
        server = None
    return RunInfo.from_json(members).but(server=server), instead


def filled(target: Target, info: RunInfo, entity: str | None) -> Target:
    """A target with the entity of the settings (WANDB_ENTITY) for a run that was made with none, and is nowhere yet."""
    said = target.entity or info.entity or info.server
    return target if said else replace(target, entity=entity)


def host_of(info: RunInfo) -> str | None:
    """The server that a run was sent to, else the one it was made for."""
    return (info.server.host if info.server else None) or info.host


def advice(error: WandbLoggingError, path: Path) -> str:
    """How to send a run that was refused where it was to go; nothing for an error that this does not help against."""
    refused = isinstance(error, (RunNotFound, RequestRejected, GraphQLError, NotPossible))
    if not refused and not (isinstance(error, AuthError) and error.status == HTTPStatus.FORBIDDEN):
        return ""
    there = shlex.quote(str(path))
    return (
        f" Or send it elsewhere: `wandb-logging sync --entity TEAM --project NAME {there}`; "
        f"or as a new run: `wandb-logging sync --as-new {there}`."
    )


def advice_on_host(error: WandbLoggingError, path: Path, host: str, of_settings: str) -> str:
    """How to send a run to the server of the settings, where that which it was made for cannot be had."""
    if host == of_settings or not isinstance(error, (AuthError, TransportError)) or isinstance(error, OutOfTime):
        return ""
    host, there = shlex.quote(of_settings), shlex.quote(str(path))
    return f" Or send it to {of_settings}: `wandb-logging sync --host {host} {there}`."


def rename(link: Link, remote: Remote, name: str) -> None:
    """Give a run on the server another name.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: see `_errors`.
    """
    variables = protocol.upsert_variables(
        RunInfo(remote.name, remote.project, remote.entity),
        config=None,
        storage_id=remote.storage_id,
        changed={"name": name},
        first=False,
    )
    upsert_run(link, by_storage_id(variables, remote.storage_id))
