"""The types of a table's columns in W&B's own words, which the table in an artifact contains."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wandb_logging._media.base import Media

_UNKNOWN = {"wb_type": "unknown"}  # of a column without values
_ANY = {"wb_type": "any"}
_NUMBER = {"wb_type": "number"}


def column_types(
    columns: Sequence[str | int], rows: Sequence[Sequence[Any]], filled: Collection[str | int] = ()
) -> dict[str, Any]:
    """The types of a table's columns. A column with values of different types may hold anything.

    Args:
        columns: names of the columns.
        rows: the values.
        filled: the columns that have a value in each row.
    """
    types: list[dict[str, Any]] = [_UNKNOWN] * len(columns)
    for row in rows:
        types = [_merged(old, _type_of(value)) for old, value in zip(types, row)]
    named = {
        str(column): kind if column in filled and all(row[at] is not None for row in rows) else _optional(kind)
        for at, (column, kind) in enumerate(zip(columns, types))
    }
    return {"wb_type": "typedDict", "params": {"type_map": named}}


def _optional(kind: dict[str, Any]) -> dict[str, Any]:
    return {"wb_type": "union", "params": {"allowed_types": sorted([{"wb_type": "none"}, kind], key=_order)}}


def _order(kind: dict[str, Any]) -> str:
    """A sort key for types: the official SDK's order, which is part of an artifact's digest."""
    if kind["wb_type"] == "list":
        return _order(kind["params"]["element_type"])
    return "{" if kind["wb_type"] == "typedDict" else str(kind["wb_type"])


def _type_of(value: Any) -> dict[str, Any]:
    return _EXACTLY.get(type(value)) or _found_type(value)


def _found_type(value: Any) -> dict[str, Any]:
    if hasattr(value, "tolist"):  # of an array package
        value = value.tolist()
    if value is None:
        return _UNKNOWN
    if isinstance(value, Media):
        return value.column_type()
    if isinstance(value, Mapping):
        return {"wb_type": "typedDict", "params": {"type_map": {str(key): _type_of(value[key]) for key in value}}}
    if isinstance(value, (list, tuple)):
        element = _UNKNOWN
        for item in value:
            element = _merged(element, _type_of(item))
        return {"wb_type": "list", "params": {"element_type": element, "length": len(value)}}
    for kinds, name in _SCALARS:
        if isinstance(value, kinds):
            return {"wb_type": name}
    return {"wb_type": "pythonObject", "params": {"class_name": type(value).__name__}}


_SCALARS: tuple[tuple[Any, str], ...] = (
    (bool, "boolean"),
    ((int, float), "number"),
    (str, "string"),
    ((dt.datetime, dt.date), "timestamp"),
)


# The types of most cells in most tables.
_EXACTLY: dict[type, dict[str, Any]] = {
    type(None): _UNKNOWN,
    bool: {"wb_type": "boolean"},
    int: _NUMBER,
    float: _NUMBER,
    str: {"wb_type": "string"},
}


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The type that accepts the values of both types."""
    if new is old or new is _UNKNOWN or old == new:
        return old
    if old is _UNKNOWN:
        return new
    if old["wb_type"] == new["wb_type"] == "list":
        before, after = old["params"], new["params"]
        element = _merged(before["element_type"], after["element_type"])
        # If lengths differ the last one counts, as in the official SDK.
        return {"wb_type": "list", "params": {"element_type": element, "length": after["length"]}}
    if old["wb_type"] == new["wb_type"] == "image-file":
        return _joined(old, new)  # type: ignore[no-any-return]
    return _ANY


def _joined(old: Any, new: Any) -> Any:
    """Combine the overlays of two images. If both name the same thing, the first name counts."""
    if isinstance(old, dict):
        return {key: _joined(old.get(key, new.get(key)), new.get(key, old.get(key))) for key in {**old, **new}}
    return sorted({*old, *new}) if isinstance(old, list) else old
