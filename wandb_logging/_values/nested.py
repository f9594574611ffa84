"""Nested mappings as paths and names: how a metric or a key of the config is called where nothing is nested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def paths(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The keys that lead to each value. Media and histograms (`_type`) stay whole, and so does what is empty."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value and "_type" not in value:
            yield from paths(value, (*above, name))
        else:
            yield (*above, name), value


def leaves(values: Mapping[str, Any], between: str = ".") -> Iterator[tuple[str, Any]]:
    """The same with names, whose parts have dots between them, or another text."""
    for path, value in paths(values):
        yield between.join(path), value


def filled(values: Mapping[str, Any], between: str = ".") -> Iterator[tuple[str, Any]]:
    """Those of `leaves` that are something: neither null nor an empty mapping."""
    for name, value in leaves(values, between):
        if value is not None and value != {}:
            yield name, value
