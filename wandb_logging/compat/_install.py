"""`install`: makes `import wandb` find this package, in this process and in those it starts.

A folder is put first on `sys.path` and `PYTHONPATH`. It has a package `wandb`, which is `wandb_logging.compat`, and the
metadata of a distribution `wandb`. So `importlib.metadata`, `importlib.util.find_spec`, `pip list` and
`multiprocessing` find the package by the usual rules, and no file is written anywhere.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from wandb_logging._errors import WandbLoggingError
from wandb_logging._settings.variables import put_on_python_path, take_off_python_path

FOLDER = str(Path(__file__).parent / "_as_wandb")
"""For a program that cannot call `install`: begin its `PYTHONPATH` with this."""

_COMPAT = "wandb_logging.compat"


def install(*, over: bool = False, children: bool = True) -> None:
    """Make `import wandb` mean `wandb_logging.compat`. Best called first, before frameworks are imported.

    Args:
        over: whether to do this even if the official SDK is installed.
        children: whether it also applies to Python processes started from this one.

    Raises:
        WandbLoggingError: the official SDK is installed or already imported, and `over` is not given.
    """
    loaded = sys.modules.get("wandb")
    if loaded is not None and loaded.__name__ != _COMPAT and not over:
        raise WandbLoggingError(
            f"wandb is imported already, from {loaded.__file__}; call install() before that, or install(over=True)"
        )
    official = found_elsewhere(sys.path)
    if official is not None and not over:
        raise WandbLoggingError(
            f"the official SDK is installed, at {official.origin}; install(over=True) has programs find "
            f"wandb_logging.compat all the same"
        )
    for name in [name for name in sys.modules if name.partition(".")[0] == "wandb"]:
        del sys.modules[name]
    if FOLDER in sys.path:
        sys.path.remove(FOLDER)
    sys.path.insert(0, FOLDER)
    if children:
        put_on_python_path(FOLDER)
    importlib.invalidate_caches()


def uninstall() -> None:
    """Undo `install` for later imports, here and in processes started later."""
    while FOLDER in sys.path:
        sys.path.remove(FOLDER)
    take_off_python_path(FOLDER)
    ours = sys.modules.get("wandb")
    if ours is not None and ours.__name__ == _COMPAT:
        for name in [name for name in sys.modules if name.partition(".")[0] == "wandb"]:
            del sys.modules[name]
    importlib.invalidate_caches()


def found_elsewhere(path: Sequence[str]) -> ModuleSpec | None:
    """The official SDK, if it can be imported. A folder `wandb` that only holds its run files is no package."""
    spec = PathFinder.find_spec("wandb", [part for part in path if part != FOLDER])
    return spec if spec is not None and spec.origin is not None else None
