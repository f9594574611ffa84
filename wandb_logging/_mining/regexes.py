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

_CHARS = frozenset(map(chr, range(256))) | {"ā", "中", "٣", "—", "\u2028", "\U0001d49c", "\U0001f600"}
_MANY = 8  # up to this many repetitions count as few
_ONE_MORE, _SOME = (
    0.16,
    0.34,
)  # weights of these few: seven of the one kind or three of the other cost as much as one power
# Characters of a line that are looked at, by the power of the line's length that the cost of a search grows with.
_LIMITS = {1: 4096, 2: 2000, 3: 250}
_VALUES = {
    decimal: re.compile(rf"\s*{numbers.UNHALVED[decimal]}({form})")
    for decimal, form in ((".", numbers.POINT), (",", numbers.COMMA))
}


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
        if has is None and _ignores_case(tree, whole.flags):
            needle = max(re.split(r"[^\W\d_]", needle), key=len).strip()  # letters may be in the other case
        elif not needle.strip():
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
        match = piece.regex.search(text, at + piece.gap, piece.limit) if at + piece.gap <= len(text) else None
        if match is None or match.end() == piece.limit < len(text):  # what ends at the cut may go on behind it
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
    for match in piece.regex.finditer(text, begin, piece.limit):
        if match.end() > until or match.end() == piece.limit < len(text):
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
    regex, tree = re.compile(text), _tree(text)
    return _Piece(regex, greedy, gap, _Cost(tree, ignores_case=_ignores_case(tree, regex.flags)).limit())


def _tree(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parser.parse(text)


class _Cost:
    """Tells how the time of a search grows with the length of a line, from the form of the expression.

    Args:
        tree: the expression, parsed.
        ignores_case: whether some part of it ignores case.
    """

    def __init__(self, tree: Any, *, ignores_case: bool) -> None:
        self._items = list(tree)
        self._ignores_case = ignores_case
        # What stands for all characters: those of Latin-1 and some others, and all that the expression names.
        self._all = _CHARS | {form for char in _named(self._items) for form in _cases(char)}

    def limit(self) -> int:
        """How many characters of a line may be searched."""
        items = self._items
        anchored = bool(items) and items[0][0] is op.AT and items[0][1] in {op.AT_BEGINNING, op.AT_BEGINNING_STRING}
        degree = (0 if anchored else 1) + 1 + int(self._ambiguous(items, set(), inside=False))
        if degree not in _LIMITS:
            raise ValueError(
                "could take too long: too many of its repetitions can give characters to each other. "
                "Say what they may take, as [^,]* instead of .*, or write a line: with {*} for any text"
            )
        return _LIMITS[degree]

    def _ambiguous(self, items: list[Any], after: set[str] | frozenset[str], *, inside: bool) -> float:
        """How many repetitions could end in more than one place.

        `after` holds the characters that may follow these items; it is empty at the end of the expression.
        """
        total = 0.0
        for i, (kind, value) in enumerate(items):
            rest = self._first(items[i + 1 :], after)
            if kind in _REPEATS and not inside and self._ends_where_it_must(value, items[i + 1 :]):
                rest = set()
            total += self._of_one(kind, value, rest, inside=inside)
        return total

    def _ends_where_it_must(self, repeat: Any, then: list[Any]) -> bool:
        r"""Whether what follows a repetition of one character tells where it ends, as `, ` does in `host=\S+, epoch`.

        The first character that it cannot take is at a certain place behind its end.
        """
        content = list(repeat[-1])
        if len(content) != 1 or content[0][0] not in _ONE_CHARACTER:
            return False
        taken = self._first(content, ())
        for kind, value in then:
            chars = self._first([(kind, value)], ()) if kind in _ONE_CHARACTER else set()
            if not chars or not (chars <= taken or chars.isdisjoint(taken)):
                return False
            if chars.isdisjoint(taken):
                return True
        return False

    def _of_one(self, kind: Any, value: Any, rest: set[str], *, inside: bool) -> float:
        if kind in _REPEATS:
            return self._of_repeat(value, rest, inside=inside)
        if kind is op.SUBPATTERN:
            return self._ambiguous(list(value[-1]), rest, inside=inside)
        if kind is op.BRANCH:
            return self._of_branch(value[1], rest, inside=inside)
        if kind in {op.GROUPREF, getattr(op, "GROUPREF_EXISTS", None)}:
            raise ValueError("refers back to a group, which could take too long")
        if kind in {op.ASSERT, op.ASSERT_NOT}:
            short = value[1].getwidth()[1] <= _NEAR
            return self._ambiguous(list(value[1]), set(), inside=inside) + (not short)
        if kind is getattr(op, "ATOMIC_GROUP", None):
            return self._ambiguous(list(value), rest, inside=inside)
        return 0

    def _of_repeat(self, value: Any, rest: set[str], *, inside: bool) -> float:
        low, high, content = value
        items = list(content)
        again = rest if high == 1 else rest | self._first(items, set())
        shared = low != high and bool(self._first(items, set()) & rest)
        few = high is not op.MAXREPEAT and high <= _MANY
        if inside and (not few or shared):
            raise ValueError("repeats a repetition, as (a+)+ does: that can take years on a line of 40 characters")
        if few:  # a? and a{2,8}: each number of repetitions is one more way to go on
            inner = self._ambiguous(items, again, inside=inside or high > 1)
            return shared * (_ONE_MORE if high == 1 else _SOME) + inner
        return shared + self._ambiguous(items, again, inside=True)

    def _of_branch(self, branches: list[Any], rest: set[str], *, inside: bool) -> float:
        if inside and _overlap([self._first(list(branch), rest) for branch in branches]):
            raise ValueError("repeats alternatives that begin alike, as (a|ab)* does: that can take years")
        return max(self._ambiguous(list(branch), rest, inside=inside) for branch in branches)

    def _first(self, items: Iterable[Any], after: Iterable[str]) -> set[str]:
        """The characters with which a match of these items, followed by `after`, can begin."""
        chars: set[str] = set()
        for kind, value in items:
            own, empty = self._begins(kind, value)
            chars |= own
            if not empty:
                return chars
        return chars | set(after)

    def _begins(self, kind: Any, value: Any) -> tuple[set[str], bool]:
        """The characters with which one item can begin, and whether the item can be empty."""
        if kind in _REPEATS:
            low, _, content = value
            own, empty = self._begins_all(list(content))
            return own, empty or low == 0
        if kind is op.SUBPATTERN:
            return self._begins_all(list(value[-1]))
        if kind is op.BRANCH:
            parts = [self._begins_all(list(branch)) for branch in value[1]]
            return set().union(*(own for own, _ in parts)), any(empty for _, empty in parts)
        if kind is getattr(op, "ATOMIC_GROUP", None):
            return self._begins_all(list(value))
        if kind in {op.AT, op.ASSERT, op.ASSERT_NOT, op.GROUPREF}:
            return set(), True
        chars = self._chars(kind, value)
        return {form for char in chars for form in _cases(char)} if self._ignores_case else chars, False

    def _begins_all(self, items: list[Any]) -> tuple[set[str], bool]:
        return self._first(items, ()), all(self._begins(kind, value)[1] for kind, value in items)

    def _chars(self, kind: Any, value: Any) -> set[str]:
        if kind is op.LITERAL:
            return {chr(value)}
        if kind is op.NOT_LITERAL:
            return set(self._all) - {chr(value)}
        return self._of_class(value) if kind is op.IN else set(self._all)

    def _of_class(self, items: list[Any]) -> set[str]:
        chars: set[str] = set()
        negated = False
        for kind, value in items:
            if kind is op.NEGATE:
                negated = True
            elif kind is op.LITERAL:
                chars.add(chr(value))
            elif kind is op.RANGE:
                chars |= {char for char in self._all if value[0] <= ord(char) <= value[1]}
            elif kind is op.CATEGORY:
                chars |= {char for char in self._all if _CATEGORIES[str(value)].match(char)}
        return set(self._all) - chars if negated else chars


_NEAR = 64  # characters; to look for so many is as good as one
_ONE_CHARACTER = {op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY}
_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, getattr(op, "POSSESSIVE_REPEAT", op.MAX_REPEAT)}
_CATEGORIES = {
    f"CATEGORY_{not_}{name}": re.compile(f"\\{letter.upper() if not_ else letter}")
    for name, letter in (("DIGIT", "d"), ("SPACE", "s"), ("WORD", "w"))
    for not_ in ("", "NOT_")
}


def _overlap(sets: list[set[str]]) -> bool:
    return any(one & other for i, one in enumerate(sets) for other in sets[i + 1 :])


def _named(tree: Any) -> set[str]:
    """The characters that stand in an expression, and the ends of its ranges."""
    if isinstance(tree, tuple) and len(tree) == 2 and tree[0] in {op.LITERAL, op.NOT_LITERAL}:
        return {chr(tree[1])}
    if isinstance(tree, tuple) and len(tree) == 2 and tree[0] is op.RANGE:
        return _witnesses(*tree[1])
    parts = tree if isinstance(tree, (list, tuple, parser.SubPattern)) else ()
    return {char for part in parts for char in _named(part)}


def _witnesses(first: int, last: int) -> set[str]:
    """Some characters of a range, at least one of each category in it, and its neighbours."""
    step = max(1, (last - first) // _SAMPLES)
    chars = {chr(code) for code in (*range(first, last + 1, step), last, max(first - 1, 0), min(last + 1, _LAST))}
    whole = "".join(map(chr, range(first, last + 1)))
    return chars | {match[0] for category in _CATEGORIES.values() if (match := category.search(whole))}


_SAMPLES = 64
_LAST = 0x10FFFF


def _ignores_case(tree: Any, flags: int) -> bool:
    """Whether an expression, or a group in it, ignores case."""
    if isinstance(tree, tuple) and len(tree) == 2 and tree[0] is op.SUBPATTERN and tree[1][1] & re.IGNORECASE:
        return True
    parts = tree if isinstance(tree, (list, tuple, parser.SubPattern)) else ()
    return bool(flags & re.IGNORECASE) or any(_ignores_case(part, 0) for part in parts)


def _cases(char: str) -> set[str]:
    """A character in the forms that are the same to who ignores case."""
    lower, upper = char.lower(), char.upper()
    forms = {char, lower, upper, lower.upper(), upper.lower(), *_LIKE.get(lower, "")}
    return {form for form in forms if len(form) == 1}


# What `re` takes for the same without regard to case, beyond what lower and upper say.
_LIKE = {"k": "\u212a", "s": "\u017f", "\u00e5": "\u212b", "\u00b5": "\u03bc", "\u03bc": "\u00b5"}


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
