"""A position in a journal, up to which it was read, and its form as JSON, which only this room knows. Pure.

    {"writers": {"1": [segment, byte]}, "order": entries of order.jsonl passed, "torn": {"1": [segment, byte]}}

`torn` says, by writer, where a half line at the end of a journal ended that the reader reported and did not pass. The
member is left out if there was none.
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


class Written(dict[int, At]):
    """Where reading stands, by writer, with how that is written down beside it: of a thousand writers one moves."""

    def __init__(self, at: Mapping[int, At]) -> None:
        super().__init__(at)
        self._kept = _kept(at)
        self._moved = set(at)

    def __setitem__(self, writer: int, place: At) -> None:
        super().__setitem__(writer, place)
        self._kept[str(writer)] = list(place)
        self._moved.add(writer)

    def moved(self) -> list[tuple[int, At]]:
        """Those that have moved since this was last asked, and where they are: at first, all."""
        moved, self._moved = self._moved, set()
        return [(writer, self[writer]) for writer in moved]

    def position(self, order: int, torn: Mapping[int, At]) -> Position:
        """All of it, as `position` makes it."""
        return {**position(order=order, torn=torn), "writers": self._kept.copy()}


def position(at: Mapping[int, At] = _NOWHERE, order: int = 0, torn: Mapping[int, At] = _NOWHERE) -> Position:
    """A position, as JSON. Without arguments it is the start.

    Args:
        at: by writer: segment and byte up to which its journal was read.
        order: how many entries of order.jsonl were passed.
        torn: by writer: where a half line at the end was reported.
    """
    kept = {"writers": _kept(at), "order": order}
    return {**kept, "torn": _kept(torn)} if torn else kept


def places(kept: Position | None) -> dict[int, At]:
    """By writer: segment and byte up to which its journal was read. A writer that is not named is at its start."""
    return _places(kept, "writers")


def torn_places(kept: Position | None) -> dict[int, At]:
    """By writer: where a half line at the end was reported."""
    return _places(kept, "torn")


def torn_ends(kept: Position | None) -> int:
    """How many journals end in half a line that was reported and not passed. The rest of it may still come."""
    at = places(kept)
    return sum(end > at.get(writer, START) for writer, end in torn_places(kept).items())


def order_passed(kept: Position | None) -> int:
    """How many entries of order.jsonl were passed."""
    return int((kept or {}).get("order", 0))


def covers(kept: Position | None, ends: Ends) -> bool:
    """Whether a position is at or behind the given ends of all writers' journals."""
    at = places(kept)
    return all(at.get(writer, START) >= end for writer, end in ends.items())


def is_position(value: object) -> bool:
    """Whether a value has the form of a position; None has: it is the start."""
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
