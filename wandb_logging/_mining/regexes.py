"""Regular expressions written by users, accepted only if no search with them can take long.

`re` holds the interpreter's lock while it searches, so no other thread could end a search. Instead the form of an
expression is limited: no repetition within a repetition, and few repetitions that could take characters from each
other. The number of these decides how much of a line is looked at.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._mining import numbers
from wandb_logging._mining.template import Found

try:
    from re import _constants as op, _parser as parser  # type: ignore[attr-defined]
except ImportError:  # Python before 3.11
    import sre_constants as op
    import sre_parse as parser

_CHARS = frozenset(map(chr, range(256))) | {"ß", "ā", "中", "\u2028"}
_MANY = 8  # up to this many repetitions count as few
_ONE_MORE, _SOME = (
    0.16,
    0.34,
)  # weights of these few: seven of the one kind or three of the other cost as much as one power
# Characters of a line that are looked at, by the power of the line's length that the cost of a search grows with.
_LIMITS = {1: 4096, 2: 2000, 3: 250}
_VALUES = {".": re.compile(rf"\s*({numbers.POINT})"), ",": re.compile(rf"\s*({numbers.COMMA})")}


@dataclass(frozen=True)
class _Piece:
    """Part of an expression between two `.*`.

    Attributes:
        greedy: whether the `.*` before it takes as much as it can.
        gap: the least number of characters between the piece before and this one.
        limit: how many characters of a line are looked at.
    """

    regex: re.Pattern[str]
    greedy: bool
    gap: int
    limit: int


class Regex:
    """A regular expression whose named groups are metrics. Groups `name` and `value` together form one metric.

    Each piece between two `.*` is searched for on its own: its first match, or its last one after a greedy `.*`. So any
    number of `.*` costs no more than a few passes over the line.

    Args:
        text: the expression.
        has: text that a line must contain; the expression is tried on no other line.
        name: the name of group 1 if the groups have no names.
        decimal: "," if 3,5 means three and a half.

    Raises:
        ValueError: the expression is wrong, has no group, or could take too long; the message says why.
    """

    def __init__(self, text: str, has: str | None, name: str | None = None, decimal: str = ".") -> None:
        try:
            whole = re.compile(text)
            tree = _tree(text)
            self._pieces = [_piece(*part) for part in _split(text)]
        except (re.error, RecursionError, OverflowError) as exc:
            raise ValueError(f"is no regular expression: {exc}") from None
        self._name = name
        self._decimal = decimal
        self.names = (name,) if name is not None else tuple(whole.groupindex)
        if not self.names or not whole.groups:
            raise ValueError("names no metric: write (?P<loss>...) around its number")
        needle = has if has is not None else _longest_text(tree)
        if not needle.strip():
            raise ValueError("needs has: with a text that its lines have, so that other lines cost nothing")
        self.needle = needle

    def find(self, text: str) -> Found | None:
        """The values in a line by name. A group that took no part is left out; one without a number gives its text."""
        matches = _matches(self._pieces, text)
        if matches is None:
            return None
        if self._name is not None:
            first = next((match[1] for match in matches if match.re.groups), None)
            groups = {self._name: first}
        else:
            groups = {name: taken for match in matches for name, taken in match.groupdict().items()}
        found = {name: _value(taken, self._decimal) for name, taken in groups.items() if taken is not None}
        if "name" in found and "value" in found:
            found[str(found.pop("name"))] = found.pop("value")
        return found


def _value(taken: str, decimal: str) -> float | str:
    value = _VALUES[decimal].match(taken)
    return numbers.number(value[1], decimal) if value else taken


def _matches(pieces: Sequence[_Piece], text: str) -> list[re.Match[str]] | None:
    """The matches of all pieces, each after the one before; None if a piece does not match."""
    at, found = 0, []
    for piece in pieces:
        match = piece.regex.search(text, at + piece.gap, min(len(text), piece.limit))
        if match is None:
            return None
        found.append(match)
        at = match.end()
    until = len(text)
    for i in range(len(pieces) - 1, -1, -1):  # from the end: a piece after a greedy .* takes its last match
        if pieces[i].greedy:
            begin = (found[i - 1].end() if i else 0) + pieces[i].gap
            found[i] = _last(pieces[i], text, begin, until) or found[i]
        until = found[i].start() - pieces[i].gap
    return found


def _last(piece: _Piece, text: str, begin: int, until: int) -> re.Match[str] | None:
    last = None
    for match in piece.regex.finditer(text, begin, min(len(text), piece.limit)):
        if match.end() > until:
            break
        last = match
    return last


def _split(text: str) -> list[tuple[str, bool, int]]:
    """The pieces of an expression: text, whether the `.*` before is greedy, and the least that this `.*` takes."""
    cuts: list[tuple[int, int]] = []
    depth, i = 0, 0
    while i < len(text):
        if text[i] == "\\":
            i += 2
            continue
        if text[i] == "[":
            i = _end_of_class(text, i)
        elif text[i] in "()":
            depth += 1 if text[i] == "(" else -1
        elif text[i] == "|" and depth == 0:
            return [(text, False, 0)]
        elif depth == 0 and text[i] == "." and text[i + 1 : i + 2] in {"*", "+"}:
            end = i + 2 + (text[i + 2 : i + 3] == "?")
            cuts.append((i, end))
            i = end
            continue
        i += 1
    if text.startswith("(?") and re.match(r"\(\?[aiLmsux-]+[:)]", text):
        return [(text, False, 0)]
    pieces, at, before = [], 0, ""
    for begin, end in [*cuts, (len(text), len(text))]:
        pieces.append((text[at:begin], bool(before) and not before.endswith("?"), int("+" in before)))
        at, before = end, text[begin:end]
    kept = [piece for piece in pieces if piece[0]]
    return kept or [(text, False, 0)]


def _end_of_class(text: str, i: int) -> int:
    i += 2 if text[i + 1 : i + 2] == "^" else 1
    i += text[i : i + 1] == "]"
    while i < len(text) and text[i] != "]":
        i += 1 + (text[i] == "\\")
    return i


def _piece(text: str, greedy: bool, gap: int) -> _Piece:  # noqa: FBT001 - from a tuple
    return _Piece(re.compile(text), greedy, gap, _limit(_tree(text)))


def _tree(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parser.parse(text)


def _limit(tree: Any) -> int:
    """How many characters of a line may be searched."""
    items = list(tree)
    anchored = bool(items) and items[0][0] is op.AT and items[0][1] in {op.AT_BEGINNING, op.AT_BEGINNING_STRING}
    degree = (0 if anchored else 1) + 1 + int(_ambiguous(items, set(), inside=False))
    if degree not in _LIMITS:
        raise ValueError(
            "could take too long: too many of its repetitions can give characters to each other. "
            "Say what they may take, as [^,]* instead of .*, or write a line: with {*} for any text"
        )
    return _LIMITS[degree]


def _ambiguous(items: list[Any], after: set[str] | frozenset[str], *, inside: bool) -> float:
    """How many repetitions could end in more than one place.

    `after` holds the characters that may follow these items; it is empty at the end of the expression.
    """
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
    if few:  # a? and a{2,8}: each number of repetitions is one more way to go on
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
    """The characters with which a match of these items, followed by `after`, can begin."""
    chars: set[str] = set()
    for kind, value in items:
        own, empty = _begins(kind, value)
        chars |= own
        if not empty:
            return chars
    return chars | set(after)


def _begins(kind: Any, value: Any) -> tuple[set[str], bool]:
    """The characters with which one item can begin, and whether the item can be empty."""
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
    """The longest text that every match contains."""
    texts, now = [""], ""
    for kind, value in [*tree, (None, None)]:
        if kind is op.LITERAL:
            now += chr(value)
        else:
            texts.append(now)
            now = ""
    return max(texts, key=len)
