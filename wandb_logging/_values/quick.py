"""Rows that need no thought: numbers, short texts, what numpy and torch have for these, and dicts of all of them.

What a program logs, it logs thousands of times. `plain` decides for each value anew what it becomes, and says what of
it cannot be sent; here that is known of each type, and a row in which something else turns up is left to `plain`.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict
from functools import lru_cache, partial
from operator import countOf
from typing import TYPE_CHECKING, Any

from wandb_logging._values.arrays import array, quick_reader
from wandb_logging._values.opened import MAX_DEPTH
from wandb_logging._values.plain import LONG, Written, conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_logging._values.secrets import Secrets

_NAN, _INFINITY, _MINUS_INFINITY = (Written(text) for text in (b"NaN", b"Infinity", b"-Infinity"))
NUMBERS = frozenset({float, int, bool})
_AS_IT_IS = frozenset({int, bool, type(None)})
_READ = frozenset({float, int, bool, list, dict})
_DICTS = frozenset({dict, OrderedDict, defaultdict, Counter})  # those whose items are what `[]` gives
_OURS = NUMBERS | _DICTS | {str, type(None)}


def are_finite_numbers(metrics: dict[Any, Any], plus: float = 0.0) -> bool:
    """Whether the values of a dict are numbers of Python's own, and none is NaN or infinite.

    A sum is finite only if all of it is, and takes half the time of looking for null, which is orjson's NaN.
    """
    return NUMBERS.issuperset(map(type, metrics.values())) and -math.inf < sum(metrics.values(), plus) < math.inf


class NeedsThoughtError(Exception):
    """A value whose type does not say alone what it becomes."""


def quick_row(  # noqa: C901  one loop, because each call within it costs as much as a value
    metrics: Any, secrets: Secrets | None, above: tuple[str, ...] = (), depth: int = MAX_DEPTH
) -> dict[Any, Any]:
    """A copy of metrics that orjson writes exactly as `plain` and `dumps` would.

    Args:
        metrics: anything.
        secrets: what may have to be masked needs thought.
        above: names of the mappings that they are in.
        depth: how deep they may be nested.

    Raises:
        Exception: NeedsThoughtError, or what a value's own methods raise. What it would be then, `plain` can tell.
    """
    if not metrics or type(metrics) not in _DICTS or not depth:
        raise NeedsThoughtError
    row = dict(metrics)  # in one step: another thread may be adding to it
    kind = type(next(iter(row.values())))
    if kind not in _OURS and (read := _all_read(row, kind)) is not None:
        return read
    for name, value in row.items():
        kind = type(value)
        if kind is float:
            if value - value:  # NaN: it is not finite
                row[name] = _bare(value)
        elif kind is str:
            dotted = ".".join((*above, name)) if above else name
            if len(value) > LONG or not (secrets is None or secrets.lets_pass(value, dotted)):
                raise NeedsThoughtError
        elif kind in _DICTS:
            is_quick = value and depth > 1 and are_finite_numbers(value)
            row[name] = value if is_quick else quick_row(value, secrets, (*above, name), depth - 1)
        elif kind not in _AS_IT_IS:
            found = _reader(kind)(value)  # type: ignore[arg-type]  # mypy doubts that types can be hashed
            if type(found) not in _READ:
                raise NeedsThoughtError
            row[name] = _bare(found) if type(found) is float and found - found else found
    return row


def _all_read(row: dict[Any, Any], kind: Any) -> dict[Any, Any] | None:
    """A row whose values are all of one foreign type, and finite numbers, without a look at each of them; else None."""
    read = _reader(kind)
    if type(read) is partial or countOf(map(type, row.values()), kind) != len(row):  # of arrays, or a mixture
        return None
    found = dict(zip(row, map(read, row.values())))
    return found if are_finite_numbers(found) else None


@lru_cache(maxsize=256)
def _reader(kind: Any) -> Callable[[Any], Any]:
    """How values of a type are read that may be numbers."""
    convert = conversion(kind)
    if convert is array:
        return quick_reader(kind) or _give_up
    return convert if convert in {float.__float__, int.__int__} else _give_up


def _give_up(_value: object) -> object:
    raise NeedsThoughtError


def _bare(number: float) -> Written:
    """What is not finite, as W&B wants it: orjson has null for it."""
    return _NAN if number != number else _INFINITY if number > 0 else _MINUS_INFINITY
