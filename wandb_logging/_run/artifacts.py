"""Logs and uses artifacts for a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import JournalError, LogError
from wandb_logging._journal import safe_files
from wandb_logging._run.background import Background

if TYPE_CHECKING:
    from wandb_logging._artifacts.artifact import Artifact, StrPath
    from wandb_logging._artifacts.download import UsedArtifact


def log_artifact(  # noqa: PLR0917  those of `Run.log_artifact`
    background: Background,
    given: Artifact | StrPath,
    name: str | None,
    kind: str | None,
    aliases: str | Iterable[str] | None,
    tags: str | Iterable[str] | None,
    **more: Any,
) -> Artifact:
    """Do what `Run.log_artifact` does. For `more`, which the server gets, see `wire.artifact_input` and `upload`."""
    from wandb_logging._artifacts import keeping  # noqa: PLC0415  a fifth of the import time, and most runs have none

    journal = background.journal
    run_id = journal.info.id
    folder = None if background.mode == "disabled" else _folder(background, keeping.ARTIFACTS)
    artifact = keeping.artifact_of(given, name, kind, run_id, folder)
    event = {**keeping.describe(artifact, aliases, tags), **more}
    if folder is not None:
        journal.writer.make_way(artifact.size)
        event["folder"] = keeping.keep(artifact, folder)
    background.append_change("artifact", event)
    keeping.finalize(artifact, background.flush)
    return artifact


def log_beside(background: Background, artifact: Artifact, **more: Any) -> None:
    """Log the artifact that holds a table. The row with that table is logged besides."""
    log_artifact(background, artifact, None, None, None, None, **more)


def use_artifact(background: Background, name: str, kind: str | None, entity: str | None, project: str) -> UsedArtifact:
    """Do what `Run.use_artifact` does."""
    from wandb_logging._artifacts.download import find_artifact  # noqa: PLC0415  as above

    if background.mode != "online":
        run_id = background.journal.info.id
        raise LogError(f"run {run_id} is {background.mode}: an artifact to use is on the server")
    found = find_artifact(background.reach, name, entity, project)
    if kind is not None and kind != found.type:
        raise LogError(f"artifact {name} is of type {found.type}, not {kind}")
    background.append_change("use_artifact", {"id": found.id, "name": found.name})
    return found


def _folder(background: Background, name: Path) -> Path:
    """The folder in which artifacts are kept."""
    run_dir = background.journal.run_dir
    if not run_dir.on_disk:
        run_id = background.journal.info.id
        raise JournalError(f"run {run_id} has no directory to keep an artifact in; set cache_dir to a folder")
    folder = run_dir.path / name
    safe_files.make_folder(run_dir.path, name.as_posix())
    return folder
