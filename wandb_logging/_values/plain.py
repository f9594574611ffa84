"""Turns Python values into JSON values (protocol 5.4). No I/O; imports no array package.

`plain` turns any value into a tree of dict, list, str, int, float, bool and None, and reports what it had
to leave out. `dumps` writes such a tree as one line, with bare `NaN` and `Infinity` as W&B wants them.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import signal
import sys
from collections import UserString
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set as AbstractSet, ValuesView
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import PurePath
from typing import Any

from wandb_logging._values.arrays import array, is_array
from wandb_logging._values.mappings import MAX_DEPTH, Unreadable, as_mapping
from wandb_logging._values.utf8 import with_utf8


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Inside the `with` Ctrl-C waits: orjson ends the process with a segmentation fault if it comes meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


try:
    if not getattr(sys, "_is_gil_enabled", lambda: True)():  # free-threaded: to import it would turn the lock on again
        raise ImportError  # noqa: TRY301
    with _without_ctrl_c():
        from orjson import (
            OPT_PASSTHROUGH_DATACLASS,
            OPT_PASSTHROUGH_SUBCLASS,
            Fragment as Written,
            dumps as fast_dumps,
            loads as fast_loads,
        )

    EXACT = OPT_PASSTHROUGH_DATACLASS | OPT_PASSTHROUGH_SUBCLASS  # refuse subclasses of what JSON has, and dataclasses
except ImportError:  # as where there is no wheel for the platform: the standard library does, only slower
    fast_dumps = fast_loads = EXACT = None  # type: ignore[assignment]
    Written = bytes  # type: ignore[assignment,misc]

INT64 = range(-(2**63), 2**64)
LONG = 2**18  # characters
_SIMPLE = frozenset({float, int, str, bool, type(None)})

__all__ = [
    "EXACT",
    "LONG",
    "Aside",
    "Written",
    "conversion",
    "dumps",
    "dumps_texts",
    "fast_dumps",
    "fast_loads",
    "has_long_text",
    "is_a",
    "loads",
    "plain",
]

Aside = dict[str, str]
"""What was left out: dotted path of the value -> why."""

_json_dumps = json.JSONEncoder(ensure_ascii=True, allow_nan=True, separators=(",", ":")).encode


def dumps(tree: object) -> bytes:
    """One line of JSON for a tree made by `plain`, non-finite numbers bare (protocol 5.4).

    Both writers give lines that parse to the same values; the slow one is only taken where orjson
    would not be exact: it writes `null` for NaN, and refuses surrogates and integers beyond 64 bits.
    """
    line = None if has_long_text(tree) else dumps_without_null(tree)  # None: orjson writes null for NaN
    return line or _json_dumps(tree).encode()


def dumps_texts(texts: Sequence[str]) -> bytes:
    """As `dumps`, for a list of texts: orjson writes these exactly, `null` in them or not."""
    if texts and max(map(len, texts)) <= LONG:
        try:
            return fast_dumps(texts)
        except TypeError:  # surrogates, or there is no orjson
            pass
    return _json_dumps(texts).encode()


def has_long_text(tree: object) -> bool:
    """Whether a tree has a text so long that orjson must not write it.

    orjson takes 8 bytes of memory for each character, and if there is not so much it ends the process.
    """
    parts = [tree]
    for part in parts:  # the list grows meanwhile; no recursion, for a line may be nested very deep
        kind = type(part)
        if kind is str:
            if len(part) > LONG:  # type: ignore[arg-type]
                return True
        elif kind is dict:
            parts += part.values()  # type: ignore[attr-defined]
        elif kind is list:
            parts += part  # type: ignore[arg-type]
    return False


def dumps_without_null(tree: object) -> bytes | None:
    """As `dumps`; None if the line may hold a null, which orjson also writes for NaN."""
    try:
        line = fast_dumps(tree)
    except TypeError:  # orjson does not take one of the values, or is not installed
        line = _json_dumps(tree).encode()
    return line if line.rfind(b"null") < 0 else None  # `in` would take twice the time


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
    try:
        return json.loads(line)
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc


def plain(value: object, path: str = "", aside: Aside | None = None, *, of_config: bool = False) -> Any:
    """The JSON value that stands for `value`; parts that cannot be sent are left out and named in `aside`.

    Args:
        value: anything.
        path: dotted name of the value, for the report.
        aside: filled with path -> reason for each part left out.
        of_config: convert as for the config: NaN becomes null, and an object without a JSON value becomes its `str`,
            as torch.device does.

    Raises:
        Exception: `value` itself cannot be sent, or one of its own methods raised.
    """
    aside = {} if aside is None else aside
    if of_config:
        return _without_nan(_plain(value, path, aside, (), _config_of))
    return _plain(value, path, aside, (), _convert)


def _without_nan(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _without_nan(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_nan(value) for value in tree]
    return None if tree != tree else tree


def finite(tree: Any) -> Any:
    """A tree that any JSON can hold: in it NaN and infinities are the texts that W&B has for them."""
    if isinstance(tree, float) and not math.isfinite(tree):
        return "NaN" if tree != tree else "Infinity" if tree > 0 else "-Infinity"
    if isinstance(tree, Mapping):
        return {str(key): finite(value) for key, value in tree.items()}
    return list(map(finite, tree)) if isinstance(tree, (list, tuple)) else tree


_Convert = Callable[[object], object]


def _plain(value: object, path: str, aside: Aside, above: tuple[int, ...], convert: _Convert) -> Any:
    if type(value) in _SIMPLE:
        return _simple(value)
    if len(above) >= MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if id(value) in above:
        raise ValueError("contains itself")
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return _mapping(value, path, aside, inside, convert)
    if isinstance(value, (list, tuple)):
        return _sequence(value, path, aside, inside, convert)
    return _plain(convert(value), path, aside, inside, convert)


def _mapping(
    mapping: Mapping[Any, Any], path: str, aside: Aside, above: tuple[int, ...], convert: _Convert
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if type(mapping) is dict:
        mapping = dict(mapping)  # in one step: another thread may be changing it
    for key in list(mapping):
        name = _dotted(path, key)
        try:
            # By key: the items of dictConfig's own mapping do not resolve ext:// and cfg://, and what one value
            # raises (an OmegaConf value that is missing) costs only that value.
            result[_key(key, top=len(above) == 1)] = _plain(mapping[key], name, aside, above, convert)
        except Exception as exc:
            aside[name] = reason(exc)
    return result


def _dotted(path: str, key: object) -> str:
    """The name of a value in a mapping, for the report; with the type of a key that has no text."""
    try:
        text = str(key)
    except Exception:
        text = f"({type(key).__name__})"
    return f"{path}.{text}" if path else text


def _sequence(
    values: Collection[object], path: str, aside: Aside, above: tuple[int, ...], convert: _Convert
) -> list[Any]:
    result: list[Any] = []
    wrong: list[tuple[str, str]] = []
    for i, value in enumerate(values):
        try:
            result.append(_plain(value, f"{path}[{i}]", aside, above, convert))
        except Exception as exc:
            wrong.append((f"{path}[{i}]", reason(exc)))
            result.append(None)
    if wrong:  # told once: a list can be long
        name, why = wrong[0]
        aside[name] = why if len(wrong) == 1 else f"{why} (and {len(wrong) - 1} more of this list)"
    return result


def reason(error: Exception) -> str:
    """The message of an error, or the name of its type; never raises."""
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def as_float(number: float) -> float:
    """The nearest float; an infinity for a whole number beyond all floats."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _simple(value: Any) -> Any:
    if type(value) is int and value not in INT64:
        return as_float(value)  # protocol 5.4: integers beyond 64 bit become floats
    return with_utf8(value) if type(value) is str and not value.isascii() else value


def _key(key: object, *, top: bool) -> str:
    """The name under which a value is kept. Only below the top may it be a number or a tuple, as in the official SDK.

    An Enum goes by its name, unless it is a text: to a dict, `Split.TRAIN` and `"train"` are then the same key.
    """
    if isinstance(key, enum.Enum) and not isinstance(key, str):
        key = key.name
    elif not isinstance(key, str) and not top:
        key = _key_below(key)
    if not isinstance(key, str):
        raise TypeError("a metric name must be a string")
    return str(_simple(str.__str__(key)))


def _key_below(key: object) -> object:
    """A key that is no string as the official SDK 0.31.0 writes it: the parts of a tuple stand between commas."""
    if isinstance(key, tuple):
        return ",".join(_key(part, top=False) for part in key)
    key = key if type(key) in _SIMPLE else _convert(key)
    if key is None or (type(key) is float and not math.isfinite(key)):
        return str(key)
    return dumps(key).decode() if type(key) in _SIMPLE and type(key) is not str else key


def _ordered(values: Iterable[object]) -> list[Any]:
    # Sets have no order; sorted where they can be, so that the same set gives the same line.
    items = list(values)
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)


def _convert(value: object) -> object:
    """One step from a foreign object towards a plain one."""
    if type(value) is Unreadable:
        raise ValueError(reason(value.error))
    convert = conversion(type(value))  # type: ignore[arg-type]  # mypy doubts that types can be hashed
    if convert is not None:
        return convert(value)
    if callable(value) and hasattr(value, "__qualname__"):  # a function or class goes by its name, as in the SDK
        return f"{value.__module__}.{value.__qualname__}"
    raise TypeError(f"no JSON value for {_type_name(type(value))}")


def _config_of(value: object) -> object:
    """As `_convert`, but an object of an unknown type becomes its `str`, as in the config of the official SDK.

    So does one whose `str` only says its type and an address in memory: it shows at least that there was one.
    """
    if isinstance(value, dt.timedelta):
        return str(value)
    try:
        return _convert(value)
    except TypeError:
        if type(value).__module__ == "builtins":
            raise
        return str(value)


@lru_cache(maxsize=256)
def conversion(kind: type) -> Callable[[Any], object] | None:
    """How values of a type are converted; None if they have no JSON value."""
    for kinds, convert_these in _BY_TYPE:
        if issubclass(kind, kinds):
            return convert_these
    if is_array(kind):
        return array
    if is_a(kind, _BY_TEXT):
        return str
    if is_a(kind, _MISSING):
        return lambda _value: None
    ways = [name for name in _WAYS if callable(getattr(kind, name, None))]
    return as_mapping(kind) or (partial(_by_itself, ways) if ways else None)


def _by_itself(ways: Sequence[str], value: Any) -> object:
    """What a value makes of itself by the first of its methods that does not raise: `item` does, where it has several.

    Raises:
        Exception: that of the last method, if all raise.
    """
    for way in ways[:-1]:
        with suppress(Exception):
            return getattr(value, way)()
    return getattr(value, ways[-1])()


def _duration(value: dt.timedelta) -> str:
    """ISO 8601, with years of 365 days, as the official SDK writes it."""
    whole = abs(value)
    years, days = divmod(whole.days, 365)
    minutes, seconds = divmod(whole.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{whole.microseconds:06}".rstrip("0").rstrip(".")
    date = "".join(f"{count}{unit}" for count, unit in ((years, "Y"), (days, "D")) if count)
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    if seconds or fraction or not (date or time):
        time += f"{seconds}{fraction}S"
    return f"{'-' if value != whole else ''}P{date}{'T' if time else ''}{time}"


def is_a(kind: type, names: AbstractSet[str]) -> bool:
    """Whether a type is one of those named, or derived from one: for types whose modules few programs import."""
    return not names.isdisjoint(map(_type_name, kind.__mro__))


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


_WAYS = ("as_py", "item", "tolist", "__float__", "__index__")  # methods by which a value tells what it stands for
_MISSING = frozenset({"pandas._libs.missing.NAType", "pandas.api.typing.NAType"})
_BY_TEXT = frozenset({"decimal.Decimal", "fractions.Fraction", "uuid.UUID"})
_BY_TYPE: tuple[tuple[Any, Callable[[Any], object]], ...] = (
    (enum.Enum, lambda value: value.name),
    (bool, bool),
    (int, int.__int__),
    (float, float.__float__),
    (str, str.__str__),
    ((bytes, bytearray), lambda value: value.decode("utf-8", "replace")),
    (memoryview, lambda value: value.tobytes().decode("utf-8", "replace")),
    (dt.timedelta, _duration),
    ((dt.date, dt.time), lambda value: value.isoformat()),
    (complex, lambda value: str(value).strip("()")),
    ((PurePath, UserString), str),
    (AbstractSet, _ordered),
    ((Sequence, ValuesView), list),
)
