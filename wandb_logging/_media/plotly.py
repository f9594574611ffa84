"""`Plotly`: a Plotly figure."""

from __future__ import annotations

from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._media.base import Media
from wandb_logging._media.json import json_bytes


class Plotly(Media):
    """A figure of Plotly. It is encoded now, so later changes have no effect.

    Args:
        val: the figure. A matplotlib figure is logged as an `Image`.

    Raises:
        LogError: the value is no figure.
    """

    kind = "plotly-file"
    folder = "plotly"

    def __init__(self, val: Any) -> None:
        if not hasattr(val, "to_plotly_json"):
            raise LogError(f"Plotly: expected a Plotly figure, got {type(val).__name__} (matplotlib's go as Image)")
        super().__init__(json_bytes(val.to_plotly_json()), ".plotly.json")
