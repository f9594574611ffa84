"""Whether the rows of a table are results, and no list of things, of processes, or of the parts of a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from wandb_logging._mining import cells as table_cells
from wandb_logging._mining.vocabulary import is_metric, words
from wandb_logging._suggesting.findings import Text
from wandb_logging._suggesting.table_rows import Rows


def are_results(
    header: str, names: Sequence[str], found: Rows, texts: Sequence[Text], taken: Collection[int], *, step: str | None
) -> bool:
    """Whether the rows of a table are results.

    Args:
        header: the header.
        names: the columns that have numbers.
        found: the rows.
        texts: the lines of the log from the header on.
        taken: numbers of the lines that are another table's.
        step: the column that counts the rows; None if there is none.
    """
    if _are_processes(header, names, found, texts) or _are_things(names, found, texts):
        return False
    if _are_atoms(names) or _are_bars(names, found, texts):
        return False
    if step is not None:
        return bool(found.rows) and _KEYS.isdisjoint(words(step)[-1:])
    return _tell_results(names, found) and (found.labels is not None or _is_dense(header, found, texts, taken))


_KEYS = frozenset({"id", "ids", "uid"})  # first columns of lists that only happen to have numbers


def _are_bars(names: Sequence[str], found: Rows, texts: Sequence[Text]) -> bool:
    """Whether rows draw how often each value came: `0.301 |*************** 892`."""
    counts = any(word in name.lower() for name in names for word in ("count", "freq"))
    return counts and sum(number in found.lines and bool(_DRAWN.search(text)) for number, text in texts) > _LEAST_DRAWN


_DRAWN = re.compile(r"([*#@\u25a0\u2588])\1{4}")
_LEAST_DRAWN = 2


def _are_things(names: Sequence[str], found: Rows, texts: Sequence[Text]) -> bool:
    """Whether most rows have words of their own, as in a list of files or sockets, and no column is a result's.

    In a series the words come again. What stands at an address is a thing, whatever its columns are called.
    """
    if found.tells:
        return False
    rows = [text for number, text in texts if number in found.lines and any(map(str.isdigit, text))]
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


def _are_processes(header: str, names: Sequence[str], found: Rows, texts: Sequence[Text]) -> bool:
    """Whether rows are the processes of a machine at one time; where each row says when, they are a series."""
    if _PROCESSES.isdisjoint(name.lower() for name in names):
        return False
    at = {number for number, _ in found.rows}
    timed = header.split(maxsplit=1)[0].lower().strip("#").startswith("time")
    return not timed and not any(number in at and _AT.search(text[:12]) for number, text in texts)


_PROCESSES = frozenset({"pid", "tgid"})
_AT = re.compile(r"\d:\d\d")


def _are_atoms(names: Sequence[str]) -> bool:
    """Whether the rows of a table say where the atoms of a molecule are."""
    words = {word for name in names for word in re.findall(r"[a-z]+", name.lower())}
    return {"x", "y", "z"} <= words and not words.isdisjoint({"symbol", "atom", "element", "species"})


def _tell_results(names: Sequence[str], found: Rows) -> bool:
    """Whether rows that a text column tells apart are results, rather than a list of things or the parts of a model."""
    of_parts = not _PARTS.isdisjoint(name.rpartition("/")[2].lower() for name in names)
    if of_parts and not any(name.endswith("/s") for name in names):
        return False
    if not found.labels or found.tells:
        return True
    return any(is_metric(name) or "value" in name.lower() for name in names) or sum("%" in name for name in names) > 1


_PARTS = frozenset({"params", "param #", "parameters"})


def _is_dense(header: str, found: Rows, texts: Sequence[Text], taken: Collection[int]) -> bool:
    """Whether rows without a step stand close together, or each below a header of its own."""
    rows, lines = found.rows, found.lines
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


_SURE = 4  # rows, of which the last may be one that only looks like it
