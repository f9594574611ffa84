"""The cells of a table: what numbers they hold, and where the words of a header or a row begin and end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from wandb_logging._mining import numbers, units

MAX_COLUMNS = 60
BARS = re.compile(
    r"(?<!<)[|│┃║](?!>)(?:(?!\d)|(?<!\d[|│┃║]))"  # 8|0 is one cell
    r"(?!(?<=/\|)[A-Za-z]{1,3}\|(?!\S))(?!(?<=/\|[A-Za-z]\|)(?!\S))(?!(?<=/\|[A-Za-z]{2}\|)(?!\S))"  # gbar/|A| a name
    r"(?!(?<=>\|)[A-Za-z]\|)(?!(?<=>\|[A-Za-z]\|))"  # P>|t| and Pr(>|z|), too
)
TOKEN = re.compile(r"\S+")
WIDE = re.compile(r"\S+(?: \S+)*")
RULE = re.compile(r"[-=+|:\s\u2500-\u257f]+\Z")
# Blanks are taken from the first of them on: a line of thousands would take its square in time otherwise.
PROGRESS = re.compile(
    r"(?:(?::|(?<!\s))\s+\d+%(?:\|| (?=[\u2501\u2578\u2500]))|(?<!\s)\s+<-- ).*"
    r"|^[^|]{0,80}\|[\u2588-\u258f-]{8,200}\|\s+\d{1,3}(?:\.\d+)?%\s\[.*"  # Epoch 1/6 : |███---| 30.00% [3/10
)
_UNIT = r"(?:[A-Za-z%µ+*]{0,4}| [A-Za-z%µ/]{1,12})(?: ?\([\d.,%x]{1,12}\)| (?:±|\+/-) ?[\d.]{1,12}%?)?"
_INTERVAL = re.compile(r"\d+\.\d+-\s?\d+\.\d+\Z")  # 0.00-1.00 sec
_JOINTS = frozenset({"+/-", "±", "/"})
_OPEN = (" +/-", " ±", " /")
_UNITS = frozenset("GBytes MBytes KBytes Bytes Gbits/sec Mbits/sec Kbits/sec bits/sec".split()) | numbers.UNITS
_ASIDE = re.compile(r"\([\d.,]+[%x]?\)\Z")  # 12.3 (1.0): a second number beside the cell's own
_CELLS = {
    decimal: re.compile(
        rf"(?:[^\W\d]{{1,2}} +|[*!±] *|< ?)?({form})(?!(?:st|nd|rd|th)\b)(?:[/|]\d+)?{_UNIT}(?: / [\d.]+[A-Za-z]*)?:?\Z"
    )
    for decimal, form in ((".", numbers.POINT), (",", numbers.COMMA))
}
Span = tuple[str, int, int]
INDEX = "(index)"  # the first column of console.table: numbers of the rows, unless they have names
LABEL = ""  # stands for the name of a first column that the header leaves unnamed


@lru_cache(maxsize=2**10)  # a row is asked for its cells in many ways
def cell(text: str, decimal: str = ".") -> float | None:
    """The number in a cell; None if there is none. Markers before the number and units after it are ignored."""
    text = text.strip()
    match = _CELLS[decimal].match(text[1:-1] if text[:1] == text[-1:] == "'" else text)
    if match is None:
        return None
    try:
        return numbers.number(match[1], decimal)
    except ValueError:
        return None


@lru_cache(maxsize=2**10)
def unit(text: str) -> str:
    """The unit of the number in a cell; "" if it has none."""
    text = text.strip()
    match = _CELLS["."].match(text)
    return units.behind(text, match.end(1)) if match else ""


@lru_cache(maxsize=2**8)  # so are header and row for their words
def spans(pattern: re.Pattern[str], text: str) -> tuple[Span, ...]:
    """The words or cells of a line, and where they begin and end."""
    found = _tokens(text, pattern)
    labels = [i for i, (word, _, _) in enumerate(found[:-1]) if i and word.endswith(":") and pattern is TOKEN]
    for i in reversed(labels):  # `Cuts: 6` is one cell
        _join(found, i)
    chained = [i for i, (word, _, _) in enumerate(found[:-1]) if labels and ": " in word and word.endswith(";")]
    for i in reversed(chained):  # `Pr: 9(1e+06); Du: 3(16)` is one, too
        _join(found, i)
    return tuple(found if pattern is WIDE else _with_units(found))


def words(text: str) -> list[Span]:
    """The words of a line, each with what belongs to it, such as a unit; a label such as `Cuts:` is one by itself."""
    return _with_units(_tokens(text, TOKEN))


def _join(found: list[Span], i: int) -> None:
    found[i : i + 2] = [(f"{found[i][0]} {found[i + 1][0]}", found[i][1], found[i + 1][2])]


def _tokens(text: str, pattern: re.Pattern[str]) -> list[Span]:
    return [(match[0], match.start(), match.end()) for match in pattern.finditer(text)][:MAX_COLUMNS]


def _with_units(found: Sequence[Span]) -> list[Span]:
    """Join what belongs to one cell, as in `4.2 GBytes`, `12.3 (1.0)`, `1.2 +/- 0.1`, `1MiB / 8GiB` and `[  5]`."""
    kept: list[Span] = []
    for word, start, end in found:
        before = kept[-1][0] if kept else ""
        unit = before[-1:].isdigit() and ((word in _UNITS and (len(word) > 1 or word == "%")) or _ASIDE.match(word))
        unit = unit or (word == "sec" and _INTERVAL.match(before))
        joint = (word in _JOINTS and before[:1].isdigit()) or before.endswith(_OPEN)
        bracket = before.startswith("[") and not before.endswith("]") and word.endswith("]")
        apart = before != "[" and start > kept[-1][2] + 1 if kept else False  # `[0.025      0.975]`: two names
        if unit or joint or before == "<" or (bracket and not apart):
            kept[-1] = (f"{before} {word}", kept[-1][1], end)
        else:
            kept.append((word, start, end))
    return kept


def nearness(name: Span, start: int, end: int) -> int:
    """How many columns of text a cell and a name share; if negative, how far they are apart."""
    return min(name[2], end) - max(name[1], start)


def distinct(names: Sequence[str]) -> list[str]:
    """Make names distinct: a repeated name gets a number, starting with 2."""
    found: list[str] = []
    for name in names:
        many = sum(one == name for one in names[: len(found)])
        found.append(f"{name} {many + 1}" if many and name else name)
    return found


def by_name(names: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    """Cells by distinct names, without those whose column has none."""
    return {name: text for name, text in zip(distinct(names), texts) if name}
