"""A fast way for usual rows: numbers, short texts, numpy and torch scalars and arrays, and dicts of all of these.

A program logs the same types thousands of times. `plain` looks at each value anew, and reports what cannot be sent.
Here the conversion of each type is remembered, and a row with anything unusual is left to `plain`.
"""

from __future__ import annotations

import gc
import math
import sys
from collections import Counter, OrderedDict, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wandb_logging._values.arrays import array, quick_reader
from wandb_logging._values.mappings import MAX_DEPTH
from wandb_logging._values.plain import LONG, Written, conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_logging._values.secrets import Secrets

_NAN, _INFINITY, _MINUS_INFINITY = (Written(text) for text in (b"NaN", b"Infinity", b"-Infinity"))
_NUMBERS = frozenset({float, int, bool})
_INF = math.inf
_READ = frozenset({float, int, bool, list, dict})
_DICTS = frozenset({dict, OrderedDict, defaultdict, Counter})  # those whose items are what `[]` gives
_USUAL = _NUMBERS | _DICTS | {str, type(None)}

_of_numbers: set[object] = {0}  # places whose latest dict held numbers alone, among them rows of no values
_MOST_PLACES = 1024
# Whether any value of a dict may hold other objects, as each member of an Enum may: 10 ns, however many they are. The
# garbage collector tracks no dict without such a value. Python 3.14 tracks all, and 3.13 not those of `vars(object)`,
# whatever is in them; there, and elsewhere, the answer is yes.
_may_hold_more = gc.is_tracked if sys.implementation.name == "cpython" and sys.version_info < (3, 13) else bool


def is_ready(metrics: dict[Any, Any], place: object, plus: float = 0.0) -> bool:
    """Whether orjson with `EXACT` writes a dict exactly as it is: expected to hold finite numbers alone, it seems to.

    A sum is finite only if all its parts are. It takes half the time of searching orjson's line for `null`. And it is
    no float where there is a text or a scalar of numpy. So the types are not looked at one by one, which takes most of
    the time, if nothing is tracked. What else may be among such values, as subclasses of float without attributes,
    orjson refuses.

    Args:
        metrics: a dict.
        place: the same for dicts that are likely to hold the same types: the name of one in a row, the size of a row.
        plus: another number that has to be finite.
    """
    if place not in _of_numbers:
        return False
    try:
        total = None if _may_hold_more(metrics) and not _are_numbers(metrics) else sum(metrics.values(), 0.0)
    except TypeError:  # a text
        total = None
    if type(total) is float:
        return -_INF < total + plus < _INF
    _of_numbers.discard(place)
    return False


def _are_numbers(metrics: dict[Any, Any]) -> bool:
    for value in metrics.values():  # takes less time than `_NUMBERS.issuperset(map(type, values))`
        kind = type(value)
        if kind is not float and kind not in _NUMBERS:
            return False
    return True


def _expect_numbers(place: object) -> None:
    if len(_of_numbers) >= _MOST_PLACES:
        _of_numbers.intersection_update({0})
    _of_numbers.add(place)


class NeedsThoughtError(Exception):
    """A row has a value that only `plain` can convert."""


def quick_row(  # noqa: C901, PLR0912  one loop, because each call within it costs as much as a value
    metrics: Any, secrets: Secrets | None, above: tuple[str, ...] = (), depth: int = MAX_DEPTH
) -> dict[Any, Any]:
    """A copy of metrics that orjson, with `EXACT`, writes exactly as `plain` and `dumps` would, or refuses.

    Args:
        metrics: anything.
        secrets: a text that these would mask is left to `plain`.
        above: names of the mappings that the metrics are in.
        depth: how deep they may be nested.

    Raises:
        Exception: NeedsThoughtError, or what a value's own methods raise. `plain` has to convert the row then.
    """
    if not metrics or type(metrics) not in _DICTS or not depth:
        raise NeedsThoughtError
    row = dict(metrics)  # in one step: another thread may be adding to it
    numbers_alone = True
    foreign: object = None  # the latest type whose values are read, as in rows of scalars of numpy or torch
    read: Callable[[Any], Any] = _give_up
    for name, value in row.items():
        kind: Any = type(value)
        if kind is float:
            if value - value:  # NaN, which is true, if the value is not finite; else 0
                row[name] = _bare(value)
        elif kind is str:
            numbers_alone = False
            dotted = ".".join((*above, name)) if above else name
            if len(value) > LONG or not (secrets is None or secrets.lets_pass(value, dotted)):
                raise NeedsThoughtError
        elif kind is foreign or kind not in _USUAL:
            if kind is not foreign:
                numbers_alone = False
                foreign, read = kind, _reader(kind)
            found = read(value)
            if type(found) is float:
                if found - found:
                    found = _bare(found)
            elif type(found) not in _READ:
                raise NeedsThoughtError
            row[name] = found
        elif kind in _DICTS:
            numbers_alone = False
            if not (kind is dict and value and depth > 1 and is_ready(value, name)):
                row[name] = quick_row(value, secrets, (*above, name), depth - 1)
        elif value is None:
            numbers_alone = False
    if numbers_alone and (place := above[-1] if above else len(row)) not in _of_numbers:
        _expect_numbers(place)
    return row


@lru_cache(maxsize=256)
def _reader(kind: Any) -> Callable[[Any], Any]:
    """The function that converts values of a type, if they may be numbers or arrays."""
    convert = conversion(kind)
    if convert is array:
        return quick_reader(kind) or _give_up
    return convert if convert in {float.__float__, int.__int__} else _give_up


def _give_up(_value: object) -> object:
    raise NeedsThoughtError


def _bare(number: float) -> Written:
    """A number that is not finite as bare `NaN` or `Infinity`, for orjson, which would write null."""
    return _NAN if number != number else _INFINITY if number > 0 else _MINUS_INFINITY
