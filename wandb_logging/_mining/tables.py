"""Tables: a header once or now and then, and rows of numbers under it; with blanks or with bars between the columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wandb_logging._mining import numbers
from wandb_logging._mining.template import Found

MAX_COLUMNS = 60

BARS = re.compile(r"[|│┃║]")
_TOKEN = re.compile(r"\S+")
_WIDE = re.compile(r"\S+(?: \S+)*")
RULE = re.compile(r"[-=+|─━═┼╪│┃\s]+\Z")
PROGRESS = re.compile(r":?\s+\d+%\|.*")
_TWO_IN_ONE = re.compile(r"(\S+)\[(\S+)\]")
_CELLS = {
    decimal: re.compile(rf"(?:[^\W\d]{{1,2}} +|[*!] *)?({form})(?:/\d+)?([A-Za-z%µ+*]{{0,4}}):?\Z")
    for decimal, form in ((".", numbers.POINT), (",", numbers.COMMA))
}

Span = tuple[str, int, int]


class Table:
    """Rows of the table whose header has a text in it.

    Args:
        header: text of the header, or of its beginning, as it is in the log.
        ends: text of the line that ends the table; None: rows are taken wherever they fit.
        step: the column of the step: a row without it is none.
        names: the column whose text goes before the names of its row.
        decimal: "," where 3,5 is three and a half.
    """

    def __init__(
        self,
        header: str,
        *,
        ends: str | None = None,
        step: str | None = None,
        names: str | None = None,
        decimal: str = ".",
    ) -> None:
        if not BARS.sub("", header).strip():
            raise ValueError("needs some text of the header")
        words = BARS.sub(" ", header).split()
        self._header = " ".join(words)
        self.needle = max(re.split(r'[\s,;"]+', self._header), key=len)
        self._ends = ends
        self._step = step
        self._labels = names
        self._decimal = decimal

    def find(self, raw: str, state: dict[str, Any]) -> Found | None:
        """A row; `{}` for a line that belongs to the table and has none; None for any other. State: the open table."""
        if self.is_header(raw):
            state.clear()
            state["header"] = PROGRESS.sub("", raw).rstrip()
            return {}
        if "header" not in state or not raw.strip():
            return None
        if self._ends is not None and self._ends in raw:
            state.clear()
            return None
        if RULE.match(raw):
            return {}
        cells = row(state["header"], PROGRESS.sub("", raw), narrow=state.get("narrow", False))
        if cells is not None and list(cells) == BARS.sub(" ", state["header"]).split():
            state["narrow"] = True  # each word of the header is a name
        return None if cells is None else self._values(cells, state)

    def is_header(self, raw: str) -> bool:
        """Whether a line is the table's header."""
        return self.needle in raw and self._header in " ".join(BARS.sub(" ", raw).replace('"', "").split())

    def _values(self, cells: Mapping[str, str], state: dict[str, Any]) -> Found | None:
        found: Found = {}
        kinds = ""
        for name, text in cells.items():
            value = cell(text, self._decimal)
            kinds += "t" if value is None else "n"
            if value is not None:
                found[name] = value
        if self._step is not None and self._step not in found:
            return None
        if not found or not alike(state.setdefault("kinds", kinds), kinds):
            return None
        label = cells.get(self._labels or _LABEL, "").rstrip(":")
        prefix = f"{label}/" if label and cell(label) is None else ""
        return {name if name == self._step else prefix + name: value for name, value in found.items()}


_LABEL = ""  # the name of a first column that the header does not name


def alike(first: str, kinds: str) -> bool:
    """Whether a row has numbers and texts where the first row has them, more or less."""
    if len(first) != len(kinds):
        return kinds.count("n") * 2 >= len(kinds)
    return sum(one != other for one, other in zip(first, kinds)) <= len(first) // 3


def cell(text: str, decimal: str = ".") -> float | None:
    """The number of a cell; None if it has none. Markers before it and units after it are not looked at."""
    match = _CELLS[decimal].match(text.strip())
    if match is None:
        return None
    try:
        return numbers.number(match[1], decimal)
    except ValueError:
        return None


def row(header: str, raw: str, *, narrow: bool = False) -> dict[str, str] | None:
    """The cells of a row by the names of their columns; None if it does not fit under this header.

    Args:
        header: the header's line.
        raw: the row's.
        narrow: whether no name has a blank in it.
    """
    bars = len(BARS.findall(header))
    if bars > 1 and len(BARS.findall(raw)) == bars:
        names = [name.strip() for name in BARS.split(header)]
        return _by_name(names, [text.strip() for text in BARS.split(raw)])
    for separator in ",;\t":
        if header.count(separator) > 1:
            return _by_separator(header, raw, separator)
    header, raw = BARS.sub(" ", header), BARS.sub(" ", raw)
    tokens = _spans(_TOKEN, raw)
    return _by_count(header, tokens, narrow=narrow) or _by_place(header, tokens, narrow=narrow)


def _spans(pattern: re.Pattern[str], text: str) -> list[Span]:
    found = [(match[0], match.start(), match.end()) for match in pattern.finditer(text)][:MAX_COLUMNS]
    labels = [i for i, (word, _, _) in enumerate(found[:-1]) if i and word.endswith(":") and pattern is _TOKEN]
    for i in reversed(labels):  # `Cuts: 6` is one cell
        found[i : i + 2] = [(f"{found[i][0]} {found[i + 1][0]}", found[i][1], found[i + 1][2])]
    return found


def _by_name(names: list[str], texts: list[str]) -> dict[str, str]:
    return {name: text for name, text in zip(names, texts) if name}


def _by_separator(header: str, raw: str, separator: str) -> dict[str, str] | None:
    """Where commas or tabs are between the cells. A log's own prefix is before the first of them."""
    names, texts = (line.split(separator) for line in (header, raw))
    if len(names) != len(texts):
        return None
    first = [cells[0].rpartition(": ")[2] for cells in (names, texts)]
    names = [name.strip(' "#') for name in (first[0], *names[1:])]
    return _by_name(names, [text.strip() for text in (first[1], *texts[1:])])


def _by_count(header: str, tokens: list[Span], *, narrow: bool) -> dict[str, str] | None:
    """Where there are as many names as cells, or one cell more at either end."""
    texts = [token for token, _, _ in tokens]
    words = header.split()
    wide = [name for name, _, _ in _spans(_WIDE, header)]
    if words and words[0] in {"#", "%"}:
        words = words[1:] if len(words) != len(texts) else words
    split = [part for name in words for part in (_TWO_IN_ONE.sub(r"\1 \2", name).split())]
    splits = (words,) if narrow else (words, wide, split)
    for names in splits:
        if len(names) > 1 and len(texts) == len(names):
            return _by_name(names, texts)
    for names in splits:
        more = len(texts) - len(names)
        if len(names) > 1 and more == 1 and texts[0].endswith(":"):
            return {_LABEL: texts[0], **_by_name(names, texts[1:])}
        if len(names) > 2 and more > 0:
            marked = len(texts[0]) < 3 and cell(texts[0]) is None
            if more - marked == 0 or (more - marked == 1 and "/" in names[-1]):  # a marker; a last column of two parts
                return _by_name(names, texts[marked:])
    return None


def _by_place(header: str, tokens: list[Span], *, narrow: bool) -> dict[str, str] | None:
    """Where blanks are within names, or cells are empty: a cell belongs to the name above it."""
    cut = None if narrow else _cut(header, tokens)
    if cut is not None:
        return cut
    names = _spans(_WIDE, header)
    if narrow or len(names) < len(tokens):
        names = _spans(_TOKEN, header)
    if len(names) < 3 or not len(names) * 0.5 < len(tokens) <= len(names) + 3:
        return None
    cells: dict[str, str] = {}
    last = -1
    for text, start, end in tokens:
        at = max(range(len(names)), key=lambda i: _nearness(names[i], start, end))
        if at < last or _nearness(names[at], start, end) < -6:
            return None
        if at == last and cell(cells[names[at][0]]) is not None:
            continue
        cells[names[at][0]] = text
        last = at
    return cells


def _nearness(name: Span, start: int, end: int) -> int:
    """Columns that a cell and a name share; negative: how far they are apart."""
    return min(name[2], end) - max(name[1], start)


def _cut(header: str, tokens: list[Span]) -> dict[str, str] | None:
    """Names of columns that are right-aligned, cut where the cells end."""
    cells: dict[str, str] = {}
    begin = 0
    for text, _, end in tokens:
        name = header[begin:end].strip()
        if not name or (header[end : end + 1].strip() and header[end - 1 : end].strip()):
            return None
        cells[name] = text
        begin = end
    return cells if len(cells) == len(tokens) >= 2 and not header[begin:].strip() else None
