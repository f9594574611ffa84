"""Where reading stands in a journal, and the only place that knows how that is written down. Pure.

    {"writers": {"1": [segment, byte]}, "order": entries of order.jsonl passed, "torn": {"1": [segment, byte]}}

`torn` says where a torn tail ended that was told of but not passed; it is not there where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Position = dict[str, Any]

At = tuple[int, int]
"""A place in one writer's journal: segment, byte."""

Ends = dict[int, At]
"""Where the journal of each writer ends."""

START: At = (1, 0)
_NOWHERE: Mapping[int, At] = MappingProxyType({})


def position(at: Mapping[int, At] = _NOWHERE, order: int = 0, torn: Mapping[int, At] = _NOWHERE) -> Position:
    """One, as JSON: what is not given is at its start.

    Args:
        at: where reading stands, by writer.
        order: entries of order.jsonl that were passed.
        torn: where a torn tail ended, by writer.
    """
    kept = {"writers": _kept(at), "order": order}
    return {**kept, "torn": _kept(torn)} if torn else kept


def places(kept: Position | None) -> dict[int, At]:
    """Where reading stands, by writer; a writer that is not there is at its start."""
    return _places(kept, "writers")


def torn_places(kept: Position | None) -> dict[int, At]:
    """Where a torn tail ended, by writer."""
    return _places(kept, "torn")


def order_passed(kept: Position | None) -> int:
    """How many entries of order.jsonl were passed."""
    return int((kept or {}).get("order", 0))


def covers(kept: Position | None, ends: Ends) -> bool:
    """Whether all was read at a position that was there when the journal ended so."""
    at = places(kept)
    return all(at.get(writer, START) >= end for writer, end in ends.items())


def is_position(value: object) -> bool:
    """Whether a value has the form of a position, or is None, the start."""
    if not isinstance(value, dict):
        return value is None
    named = [value.get("writers", {}), value.get("torn", {})]
    if not all(isinstance(item, dict) for item in named) or not _is_count(value.get("order", 0)):
        return False
    return all(name.isdecimal() and _is_place(at) for item in named for name, at in item.items())


def _kept(at: Mapping[int, At]) -> dict[str, list[int]]:
    return {str(writer): list(place) for writer, place in sorted(at.items())}


def _places(kept: Position | None, name: str) -> dict[int, At]:
    return {int(writer): (int(at[0]), int(at[1])) for writer, at in (kept or {}).get(name, {}).items()}


def _is_place(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63
