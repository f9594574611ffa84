"""Artifacts in a run's config: the program reads them as artifacts, and the server is told which ones they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandb_logging._artifacts import changing
from wandb_logging._errors import LogError
from wandb_logging.compat._artifact import Artifact
from wandb_logging.compat._config import ARTIFACT_SCHEME, ARTIFACT_TYPE, names_artifact, parts_of

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run

_BY_ID = "_id/"


def stands_for_artifact(value: object) -> bool:
    """Whether a value of a config is an artifact, or names one."""
    return is_artifact(value) or names_artifact(value)


def is_artifact(value: object) -> bool:
    """Whether a value is an artifact. The value itself is not accessed."""
    return issubclass(type(value), Artifact)


def has_within(value: object) -> bool:
    """Whether a value contains an artifact deep inside, where none is allowed."""
    return not is_artifact(value) and any(map(is_artifact, parts_of(value)))


def artifact_of(run: Run, value: Any) -> Artifact:
    """The artifact that a value is or names. The run uses it from now on.

    Raises:
        LogError: there is no artifact of that name.
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    if isinstance(value, Artifact):
        return run.use_artifact(value).wait()
    if isinstance(value, Mapping):
        return _by_id(run, str(value.get("id")))
    path = value[len(ARTIFACT_SCHEME) :]
    host = run.settings.base_url or ""
    path = path[len(host) :].lstrip("/") if host and path.startswith(host) else path
    return _by_id(run, path[len(_BY_ID) :]) if path.startswith(_BY_ID) else run.use_artifact(path)


def _by_id(run: Run, artifact_id: str) -> Artifact:
    found = changing.by_id(run._run._background.reach, artifact_id)  # noqa: SLF001  the run beneath
    if found is None:
        raise LogError(f"there is no artifact of the id {artifact_id!r}")
    return run.use_artifact(Artifact.of(found))


def told(artifact: Artifact) -> dict[str, Any]:
    """How the config names an artifact."""
    return {
        "_type": ARTIFACT_TYPE,
        "_version": "v0",
        "id": artifact.id,
        "version": artifact.version,
        "sequenceName": artifact.source_name.rpartition(":")[0],
        "usedAs": artifact.use_as,
    }
