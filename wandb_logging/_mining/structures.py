"""What in a log takes more than one line, or has a form of its own: tables, boxes, blocks, JSON, key=value lines."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wandb_logging._mining import tables
from wandb_logging._mining.blocks import Box
from wandb_logging._mining.objects import numbers_of
from wandb_logging._mining.pairs import hidden
from wandb_logging._mining.tables import Table, cell
from wandb_logging._mining.template import Found
from wandb_logging._mining.vocabulary import APART, EPOCHS, step_rank

Text = tuple[int, str]

_TIMING = frozenset("time min max avg average total calls section %total %varavg count % wall cpu (s) ms sec".split())
_EVENTS = ("event", "split", "phase", "mode", "stage", "subset", "kind", "type", "name", "msg", "message")
_IDS = re.compile(
    r"(?i)(?:^|[_./ ])(?:pid|tid|ppid|id|ids|uid|port|lineno|line|rank|version|seed|chain|engine|dataloader|fold|worker"
    r"|shard|replica|timestamp|ts|process|thread|created|msecs)$"
)
_PERCENT = re.compile(r"\s*\d+(?:\.\d+)?%\s+[\d.,]+\s?[a-zµ]{0,4}(?:\s|$)")
_KEY_VALUE = re.compile(r"[A-Za-z_][\w.]*=(?:\"[^\"]*\"|'[^']*'|\S*)(?:\s+|$)")
_BLOCK_ENTRY = re.compile(r"\s+[\w./@ -]{1,60}:(?: \S.*)?\Z")


@dataclass
class Finding:
    """Rules for one thing in a log, and the lines that they take.

    Attributes:
        rules: as `text_metrics.rules` has them.
        comment: what they are for.
        lines: numbers of the lines.
        first: the first row's line, 0 if it does not matter.
    """

    rules: list[dict[str, Any]]
    comment: str
    lines: set[int] = field(default_factory=set)
    first: int = 0


def increasing(values: Sequence[float]) -> bool:
    """Whether numbers count up, perhaps from the beginning again now and then."""
    ups = sum(one < other for one, other in zip(values, values[1:]))
    downs = [other for one, other in zip(values, values[1:]) if one > other]
    again = all(value <= values[0] for value in downs)
    return ups > 0 and (again or len(downs) <= max(1, len(values) // 4)) and len(downs) <= ups


def is_id(name: str) -> bool:
    """Whether a number is only a name for something."""
    return bool(_IDS.search(name)) and "/s" not in name


def best_step(rows: Iterable[Found], names: Iterable[str], *, least: int = 2, exact: bool = False) -> str | None:
    """The name of what counts the rows, of several the finest."""
    rows = list(rows)
    ranked: list[tuple[tuple[bool, int, float], int, str | None]] = []
    for place, name in enumerate(names):
        rank = 1 if name == "#" else step_rank(name.rpartition("/")[2] or name)
        if exact and place > 0 and name.lower() in {"time", "t"}:
            continue
        values = [row[name] for row in rows if name in row]
        counts = [
            value
            for value in values
            if isinstance(value, (int, float)) and value == int(value if value == value and abs(value) < 1e15 else 0)
        ]
        if rank is not None and len(counts) == len(values) >= least * len(rows) / 3 and counts:
            constant = len(set(counts)) == 1 < len(counts)  # the rows would be one
            if constant or len(counts) == 1 or increasing(counts):
                missing = len(rows) - len(values)
                order = (bool(rank % 1), missing, rank) if exact else (False, missing, rank)
                ranked.append((order, place, None if constant else name))
    return min(ranked, key=lambda item: item[:2])[2] if ranked else None


def boxes(texts: Sequence[Text]) -> Finding | None:
    """Boxes of names and values."""
    form, state, taken, rows = Box(), {}, set(), []  # type: ignore[var-annotated]
    open_lines: list[int] = []
    for number, text in texts:
        found = form.find(text, state)
        open_lines = [] if found is None else [*open_lines, number]
        if found and len(found) > 1:
            rows.append((number, found))
            taken.update(open_lines)
    if len(rows) < 2 and not (rows and len(rows[0][1]) > 3):
        return None
    names = {name: None for _, row in rows for name in row}
    step = best_step([row for _, row in rows], names)
    rule: dict[str, Any] = {"box": True}
    if step is not None:
        rule["step"] = step
    return Finding([rule], f"{len(rows)} boxes of {len(names)} values", taken, rows[0][0])


def table_findings(texts: Sequence[Text]) -> list[Finding]:
    """Tables, each by its header."""
    found: list[Finding] = []
    taken: set[int] = set()
    seen: set[str] = set()
    tried: Counter[str] = Counter()
    for i, (number, text) in enumerate(texts):
        header = _header(text)
        if header is None or header in seen or number in taken:
            continue
        finding = _table(header, texts, i, taken)
        if finding is None and _can_begin(texts, i):
            tried[header] += 1  # each costs a pass over the log
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
    """Whether a row is below a line that could be a header."""
    following = [text for _, text in texts[i + 1 : i + 5] if text.strip() and not tables.RULE.match(text)][:2]
    return any(_fits(texts[i][1], text) for text in following)


def _header(text: str) -> str | None:
    """The text of a line that could be a header."""
    text = tables.PROGRESS.sub("", text)
    if text.count(",") > 1:
        text = text.replace('"', "")
    words = tables.BARS.sub(" ", text).split()
    if words and hidden(words[0]).startswith("\x01"):
        words = words[1:]
    if "|" in text and sum(bool(part.strip()) for part in text.split("|")) < 2:
        return None
    separated = sum(text.count(separator) for separator in ",;\t|")
    if len(text) > 600 or not (2 <= len(words) <= 60 or (len(words) == 1 and text.count(",") > 1)):
        return None
    if any(cell(word) is not None and not word.isalpha() for word in re.split(r"[\s,;]+", " ".join(words))):
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
    wide = len(re.findall(r"\s{2,}", text.strip())) or separated > 1 or text.strip().replace(" ", "").isalnum()
    return " ".join(words) if wide else None


def _table(header: str, texts: Sequence[Text], i: int, taken: set[int]) -> Finding | None:
    if not _can_begin(texts, i):
        return None
    following = [text for _, text in texts[i + 1 : i + 5] if text.strip() and not tables.RULE.match(text)][:2]
    comma = any(re.search(r"\s\d+,\d\d?(?:\s|$)", f" {text}") for text in following)
    plain = set(re.split(r"[\s|]+", header.lower()))
    if (
        "time" in plain
        and len(plain - _TIMING) < 2
        and not any(step_rank(word) is not None for word in plain - _TIMING)
    ):
        return None
    decimal = "," if comma else "."
    rows, lines, labels = _rows(Table(header, decimal=decimal), texts[i:], taken)
    if len(rows) < 2 or (len(rows) < 3 and len(rows[0][1]) < 3):
        return None
    within = [text for number, text in texts[i:] if number <= rows[-1][0] and number not in taken and text.strip()]
    headers = sum(header in " ".join(tables.BARS.sub(" ", text).split()) for text in within)
    dense = 1 if headers > 2 and len(rows) < 2 * headers else len(lines) / len(within)
    names = list(dict.fromkeys(name for _, row in rows for name in row))
    first = [row.get(names[0]) for _, row in rows]
    step = best_step([row for _, row in rows], names, least=1, exact=True)
    whole = all(isinstance(value, int) for value in first)
    if step is None and whole and len(rows) > 2 and all(a < b for a, b in zip(first, first[1:])):  # type: ignore[operator]
        step = names[0]
    rule: dict[str, Any] = {"table": header}
    if step is not None:
        rule["step"] = step
        rows, lines, _ = _rows(Table(header, decimal=decimal, step=step), texts[i:], taken)
        if not rows:
            return None
    elif labels:
        rule["names"] = labels
    elif dense < 0.6 or (len(rows) < 3 and not any(" :" in str(name) or "/" in str(name) for name in names)):
        return None
    if comma:
        rule["decimal"] = ","
    return Finding(
        [rule],
        f"a table of {len(rows)} rows" if step else f"a table of {len(rows)} rows without a step",
        lines,
        rows[0][0] if step else 0,
    )


def _fits(header: str, text: str) -> bool:
    cells = tables.row(tables.PROGRESS.sub("", header).rstrip(), tables.PROGRESS.sub("", text))
    if not cells:
        return False
    values = [cell(value, ",") if cell(value) is None else cell(value) for value in cells.values()]
    numeric = sum(value is not None for value in values)
    return numeric >= 2 and numeric * 5 >= len(values) * 2


def _rows(table: Table, texts: Sequence[Text], taken: set[int]) -> tuple[list[tuple[int, Found]], set[int], str | None]:
    state: dict[str, Any] = {}
    rows: list[tuple[int, Found]] = []
    lines: set[int] = set()
    first_cells: dict[str, set[str]] = defaultdict(set)
    for i, (number, text) in enumerate(texts):
        if number in taken:
            continue
        found = table.find(text, state)
        if found is None:
            if state and text.strip() and len((_header(text) or "").split()) > 1 and _can_begin(texts, i):
                state.clear()
            continue
        lines.add(number)
        if found:
            rows.append((number, found))
            cells = tables.row(state["header"], tables.PROGRESS.sub("", text)) or {}
            name = next(iter(cells), "")
            if name and cell(cells[name]) is None and len(cells[name]) > 2:
                first_cells[name].add(cells[name])
    label = next((name for name, values in first_cells.items() if len(values) > 1 and len(values) == len(rows)), None)
    return rows, lines, label


def percentiles(texts: Sequence[Text]) -> list[Finding]:
    """Lines `50%  12 ms` below each other."""
    found = []
    run: list[Text] = []
    above = ""
    for number, text in [*texts, (0, "")]:
        if _PERCENT.match(text):
            run.append((number, text))
            continue
        if len(run) > 2:
            rule: dict[str, Any] = {"line": " {percent:word}% {$percent%}"}
            if 0 < len(above.split()) < 4:
                rule["prefix"] = f"{above.strip().rstrip(':')}/"
            found.append(Finding([rule], f"{len(run)} percentiles", {number for number, _ in run}))
        run = []
        above = text if text.strip() else above
    return found[:1]


def exposition(texts: Sequence[Text]) -> Finding | None:
    """The text format of Prometheus: `name{label="x"} value`."""
    if sum(text.startswith("# TYPE ") for _, text in texts) < 2:
        return None
    rule = {"regex": r"^(?P<name>[a-zA-Z_:][\w:]*(?:\{[^}]*\})?) (?P<value>\S+)", "has": "_"}
    lines = {
        number
        for number, text in texts
        if re.match(r"[a-zA-Z_:][\w:]*(?:\{[^}]*\})? \S+", text) or text.startswith("# ")
    }
    return Finding([rule], "metrics in Prometheus' text format", lines, 0)


def blocks(texts: Sequence[Text]) -> Finding | None:
    """A line, and indented `name: value` lines below it, more than once."""
    starts: dict[str, list[int]] = defaultdict(list)
    for i, (_, text) in enumerate(texts):
        if text.strip() and not text[0].isspace() and text.rstrip().endswith(":"):
            below = [below for _, below in texts[i + 1 : i + 6] if _BLOCK_ENTRY.match(below)]
            if len(below) > 4:
                starts[text.split(":")[0].split()[0]].append(i)
    for word, places in starts.items():
        if len(places) > 1:
            return _block(word, places, texts)
    return None


def _block(word: str, places: list[int], texts: Sequence[Text]) -> Finding | None:
    first = texts[places[0]][1]
    head = _common([texts[i][1] for i in places]) or word
    lines: set[int] = set()
    rows: list[Found] = []
    for i in places:
        row: Found = {}
        for number, text in texts[i:]:
            if number != texts[i][0] and not _BLOCK_ENTRY.match(text):
                break
            lines.add(number)
            name, _, value = text.strip().partition(": ")
            number_of = cell(value)
            if number_of is not None:
                row[name] = number_of
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    step = best_step(rows, names)
    rule: dict[str, Any] = {"block": f"{head.rstrip()}" if head.strip() != first.strip() else first.strip()}
    if step is not None:
        rule["step"] = step
    ids = [name for name in names if is_id(name) and name != step]
    if ids:
        rule["drop"] = ids
    return Finding([rule], f"{len(places)} blocks of {len(names)} values", lines, texts[places[0]][0])


def _common(texts: list[str]) -> str:
    """What several lines begin with, as whole words, as a template."""
    words = []
    for parts in zip(*(text.split() for text in texts)):
        if len(set(parts)) > 1:
            break
        words.append(parts[0])
    return " ".join(words).replace("{", "{{").replace("}", "}}")


def json_lines(texts: Sequence[Text]) -> list[Finding]:
    """Lines with JSON objects, apart by what is before the brace."""
    groups: dict[str, list[tuple[int, str, Found]]] = defaultdict(list)
    for number, text in texts:
        at = text.find("{")
        found = numbers_of(text) if 0 <= at < 200 else None
        if found and sum(not isinstance(value, str) for value in found.values()) > 0 and len(found) > 1:
            groups[hidden(text[:at])].append((number, text, found))
    kept = {before: rows for before, rows in groups.items() if len(rows) > 2 or _same_twice(rows)}
    return [_json(before, rows) for before, rows in kept.items()]


def _same_twice(rows: list[tuple[int, str, Found]]) -> bool:
    return len(rows) == 2 and rows[0][2].keys() == rows[1][2].keys()


def _json(before: str, rows: list[tuple[int, str, Found]]) -> Finding:
    founds = [found for _, _, found in rows]
    names = [
        name
        for name, value in {name: value for found in founds for name, value in found.items()}.items()
        if not isinstance(value, str)
    ]
    step = best_step(founds, [name for name in names if "/" not in name], least=1)
    rule: dict[str, Any] = {"json": True}
    text = before.rpartition("\x01")[2].lstrip()
    if text.strip():
        rule = {"has": text + "{", **rule}
    _name(rule, step, founds, names)
    apart = APART.search(text)
    if "prefix" not in rule and apart:
        rule["prefix"] = f"{apart[0]}/"
    return Finding([rule], f"{len(rows)} JSON objects", {number for number, _, _ in rows}, rows[0][0])


def _name(rule: dict[str, Any], step: str | None, founds: list[Found], names: list[str]) -> None:
    """The step, the prefix and what is no metric, of rows that say their names themselves."""
    if step is not None and step != "step":
        rule["step"] = step
    event = _event(founds)
    if event is not None:
        rule["prefix"] = f"{{{event}}}/"
    ids = [name for name in names if is_id(name) and name != step] + [
        name
        for name in names
        if name not in (step, *EPOCHS) and all(_is_clock(found.get(name)) for found in founds if name in found)
    ]
    if ids:
        rule["drop"] = list(dict.fromkeys(ids))


def _is_clock(value: object) -> bool:
    return isinstance(value, (int, float)) and 1.2e9 < value < 3e9


def _event(founds: list[Found]) -> str | None:
    """The name of the text that says what kind of row each is, if there is one."""
    for name in _EVENTS:
        values = [found[name] for found in founds if isinstance(found.get(name), str)]
        slugs = {value for value in values if re.fullmatch(r"[\w.:-]{1,40}", str(value))}
        if len(values) == len(founds) and 1 < len(slugs) == len(set(values)) <= max(4, len(founds) // 3):
            return name
    return None


def key_values(texts: Sequence[Text]) -> Finding | None:
    """Lines of nothing but `key=value`."""
    rows = []
    for number, text in texts:
        stripped = text.strip()
        parts = _KEY_VALUE.findall(stripped)
        if len(parts) > 2 and sum(map(len, parts)) == len(stripped):
            pairs = [part.strip().partition("=") for part in parts]
            found: Found = {}
            for name, _, quoted in pairs:
                value = quoted.strip("\"'")
                number_of = cell(value) if not re.search(r"\d[.:-]\d+[.:-]\d", value) else None
                found[name] = value if number_of is None else number_of
            rows.append((number, found))
    if len(rows) < 4 or not any(isinstance(value, str) for _, row in rows for value in row.values()):
        return None
    founds = [found for _, found in rows]
    names = list(dict.fromkeys(name for found in founds for name, value in found.items() if not isinstance(value, str)))
    step = best_step(founds, names, least=1)
    rule: dict[str, Any] = {"pairs": "="}
    _name(rule, step, founds, names)
    return Finding([rule], f"{len(rows)} lines of key=value", {number for number, _ in rows}, rows[0][0])


# From what is surest to what is least.
ALL: tuple[Callable[[Sequence[Text]], Finding | list[Finding] | None], ...] = (
    exposition, boxes, blocks, json_lines, key_values, percentiles, table_findings,
)  # fmt: skip
