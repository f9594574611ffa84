"""Which lines of a log can be the header of a table, alone or with the line above."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from wandb_logging._mining import cells as table_cells, lines, table_headers
from wandb_logging._mining.cells import cell
from wandb_logging._mining.pairs import hidden
from wandb_logging._mining.row_cells import row
from wandb_logging._mining.vocabulary import step_rank
from wandb_logging._suggesting.findings import Text
from wandb_logging._suggesting.shapes import content


def header_of(text: str) -> str | None:
    """The text of a line if it could be a header, else None."""
    text = table_cells.PROGRESS.sub("", text)
    if text.count(",") > _COMMAS and _STAMPED.search(text):
        text = content(text)
    if text.count(",") > 1 or text.count("\t") > 1:
        text = text.replace('"', "")
    words = (text if text.count("\t") > 1 else table_cells.BARS.sub(" ", text)).split()
    if words and _is_dated(words[0]):
        words = words[1:]
    if _is_something_else(text, words) or not _can_be_names(text, words) or _is_heading(text):
        return None
    wide = len(_GAP.findall(text.strip())) or _separators(text) > 1 or re.sub(r"[ _]", "", text.strip()).isalnum()
    counts = len(words) > _LEAST_NAMES and step_rank(words[0]) is not None and all(map(_COLUMN_NAME.match, words))
    return " ".join(words) if wide or counts or _COEFFICIENTS.search(text) else None


def _is_dated(word: str) -> bool:
    """Whether a word begins like a date, an address or another number that is none."""
    return hidden(word).startswith("\x01")


def _is_something_else(text: str, words: Sequence[str]) -> bool:
    """Whether a line draws or rules something, says a time or a share, or has one cell between its bars."""
    inner, outer = words[1:-1], [*words[:1], *words[-1:]]
    return bool(
        _FRAME.search(text)
        or "Non-Null Count" in text  # what pandas says of the columns of data
        or (_STAMPED.search(text) and any(map(_is_dated, words[3:])))  # `Started at (GMT) :  2023-05-01 10:00:00`
        or table_cells.RULE.match(text)
        or any(_ORNAMENT.match(word) and len(word) < _COLUMN and word != "..." for word in inner)
        or any(map(_ORNAMENT.match, outer))
        or _SHARE.search(text)
        or ("|" in text and sum(bool(part.strip()) for part in text.split("|")) < 2)
    )


def _can_be_names(text: str, words: Sequence[str]) -> bool:
    """Whether the words of a line can be names of columns: two or more, without numbers that belong to no name."""
    several = 2 <= len(words) <= _MOST_NAMES or (len(words) == 1 and max(map(text.count, ",;")) > 1)
    if len(text) > (_LONGEST if text.count(",") < _MOST_NAMES else lines.MAX_CHARS) or not several:
        return False
    named = re.split(r"[\s,;]+", _without_numbers(words, text))
    return not any(cell(word) is not None and not word.isalpha() and not _PERCENTILE.match(word) for word in named)


def _is_heading(text: str) -> bool:
    """Whether a line is a sentence or a heading, or has what no header has: quotes, assignments, addresses."""
    if '"' in text or "=" in text or "://" in text:
        return True
    said = text.rstrip().endswith((".", "!", "?", "...", ":"))
    return said and _separators(text) < 2 and len(_GAP.findall(text.strip())) < 2


def _separators(text: str) -> int:
    """How many commas, semicolons, tabs and bars there are, but for those in brackets of a heading."""
    plain = _BRACKETS.sub("", text)  # `Details (average, fastest):`
    return sum(map(plain.count, ",;\t")) + len(table_cells.BARS.findall(text))


_COMMAS = 2  # of which one may be in a time of day
_STAMPED = re.compile(r"\d\d[:-]\d\d")
_GAP = re.compile(r"\s{2,}")
_LEAST_NAMES, _MOST_NAMES = 3, 60
_LONGEST = 600  # characters, but where commas tell of very many columns, as in the `progress.csv` of a trainer
_COLUMN_NAME = re.compile(r"[A-Za-z_][\w/]*(?:\[\d+\])*\Z")  # S/CPU, c_press[1], v_density
_PAIRED = re.compile(r"\|\s*[A-Za-z]+ +\d[\d.]*%\s*\|")  # `| sys 28% | user 12% |`, values with their names
_PERCENTILE = re.compile(r"\.\d+\Z")
_COLUMN = 8  # so wide an ornament between names is a column that draws something
_BRACKETS = re.compile(r"\([^()]*\)(?=:\s*\Z)")
_COEFFICIENTS = re.compile(r" Std\. Error | Pr\(>")  # as R heads them, with one blank between the columns
_FRAME = re.compile(r"\+[-=]{3,200}\+")  # of a table, beside what a logger says
_ORNAMENT = re.compile(r"([^\w\s])\1{2,}\Z")
_SHARE = re.compile(r"[A-Za-z]: {0,2}\d{1,3}\.\d+%")  # skip: 71.4%


def _without_numbers(words: Sequence[str], text: str) -> str:
    """The names of a header without the numbers that belong to them."""
    named = " ".join(words)
    several = 1 if len(table_cells.BARS.findall(text)) > 1 else 2
    if any(map(str.isdigit, named)) and len(_NUMBERED.findall(named)) > several:
        named = _NUMBERED.sub("name", named)  # `Fold 1  Fold 2  Fold 3`
    cells = table_cells.WIDE.findall(text.strip())
    numbered = [part for part in cells if _NUMBER_IN_NAME.match(part)]
    if numbered and len(cells) > _LEAST_CELLS * len(numbered):
        for part in numbered:
            named = named.replace(part, "name")  # `Drag Monitor 1 (N)`
    if _CLASSES.search(named):
        named = _CLASSES.sub("", named)  # `ntree  OOB  1  2  3`
    bars = len(table_cells.BARS.findall(text)) > 3 and not _PAIRED.search(text)
    if bars or _QUANTILES.search(named):
        named = _PERCENTS.sub("name", named)
    return named


_NUMBERED = re.compile(r"\b[A-Z][A-Za-z]+ \d{1,3}\b")
_NUMBER_IN_NAME = re.compile(r"[A-Za-z][\w-]* (?:[A-Za-z][\w-]* )*\d{1,3}(?: [(\[][^()\[\]]*[)\]])?\Z")
_LEAST_CELLS = 4
_CLASSES = re.compile(r"(?<=[A-Za-z] )1 2(?: 3(?: 4(?: 5(?: 6(?: 7(?: 8(?: 9(?: 10)?)?)?)?)?)?)?)?\Z")
_PERCENTS = re.compile(r"(?<!\S)\d{1,3}(?:\.\d+)?%(?!\S)")
_QUANTILES = re.compile(
    r"[A-Za-z_]\S* (?:\d{1,2}(?:\.\d)?% ){1,6}\d{1,2}(?:\.\d)?%(?: [A-Za-z]|\Z)"
)  # mean std 5.0% 95.0%


def can_begin(texts: Sequence[Text], i: int) -> bool:
    """Whether a row of numbers is below a line, which may be the first or the second of a header."""
    text = texts[i][1]
    header = (table_headers.interleaved(texts[i - 1][1].rstrip(), text.rstrip()) if i else None) or text
    drawn = (table_cells.PROGRESS.sub("", text) for _, text in texts[i + 1 : i + _BARS])
    near = itertools.islice((text for text in drawn if not _ERASED.match(text)), 5)
    following = [text for text in near if text.strip() and not table_cells.RULE.match(text)]
    while following and table_headers.goes_on(header, following[0]):
        header = table_headers.below(header, following.pop(0))
    return any(_fits(header, text) for text in following[:2])


_BARS = 60  # lines in which a bar may be redrawn before the first row
_ERASED = re.compile(r"\s*\u2588\s*\Z|\Z|[A-Z][a-z]{1,12} \d{1,6}/\d{1,6} :\s*\Z")  # what is left of a bar
_SELF_NAMED = re.compile(r"(?:\s*[A-Za-z_]{2,20} +[-+]?\d\S{0,20}){2,9}\s*")  # iter 200 value 0.05


def _fits(header: str, text: str) -> bool:
    """Whether a line has cells under a header, two of them and two in five numbers."""
    bars, others = (len(table_cells.BARS.findall(line)) for line in (header, text))
    if _SELF_NAMED.fullmatch(text) or others > 2 * bars > 2:
        return False
    cells = row(table_cells.PROGRESS.sub("", header).rstrip(), table_cells.PROGRESS.sub("", text))
    if not cells:
        return False
    values = [cell(value, ",") if cell(value) is None else cell(value) for value in cells.values()]
    numeric = sum(value is not None for value in values)
    return numeric >= 2 and numeric * 5 >= len(values) * 2


def is_first_of_two(texts: Sequence[Text], i: int) -> bool:
    """Whether the header is the next line, and this line only holds the first part of its names."""
    return i + 1 < len(texts) and header_of(texts[i + 1][1]) is not None and line_above(texts, i + 1) is not None


def is_title(texts: Sequence[Text], i: int) -> bool:
    """Whether an empty line or a rule and then the header follow, so that this line is the title of the table.

    A sentence is its title also if the header is the next line.
    """
    if i + 1 < len(texts) and _is_sentence(texts[i][1], texts[i + 1][1]) and header_of(texts[i + 1][1]) is not None:
        return can_begin(texts, i + 1)
    at = i + 1
    while at < min(i + 4, len(texts)) and (not texts[at][1].strip() or _ORNAMENTS.match(texts[at][1])):
        at += 1
    between = at > i + 1 and at < len(texts)
    return between and header_of(texts[at][1]) is not None and can_begin(texts, at)


_ORNAMENTS = re.compile(r"\s*([-=*#~_])\1{9,}\s*\Z")  # a line without gaps: no rule between columns


def line_above(texts: Sequence[Text], i: int) -> str | None:
    """The line above a header if it is the first of two header lines.

    It has as many names as the header, or it has names above columns whose names occur twice.
    """
    text, header = texts[i - 1][1] if i else "", texts[i][1]
    words, below = (table_cells.BARS.sub(" ", line).split() for line in (text, header))
    if table_headers.over_parts(text, header) or table_headers.over_groups(text, header):
        return " ".join(words)
    if len(words) < 2 or _has_no_names(text) or _is_sentence(text, header) or _indent(text) > len(header):
        return None
    same = len(words) == len(below) == len(set(below)) > 3
    cells = next((line for _, line in texts[i + 1 : i + 3] if not table_cells.RULE.match(line)), "").split()
    over = len(set(below)) < len(below) and len(words) < len(below) + 2 and not len(cells) <= len(words) == len(below)
    turns = not (same or over) and table_headers.interleaved(text.rstrip(), header.rstrip()) is not None
    return " ".join(words) if same or over or turns else None


def _has_no_names(text: str) -> bool:
    """Whether a line has what the upper line of a header does not have, such as bars, numbers, rules or a colon."""
    marks = not {"|", ":", "="}.isdisjoint(text) or any(map(str.isdigit, text)) or text.rstrip().endswith((".", "!"))
    return marks or bool(table_cells.RULE.match(text) or _RULED.search(text))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _is_sentence(above: str, header: str) -> bool:
    """Whether a line above a header of columns far apart is a sentence: all its words are one blank apart."""
    columns = len(table_cells.WIDE.findall(header.strip())) > _SENTENCE
    return columns and _indent(above) <= _indent(header) and len(table_cells.WIDE.findall(above.strip())) == 1


_RULED = re.compile(r"--|([=*#~])\1{3}")
_SENTENCE = 2  # columns; below fewer, a line could name them all
