"""Flattens nested mappings, such as metrics and config: into paths, or into names with dots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def paths(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value with the keys that lead to it. Media and histograms (with `_type`) and empty mappings are values."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value and "_type" not in value:
            yield from paths(value, (*above, name))
        else:
            yield (*above, name), value


def leaves(values: Mapping[str, Any], between: str = ".") -> Iterator[tuple[str, Any]]:
    """Each value with its name: the keys that lead to it, joined by `between`."""
    for path, value in paths(values):
        yield between.join(path), value


def filled(values: Mapping[str, Any], between: str = ".") -> Iterator[tuple[str, Any]]:
    """As `leaves`, without values that are None or an empty mapping."""
    for name, value in leaves(values, between):
        if value is not None and value != {}:
            yield name, value
