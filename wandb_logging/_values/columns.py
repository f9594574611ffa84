"""Turns rows into columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

Columns = dict[str, Sequence[Any]]


def columns_of(rows: Sequence[Mapping[str, Any]], beside: Mapping[str, Sequence[Any]]) -> Columns:
    """The values of some rows by name; None where a row lacks it. Names are in the order in which they first occur.

    Args:
        rows: at least one.
        beside: columns of what stands beside the rows. They come after the names of the first row.
    """
    if len(set(map(tuple, rows))) == 1:  # as nearly always
        return {**dict(zip(rows[0], zip(*[row.values() for row in rows]))), **beside}
    names = dict.fromkeys((*rows[0], *beside, *chain.from_iterable(rows)))
    return {name: beside[name] if name in beside else [row.get(name) for row in rows] for name in names}
