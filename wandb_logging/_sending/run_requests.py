"""The requests that make a run on the server, or go on with one that is there, before its first line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from wandb_logging._errors import GraphQLError, NotPossible, RequestRejected, RunNotFound
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._fold.fold import first_state
from wandb_logging._journal.metadata import git_of
from wandb_logging._server import protocol
from wandb_logging._server.link import Link
from wandb_logging._server.protocol import Resumed


def create_on_server(link: Link, info: RunInfo, writer_id: str, environment: Mapping[str, Any] | None = None) -> Remote:
    """Make the run, or go on with the one that is there, as its `resume` says (protocol 3.1, 3.5, 3.6).

    Args:
        link: the connection to the server.
        info: identity of the run.
        writer_id: id of this writer in the config's record of environments.
        environment: the environment for that record; None if it is not known.

    Raises:
        NotPossible: resume is must, and there is no such run; or never, and there is one.
        TransportError, HTTPStatusError, GraphQLError: see `_errors`.
    """
    features = _features(link)
    if info.client_id is not None:
        return _create_part(link, info, environment, features)
    before = _before(link, info, writer_id)
    state = first_state(info)
    config = state.config
    if before is not None:
        own = {**(before.config.get("_wandb") or {}), **config.get("_wandb", {})}
        config = {**before.config, **config, "_wandb": own}
        info = info.but(tags=info.tags or before.tags, notes=info.notes or before.notes)
    variables = protocol.upsert_variables(
        info,
        config=protocol.config_json(config, writer_id, state.metrics, environment),
        git=git_of(environment or {}),
        storage_id=before.storage_id if before else None,
    )
    return protocol.remote(upsert_run(link, variables), info, before, features)


def _create_part(link: Link, info: RunInfo, environment: Mapping[str, Any] | None, features: set[str]) -> Remote:
    """Make the run, or join it, as one of several clients (protocol 10).

    Lines are counted from 0, whatever other clients have sent, and their config stays.
    """
    writer_id = str(info.client_id)
    asks = info.but(resume=info.resume or "allow") if info.is_secondary else info
    before, state = _before(link, asks, writer_id), first_state(info)
    variables = protocol.upsert_variables(
        info,
        config=protocol.config_json(state.config, None if info.is_secondary else writer_id, state.metrics, environment),
        git=git_of(environment or {}),
        storage_id=before.storage_id if before else None,
    )
    if before is not None and info.is_secondary:
        variables = by_storage_id(variables, before.storage_id)
    return dataclasses.replace(protocol.remote(upsert_run(link, variables), info, None, features), history=0)


def by_storage_id(variables: Mapping[str, Any], storage_id: str) -> dict[str, Any]:
    """Variables of UpsertBucket without the run's id: with the id, a run that has ended would be running again."""
    return {**variables, "id": storage_id, "name": None}


def upsert_run(link: Link, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Make an UpsertBucket request. Returns the run as the server knows it now.

    Raises:
        GraphQLError: the answer holds no run.
        TransportError, HTTPStatusError: see `_errors`.
    """
    data = link.graphql(protocol.UPSERT_BUCKET, variables, conflict_retries=True)
    bucket = protocol.dig(data, "upsertBucket", "bucket")
    if not isinstance(bucket, dict):
        raise protocol.NoAnswerError("the server's answer to UpsertBucket holds no run")
    return bucket


def _features(link: Link) -> set[str]:
    if link.features is None:
        try:
            link.features = protocol.features(link.graphql(protocol.FEATURES, {}))
        except (GraphQLError, RequestRejected, RunNotFound):
            link.features = set()  # an older server: every feature counts as off (protocol 3.8)
    return link.features


def _before(link: Link, info: RunInfo, writer_id: str) -> Resumed | None:
    """The run that was on the server before; None if there is none, or `resume` does not ask for it."""
    run = {"project": info.project, "entity": info.entity}
    if info.rewind and info.branch_point:
        step = info.branch_point["step"]
        variables = {**run, "runName": info.id, "metricName": "_step", "metricValue": step}
        return protocol.rewound(link.graphql(protocol.REWIND_RUN, variables), step)
    if info.resume is None:
        return None
    before = protocol.resumed(link.graphql(protocol.RUN_RESUME_STATUS, {**run, "name": info.id}))
    if before is None and info.resume == "must":
        raise NotPossible(f"resume: must, but there is no run {info.id} in project {info.project}")
    if before is not None and info.resume == "never":
        if writer_id in protocol.writers(before.config):
            return None  # we made it ourselves, and were interrupted before we could take note of that
        raise NotPossible(f"resume: never, but run {info.id} exists in project {info.project}")
    return before
