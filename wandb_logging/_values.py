"""Which Python values become which JSON values (protocol 5.4). No I/O; imports no array package.

`plain` turns any value into a tree of dict, list, str, int, float, bool and None, and reports what it had
to leave out. `dumps` writes such a tree as one line, with bare `NaN` and `Infinity` as W&B wants them.
Arrays are recognised by the names of their types, so numpy, torch, jax and tensorflow are never imported.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from decimal import Decimal
from pathlib import PurePath
from typing import Any

try:
    from orjson import dumps as fast_dumps, loads as fast_loads
except ImportError:  # no wheel for this platform: the standard library does, only slower
    fast_dumps = fast_loads = None  # type: ignore[assignment]

MAX_DEPTH = 64
LIST_LIMIT = 32  # elements; larger arrays become histograms (protocol 5.4)
BINS = 32
_INT64 = range(-(2**63), 2**64)
_SIMPLE = frozenset({float, int, str, bool, type(None)})

__all__ = ["Aside", "dumps", "fast_dumps", "loads", "plain"]

Aside = dict[str, str]
"""What was left out: dotted path of the value -> why."""

_json_dumps = json.JSONEncoder(ensure_ascii=True, allow_nan=True, separators=(",", ":")).encode


def dumps(tree: object) -> bytes:
    """One line of JSON for a tree made by `plain`, non-finite numbers bare (protocol 5.4).

    Both writers give lines that parse to the same values; the slow one is only taken where orjson
    would not be exact: it writes `null` for NaN, and refuses surrogates and integers beyond 64 bits.
    """
    if fast_dumps is not None:
        try:
            line = fast_dumps(tree)
        except TypeError:
            return _json_dumps(tree).encode()
        if b"null" not in line:
            return line
    return _json_dumps(tree).encode()


def loads(line: bytes | str) -> Any:
    """The value of a line written by `dumps`, bare `NaN` and `Infinity` included.

    Raises:
        ValueError: not JSON.
    """
    if fast_loads is not None:
        try:
            return fast_loads(line)
        except ValueError:
            pass  # not JSON, or JSON with bare NaN: the other reader tells
    return json.loads(line)


def plain(value: object, path: str = "", aside: Aside | None = None) -> Any:
    """The JSON value that stands for `value`; parts that cannot be sent are left out and named in `aside`.

    Args:
        value: anything.
        path: dotted name of the value, for the report.
        aside: filled with path -> reason for each part left out.

    Raises:
        TypeError, ValueError: `value` itself cannot be sent and `path` is empty.
    """
    return _plain(value, path, {} if aside is None else aside, ())


def _plain(value: object, path: str, aside: Aside, above: tuple[int, ...]) -> Any:
    if type(value) in _SIMPLE:
        return _simple(value)
    if len(above) >= MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if id(value) in above:
        raise ValueError("contains itself")
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return _mapping(value.items(), path, aside, inside)
    if isinstance(value, (list, tuple)):
        return _sequence(value, path, aside, inside)
    if isinstance(value, AbstractSet):
        return _sequence(_ordered(value), path, aside, inside)
    converted = _convert(value)
    if converted is value:
        raise TypeError(f"no JSON value for {_type_name(value)}")
    return _plain(converted, path, aside, inside)


def _mapping(items: Iterable[tuple[object, object]], path: str, aside: Aside, above: tuple[int, ...]) -> Any:
    result: dict[str, Any] = {}
    for key, value in items:
        name = f"{path}.{key}" if path else str(key)
        if isinstance(key, enum.Enum) or not isinstance(key, str):
            key = _key(key)  # noqa: PLW2901  the name under which the value is kept
        if key is None:
            aside[name] = "a metric name must be a string"
            continue
        try:
            result[_simple(key)] = _plain(value, name, aside, above)
        except Exception as exc:
            aside[name] = str(exc) or type(exc).__name__
    return result


def _sequence(values: Iterable[object], path: str, aside: Aside, above: tuple[int, ...]) -> list[Any]:
    result: list[Any] = []
    for i, value in enumerate(values):
        try:
            result.append(_plain(value, f"{path}[{i}]", aside, above))
        except Exception as exc:
            aside[f"{path}[{i}]"] = str(exc) or type(exc).__name__
            result.append(None)
    return result


def _simple(value: Any) -> Any:
    if type(value) is int and value not in _INT64:
        try:
            return float(value)  # protocol 5.4: integers beyond 64 bit become floats
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str) and not value.isascii():
        # A lone surrogate has no UTF-8: replaced, so that the rest of the text can go.
        return value.encode("utf-8", "replace").decode("utf-8")
    return value


def _key(key: object) -> str | None:
    if isinstance(key, enum.Enum):
        return key.name
    # numpy's strings are str; its integers as keys are taken by the official SDK as numbers. Everything
    # else that is not a string is refused, as there.
    return None


def _ordered(values: Iterable[object]) -> list[Any]:
    # Sets have no order; sorted where they can be, so that the same set gives the same line.
    items = list(values)
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _convert(value: object) -> object:
    """One step from a foreign object towards a plain one; the object itself if there is none."""
    for kinds, convert in _BY_TYPE:
        if isinstance(value, kinds):
            return convert(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    package = type(value).__module__.partition(".")[0]
    if package in _ARRAY_PACKAGES or hasattr(value, "__array_interface__"):
        return _array(value)
    for method in ("model_dump", "_asdict", "item", "tolist"):
        if callable(getattr(value, method, None)) and not isinstance(value, type):
            return getattr(value, method)()
    if callable(value) and hasattr(value, "__qualname__"):  # a function or class goes by its name, as in the SDK
        return f"{value.__module__}.{value.__qualname__}"
    return value


_ARRAY_PACKAGES = {"numpy", "torch", "jax", "jaxlib", "tensorflow", "cupy", "mlx", "fastai"}

_BY_TYPE: tuple[tuple[Any, Callable[[Any], object]], ...] = (
    (enum.Enum, lambda value: value.name),
    (bool, bool),
    (int, int.__int__),
    (float, float.__float__),
    (str, str.__str__),
    ((bytes, bytearray), lambda value: value.decode("utf-8", "replace")),
    (memoryview, lambda value: value.tobytes().decode("utf-8", "replace")),
    (dt.timedelta, dt.timedelta.total_seconds),
    ((dt.date, dt.time), lambda value: value.isoformat()),
    (Decimal, float),
    (PurePath, str),
    (range, list),
)


def _array(value: Any) -> object:
    """A scalar, a (nested) list of at most 32 elements, or a histogram (protocol 5.4)."""
    if callable(getattr(value, "detach", None)):  # torch: leave the graph and the device
        value = value.detach().cpu()
        if "bfloat16" in str(getattr(value, "dtype", "")):
            value = value.float()  # numpy has no bfloat16
    size = _size(value)
    if size == 1:
        value = value.reshape(-1)[0] if getattr(value, "shape", ()) else value
        return _number(value)
    if size <= LIST_LIMIT:
        return _nested(value)
    return _histogram(value)


def _size(value: Any) -> int:
    shape = getattr(value, "shape", ())
    return math.prod(int(length) for length in shape)


def _number(value: Any) -> object:
    item = value.item() if hasattr(value, "item") else value.numpy().item()
    # longdouble and bfloat16 give themselves back: to a float, as the official SDK does.
    return item if type(item) in _SIMPLE or isinstance(item, dt.date) else float(item)


def _nested(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value.numpy().tolist()


def _flat(value: Any) -> list[float]:
    flat: list[Any] = _nested(value)
    while flat and isinstance(flat[0], list):
        flat = [item for row in flat for item in row]
    return flat


def _histogram(value: Any) -> dict[str, object]:
    """Counts and edges of equal bins over the finite values, as `numpy.histogram(values, 32)` gives them."""
    numpy = sys.modules.get("numpy")
    if numpy is None:  # a tensor in a program without numpy
        return _histogram_without_numpy(_flat(value))
    values = numpy.asarray(value)
    finite = values[numpy.isfinite(values)]
    if not finite.size:
        raise ValueError("an array without finite numbers has no histogram")
    counts, edges = numpy.histogram(finite, bins=BINS)
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}


def _histogram_without_numpy(values: list[float]) -> dict[str, object]:
    finite = [float(value) for value in values if math.isfinite(value)]
    if not finite:
        raise ValueError("an array without finite numbers has no histogram")
    low, high = min(finite), max(finite)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / BINS
    bins = [low + i * width for i in range(BINS)] + [high]
    tally = [0] * BINS
    for number in finite:
        tally[min(int((number - low) / width), BINS - 1)] += 1
    return {"_type": "histogram", "values": tally, "bins": bins}
