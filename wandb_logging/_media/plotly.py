"""`Plotly`: a Plotly figure."""

from __future__ import annotations

from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._media.base import Media
from wandb_logging._media.json import json_bytes


class Plotly(Media):
    """A figure of Plotly, written down now: later changes change nothing.

    Args:
        val: the figure. One of matplotlib goes as an `Image`.

    Raises:
        LogError: it is none.
    """

    kind = "plotly-file"
    folder = "plotly"

    def __init__(self, val: Any) -> None:
        if not hasattr(val, "to_plotly_json"):
            raise LogError(f"Plotly: expected a Plotly figure, got {type(val).__name__} (matplotlib's go as Image)")
        super().__init__(json_bytes(val.to_plotly_json()), ".plotly.json")
