"""Turns what people keep settings in (namespaces, dataclasses, models ...) into mappings. No I/O.

It imports little: a command checks settings before it starts a program, which waits for that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

MAX_DEPTH = 64


def mapping_of(value: object) -> Any:
    """A mapping of what people keep settings in; any other value as it is.

    These are mappings, namespaces, dataclasses, attrs and pydantic models, absl's flags, and objects with `keys()` and
    `[]`.
    """
    convert = None if isinstance(value, Mapping) else as_mapping(type(value))
    return value if convert is None else convert(value)


def as_mapping(kind: type) -> Callable[[Any], object] | None:
    """A function that turns values of a type into mappings; None if values of that type are not taken as mappings."""
    if dataclasses.is_dataclass(kind):
        return lambda value: _Read([item.name for item in dataclasses.fields(value)], partial(getattr, value))
    for method in ("model_dump", "flag_values_dict"):  # pydantic, absl's flags
        if callable(getattr(kind, method, None)):
            return partial(_dumped, method)
    if hasattr(kind, "__attrs_attrs__"):
        return lambda value: _Read([item.name for item in kind.__attrs_attrs__], partial(getattr, value))
    if issubclass(kind, SimpleNamespace) or (kind.__module__, kind.__name__) == ("argparse", "Namespace"):
        return vars
    if callable(getattr(kind, "keys", None)) and hasattr(kind, "__getitem__"):  # dict() takes these, too
        return lambda value: _Read(list(value.keys()), value.__getitem__)
    return None


def _dumped(method: str, value: Any) -> object:
    try:
        return getattr(value, method)()
    except Exception:  # one of its fields raises: read each field by itself
        return _Read([name for name in vars(value) if not name.startswith("_")], partial(getattr, value))


class _Read(Mapping[Any, Any]):
    """A mapping whose values are read when they are asked for: an exception costs only the value that raises it."""

    def __init__(self, keys: list[Any], read: Callable[[Any], object]) -> None:
        self._keys = keys
        self._read = read

    def __getitem__(self, key: Any) -> object:
        return self._read(key)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def read_value(mapping: Mapping[Any, Any], key: Any) -> Any:
    """A value of a mapping; if reading it raises, an `Unreadable` with the exception."""
    try:
        return mapping[key]
    except Exception as exc:
        return Unreadable(exc)


def read_items(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    """The items of a mapping, each value as `read_value` gives it. If its keys cannot be read, an item says so."""
    keys: list[Any] = []
    stop: dict[str, Unreadable] = {}
    try:  # the keys of a dict in one step: another thread may be changing it
        keys.extend(iter(list(mapping) if isinstance(mapping, dict) else mapping))
    except Exception as exc:
        stop["(the rest)"] = Unreadable(exc)
    return {**{key: read_value(mapping, key) for key in keys}, **stop}


class Unreadable:
    """Stands for a value that could not be read, until it is turned into JSON and the user can be told."""

    def __init__(self, error: Exception) -> None:
        self.error = error
