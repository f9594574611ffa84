"""Find the tables of a log by their headers: below a line of names there are rows of numbers."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from wandb_logging._mining import cells as table_cells, table_headers
from wandb_logging._mining.cells import cell
from wandb_logging._mining.numbers import pointed
from wandb_logging._mining.pairs import hidden
from wandb_logging._mining.tables import Table
from wandb_logging._mining.template import Found
from wandb_logging._mining.vocabulary import is_metric, step_rank, words
from wandb_logging._suggesting.findings import Finding, Text, best_step, increasing
from wandb_logging._suggesting.profiles import is_profile
from wandb_logging._suggesting.row_labels import RowLabels
from wandb_logging._suggesting.shapes import content


def table_findings(texts: Sequence[Text]) -> list[Finding]:
    """Find the tables, each by its header."""
    found: list[Finding] = []
    taken: set[int] = set()
    seen: set[str] = set()
    tried: Counter[str] = Counter()
    for i, (number, text) in enumerate(texts):
        header = _header(text)
        if header is None or header in seen or number in taken:
            continue
        follows = any(text.strip() == finding.rules[0].get("ends") for finding in found)
        finding = _table(header, texts, i, taken, follows=follows)
        if finding is None and _can_begin(texts, i):
            tried[header] += 1  # each try costs a pass over the log
            if tried[header] >= _MOST_TRIES:
                seen.add(header)
        if len(tried) + len(seen) > _MOST_HEADERS:
            break
        if finding is not None:
            seen.add(header)
            taken |= finding.lines
            found.append(finding)
    return found


_MOST_HEADERS, _MOST_TRIES = 100, 3


def _can_begin(texts: Sequence[Text], i: int) -> bool:
    """Whether this line is a row and the line above it could be a header."""
    header = (table_headers.interleaved(texts[i - 1][1].rstrip(), texts[i][1].rstrip()) if i else None) or texts[i][1]
    drawn = (table_cells.PROGRESS.sub("", text) for _, text in texts[i + 1 : i + _BARS])
    near = itertools.islice((text for text in drawn if not _ERASED.match(text)), 5)
    following = [text for text in near if text.strip() and not table_cells.RULE.match(text)]
    while following and table_headers.goes_on(header, following[0]):
        header = table_headers.below(header, following.pop(0))
    return any(_fits(header, text) for text in following[:2])


_BARS = 60  # lines in which a bar may be redrawn before the first row
_ERASED = re.compile(r"\s*\u2588\s*\Z|\Z|[A-Z][a-z]{1,12} \d{1,6}/\d{1,6} :\s*\Z")  # what is left of a bar
_RULED = re.compile(r"--|([=*#~])\1{3}")
_NUMBERED = re.compile(r"\b[A-Z][A-Za-z]+ \d{1,3}\b")
_COMMAS = 2  # of which one may be in a time of day
_STAMPED = re.compile(r"\d\d[:-]\d\d")
_NUMBER_IN_NAME = re.compile(r"[A-Za-z][\w-]* (?:[A-Za-z][\w-]* )*\d{1,3}(?: [(\[][^()\[\]]*[)\]])?\Z")
_LEAST_CELLS = 4
_CLASSES = re.compile(r"(?<=[A-Za-z] )1 2(?: 3(?: 4(?: 5(?: 6(?: 7(?: 8(?: 9(?: 10)?)?)?)?)?)?)?)?\Z")
_SHARE = re.compile(r"[A-Za-z]: {0,2}\d{1,3}\.\d+%")  # skip: 71.4%
_PERCENTS = re.compile(r"(?<!\S)\d{1,3}(?:\.\d+)?%(?!\S)")
_QUANTILES = re.compile(
    r"[A-Za-z_]\S* (?:\d{1,2}(?:\.\d)?% ){1,6}\d{1,2}(?:\.\d)?%(?: [A-Za-z]|\Z)"
)  # mean std 5.0% 95.0%
_PERCENTILE = re.compile(r"\.\d+\Z")
_COLUMN = 8  # so wide an ornament between names is a column that draws something
_BRACKETS = re.compile(r"\([^()]*\)(?=:\s*\Z)")
_COEFFICIENTS = re.compile(r" Std\. Error | Pr\(>")  # as R heads them, with one blank between the columns
_FRAME = re.compile(r"\+[-=]{3,200}\+")  # of a table, beside what a logger says
_ORNAMENT = re.compile(r"([^\w\s])\1{2,}\Z")


def _header(text: str) -> str | None:
    """The text of a line if it could be a header, else None."""
    text = table_cells.PROGRESS.sub("", text)
    if text.count(",") > _COMMAS and _STAMPED.search(text):
        text = content(text)
    if text.count(",") > 1 or text.count("\t") > 1:
        text = text.replace('"', "")
    words = (text if text.count("\t") > 1 else table_cells.BARS.sub(" ", text)).split()
    if words and hidden(words[0]).startswith("\x01"):
        words = words[1:]
    if (
        # `Started at (GMT) :  2023-05-01 10:00:00`
        _FRAME.search(text)
        or "Non-Null Count" in text  # what pandas says of the columns of data
        or (_STAMPED.search(text) and any(hidden(word).startswith("\x01") for word in words[3:]))
        or table_cells.RULE.match(text)
        or any(_ORNAMENT.match(word) and len(word) < _COLUMN and word != "..." for word in words[1:-1])
        or any(map(_ORNAMENT.match, (words[:1] + words[-1:])))
        or _SHARE.search(text)
    ):
        return None
    if "|" in text and sum(bool(part.strip()) for part in text.split("|")) < 2:
        return None
    plain = _BRACKETS.sub("", text)  # `Details (average, fastest):` is a heading
    separated = sum(plain.count(separator) for separator in ",;\t") + len(table_cells.BARS.findall(text))
    if len(text) > 600 or not (2 <= len(words) <= 60 or (len(words) == 1 and max(map(text.count, ",;")) > 1)):
        return None
    named = _without_numbers(words, text)
    if any(
        cell(word) is not None and not word.isalpha() and not _PERCENTILE.match(word)
        for word in re.split(r"[\s,;]+", named)
    ):
        return None
    if (
        (
            text.rstrip().endswith((".", "!", "?", "...", ":"))
            and separated < 2
            and len(re.findall(r"\s{2,}", text.strip())) < 2
        )
        or '"' in text
        or "=" in text
        or "://" in text
    ):
        return None
    wide = len(re.findall(r"\s{2,}", text.strip())) or separated > 1 or re.sub(r"[ _]", "", text.strip()).isalnum()
    counts = len(words) > _LEAST_NAMES and step_rank(words[0]) is not None and all(map(_COLUMN_NAME.match, words))
    return " ".join(words) if wide or counts or _COEFFICIENTS.search(text) else None


_LEAST_NAMES = 3
_COLUMN_NAME = re.compile(r"[A-Za-z_][\w/]*(?:\[\d+\])*\Z")  # S/CPU, c_press[1], v_density


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
    if len(table_cells.BARS.findall(text)) > 3 or _QUANTILES.search(named):
        named = _PERCENTS.sub("name", named)
    return named


def _table(header: str, texts: Sequence[Text], i: int, taken: set[int], *, follows: bool) -> Finding | None:
    """The table with this header; None if there is no table or it holds no metrics.

    A single row is enough if the table follows another, which this header ends.
    """
    if not _can_begin(texts, i) or _is_first_of_two(texts, i) or is_profile(header) or _is_title(texts, i):
        return None
    decimal = _decimal(texts, i)
    texts = [(number, pointed(text)) for number, text in texts] if decimal == "," else texts
    above = _above(texts, i)
    header, texts = (header, texts[i:]) if above is None else (f"{above}\n{header}", texts[i - 1 :])
    rows, lines, labels, tells = _rows(Table(header), texts, taken)
    alone = len(rows) == 1 and (follows or (len(rows[0][1]) > 2 and all(map(is_metric, rows[0][1]))))
    if not alone and (len(rows) < 2 or (len(rows) < 3 and len(rows[0][1]) < 3 and not _tells_an_end(rows))):
        return None
    fullest = max((row for _, row in rows), key=len)
    names = list(dict.fromkeys([*fullest, *(name for _, row in rows for name in row)]))
    last = header.rpartition("\n")[2].strip("# |")
    step = _step_of([row for _, row in rows], names, labels or not _begins(names[0], last))
    if step == "step" and any(step not in row for _, row in rows):
        step = None  # the cell before a row is a number here and a text there
    rule: dict[str, Any] = {"table": header}
    if step is not None:
        rule["step"] = step if step in header or "/" not in step else step.partition("/")[2]  # without the row's label
        rows, lines, _, _ = _rows(Table(header, step=rule["step"]), texts, taken)
        if labels and _is_twice(row.get(rule["step"]) for _, row in rows):
            rule["names"] = labels
    elif labels:
        rule["names"] = labels
    other = _other_header(Table(header, step=rule.get("step")), texts)
    if other is not None:
        rule["ends"] = other
    rule.update({"decimal": ","} if decimal == "," else {}, **_without_whose(names, rule.get("step")))
    things = not tells and _names_things(texts, lines, names)
    if things or _are_processes(header, names, rows, texts):
        kept = False
    elif step is not None:
        kept = bool(rows) and _KEYS.isdisjoint(words(step)[-1:]) and not _is_of_atoms(names)
    else:
        dense = labels is not None or _is_dense(header, texts, rows, lines, taken)
        kept = _tells_results(names, labels, tells=tells) and dense
    kept = kept and not _is_histogram(names, texts, lines)
    comment = f"a table of {len(rows)} rows" + ("" if step else " without a step")
    return Finding([rule], comment, lines, rows[0][0] if step else 0) if kept else None


def _tells_an_end(rows: Sequence[tuple[int, Found]]) -> bool:
    """Whether two rows say where a result began and where it ended: `0  -116000.0`, `71  12.949`."""
    (_, one), (_, other) = rows
    names = list(one)
    counted = step_rank(names[0]) is not None and names == list(other)
    return counted and one[names[0]] < other[names[0]] and any(map(is_metric, names[1:]))  # type: ignore[operator]


def _other_header(table: Table, texts: Sequence[Text]) -> str | None:
    """The header of another table, of whose rows this table would take some: it ends this table.

    Each of its names is over one number of the row below it, and this table's first row has more or fewer numbers.
    """
    state: dict[str, Any] = {}
    first = 0
    for (_, above), (_, text) in zip([(0, ""), *texts], texts):
        row = table.find(text, state)
        first = first or len(row or ())
        if not row or len(row) == first:
            continue
        numbers = [match.span() for match in table_cells.TOKEN.finditer(text) if cell(match[0]) is not None]
        over = any(
            len(names) == len(numbers) > 1
            and all(table_cells.nearness(name, *place) > 0 for name, place in zip(names, numbers))
            for names in (table_cells.spans(form, above) for form in (table_cells.WIDE, table_cells.TOKEN))
        )
        if over and _header(above) is not None and not table.is_header(above):
            return above.strip()
    return None


def _is_histogram(names: Sequence[str], texts: Sequence[Text], lines: set[int]) -> bool:
    """Whether rows draw how often each value came: `0.301 |*************** 892`."""
    counts = any(word in name.lower() for name in names for word in ("count", "freq"))
    return counts and sum(number in lines and bool(_DRAWN.search(text)) for number, text in texts) > _LEAST_DRAWN


_DRAWN = re.compile(r"([*#@\u25a0\u2588])\1{4}")
_LEAST_DRAWN = 2


def _begins(name: str, header: str) -> bool:
    """Whether a column is the first that the header names."""
    parts = re.split(r"[\s,;|]+", header.rpartition(" - ")[2])
    first = parts[1] if len(parts) > 2 and len(parts[0]) == 1 and not name.startswith(parts[0]) else parts[0]  # a mark
    return name.endswith(first) or name.startswith(f"{first} ")


def _is_twice(steps: Iterable[object]) -> bool:
    """Whether each step has more than one row, which a text in the row tells apart."""
    counts = Counter(steps)
    return len(counts) > 1 and min(counts.values()) > 1


def _without_whose(names: Sequence[str], step: str | None) -> dict[str, list[str]]:
    """What a rule says of columns that tell whose process a row is of: they are no metrics."""
    whose = [name for name in names if name.lower() in _WHOSE and name != step]
    return {"drop": whose} if whose else {}


def _names_things(texts: Sequence[Text], lines: set[int], names: Sequence[str]) -> bool:
    """Whether most rows have words of their own, as in a list of files or sockets, and no column is a result's.

    In a series the words come again. What stands at an address is a thing, whatever its columns are called.
    """
    rows = [text for number, text in texts if number in lines and any(map(str.isdigit, text))]
    if len(rows) > _FEW_THINGS and sum(bool(_ADDRESS.match(text)) for text in rows) * 10 >= len(rows) * 9:
        return True
    said = [tuple(_NAMED.findall(text)) for text in rows]
    labels = {words[0] for words in said if words}
    parts = (name.partition("/") for name in names)
    results = any(is_metric(rest if first in labels else first + between + rest) for first, between, rest in parts)
    return len(said) > _FEW_THINGS and all(said) and len(set(said)) * 4 >= len(said) * 3 and not results


_NAMED = re.compile(r"(?<![\w.])(?:[A-Za-z_/.][\w/.:@-]{2,80}|(?=\d*[A-F])[0-9A-F]{8,}\b)")
_ADDRESS = re.compile(r"\s*(?:0x)?(?=[0-9a-f]*[0-9])[0-9a-f]{8,16}\b(?!\.)")
_FEW_THINGS = 3
_AT = re.compile(r"\d:\d\d")


def _are_processes(header: str, names: Sequence[str], rows: Sequence[tuple[int, Found]], texts: Sequence[Text]) -> bool:
    """Whether rows are the processes of a machine at one time; where each row says when, they are a series."""
    first = header.split(maxsplit=1)[0].lower().strip("#")
    whose = {name.lower() for name in names} & {"pid", "tgid"}
    at = {number for number, _ in rows}
    return (
        bool(whose)
        and not first.startswith("time")
        and not any(number in at and _AT.search(text[:12]) for number, text in texts)
    )


_WHOSE = frozenset({"pid", "ppid", "tid", "tgid", "uid", "gid"})  # of a process and its user
_KEYS = frozenset({"id", "ids", "uid"})  # first columns of lists that only happen to have numbers


def _decimal(texts: Sequence[Text], i: int) -> str:
    """The decimal separator in the rows below a header."""
    following = [text for _, text in texts[i + 1 : i + 5] if text.strip() and not table_cells.RULE.match(text)][:2]
    apart = texts[i][1].count(";") > 1  # semicolons separate the cells, so a comma does not
    form = r"[;\s]\d+,\d+(?=;|\s|$)" if apart else r"\s\d+,\d\d?(?:\s|$)"
    return "," if any(re.search(form, f" {text}") for text in following) else "."


def _is_of_atoms(names: Sequence[str]) -> bool:
    """Whether the rows of a table say where the atoms of a molecule are."""
    words = {word for name in names for word in re.findall(r"[a-z]+", name.lower())}
    return {"x", "y", "z"} <= words and not words.isdisjoint({"symbol", "atom", "element", "species"})


def _tells_results(names: Sequence[str], labels: str | None, *, tells: bool) -> bool:
    """Whether rows that a text column tells apart are results, rather than a list of things or the parts of a model."""
    of_parts = not _PARTS.isdisjoint(name.rpartition("/")[2].lower() for name in names)
    if _is_of_atoms(names) or (of_parts and not any(name.endswith("/s") for name in names)):
        return False
    return (
        not labels
        or tells
        or any(is_metric(name) or "value" in name.lower() for name in names)
        or (sum("%" in name for name in names) > 1)
    )


_PARTS = frozenset({"params", "param #", "parameters"})


def _is_dense(
    header: str, texts: Sequence[Text], rows: Sequence[tuple[int, Found]], lines: set[int], taken: set[int]
) -> bool:
    """Whether rows without a step stand close together, or each below a header of its own."""
    if len(rows) > _SURE and len(rows[-1][1]) * 3 < len(rows[-2][1]) * 2:
        rows = rows[:-1]  # what is far below, and only looks like a row
        lines = {number for number in lines if number <= rows[-1][0]}
    near = [(number, text) for number, text in texts if number <= rows[-1][0] and number not in taken and text.strip()]
    within = [text for _, text in near]
    last = " ".join(table_cells.BARS.sub(" ", header.rpartition("\n")[2]).split())
    headers = sum(last in " ".join(table_cells.BARS.sub(" ", text).split()) for text in within)
    names = [name for _, row in rows for name in row]
    values = [value for _, row in rows for value in row.values()]
    measured = len(table_cells.BARS.findall(texts[0][1])) > 1 and all(value % 1 for value in values)
    if headers == len(rows) and (measured or all(map(is_metric, names))):
        return True
    close = (headers > 2 and len(rows) < 2 * headers) or len(lines) >= 0.6 * len({number for number, _ in near})
    return close and (len(rows) > 2 or any(" :" in name or "/" in name for name in names))


def _step_of(rows: list[Found], names: list[str], labels: object) -> str | None:
    """The column that counts: found by name, else the first column if it counts and no text is before it."""
    step = best_step(rows, [name for name in names if not (labels and name.lower() == "time")], least=1, exact=True)
    first = [row[names[0]] for row in rows if names[0] in row]
    begins = len(first) > _SURE and all(names[0] in row for row in rows[: len(first)])  # then comes another table
    mostly = begins or (len(first) > 2 and len(first) * 5 >= len(rows) * 4)
    whole = mostly and all(isinstance(value, int) for value in first)
    often = sum(one != other for one, other in zip(first, first[1:])) * 4 >= len(first)
    if step is None and whole and often and not labels and _goes_up(first, named=len(names[0]) > _LETTERS):  # type: ignore[arg-type]
        step = names[0]
    amounts = (name for name in names if _AMOUNT.match(name) and _counts_up([row.get(name) for row in rows]))
    return step or next(amounts, None)


_AMOUNT = re.compile(r"(?i)n(?:umber)?_(?:of_)?(?:trees|iterations|rounds|steps|epochs|samples)\Z")


def _counts_up(values: Sequence[object]) -> bool:
    """Whether whole numbers grow from row to row: `number_of_trees` is how far a model has come."""
    whole = [value for value in values if isinstance(value, (int, float)) and not value % 1]
    return len(whole) == len(values) > 2 and all(one < other for one, other in zip(whole, whole[1:]))


def _goes_up(values: Sequence[float], *, named: bool) -> bool:
    """Whether numbers grow from row to row; in the next table of the kind, by one, they may begin anew.

    In a few rows they may grow unevenly only if a word says what they are: a `Complexity`, but no `r`.
    """
    again = [i for i, (one, other) in enumerate(zip(values, values[1:])) if other < one]  # the last before it
    begins = [0, *(i + 1 for i in again), len(values)]
    blocks = {tuple(values[one:other]) for one, other in zip(begins, begins[1:])}
    if len(blocks) == 1 and again and len(values) > len(begins):
        return True  # the same numbers in each table
    steps = {other - one for i, (one, other) in enumerate(zip(values, values[1:])) if i not in again}
    if min(steps, default=0) <= 0 or (len(steps) > 1 and len(values) < (_SURE if named else _BY_CHANCE)):
        return False  # a load such as `1 3 3 4`: rows with the same step would be one
    return increasing(values) and (
        not again
        or (len(again) * 4 <= len(values) and steps == {1} and all(values[i + 1] < _ANEW < values[i] for i in again))
    )


_SURE = 4  # rows from the first on whose first number surely is what counts them
_ANEW = 3
_LETTERS = 2  # of a name that says nothing
_BY_CHANCE = 6  # so few different numbers may each be higher than the one before and yet count nothing
_ORNAMENTS = re.compile(r"\s*([-=*#~_])\1{9,}\s*\Z")  # a line without gaps: no rule between columns


def _is_first_of_two(texts: Sequence[Text], i: int) -> bool:
    """Whether the header is the next line, and this line only holds the first part of its names."""
    return i + 1 < len(texts) and _header(texts[i + 1][1]) is not None and _above(texts, i + 1) is not None


def _is_title(texts: Sequence[Text], i: int) -> bool:
    """Whether an empty line or a rule and then the header follow, so that this line is the title of the table.

    A sentence is its title also if the header is the next line.
    """
    if i + 1 < len(texts) and _is_sentence(texts[i][1], texts[i + 1][1]) and _header(texts[i + 1][1]) is not None:
        return _can_begin(texts, i + 1)
    at = i + 1
    while at < min(i + 4, len(texts)) and (not texts[at][1].strip() or _ORNAMENTS.match(texts[at][1])):
        at += 1
    between = at > i + 1 and at < len(texts)
    return between and _header(texts[at][1]) is not None and _can_begin(texts, at)


def _above(texts: Sequence[Text], i: int) -> str | None:
    """The line above a header if it is the first of two header lines.

    It has as many names as the header, or it has names above columns whose names occur twice.
    """
    text = texts[i - 1][1] if i else ""
    words = table_cells.BARS.sub(" ", text).split()
    below = table_cells.BARS.sub(" ", texts[i][1]).split()
    if table_headers.over_parts(text, texts[i][1]):
        return " ".join(words)
    if (
        "|" in text
        or len(words) < 2
        or any(map(str.isdigit, text))
        or table_cells.RULE.match(text)
        or _RULED.search(text)
    ):
        return None
    if (
        ":" in text
        or "=" in text
        or _is_sentence(text, texts[i][1])
        or text.rstrip().endswith((".", "!"))
        or len(text) - len(text.lstrip()) > len(texts[i][1])
    ):
        return None
    same = len(words) == len(below) == len(set(below)) > 3
    row = next((line for _, line in texts[i + 1 : i + 3] if not table_cells.RULE.match(line)), "").split()
    over = len(set(below)) < len(below) and len(words) < len(below) + 2 and not len(row) <= len(words) == len(below)
    turns = not (same or over) and table_headers.interleaved(text.rstrip(), texts[i][1].rstrip()) is not None
    return " ".join(words) if same or over or turns else None


def _is_sentence(above: str, header: str) -> bool:
    """Whether a line above a header of columns far apart is a sentence: all its words are one blank apart."""
    columns = len(table_cells.WIDE.findall(header.strip())) > _SENTENCE
    begins = len(above) - len(above.lstrip()) <= len(header) - len(header.lstrip())
    return columns and begins and len(table_cells.WIDE.findall(above.strip())) == 1


_SENTENCE = 2  # columns; below fewer, a line could name them all
_SELF_NAMED = re.compile(r"(?:\s*[A-Za-z_]{2,20} +[-+]?\d\S{0,20}){2,9}\s*")  # iter 200 value 0.05


def _fits(header: str, text: str) -> bool:
    bars, others = (len(table_cells.BARS.findall(line)) for line in (header, text))
    if _SELF_NAMED.fullmatch(text) or others > 2 * bars > 2:
        return False
    cells = table_cells.row(table_cells.PROGRESS.sub("", header).rstrip(), table_cells.PROGRESS.sub("", text))
    if not cells:
        return False
    values = [cell(value, ",") if cell(value) is None else cell(value) for value in cells.values()]
    numeric = sum(value is not None for value in values)
    return numeric >= 2 and numeric * 5 >= len(values) * 2


class _Rows(NamedTuple):
    """The rows of a table.

    Attributes:
        rows: each with the number of its line.
        lines: numbers of the table's lines.
        labels: the column whose texts tell the rows apart; None if there is none.
        tells: whether several of these texts are names of results.
    """

    rows: list[tuple[int, Found]]
    lines: set[int]
    labels: str | None
    tells: bool


def _rows(table: Table, texts: Sequence[Text], taken: set[int]) -> _Rows:
    state: dict[str, Any] = {}
    rows: list[tuple[int, Found]] = []
    lines: set[int] = set()
    labels = RowLabels()
    for i, (number, text) in enumerate(texts):
        if number in taken:
            continue
        found = table.find(text, state)
        if found is None:
            if "kinds" in state and text.strip() and len((_header(text) or "").split()) > 1 and _can_begin(texts, i):
                state.clear()
            continue
        lines.add(number)
        if found:
            rows.append((number, found))
            labels.note(text, state)
    label = labels.column()
    tells = label is not None and sum("/" not in text and is_metric(text) for text in labels.texts(label)) > 1
    return _Rows(rows, lines, label, tells)
