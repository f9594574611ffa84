"""Does a task: one function for each kind. Doing one twice, after a crash in between, must be harmless."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from wandb_logging._errors import NotPossible, RequestRejected, ServerUnavailable
from wandb_logging._events import alerts
from wandb_logging._events.run_info import Remote
from wandb_logging._events.task import Task
from wandb_logging._journal.copies import md5_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.files import RunFiles
from wandb_logging._server.link import Link
from wandb_logging._server.protocol import NoAnswerError, dig

_ALERT_TRIES = 3
_MOST_MASKED = 2**22  # bytes of a file that is read for it; only output.log is larger, whose lines are masked before
_VERSIONS = 3  # of a file that changes while it is uploaded


def perform(task: Task, link: Link, remote: Remote, run_dir: RunDir, files: RunFiles) -> list[str]:
    """Do a task. Returns the names of the run's files that it has uploaded.

    Args:
        task: the task.
        link: the connection to the server.
        remote: the run on the server.
        run_dir: the run directory.
        files: uploads files of the run.

    Raises:
        RequestRejected, NotPossible, RunNotFound, GraphQLError, OSError: the task can never be done.
        TransportError, HTTPStatusError: it failed for now.
    """
    if task.kind not in _KINDS:
        raise NotPossible(f"this version does not know tasks of kind {task.kind!r}")
    try:
        return _KINDS[task.kind](task.what, link, remote, run_dir, files)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as exc:
        # An event that we did not write: it would fail for ever.
        raise NotPossible(f"the journal's event is not what it should be: {exc!r}") from exc


def _file(task: Mapping[str, Any], link: Link, _remote: Remote, run_dir: RunDir, files: RunFiles) -> list[str]:
    """Upload a file, unless its bytes are there already; again, if it has changed meanwhile."""
    name, path = str(task["name"]), str(task["path"])
    for _ in range(_VERSIONS):
        with run_dir.files.open(path) as source:
            mark, digest = _mark(os.fstat(source.fileno())), md5_of(source)
            if digest == files.uploads.get(name):
                return []
            files.put(link, name, source)
            now = os.fstat(source.fileno()), run_dir.files.status(path)
        if all(status is not None and _mark(status) == mark for status in now):
            files.uploads[name] = digest
            break
    return [name]


def _standard(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir, files: RunFiles) -> list[str]:
    """Upload a standard file with the API key masked: the process that wrote it may not have known the key."""
    with run_dir.files.open(str(task["path"])) as source:
        text = source.read(_MOST_MASKED + 1).decode("utf-8", "surrogateescape")
    masked = link.mask(text)
    if masked != text and len(text) <= _MOST_MASKED:
        run_dir.files.keep(masked.encode("utf-8", "surrogateescape"), str(task["name"]))
    return _file(task, link, remote, run_dir, files)


def _mark(status: os.stat_result) -> tuple[int, ...]:
    """A value that changes when the file changes, or a newer copy takes its place."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def _media(task: Mapping[str, Any], link: Link, _remote: Remote, run_dir: RunDir, files: RunFiles) -> list[str]:
    """Upload a media file. Its name has its digest, so it never changes, and its MD5 need not be remembered."""
    with run_dir.files.open(str(task["path"])) as source:
        files.put(link, str(task["name"]), source)
    return [str(task["name"])]


def _artifact(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir, _files: RunFiles) -> list[str]:
    from wandb_logging._artifacts.upload import upload_artifact  # noqa: PLC0415  most runs have none

    upload_artifact(link, remote, task, run_dir.path)
    return []


def _use_artifact(task: Mapping[str, Any], link: Link, remote: Remote, _run_dir: RunDir, _files: RunFiles) -> list[str]:
    from wandb_logging._artifacts.upload import use_artifact  # noqa: PLC0415  most runs have none

    use_artifact(link, remote, task)
    return []


def _link_artifact(
    task: Mapping[str, Any], link: Link, remote: Remote, _run_dir: RunDir, _files: RunFiles
) -> list[str]:
    from wandb_logging._artifacts.upload import link_artifact  # noqa: PLC0415  most runs have none

    link_artifact(link, remote, task)
    return []


def _alert(task: Mapping[str, Any], link: Link, remote: Remote, _run_dir: RunDir, _files: RunFiles) -> list[str]:
    run = {"entityName": remote.entity, "projectName": remote.project, "runName": remote.name}
    variables = {**alerts.variables(task), **run}
    try:
        data = link.call(lambda client: client.graphql(alerts.DOCUMENT, variables), attempts=_ALERT_TRIES)
    except ServerUnavailable as exc:
        # While it is waited for, neither later tasks nor the end of the run are told.
        raise RequestRejected(str(exc), exc.status) from exc
    answer = dig(data, "notifyScriptableRunAlert")
    if not isinstance(answer, dict) or "success" not in answer:
        raise NoAnswerError("the server's answer does not say whether it took the alert")
    if answer["success"] is False:
        raise NotPossible("the server did not take it")
    return []


_KINDS: dict[str, Callable[[Mapping[str, Any], Link, Remote, RunDir, RunFiles], list[str]]] = {
    "file": _file,
    "standard": _standard,
    "media": _media,
    "artifact": _artifact,
    "use_artifact": _use_artifact,
    "link_artifact": _link_artifact,
    "alert": _alert,
}
