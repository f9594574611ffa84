"""Promises of names with dots: nothing nested is left, and what is one value stays one."""

from __future__ import annotations

from wandb_logging._values.nested import leaves


def test_nested_names_get_dots() -> None:
    """A histogram stays whole, and so does what is empty: it would have no name left."""
    nested = {"a": 1, "b": {"c": {"d": 2}, "e": {}}, "h": {"_type": "histogram", "values": [1]}}
    assert list(leaves(nested)) == [("a", 1), ("b.c.d", 2), ("b.e", {}), ("h", nested["h"])]
