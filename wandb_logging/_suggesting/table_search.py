"""Find the tables of a log by their headers: below a line of names there are rows of numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from wandb_logging._mining import cells as table_cells
from wandb_logging._mining.cells import cell
from wandb_logging._mining.numbers import pointed
from wandb_logging._mining.tables import Table
from wandb_logging._mining.template import Found
from wandb_logging._mining.vocabulary import is_metric, step_rank
from wandb_logging._suggesting.findings import Finding, Text
from wandb_logging._suggesting.header_lines import can_begin, header_of, is_first_of_two, is_title, line_above
from wandb_logging._suggesting.profiles import is_profile
from wandb_logging._suggesting.table_rows import Rows, rows_of
from wandb_logging._suggesting.table_step import step_of
from wandb_logging._suggesting.table_worth import are_results


def table_findings(texts: Sequence[Text]) -> list[Finding]:
    """Find the tables, each by its header."""
    found: list[Finding] = []
    taken: set[int] = set()
    seen: set[str] = set()
    tried: Counter[str] = Counter()
    for i, (number, text) in enumerate(texts):
        header = header_of(text)
        if header is None or header in seen or number in taken:
            continue
        follows = any(text.strip() == finding.rules[0].get("ends") for finding in found)
        finding = _table(header, texts, i, taken, follows=follows)
        if finding is None and can_begin(texts, i):
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


def _table(header: str, texts: Sequence[Text], i: int, taken: set[int], *, follows: bool) -> Finding | None:
    """The table with this header; None if there is no table or it holds no metrics.

    A single row is enough if the table follows another, which this header ends.
    """
    if not can_begin(texts, i) or is_first_of_two(texts, i) or is_profile(header) or is_title(texts, i):
        return None
    decimal = _decimal(texts, i)
    if decimal == ",":
        texts = [(number, pointed(text)) for number, text in texts]
    above = line_above(texts, i)
    header, texts = (header, texts[i:]) if above is None else (f"{above}\n{header}", texts[i - 1 :])
    found = rows_of(Table(header), texts, taken)
    if not _is_table(found.rows, follows=follows):
        return None
    names = _names_of(found.rows)
    step = _step_of(header, names, found)
    rule: dict[str, Any] = {"table": header}
    if step is not None:
        rule["step"] = step if step in header or "/" not in step else step.partition("/")[2]  # without the row's label
        counted = rows_of(Table(header, step=rule["step"]), texts, taken)
        found = found._replace(rows=counted.rows, lines=counted.lines)
    if not are_results(header, names, found, texts, taken, step=step):
        return None
    if found.labels and (step is None or _is_twice(row.get(rule["step"]) for _, row in found.rows)):
        rule["names"] = found.labels
    other = _other_header(Table(header, step=rule.get("step")), texts)
    if other is not None:
        rule["ends"] = other
    if decimal == ",":
        rule["decimal"] = ","
    whose = [name for name in names if name.lower() in _WHOSE and name != rule.get("step")]
    if whose:
        rule["drop"] = whose
    comment = f"a table of {len(found.rows)} rows" + ("" if step else " without a step")
    return Finding([rule], comment, found.lines, found.rows[0][0] if step else 0)


_WHOSE = frozenset({"pid", "ppid", "tid", "tgid", "uid", "gid"})  # columns that say whose process a row is: no metrics


def _is_table(rows: Sequence[tuple[int, Found]], *, follows: bool) -> bool:
    """Whether rows are enough for a table: two of them, three if they have few numbers; one that is sure to be one."""
    if len(rows) == 1:
        return follows or (len(rows[0][1]) > _WIDE and all(map(is_metric, rows[0][1])))
    return len(rows) > 2 or (len(rows) == 2 and (len(rows[0][1]) > _WIDE or _tells_an_end(rows)))


_WIDE = 2  # numbers of a row; with more of them few rows are enough


def _names_of(rows: Sequence[tuple[int, Found]]) -> list[str]:
    """The names of all columns, those of the fullest row first."""
    fullest = max((row for _, row in rows), key=len)
    return list(dict.fromkeys([*fullest, *(name for _, row in rows for name in row)]))


def _step_of(header: str, names: Sequence[str], found: Rows) -> str | None:
    """The column that counts; but not the cell before a row that is a number here and a text there."""
    last = header.rpartition("\n")[2].strip("# |")
    step = step_of([row for _, row in found.rows], names, led=bool(found.labels) or not _begins(names[0], last))
    return None if step == "step" and any(step not in row for _, row in found.rows) else step


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
        if over and header_of(above) is not None and not table.is_header(above):
            return above.strip()
    return None


def _begins(name: str, header: str) -> bool:
    """Whether a column is the first that the header names."""
    parts = re.split(r"[\s,;|]+", header.rpartition(" - ")[2])
    first = parts[1] if len(parts) > 2 and len(parts[0]) == 1 and not name.startswith(parts[0]) else parts[0]  # a mark
    return name.endswith(first) or name.startswith(f"{first} ")


def _is_twice(steps: Iterable[object]) -> bool:
    """Whether each step has more than one row, which a text in the row tells apart."""
    counts = Counter(steps)
    return len(counts) > 1 and min(counts.values()) > 1


def _decimal(texts: Sequence[Text], i: int) -> str:
    """The decimal separator in the rows below a header."""
    following = [text for _, text in texts[i + 1 : i + 5] if text.strip() and not table_cells.RULE.match(text)][:2]
    apart = texts[i][1].count(";") > 1  # semicolons separate the cells, so a comma does not
    form = r"[;\s]\d+,\d+(?=;|\s|$)" if apart else r"\s[-+]?(?:\d+,(?:\d\d?|\d{4,})|0,\d+)(?:\s|$)"
    return "," if any(re.search(form, f" {text}") for text in following) else "."
