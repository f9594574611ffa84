"""The cells of a table's row, by the names of its columns: separated by blanks, bars, commas or tabs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache

from wandb_logging._mining import numbers, units
from wandb_logging._mining.leads import CONNECTION, without_lead
from wandb_logging._mining.lines import blanks

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
_TWO_IN_ONE = re.compile(r"([^\s\[]+)\[([^\s\[\]]+)\]")
_UNIT = r"(?:[A-Za-z%µ+*]{0,4}| [A-Za-z%µ/]{1,12})(?: ?\([\d.,%x]{1,12}\)| (?:±|\+/-) ?[\d.]{1,12}%?)?"
_INTERVAL = re.compile(r"\d+\.\d+-\s?\d+\.\d+\Z")  # 0.00-1.00 sec
_JOINTS = frozenset({"+/-", "±", "/"})
_OPEN = (" +/-", " ±", " /")
_UNITS = frozenset("GBytes MBytes KBytes Bytes Gbits/sec Mbits/sec Kbits/sec bits/sec".split()) | numbers.UNITS
_ASIDE = re.compile(r"\([\d.,]+[%x]?\)\Z")  # 12.3 (1.0): a second number beside the cell's own
_CODE = re.compile(r"^\s*[A-Z][A-Za-z]{1,4}\d{3,5}[IWE]\s")  # the code that begins a log message
_STAMP = re.compile(r"^\s*[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d\S*|(?<= )[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d\S*\s*$")
_DATED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)")  # in one column
_TUPLE = re.compile(r"\(([^()]{0,99},\s[^()]{0,99})\)")  # ( 0.1, 0.2, 0.3): three cells
_IN_BRACKETS = re.compile(r"\([^()]{0,99}\)")  # hom(avg,lo,hi) is one name
_ORNAMENTS = re.compile(r"(?<=\s)(?:([-.=*_])\1{7,}|\.{3})(?=\s)")  # a column of dots; pandas has three for many
_LONE_COLON = re.compile(r"(?<=[ \u00a0\u202f]):(?= )")  # French puts a blank before it
_LEAD = re.compile(r"\s*(?:\S{1,20} ){0,2}([A-Za-z]{1,20}) +(\d{1,9}):\s+(?=[-+.\d])")
_TAG = re.compile(r"\s*([A-Za-z][\w-]{0,15}(?: [\w+-]{1,15}){0,3}:(?=\s+\d[\d.]*\s)|[A-Z]{3,12}(?=\s+\d+\s))\s+")
_CELLS = {
    decimal: re.compile(
        rf"(?:[^\W\d]{{1,2}} +|[*!] *|< ?)?({form})(?!(?:st|nd|rd|th)\b)(?:[/|]\d+)?{_UNIT}(?: / [\d.]+[A-Za-z]*)?:?\Z"
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


def row(header: str, raw: str, *, narrow: bool = False, ends: Sequence[int] | None = None) -> dict[str, str] | None:
    """The cells of a row by the names of their columns; None if the row does not fit under this header.

    Args:
        header: the line of the header.
        raw: the line of the row.
        narrow: whether no name contains a blank.
        ends: where the cells of a row without gaps end, if there was such a row.
    """
    if "," in header and "(" in header:
        header, raw = (_TUPLE.sub(_apart, text) for text in (header, raw))
    if _ORNAMENTS.search(header):
        header, raw = (_ORNAMENTS.sub(blanks, text) for text in (header, raw))
    if ": " in header and _LONE_COLON.search(header):
        header, raw = (_LONE_COLON.sub(" ", text) for text in (header, raw))
    header, raw = without_lead(header, raw)
    bars = len(BARS.findall(header))
    if bars > 1 and len(BARS.findall(raw)) == bars and not _has_columns_between(header, raw):
        names = [name.strip() for name in BARS.split(header)]
        texts = [text.strip() for text in BARS.split(raw)]
        first = int(not names[0] and not texts[0])  # the second, where bars begin the lines
        label = {LABEL: texts[first]} if not names[first] and texts[first] and cell(texts[first]) is None else {}
        return {**label, **_by_name(names, texts)}
    for separator in ";,\t":
        if _IN_BRACKETS.sub("", header).count(separator) > 1:
            return _by_separator(header, raw, separator)
    led = _led(header, raw)
    if led is not None:
        return led
    header, raw = BARS.sub(" ", header), _CODE.sub(blanks, BARS.sub(" ", raw), count=1)
    if ":" in raw and len(raw.split()) == len(header.split()) + 1:
        raw = _DATED.sub(r"\1T\2", raw)
    found = _row(header, raw, narrow=narrow, ends=ends)
    if found is None and ":" in raw:
        stamped = _STAMP.sub(blanks, raw)
        return _row(header, stamped, narrow=narrow, ends=ends) if stamped != raw else None
    return found


def _of_connection(header: str, raw: str) -> dict[str, str] | None:
    """A row of iperf's with the number of its connection in brackets."""
    width = len(CONNECTION)
    if raw[:1] != "[" or raw[width - 1 : width] != "]":
        return None
    cells = _row(header[width:], raw[width:], narrow=False, ends=None)
    return None if cells is None else {CONNECTION: " ".join(raw[:width].split()), **cells}


def _row(header: str, raw: str, *, narrow: bool, ends: Sequence[int] | None) -> dict[str, str] | None:
    if header.startswith(f"{CONNECTION} "):
        return _of_connection(header, raw)
    tag = _TAG.match(raw)
    if tag and not header.split(maxsplit=1)[0].endswith(":"):
        tokens = spans(TOKEN, " " * tag.end() + raw[tag.end() :])
        tagged = _cells(header, tokens, narrow=narrow, ends=ends)
        if tagged is not None and (" " not in tag[1] or all(cell(text) is not None for text, _, _ in tokens)):
            return {LABEL: tag[1], **tagged}
    return (
        _with_text(header, raw)
        or _behind_index(header, raw)
        or _cells(header, spans(TOKEN, raw), narrow=narrow, ends=ends)
    )


def _with_text(header: str, raw: str) -> dict[str, str] | None:
    """A row whose last cell is a text of several words behind numbers: `3  2.871e+00  3.863e-01  y = x * 1.4`."""
    names, texts = WIDE.findall(header), WIDE.findall(raw)
    fits = len(names) == len(texts) > _LEAST and " " in texts[-1] and texts[-1][0].isalpha()
    return _by_name(names, texts) if fits and all(cell(text) is not None for text in texts[:-1]) else None


def _behind_index(header: str, raw: str) -> dict[str, str] | None:
    """A row of pandas': a word before the first name, and a text of several words that ends where that name does."""
    names, texts = spans(WIDE, header), spans(WIDE, raw)
    if len(texts) != len(names) + 1 or len(names) <= _LEAST or texts[1][2] != names[0][2]:
        return None
    words = not texts[0][1] and cell(texts[0][0]) is None and cell(texts[1][0]) is None
    if not words or any(cell(text) is None for text, _, _ in texts[2:]):
        return None
    return _by_name([name for name, _, _ in names], [text for text, _, _ in texts[1:]])


def _led(header: str, raw: str) -> dict[str, str] | None:
    """A row that begins with a word and a number for which the header has no names: `@RHF iter 3: -1.5 0.2`."""
    lead = _LEAD.match(raw)
    if lead is None:
        return None
    names = [name for name, _, _ in spans(WIDE, header)]
    texts = raw[lead.end() :].split()
    while texts and cell(texts[-1]) is None:
        texts.pop()  # a remark after the row
    return {lead[1]: lead[2], **_by_name(names, texts)} if len(texts) == len(names) > 1 else None


def _apart(match: re.Match[str]) -> str:
    return f" {match[0][1:-1].replace(',', ' ')} "


def _cells(header: str, tokens: Sequence[Span], *, narrow: bool, ends: Sequence[int] | None) -> dict[str, str] | None:
    if ends and len(tokens) < len(ends) == len(header.split()):
        placed = _by_ends(header.split(), tokens, ends)
        if placed is not None:
            return placed
    marked = _marked_behind(header, tokens)
    if marked is not None:
        return marked
    labelled = _by_index(header, tokens) or _by_label(header, tokens) or _by_term(header, tokens)
    named = labelled or (None if narrow else _by_name_ends(header, tokens))
    return named or _by_count(header, tokens, narrow=narrow) or _by_place(header, tokens, narrow=narrow)


def _marked_behind(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row with a mark of one letter behind it, each of whose numbers ends where a name does: `7  404.7  55.4 i`."""
    names = spans(WIDE, header)
    if len(names) != len(tokens) - 1 or len(names) < _LEAST or not re.fullmatch(r"[A-Za-z*!]", tokens[-1][0]):
        return None
    ends = all(name[2] == end and cell(text) is not None for name, (text, _, end) in zip(names, tokens))
    return _by_name([name for name, _, _ in names], [text for text, _, _ in tokens[:-1]]) if ends else None


def _by_index(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row with its number before it, for which the header has no name, as R and pandas print their tables."""
    first = len(header) - len(header.lstrip())
    if not first or len(tokens) < _LEAST or not tokens[0][0].isdigit() or tokens[0][2] > min(first, _INDEX):
        return None
    if tokens[0][1] or any(cell(text) is None for text, _, _ in tokens[1:]):
        return None
    for names in (spans(TOKEN, header), spans(WIDE, header), _over_cells(header, tokens[1:])):
        ends = all(name[2] == other[2] for name, other in zip(names, tokens[1:]))  # right-aligned, as both print them
        if len(names) == len(tokens) - 1 and ends:
            return _by_name([name for name, _, _ in names], [text for text, _, _ in tokens[1:]])
    return None


_INDEX = 5  # digits


def _by_label(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row that begins with words to the left of all names, as in a report on classes."""
    names = spans(TOKEN, header)
    more = len(tokens) - len(names)
    if more < 1 or not (_are_two(names, tokens[more:]) or (len(names) > 2 and more < 4)):
        return None
    if tokens[more - 1][2] > names[0][1] and len(names) > 2:
        return None
    if tokens[more][1] > names[0][2] or (more > 1 and any(cell(text) is not None for text, _, _ in tokens[:more])):
        return None
    if any(cell(text) is None for text, _, _ in tokens[more:]):
        return None
    label = " ".join(text for text, _, _ in tokens[:more])
    return {LABEL: label, **_by_name([name for name, _, _ in names], [text for text, _, _ in tokens[more:]])}


def _are_two(names: Sequence[Span], values: Sequence[Span]) -> bool:
    """Whether two names apart are over numbers that end where they do: `Initial    Final`."""
    return (
        len(names) == 2 and names[1][1] > names[0][2] + 1 and [name[2] for name in names] == [one[2] for one in values]
    )


def _by_term(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row of coefficients: a term to the left of all names, and numbers under names of one or more words.

    `wt  -3.878  0.633  -6.129  1.1e-06 ***` under `Estimate Std. Error t value Pr(>|t|)`.
    """
    first = len(header) - len(header.lstrip())
    term = [text for text, _, end in tokens if end <= first]
    values = tokens[len(term) :]
    if len(term) == 1 and 1 < len(values) < _LEAST:
        return _by_few(header, term[0], values)
    if len(values) > _LEAST and _STARS.match(values[-1][0]):
        values = values[:-1]
    if len(values) < _LEAST or not 0 < len(term) <= _LEAST or any(cell(text) is not None for text in term):
        return None
    if any(cell(text) is None for text, _, _ in values):
        return None
    names: Sequence[Span] = spans(WIDE, header)
    names = names if len(names) == len(values) else _over_cells(header, values)
    if any(nearness(name, start, end) < -_NEAR for name, (_, start, end) in zip(names, values)):
        return None
    found = _by_name([name for name, _, _ in names], [text for text, _, _ in values])
    return {LABEL: " ".join(term), **found} if len(found) == len(values) else None


def _by_few(header: str, term: str, values: Sequence[Span]) -> dict[str, str] | None:
    """A term that lacks some values: each of the others ends where a name does that stands alone."""
    alone = {end: name for name, start, end in spans(TOKEN, header) if header[:start].endswith("  ")}
    return (
        {LABEL: term, **{alone[end]: text for text, _, end in values}}
        if all(one[2] in alone for one in values)
        else None
    )


_LEAST = 3  # numbers of a term
_STARS = re.compile(r"(?:\*{1,3}|\.)\Z")  # how significant a coefficient is


def _has_columns_between(header: str, raw: str) -> bool:
    """Whether the cells between bars hold more than one column: `Obj  Depth | Best  Gap |`."""
    parts = [part for part in BARS.split(header) if part.strip()]
    both = [
        (len(spans(WIDE, one)), len(spans(TOKEN, other))) for one, other in zip(BARS.split(header), BARS.split(raw))
    ]
    if all(names == cells for names, cells in both) and max(both)[0] > 1:
        return True  # as many numbers as names between each two bars
    if any(
        len(names) > 1 and all("/" in name for name, _, _ in names) for names in (spans(WIDE, one) for one in parts)
    ):
        return True  # names under the name of their group
    return sum(len(spans(WIDE, part)) for part in parts) > len(parts) + len(parts) // 2


def _by_ends(names: list[str], tokens: Sequence[Span], ends: Sequence[int]) -> dict[str, str] | None:
    """Read a row with gaps: its cells end at or near the places where the cells of a row without gaps ended."""
    cells: dict[str, str] = {}
    for text, start, end in tokens:
        at = min(range(len(ends)), key=lambda i: abs(ends[i] - end))
        if abs(ends[at] - end) > 1:
            if start == 0 and not cells and cell(text) is None:
                continue  # a marker, no cell
            return None
        cells[names[at]] = text
    return cells


def distinct(names: Sequence[str]) -> list[str]:
    """Make names distinct: a repeated name gets a number, starting with 2."""
    found: list[str] = []
    for name in names:
        many = sum(one == name for one in names[: len(found)])
        found.append(f"{name} {many + 1}" if many and name else name)
    return found


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


def _join(found: list[Span], i: int) -> None:
    found[i : i + 2] = [(f"{found[i][0]} {found[i + 1][0]}", found[i][1], found[i + 1][2])]


def _tokens(text: str, pattern: re.Pattern[str] = TOKEN) -> list[Span]:
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


def _by_name(names: list[str], texts: list[str]) -> dict[str, str]:
    return {name: text for name, text in zip(distinct(names), texts) if name}


def _by_separator(header: str, raw: str, separator: str) -> dict[str, str] | None:
    """Read cells separated by commas or tabs. A log's own prefix may come before the first cell."""
    header, raw = map(_in_list, (header, raw))
    names, texts = (_of_the_row(line.split(separator)) for line in (header, raw))
    two = WIDE.findall(names[0])
    if len(texts) == len(names) + 1 and len(two) == 2 and cell(texts[0]) is None:
        names[:1] = two  # `type     total,  rate`: only blanks separate the first two
    if len(texts) == len(names) + 1 and cell(texts[-1]) is None:
        texts.pop()  # a remark after the row
    if len(names) != len(texts) and separator == "\t":  # tabs in a row that only reach the column
        names, texts = ([part for part in parts if part.strip()] for parts in (names, texts))
    if len(names) != len(texts) or len(names) < 2:
        return None
    first = [cells[0].rpartition(": ")[2] for cells in (names, texts)]
    names = [name.strip(" \"#'") for name in (first[0], *names[1:])]
    return _by_name(names, [text.strip(' "') for text in (first[1], *texts[1:])])


def _in_list(text: str) -> str:
    """What is between the brackets of a line that is a list: `- [20, 1.5, ]`, `names: ['Step', 'Temp', ]`."""
    match = _LIST.match(text)
    return match[1] if match else text


_LIST = re.compile(r"\s*(?:[A-Za-z]\w{0,20}:|-)\s*\[(.*?)[,\s]*\]\s*\Z")


def _of_the_row(texts: list[str]) -> list[str]:
    """The cells without what a logger put before the first: `10:00:01,250 INFO main 1`, of which the 1 is a cell."""
    at = next((i for i, text in enumerate(texts[:2]) if _LOGGED.match(text)), None)
    if at is None:
        return texts
    at += _MILLIS.match(texts[at + 1] if at + 1 < len(texts) else "") is not None
    return [texts[at].rpartition(" ")[2], *texts[at + 1 :]]


_LOGGED = re.compile(r"\s*\[?(?:\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d")
_MILLIS = re.compile(r"\d{3}\]? +\S")


def _by_count(header: str, tokens: Sequence[Span], *, narrow: bool) -> dict[str, str] | None:
    """Read a row with as many cells as names, or with one more cell at either end."""
    texts = [token for token, _, _ in tokens]
    words = header.split()
    wide = [name for name, _, _ in spans(WIDE, header)]
    if words and words[0] in {"#", "%"}:
        at = header.index(words[0])
        under = nearness((words[0], at, at + 1), *tokens[0][1:]) > -_NEAR and len(words) > len(texts)
        words = words[1:] if len(words) != len(texts) and not under else words
    split = [part for name in words for part in (_TWO_IN_ONE.sub(r"\1 \2", name).split())]
    words = [name for name, _, _ in _with_units(_tokens(header))[-len(words) :]]
    splits = (words,) if narrow else (wide,) if _wordy(tokens) and 2 < len(wide) < len(words) else (words, wide, split)
    for names in splits:
        if len(names) > 1 and len(texts) == len(names):
            return _by_name(names, texts)
    for names in splits:
        more = len(texts) - len(names)
        if len(names) > 1 and more == 1 and texts[0].endswith(":"):
            return {LABEL: texts[0], **_by_name(names, texts[1:])}
        if len(names) > 2 and more > 0:
            marked = len(texts[0]) < 3 and cell(texts[0]) is None
            if more - marked == 0 or (more - marked == 1 and "/" in names[-1]):  # a marker; a last column of two parts
                return _by_name(names, texts[marked:])
    return None


_NEAR = 3  # columns between a mark and the number below it


def _wordy(tokens: Sequence[Span]) -> bool:
    """Whether two words stand beside each other in a row, as in a cell of text."""
    texts = [cell(token) is None and token.isalpha() for token, _, _ in tokens]
    return any(one and other for one, other in zip(texts, texts[1:]))


def _by_place(header: str, tokens: Sequence[Span], *, narrow: bool) -> dict[str, str] | None:
    """Read a row by position, where names contain blanks or cells are empty: a cell belongs to the name above it."""
    cut = None if narrow else _cut(header, tokens)
    if cut is not None:
        return cut
    names, words = spans(WIDE, header), spans(TOKEN, header)
    again = len({name for name, _, _ in words}) < len(words) and len(names) > 2  # `PP Objective   DD Objective`
    if not narrow and not again and len(names) < len(tokens) < len(header.split()):
        over = _over_cells(header, tokens)
        if over:
            return _by_name([name for name, _, _ in over], [text for text, _, _ in tokens])
    if narrow or (len(names) < len(tokens) and not again and not (_wordy(tokens) and len(names) > 2)):
        names = words
    if len(names) < 3 or not len(names) * 0.5 < len(tokens) <= len(names) + 3:
        return None
    cells: dict[str, str] = {}
    last = -1
    for text, start, end in tokens:
        at = max(range(len(names)), key=lambda i: nearness(names[i], start, end))
        if at == last and cell(text) is None and len(tokens) <= len(names):
            return _in_order(names, tokens)
        if at < last or nearness(names[at], start, end) < -6:
            return None
        before = cells.get(names[at][0], "")
        if at == last and cell(before) is not None:
            continue
        cells[names[at][0]] = f"{before} {text}" if at == last and at == 0 and cell(text) is None else text
        last = at
    return cells


def _by_name_ends(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row of a word and numbers, each of which ends where a name of one or more words ends.

    `cpu    3066      3.00` under `stressor       bogo ops real time`: no wider gap is between the two names.
    """
    words = spans(TOKEN, header)
    if not len(tokens) > _LEAST or not len(spans(WIDE, header)) < len(tokens) < len(words):
        return None
    if tokens[0][1] != words[0][1] or any((cell(text) is None) == (i > 0) for i, (text, _, _) in enumerate(tokens)):
        return None
    names, rest = [words[0][0]], words[1:]
    for _, _, end in tokens[1:]:
        own = [word for word, _, last in rest if last <= end]
        if not own or rest[len(own) - 1][2] != end:
            over = _over_cells(header, tokens)  # each near the end of its name, where a column is narrower
            return _by_name([name for name, _, _ in over], [text for text, _, _ in tokens]) if over else None
        names.append(" ".join(own))
        rest = rest[len(own) :]
    return None if rest else _by_name(names, [text for text, _, _ in tokens])


def _in_order(names: Sequence[Span], tokens: Sequence[Span]) -> dict[str, str]:
    """Match each cell to the nearest name without changing the order. Names may be left without a cell."""
    best: list[tuple[int, tuple[int, ...]]] = [(0, ()), *((-(10**6), ()) for _ in tokens)]
    for at, name in enumerate(names):
        for i in range(len(tokens), 0, -1):
            before, chosen = best[i - 1]
            near = before + min(nearness(name, *tokens[i - 1][1:]), 2)
            if len(chosen) == i - 1 and near > best[i][0]:
                best[i] = (near, (*chosen, at))
    return {names[at][0]: text for at, (text, _, _) in zip(best[-1][1], tokens)}


def _over_cells(header: str, tokens: Sequence[Span]) -> list[Span]:
    """Join words of the header with one blank between them, if this gives one name over each cell."""
    words = spans(TOKEN, header)
    gaps = [i for i, (one, other) in enumerate(zip(words, words[1:])) if other[1] == one[2] + 1]
    many = len(words) - len(tokens)
    if not 0 < many <= len(gaps) <= 10 or words[0][0].endswith(":"):
        return []
    choices = (_joined_at(header, words, chosen) for chosen in itertools.combinations(gaps, many))
    best = max(choices, key=lambda names: _fit(names, tokens))
    return best if all(nearness(name, *cell[1:]) > -3 for name, cell in zip(best, tokens)) else []


def _fit(names: list[Span], tokens: Sequence[Span]) -> tuple[int, int]:
    """How well names stand over cells; of names that are as near, those are better that end where the cells end."""
    near = sum(min(nearness(name, start, end), 4) for name, (_, start, end) in zip(names, tokens))
    return near, sum(name[2] == end for name, (_, _, end) in zip(names, tokens))


def _joined_at(header: str, words: Sequence[Span], gaps: tuple[int, ...]) -> list[Span]:
    names: list[Span] = []
    for i, (_, start, end) in enumerate(words):
        begin = names.pop()[1] if i - 1 in gaps else start
        names.append((header[begin:end], begin, end))
    return names


def nearness(name: Span, start: int, end: int) -> int:
    """How many columns of text a cell and a name share; if negative, how far they are apart."""
    return min(name[2], end) - max(name[1], start)


def _cut(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """Cut the header where the cells end, for right-aligned columns."""
    cells: dict[str, str] = {}
    begin = 0
    for text, _, end in tokens:
        name = header[begin:end].strip()
        if not name or (header[end : end + 1].strip() and header[end - 1 : end].strip()):
            return None
        cells[name] = text
        begin = end
    return cells if len(cells) == len(tokens) >= 2 and not header[begin:].strip() else None
