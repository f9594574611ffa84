"""Work beside the streams: what an event asks the uploader to do once. One function for each kind of task.

A task is the JSON object of its event with its kind; it waits in cursor.json until it is done. Doing one twice, after
a crash in between, has to be harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wandb_logging._errors import RequestRejected
from wandb_logging._files import put_file
from wandb_logging._link import Link
from wandb_logging._protocol import Remote
from wandb_logging._rundir import RunDir


def perform(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir) -> list[str]:
    """Do a task; the names of run files that were uploaded by it.

    Raises:
        RequestRejected, RunNotFound, GraphQLError, OSError: it can never be done.
        TransportError, HTTPStatusError: not now.
    """
    kind = str(task.get("kind"))
    if kind not in _KINDS:
        raise RequestRejected(f"this version does not know tasks of kind {kind!r}", 400)
    return _KINDS[kind](task, link, remote, run_dir)


def describe(task: Mapping[str, Any]) -> str:
    """A task in words for a person."""
    return f"{task.get('kind')} {task.get('name', '')}".strip()


def _file(task: Mapping[str, Any], link: Link, remote: Remote, run_dir: RunDir) -> list[str]:
    name = str(task["name"])
    put_file(link, remote, name, run_dir.path / str(task["path"]))
    return [name]


_KINDS: dict[str, Callable[[Mapping[str, Any], Link, Remote, RunDir], list[str]]] = {"file": _file, "media": _file}
