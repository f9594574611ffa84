"""`wandb.env`: the names of the environment variables."""

from __future__ import annotations

_OTHERS = {"DISABLE_SSL": "WANDB_INSECURE_DISABLE_SSL", "IGNORE": "WANDB_IGNORE_GLOBS"}


def __getattr__(name: str) -> str:
    if name.startswith("_"):
        raise AttributeError(name)
    return _OTHERS.get(name, f"WANDB_{name}")
