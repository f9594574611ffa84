"""The cells of a table's row, by the names of its columns: separated by blanks, bars, commas or tabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._mining.cells import BARS, LABEL, TOKEN, WIDE, by_name, cell, spans
from wandb_logging._mining.columns import cells_under
from wandb_logging._mining.leads import CONNECTION, without_lead
from wandb_logging._mining.lines import blanks

_CODE = re.compile(r"^\s*[A-Z][A-Za-z]{1,4}\d{3,5}[IWE]\s")  # the code that begins a log message
_STAMP = re.compile(r"^\s*[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d\S*|(?<= )[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d\S*\s*$")
_DATED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)")  # in one column
_TUPLE = re.compile(r"\(([^()]{0,99},\s[^()]{0,99})\)")  # ( 0.1, 0.2, 0.3): three cells
_IN_BRACKETS = re.compile(r"\([^()]{0,99}\)")  # hom(avg,lo,hi) is one name
_ORNAMENTS = re.compile(r"(?<=\s)(?:([-.=*_])\1{7,}|\.{3})(?=\s)")  # a column of dots; pandas has three for many
_LONE_COLON = re.compile(r"(?<=[ \u00a0\u202f]):(?= )")  # French puts a blank before it
_LEAD = re.compile(r"\s*(?:\S{1,20} ){0,2}([A-Za-z]{1,20}) +(\d{1,9}):\s+(?=[-+.\d])")
_TAG = re.compile(r"\s*([A-Za-z][\w-]{0,15}(?: [\w+-]{1,15}){0,3}:(?=\s+\d[\d.]*\s)|[A-Z]{3,12}(?=\s+\d+\s))\s+")


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
    if len(BARS.findall(header)) == len(BARS.findall(raw)) > 1 and not _has_columns_between(header, raw):
        return _by_bars(header, raw)
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


def _by_bars(header: str, raw: str) -> dict[str, str]:
    """Read cells between bars. A text under no name tells what the row is about."""
    names, texts = ([text.strip() for text in BARS.split(line)] for line in (header, raw))
    first = int(not names[0] and not texts[0])  # the second, where bars begin the lines
    label = {LABEL: texts[first]} if not names[first] and texts[first] and cell(texts[first]) is None else {}
    return {**label, **by_name(names, texts)}


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
        tagged = cells_under(header, tokens, narrow=narrow, ends=ends)
        if tagged is not None and (" " not in tag[1] or all(cell(text) is not None for text, _, _ in tokens)):
            return {LABEL: tag[1], **tagged}
    return (
        _left_aligned(header, raw)
        or _with_text(header, raw)
        or _behind_index(header, raw)
        or cells_under(header, spans(TOKEN, raw), narrow=narrow, ends=ends)
    )


_LEAST = 3  # cells of a row, if one of them is a text of several words


def _left_aligned(header: str, raw: str) -> dict[str, str] | None:
    """A row whose numbers begin where names do that only one blank parts: `Train Loss Test Loss` over two numbers."""
    texts = spans(TOKEN, raw)
    words, begins = [start for _, start, _ in spans(TOKEN, header)], [start for _, start, _ in texts]
    told = max(len(WIDE.findall(header)), _LEAST) < len(texts) < len(words)
    if (
        not told
        or begins[0] != words[0]
        or not set(begins) <= set(words)
        or any(cell(text) is None for text, *_ in texts)
    ):
        return None
    names = [header[start:end].strip() for start, end in zip(begins, [*begins[1:], len(header)])]
    return by_name(names, [text for text, *_ in texts])


def _with_text(header: str, raw: str) -> dict[str, str] | None:
    """A row whose last cell is a text of several words behind numbers: `3  2.871e+00  3.863e-01  y = x * 1.4`."""
    names, texts = WIDE.findall(header), WIDE.findall(raw)
    fits = len(names) == len(texts) > _LEAST and " " in texts[-1] and texts[-1][0].isalpha()
    return by_name(names, texts) if fits and all(cell(text) is not None for text in texts[:-1]) else None


def _behind_index(header: str, raw: str) -> dict[str, str] | None:
    """A row of pandas': a word before the first name, and a text of several words that ends where that name does."""
    names, texts = spans(WIDE, header), spans(WIDE, raw)
    if len(texts) != len(names) + 1 or len(names) <= _LEAST or texts[1][2] != names[0][2]:
        return None
    words = not texts[0][1] and cell(texts[0][0]) is None and cell(texts[1][0]) is None
    if not words or any(cell(text) is None for text, _, _ in texts[2:]):
        return None
    return by_name([name for name, _, _ in names], [text for text, _, _ in texts[1:]])


def _led(header: str, raw: str) -> dict[str, str] | None:
    """A row that begins with a word and a number for which the header has no names: `@RHF iter 3: -1.5 0.2`."""
    lead = _LEAD.match(raw)
    if lead is None:
        return None
    names = [name for name, _, _ in spans(WIDE, header)]
    texts = raw[lead.end() :].split()
    while texts and cell(texts[-1]) is None:
        texts.pop()  # a remark after the row
    return {lead[1]: lead[2], **by_name(names, texts)} if len(texts) == len(names) > 1 else None


def _apart(match: re.Match[str]) -> str:
    return f" {match[0][1:-1].replace(',', ' ')} "


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
    return by_name(names, [text.strip(' "') for text in (first[1], *texts[1:])])


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
