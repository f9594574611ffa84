"""Changes of a run's identity on the server that a person asks for, such as another project; kept in server.json.

They help after a mistyped entity, and for a run that was made for another server, was deleted there, or whose id
another run has. run.json stays as it is. The changes are in server.json, as its member `instead`, so that later
sendings go to the same place.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
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
from wandb_logging._sending.run_requests import by_storage_id, upsert_run
from wandb_logging._server import protocol
from wandb_logging._server.link import Link, OutOfTime
from wandb_logging._settings.settings import Settings
from wandb_logging._values.ids import new_id

_FORBIDDEN = 403  # the module `http` takes long to import for one number


@dataclass(frozen=True)
class Target:
    """Changes of a run's identity on the server; None changes nothing.

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
        if named:  # AS_IT_WAS is made as this is imported, when a wrong variable of the environment is nobody's concern
            Settings(**named)  # one place knows what a name may be

    @property
    def instead(self) -> dict[str, Any]:
        """The members of run.json that this changes."""
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


def aimed(info: RunInfo, host: str | None, target: Target) -> tuple[RunInfo, dict[str, Any]]:
    """The identity of a run on the server, and the members of run.json that are different there.

    What the server said is left out if the run goes to another server, or becomes another run: nothing is acknowledged
    there yet.

    Args:
        info: the identity on the disk, as `RunDir.info`.
        host: the server; None for the one that the run was made for.
        target: the changes to its identity there.

    Raises:
        JournalCorrupt: the member `instead` of server.json is wrong.
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
    """A target with the entity of the settings (WANDB_ENTITY), for a run without an entity that no server has yet."""
    said = target.entity or info.entity or info.server
    return target if said or entity is None else replace(target, entity=entity)


def host_of(info: RunInfo) -> str | None:
    """The server that a run was sent to, else the one it was made for."""
    return (info.server.host if info.server else None) or info.host


def advice(error: WandbLoggingError, path: Path) -> str:
    """A sentence on how to send a refused run to another place; "" if that would not help."""
    refused = isinstance(error, (RunNotFound, RequestRejected, GraphQLError, NotPossible))
    if not refused and not (isinstance(error, AuthError) and error.status == _FORBIDDEN):
        return ""
    there = shlex.quote(str(path))
    return (
        f" Or send it elsewhere: `wandb-logging sync --entity TEAM --project NAME {there}`; "
        f"or as a new run: `wandb-logging sync --as-new {there}`."
    )


def advice_on_host(error: WandbLoggingError, path: Path, host: str, of_settings: str) -> str:
    """A sentence on how to send a run to the server of the settings, if its own server cannot be reached."""
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
