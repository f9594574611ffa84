"""`WANDB_LOGGING_RUN`: the settings that a process hands to the program that it starts as a run."""

from __future__ import annotations

import json
import os
from typing import Any

RUN = "WANDB_LOGGING_RUN"


def is_within(run_id: str | None) -> bool:
    """Whether this process was started inside that run. The run then ends with the process that began it."""
    return run_id is not None and (inherited_settings() or {}).get("run_id") == run_id


def inherited_settings() -> dict[str, Any] | None:
    """Settings of the run that this process was started in; None if it was not started in one."""
    try:
        about = json.loads(os.environ.get(RUN) or "null")
    except ValueError:
        return None
    return about if isinstance(about, dict) else None
