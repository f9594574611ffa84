"""Two runs of one script, the official SDK's and ours: all that the server has of each, and where they differ."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from wandb_logging.testing import StoredRun


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
_TRIES = 5


def read_back(run: StoredRun, folder: Path) -> dict[str, Any]:
    """All that the server has of a run, as a tree; without what names the folder it ran in, or its writer."""
    tree = {
        "attributes": {
            "name": run.display_name,
            "notes": run.notes,
            "tags": run.tags,
            "group": run.group,
            "job_type": run.job_type,
            "description": run.description,
            "host": run.host,
            "program": run.program,
            "repo": run.repo,
            "commit": run.commit,
            "sweep": run.sweep_name,
            "state": run.state,
            "exit_code": run.exit_code,
            "preempting": run.preempting,
        },
        "config": run.config,
        "_wandb": _comparable(run.wandb_config),
        "history": run.history,
        "summary": run.summary,
        "events": {key: "a name" for row in run.events for key in row},
        "console": [_without_time(line) for line in run.output],
        "files": {
            name: _content(name, content.replace(str(folder).encode(), b"FOLDER"))
            for name, content in run.files.items()
        },
        "announced": {name: name in run.files for name in run.uploaded},
        "alerts": run.alerts,
        "artifacts": {
            artifact.name: {
                "type": artifact.type,
                "digest": artifact.digest,
                "state": artifact.state,
                "description": artifact.description,
                "metadata": artifact.metadata,
                "aliases": sorted(artifact.aliases),
                "step": artifact.history_step,
                "manifest": artifact.manifest,
                "files": {name: hashlib.sha256(content).hexdigest() for name, content in artifact.files.items()},
            }
            for artifact in run.logged_artifacts
        },
        "used artifacts": sorted(artifact.name for artifact in run.used_artifacts),
    }
    return dict(named(tree, run, folder))


def with_time_to_measure(attempt: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """What `attempt(number)` reads back, of the first of several runs that measured its machine.

    The official SDK does that beside the program, and ends with it: on a busy machine it may not have come to it.
    """
    for number in range(_TRIES):
        tree = attempt(number)
        environments = (tree.get("_wandb") or {}).get("e", {}).values()
        if tree.get("events") and all("cpu_count" in environment for environment in environments):
            break
    return tree


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """The client's own part of a config without what is random: ids of writers, the order of definitions."""
    environments = [_without_id(environment) for environment in config["e"].values()]
    return {**config, "m": dict(definitions(config["m"])), "e": dict(enumerate(environments))}


def _without_id(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in environment.items() if key != "writerId"}


def _content(name: str, content: bytes) -> Any:
    """What a file holds: the official SDK's own files as what they mean, all others to the byte."""
    if name == "config.yaml":
        tree = yaml.safe_load(content)
        return {**tree, "_wandb": _comparable(tree["_wandb"]["value"])}
    if name == "wandb-metadata.json":
        return _without_id(json.loads(content))
    if name == "wandb-summary.json":
        return json.loads(content)
    if name == "requirements.txt":
        return dict.fromkeys(content.decode().splitlines())
    return hashlib.sha256(content).hexdigest()


def definitions(items: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The definitions of metrics by name: their order is a matter of chance, and so is what refers to it by number."""
    names = [item.get("1") or item["2"] for item in items]
    for name, item in zip(names, items):
        flags = {key: sorted(value) for key, value in item.items() if key not in {"1", "2", "5"}}
        yield name, {**flags, "glob": "2" in item, "step metric": names[item["5"] - 1] if "5" in item else None}


def _without_time(line: str) -> str:
    """A line of the Logs tab without its time; the mark of errors stays."""
    mark = "ERROR " if line.startswith("ERROR ") else ""
    return mark + line[len(mark) :].partition(" ")[2]


def named(tree: Any, run: StoredRun, folder: Path) -> Any:
    """A tree with names for the folder a run was in, and for ids that are random or a matter of order."""
    ids = {artifact.id: artifact.name for artifact in run.logged_artifacts}
    return _renamed(tree, {str(folder): "FOLDER", **ids})


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, str):
        return value
    for before, after in names.items():
        value = value.replace(before, after)
    return re.sub(r"(?<=^wandb-client-artifact://)\w+", "ID", value)


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All (path, value) of a tree; an empty mapping or list is a value."""
    below: Mapping[Any, Any] = (
        tree if isinstance(tree, dict) else dict(enumerate(tree)) if isinstance(tree, list) else {}
    )
    if not below:
        yield path, tree
    for key, value in below.items():
        yield from leaves(value, f"{path}/{key}" if path else str(key))


def differences(theirs: Any, ours: Any) -> dict[str, tuple[Any, Any]]:
    """Where two trees differ: path -> their value and ours, `MISSING` for none."""
    left, right = dict(leaves(theirs)), dict(leaves(ours))
    pairs = ((path, left.get(path, MISSING), right.get(path, MISSING)) for path in {**left, **right})
    return {path: (a, b) for path, a, b in pairs if not _same(a, b)}


def _same(a: Any, b: Any) -> bool:
    # NaN is what it is; True is not 1, though Python says so.
    return (a == b or (a != a and b != b)) and isinstance(a, bool) == isinstance(b, bool)


def listed(path: str, patterns: Mapping[str, str]) -> str | None:
    """The pattern that a path is listed under."""
    return next((pattern for pattern in patterns if fnmatchcase(path, pattern)), None)
