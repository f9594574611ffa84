"""What people keep settings in, opened as mappings whose values are read when they are asked for. No I/O.

It imports little: settings are checked before a program starts that waits for them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

MAX_DEPTH = 64


def mapping_of(value: object) -> Any:
    """What people keep settings in, as a mapping; any other value as it is.

    Such are mappings, namespaces, dataclasses, attrs and pydantic models, absl's flags, and what has `keys()` and `[]`.
    """
    convert = None if isinstance(value, Mapping) else as_mapping(type(value))
    return value if convert is None else convert(value)


def as_mapping(kind: type) -> Callable[[Any], object] | None:
    """How values of a type that is no mapping are taken as one; None if they are not."""
    if dataclasses.is_dataclass(kind):
        return lambda value: _Read([item.name for item in dataclasses.fields(value)], partial(getattr, value))
    for method in ("model_dump", "flag_values_dict"):  # pydantic, absl's flags
        if callable(getattr(kind, method, None)):
            return partial(_dumped, method)
    if hasattr(kind, "__attrs_attrs__"):
        return lambda value: _Read([item.name for item in kind.__attrs_attrs__], partial(getattr, value))
    if issubclass(kind, SimpleNamespace) or (kind.__module__, kind.__name__) == ("argparse", "Namespace"):
        return vars
    if callable(getattr(kind, "keys", None)) and hasattr(kind, "__getitem__"):  # as dict() takes it
        return lambda value: _Read(list(value.keys()), value.__getitem__)
    return None


def _dumped(method: str, value: Any) -> object:
    try:
        return getattr(value, method)()
    except Exception:  # one of its fields cannot be told: then each for itself
        return _Read([name for name in vars(value) if not name.startswith("_")], partial(getattr, value))


class _Read(Mapping[Any, Any]):
    """A mapping whose values are read when they are asked for: what reading one raises costs only that one."""

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
    """A value of a mapping, or what stands for it and says why it cannot be sent, once somebody asks."""
    try:
        return mapping[key]
    except Exception as exc:
        return Unreadable(exc)


def read_items(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    """What a mapping holds, each value as `read_value` gives it; and why there is no more, where its keys end early."""
    keys: list[Any] = []
    stop: dict[str, Unreadable] = {}
    try:  # of a dict at once, which another thread may be changing
        keys.extend(iter(list(mapping) if isinstance(mapping, dict) else mapping))
    except Exception as exc:
        stop["(the rest)"] = Unreadable(exc)
    return {**{key: read_value(mapping, key) for key in keys}, **stop}


class Unreadable:
    """Stands for a value that could not be read, where who asked for it could not be told yet."""

    def __init__(self, error: Exception) -> None:
        self.error = error
