"""`log_code`: the source files of a program as an artifact."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._process.command_line import program_name
from wandb_logging.compat._artifact import Artifact
from wandb_logging.compat._util import make_artifact_name_safe

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run


def is_python(path: str) -> bool:
    """Whether a path is that of a Python file."""
    return path.endswith(".py")


def is_of_runs(path: str, root: str) -> bool:
    """Whether a path is in a folder that runs are kept in."""
    return Path(os.path.relpath(path, root)).parts[0] in {"wandb", "wandb_cache"}


def log_code(
    run: Run, root: str, name: str | None, include: Callable[..., bool], exclude: Callable[..., bool]
) -> Artifact | None:
    """Do the work of `Run.log_code`."""
    program = Path(program_name()).name or "notebook"
    artifact = Artifact(make_artifact_name_safe(name or f"source-{run.project}-{program}"), "source")
    artifact.type = "code"  # which `Artifact` keeps for the official SDK and for us
    folder = os.path.abspath(root)  # noqa: PTH100  the form for the user's functions
    for path in _files_below(folder):
        if _asked(include, path, folder) and not _asked(exclude, path, folder):
            artifact.add_file(path, Path(os.path.relpath(path, folder)).as_posix())
    if not artifact.manifest.entries:
        return None
    run.log_artifact(artifact)
    return artifact


def _asked(function: Callable[..., Any], path: str, root: str) -> bool:
    """Call a function that takes a path, or a path and the root."""
    takes_root = len(inspect.signature(function).parameters) > 1
    return bool(function(path, root) if takes_root else function(path))


def _files_below(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(place, name) for name in sorted(names))  # noqa: PTH118  a text, for the user's functions
