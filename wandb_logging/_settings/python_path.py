"""What Python processes that are started from this one find first: `PYTHONPATH`."""

from __future__ import annotations

import os
from collections.abc import Sequence


def put_first(folder: str) -> None:
    """Have them look into a folder before all others. Calling it again changes nothing."""
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != folder]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])


def with_first(folders: Sequence[str]) -> str:
    """`PYTHONPATH` of a program that is to look into these folders before all others."""
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part not in folders]
    return os.pathsep.join([*folders, *others])


def take_away(folder: str) -> None:
    """Undo that."""
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != folder]
    if others:
        os.environ["PYTHONPATH"] = os.pathsep.join(others)
    else:
        os.environ.pop("PYTHONPATH", None)
