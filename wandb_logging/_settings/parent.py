"""What a program is told by the one that started it as a run: `WANDB_LOGGING_RUN`."""

from __future__ import annotations

import json
import os
from typing import Any

RUN = "WANDB_LOGGING_RUN"


def is_within(run_id: str | None) -> bool:
    """Whether a run is the one that this process was started in: it ends with the process that began it."""
    return run_id is not None and (told() or {}).get("run_id") == run_id


def told() -> dict[str, Any] | None:
    """Settings of the run that this process is in; None if nobody said so."""
    try:
        about = json.loads(os.environ.get(RUN) or "null")
    except ValueError:
        return None
    return about if isinstance(about, dict) else None
