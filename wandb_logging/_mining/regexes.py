"""Regular expressions that users write, as far as they cannot take long.

`re` holds the interpreter's lock while it searches, so no other thread could end it. What is accepted is bounded by its
form: no repetition within a repetition, and few that could give characters to each other. How many there are says how
much of a line is looked at.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any

from wandb_logging._mining import numbers
from wandb_logging._mining.template import Found

try:
    from re import _constants as op, _parser as parser  # type: ignore[attr-defined]
except ImportError:  # Python before 3.11
    import sre_constants as op
    import sre_parse as parser

_CHARS = frozenset(map(chr, range(256))) | {"ß", "ā", "中", "\u2028"}
_MANY = 8  # repetitions up to here are few
_ONE_MORE, _SOME = (
    0.16,
    0.34,
)  # what few ambiguous ones count: seven of the one, three of the other are as much as a power
# Characters of a line that are looked at, by how many powers of its length a search can take.
_LIMITS = {1: 4096, 2: 2000, 3: 250}
_VALUE = re.compile(rf"\s*({numbers.POINT})")


class Regex:
    """A regular expression whose named groups are metrics. Groups `name` and `value` are one metric.

    Args:
        text: the expression.
        has: text that a line must have; without it the expression is not tried.
        name: what group 1 is called, where groups have no names.

    Raises:
        ValueError: it is wrong, has no group, or could take too long; the message says why.
    """

    def __init__(self, text: str, has: str | None, name: str | None = None) -> None:
        try:
            self._regex = re.compile(text)
        except (re.error, RecursionError, OverflowError) as exc:
            raise ValueError(f"is no regular expression: {exc}") from None
        tree = _tree(text)
        self._limit = _limit(tree)
        self.names = (name,) if name is not None else tuple(self._regex.groupindex)
        self._groups: tuple[int | str, ...] = (1,) if name is not None else tuple(self._regex.groupindex)
        if not self.names or not self._regex.groups:
            raise ValueError("names no metric: write (?P<loss>...) around its number")
        needle = has if has is not None else _longest_text(tree)
        if len(needle) < 1 or not needle.strip():
            raise ValueError("needs has: with a text that its lines have, so that other lines cost nothing")
        self.needle = needle

    def find(self, text: str) -> Found | None:
        """What a line says. Groups that did not take part, or hold no number, are texts or not there."""
        match = self._regex.search(text, 0, min(len(text), self._limit))
        if match is None:
            return None
        found: Found = {}
        for name, group in zip(self.names, self._groups):
            taken = match[group]
            if taken is None:
                continue
            value = _VALUE.match(taken)
            found[name] = numbers.number(value[1]) if value else taken
        if "name" in found and "value" in found:
            found[str(found.pop("name"))] = found.pop("value")
        return found


def _tree(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parser.parse(text)


def _limit(tree: Any) -> int:
    """Characters of a line that may be searched."""
    items = list(tree)
    anchored = bool(items) and items[0][0] is op.AT and items[0][1] in {op.AT_BEGINNING, op.AT_BEGINNING_STRING}
    degree = (0 if anchored else 1) + 1 + int(_ambiguous(items, set(), inside=False))
    if degree not in _LIMITS:
        raise ValueError(
            "could take too long: too many of its repetitions can give characters to each other. Say what they may take, "
            "as [^,]* instead of .*, or write a line: with {*} for any text"
        )
    return _LIMITS[degree]


def _ambiguous(items: list[Any], after: set[str] | frozenset[str], *, inside: bool) -> float:
    """How many repetitions could end in more than one place. `after`: what may follow these items; empty: the end."""
    total = 0.0
    for i, (kind, value) in enumerate(items):
        rest = _first(items[i + 1 :], after)
        total += _of_one(kind, value, rest, inside=inside)
    return total


def _of_one(kind: Any, value: Any, rest: set[str], *, inside: bool) -> float:
    if kind in _REPEATS:
        return _of_repeat(value, rest, inside=inside)
    if kind is op.SUBPATTERN:
        return _ambiguous(list(value[-1]), rest, inside=inside)
    if kind is op.BRANCH:
        return _of_branch(value[1], rest, inside=inside)
    if kind in {op.GROUPREF, getattr(op, "GROUPREF_EXISTS", None)}:
        raise ValueError("refers back to a group, which could take too long")
    if kind in {op.ASSERT, op.ASSERT_NOT}:
        return _ambiguous(list(value[1]), set(), inside=inside) + 1
    if kind is getattr(op, "ATOMIC_GROUP", None):
        return _ambiguous(list(value), rest, inside=inside)
    return 0


def _of_repeat(value: Any, rest: set[str], *, inside: bool) -> float:
    low, high, content = value
    items = list(content)
    again = rest | _first(items, set())
    shared = low != high and bool(_first(items, set()) & rest)
    few = high is not op.MAXREPEAT and high <= _MANY
    if inside and (not few or shared):
        raise ValueError("repeats a repetition, as (a+)+ does: that can take years on a line of 40 characters")
    if few:  # a? and a{2,8}: each way to take them is another way on
        return shared * (_ONE_MORE if high == 1 else _SOME) + _ambiguous(items, again, inside=inside or high > 1)
    return shared + _ambiguous(items, again, inside=True)


def _of_branch(branches: list[Any], rest: set[str], *, inside: bool) -> float:
    if inside and _overlap([_first(list(branch), rest) for branch in branches]):
        raise ValueError("repeats alternatives that begin alike, as (a|ab)* does: that can take years")
    return max(_ambiguous(list(branch), rest, inside=inside) for branch in branches)


def _overlap(sets: list[set[str]]) -> bool:
    return any(one & other for i, one in enumerate(sets) for other in sets[i + 1 :])


_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, getattr(op, "POSSESSIVE_REPEAT", op.MAX_REPEAT)}


def _first(items: Iterable[Any], after: Iterable[str]) -> set[str]:
    """The characters that a match of these items, and of what comes after, can begin with."""
    chars: set[str] = set()
    for kind, value in items:
        own, empty = _begins(kind, value)
        chars |= own
        if not empty:
            return chars
    return chars | set(after)


def _begins(kind: Any, value: Any) -> tuple[set[str], bool]:
    """The characters that one item can begin with, and whether it can be empty."""
    if kind in _REPEATS:
        low, _, content = value
        own, empty = _begins_all(list(content))
        return own, empty or low == 0
    if kind is op.SUBPATTERN:
        return _begins_all(list(value[-1]))
    if kind is op.BRANCH:
        parts = [_begins_all(list(branch)) for branch in value[1]]
        return set().union(*(own for own, _ in parts)), any(empty for _, empty in parts)
    if kind is getattr(op, "ATOMIC_GROUP", None):
        return _begins_all(list(value))
    if kind in {op.AT, op.ASSERT, op.ASSERT_NOT, op.GROUPREF}:
        return set(), True
    return _chars(kind, value), False


def _begins_all(items: list[Any]) -> tuple[set[str], bool]:
    return _first(items, ()), all(_begins(kind, value)[1] for kind, value in items)


def _chars(kind: Any, value: Any) -> set[str]:
    if kind is op.LITERAL:
        return {chr(value), chr(value).lower(), chr(value).upper()}
    if kind is op.NOT_LITERAL:
        return set(_CHARS) - {chr(value)}
    if kind is op.IN:
        return _of_class(value)
    return set(_CHARS)


def _of_class(items: list[Any]) -> set[str]:
    chars: set[str] = set()
    negated = False
    for kind, value in items:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            chars.add(chr(value))
        elif kind is op.RANGE:
            chars |= {char for char in _CHARS if value[0] <= ord(char) <= value[1]} | {chr(value[0])}
        elif kind is op.CATEGORY:
            chars |= {char for char in _CHARS if _CATEGORIES[str(value)].match(char)}
    return set(_CHARS) - chars if negated else chars


_CATEGORIES = {
    f"CATEGORY_{not_}{name}": re.compile(f"\\{letter.upper() if not_ else letter}")
    for name, letter in (("DIGIT", "d"), ("SPACE", "s"), ("WORD", "w"))
    for not_ in ("", "NOT_")
}


def _longest_text(tree: Any) -> str:
    """The longest text that each match has to hold."""
    texts, now = [""], ""
    for kind, value in [*tree, (None, None)]:
        if kind is op.LITERAL:
            now += chr(value)
        else:
            texts.append(now)
            now = ""
    return max(texts, key=len)
