"""JSON files of media: like the values of a row, but arrays stay whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._media._base import Value
from wandb_logging._values import dumps, plain


def json_bytes(value: object) -> bytes:
    """A value as the content of a JSON file, non-finite numbers bare."""
    return dumps(whole(value))


def whole(value: Any) -> Any:
    """The JSON value that stands for `value`. What has none becomes text: a cell must not cost the table."""
    if isinstance(value, Mapping):
        return {str(key): whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole(item) for item in value]
    if isinstance(value, Value):
        return type(value).__name__  # as the official SDK
    if getattr(value, "shape", ()) and callable(getattr(value, "tolist", None)):
        return whole(value.tolist())
    try:
        return plain(value)
    except Exception:
        return str(value)
