"""Nested mappings as names with dots: how a metric or a key of the config is called where nothing is nested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Names with dots and their values. Media and histograms (`_type`) stay whole, and so does what is empty."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value and "_type" not in value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
