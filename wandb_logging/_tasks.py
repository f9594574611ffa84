"""Work beside the streams: what an event asks the uploader to do once. One function for each kind of task.

A task is the JSON object of its event with its kind; it waits in cursor.json until it is done. Doing one twice, after
a crash in between, has to be harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wandb_logging import _alerts
from wandb_logging._artifact_upload import upload_artifact, use_artifact
from wandb_logging._errors import RequestRejected, ServerUnavailable
from wandb_logging._files import put_file
from wandb_logging._link import Link
from wandb_logging._protocol import Remote, dig
from wandb_logging._rundir import RunDir

_ALERT_TRIES = 3


def perform(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir) -> list[str]:
    """Do a task; the names of run files that were uploaded by it.

    Raises:
        RequestRejected, RunNotFound, GraphQLError, OSError: it can never be done.
        TransportError, HTTPStatusError: not now.
    """
    kind = str(task.get("kind"))
    if kind not in _KINDS:
        raise RequestRejected(f"this version does not know tasks of kind {kind!r}", 400)
    try:
        return _KINDS[kind](task, link, remote, run_dir)
    except (KeyError, TypeError, ValueError) as exc:  # an event that we did not write: it would fail for ever
        raise RequestRejected(f"the journal's event is not what it should be: {exc!r}", 400) from exc


def describe(task: Mapping[str, Any]) -> str:
    """A task in words for a person."""
    return f"{task.get('kind')} {task.get('name') or task.get('title') or ''}".strip()


def _file(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir) -> list[str]:
    name = str(task["name"])
    put_file(link, remote, name, run_dir.path / str(task["path"]))
    return [name]


def _artifact(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir) -> list[str]:
    upload_artifact(link, remote, task, run_dir.path)
    return []


def _use_artifact(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir) -> list[str]:
    del run_dir
    use_artifact(link, remote, str(task["id"]))
    return []


def _alert(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir) -> list[str]:
    del run_dir
    run = {"entityName": remote.entity, "projectName": remote.project, "runName": remote.name}
    variables = {**_alerts.variables(task), **run}
    try:
        data = link.call(lambda client: client.graphql(_alerts.DOCUMENT, variables), attempts=_ALERT_TRIES)
    except ServerUnavailable as exc:
        # While it is waited for, neither later tasks nor the end of the run are told.
        raise RequestRejected(str(exc), exc.status) from exc
    if dig(data, "notifyScriptableRunAlert", "success") is False:
        raise RequestRejected("the server did not take it", 400)
    return []


_KINDS: dict[str, Callable[[Mapping[str, Any], Link, Remote, RunDir], list[str]]] = {
    "file": _file,
    "media": _file,
    "artifact": _artifact,
    "use_artifact": _use_artifact,
    "alert": _alert,
}
