"""Edits `PYTHONPATH`, for Python processes that this one starts."""

from __future__ import annotations

import os
from collections.abc import Sequence


def put_first(folder: str) -> None:
    """Have them import from a folder before all others. Calling it again changes nothing."""
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != folder]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])


def with_first(folders: Sequence[str]) -> str:
    """The `PYTHONPATH` for a program that is to import from these folders before all others."""
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part not in folders]
    return os.pathsep.join([*folders, *others])


def take_away(folder: str) -> None:
    """Undo `put_first`."""
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != folder]
    if others:
        os.environ["PYTHONPATH"] = os.pathsep.join(others)
    else:
        os.environ.pop("PYTHONPATH", None)
