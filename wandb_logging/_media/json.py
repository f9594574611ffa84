"""JSON files of media. Values are encoded as in a row, but arrays stay whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wandb_logging._media.base import Value
from wandb_logging._values.arrays import nested
from wandb_logging._values.plain import fast_dumps, plain

AS_IT_IS = frozenset({float, bool, type(None)})  # the types of most cells in most tables
_FAST = bool(fast_dumps)  # whether orjson is installed


def json_bytes(value: object) -> bytes:
    """A value as the content of a JSON file in UTF-8. Non-finite numbers are written without quotes."""
    tree = whole(value)
    if _FAST:
        line = fast_dumps(tree)
        if b"null" not in line:  # orjson writes NaN as null, but there may also be a real null
            return line
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    return text.encode() if not _FAST or "NaN" in text or "Infinity" in text else line


def whole(value: Any) -> Any:
    """The JSON value for `value`. A value without one becomes text, because one cell must not cost the whole table."""
    return value if type(value) in AS_IT_IS else _whole(value)


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [whole(item) for item in value]
    if isinstance(value, Value):
        return type(value).__name__  # as the official SDK does
    if getattr(value, "shape", ()) and any(hasattr(value, way) for way in ("tolist", "numpy", "__array__")):
        return whole(nested(value))
    try:
        return plain(value)
    except Exception:
        return str(value)
