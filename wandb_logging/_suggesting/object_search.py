"""Finds objects: JSON in a line or over several, and lines that hold only `key=value` pairs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from wandb_logging._mining.cells import cell
from wandb_logging._mining.objects import numbers_of
from wandb_logging._mining.pairs import hidden
from wandb_logging._mining.spread import Spread
from wandb_logging._mining.template import Found
from wandb_logging._mining.vocabulary import APART, EPOCHS, is_id, is_measure, is_metric, is_setting, step_rank
from wandb_logging._suggesting.findings import Finding, Text, best_step, is_clock
from wandb_logging._wording import counted


def json_lines(texts: Sequence[Text]) -> list[Finding]:
    """Find lines with JSON objects, grouped by the text before the brace."""
    groups: dict[str, list[tuple[int, str, Found]]] = defaultdict(list)
    requests: dict[str, list[Found]] = defaultdict(list)
    for number, text in texts:
        at = text.find("{")
        found = numbers_of(text) if 0 <= at < 200 else None
        if found and sum(not isinstance(value, str) for value in found.values()) > 0 and len(found) > 1:
            before = hidden(text[:at])
            before = _NUMBER.sub("0", before) if "%|" in before else before
            if _REQUEST.search(text):
                requests[before].append(found)
            else:
                groups[before].append((number, text, found))
    kept = {
        before: rows
        for before, rows in groups.items()
        if len(rows) > 2 or _same_twice(rows) or (not before and _hold_results([found for _, _, found in rows]))
    }
    return [
        _json(before, rows, requests[before])
        if _tell([row[2] for row in rows])
        else Finding([], "", {number for number, _, _ in rows})
        for before, rows in kept.items()
    ]


_REQUEST = re.compile(r"[\"']method[\"']: ?[\"'](?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)[\"']")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _same_twice(rows: list[tuple[int, str, Found]]) -> bool:
    return len(rows) == 2 and rows[0][2].keys() == rows[1][2].keys()


def _with_numbers(founds: Iterable[Found]) -> list[str]:
    """The names that have a number in at least one of these, in the order in which they come."""
    return list(dict.fromkeys(name for found in founds for name, value in found.items() if not isinstance(value, str)))


def _tell(founds: Sequence[Found]) -> bool:
    """Whether objects hold more than what stays the same, what identifies, and what grows by one."""
    values: dict[str, list[float]] = defaultdict(list)
    if any(isinstance(found.get(name), str) for found in founds for name in _RECORD) or all(map(_is_request, founds)):
        every = _with_numbers(founds)
        step = best_step(founds, [name for name in every if "/" not in name], least=1)
        return step is not None or any(map(is_measure, every))
    for found in founds:
        for name, value in found.items():
            if not isinstance(value, str) and not is_id(name):
                values[name].append(value)
    return any(is_metric(name) or step_rank(name) is not None or not _is_key(ones) for name, ones in values.items())


_RECORD = ("msg", "message", "level", "severity", "caller", "@mt")  # of an application's logger
_STATUS = frozenset({"status", "statuscode", "status_code", "code"})


def _is_request(found: Found) -> bool:
    """Whether an object tells how a request ended."""
    return any(
        isinstance(value, int) and 100 <= value < 600 and name.rpartition("/")[2].lower() in _STATUS
        for name, value in found.items()
    )


def _is_key(values: Sequence[float]) -> bool:
    """Whether whole numbers stay the same, or grow by one from object to object."""
    steps = {other - one for one, other in zip(values, values[1:])}
    return steps in ({0}, {1}) and not values[0] % 1


def _hold_results(founds: Sequence[Found]) -> bool:
    """Whether each of a few objects has a result: a log may be short."""
    return all(
        any(not isinstance(value, str) and is_metric(name.rpartition("/")[2]) for name, value in found.items())
        for found in founds
    )


def _json(before: str, rows: list[tuple[int, str, Found]], requests: list[Found]) -> Finding:
    """A rule for the objects behind a text; what only `requests` hold, which the rule finds as well, is no metric."""
    founds = [found for _, _, found in rows]
    names = [
        name
        for name, value in {name: value for found in founds for name, value in found.items()}.items()
        if not isinstance(value, str)
    ]
    step = best_step(founds, [name for name in names if "/" not in name], least=1)
    rule: dict[str, Any] = {"json": True}
    text = re.split(r"\x01|\d", before)[-1].lstrip() if "%|" in before else before.rpartition("\x01")[2].lstrip()
    if text.strip():
        rule = {"has": text + "{", **rule}
    _name(rule, step, founds, names)
    asked = sorted(set(_with_numbers(requests)).difference(names))
    if asked:
        rule["drop"] = [*rule.get("drop", ()), *asked]
    apart = APART.search(text)
    if "prefix" not in rule and apart:
        rule["prefix"] = f"{apart[0]}/"
    return Finding([rule], counted(len(rows), "JSON object"), {number for number, _, _ in rows}, rows[0][0])


def spread_objects(texts: Sequence[Text]) -> list[Finding]:
    """Find objects over several lines: the same names come again, or most of them are those of results."""
    form = Spread()
    state: dict[str, Any] = {}
    groups: dict[tuple[str, ...], list[tuple[int, Found, list[int]]]] = defaultdict(list)
    open_lines: list[int] = []
    for number, text in texts:
        found = form.find(text, state)
        open_lines = [] if found is None else [*open_lines, number]
        if found:
            names = tuple(sorted(_with_numbers([found])))
            groups[names].append((number, found, open_lines))
            open_lines = []
    kept = {names: rows for names, rows in groups.items() if _are_results(names, [row for _, row, _ in rows])}
    founds = [(number, found) for rows in kept.values() for number, found, _ in rows]
    if not founds:
        return []
    rule: dict[str, Any] = {"json": "many"}
    every = list(dict.fromkeys(name for names in kept for name in names))
    step = best_step([found for _, found in founds], [name for name in every if "/" not in name], least=1)
    _name(rule, step, [found for _, found in founds], every)
    lines = {line for rows in kept.values() for *_, own in rows for line in own}
    return [Finding([rule], f"{len(founds)} objects over several lines", lines, min(founds)[0], follows=step is None)]


def _are_results(names: Sequence[str], founds: Sequence[Found]) -> bool:
    last = [name.rpartition("/")[2] for name in names]
    results = sum(is_metric(name) and not is_setting(name) for name in last)
    measured = [name for name in names if any(found[name] % 1 for found in founds)]
    varies = any(len({found[name] for found in founds}) > 1 for name in measured)
    return bool(results and measured) and (varies or results * 2 > len(names) > 1)


def key_values(texts: Sequence[Text]) -> list[Finding]:
    """Find lines that hold only `key=value` pairs."""
    rows = []
    for number, text in texts:
        stripped = text.strip()
        parts = _KEY_VALUE.findall(stripped)
        if len(parts) > 2 and sum(map(len, parts)) == len(stripped):
            pairs = [part.strip().partition("=") for part in parts]
            found: Found = {}
            for name, _, quoted in pairs:
                value = quoted.rstrip(",").strip("\"'")
                number_of = cell(value) if not re.search(r"\d[.:-]\d+[.:-]\d", value) else None
                found[name] = value if number_of is None else number_of
            rows.append((number, found))
    if len(rows) < 4 or not any(isinstance(value, str) for _, row in rows for value in row.values()):
        return []
    founds = [found for _, found in rows]
    if sum(map(_is_request, founds)) * 2 > len(founds):
        return [Finding([], "", {number for number, _ in rows})]
    names = _with_numbers(founds)
    step = best_step(founds, names, least=1)
    rule: dict[str, Any] = {"pairs": "="}
    _name(rule, step, founds, names)
    return [Finding([rule], f"{len(rows)} lines of key=value", {number for number, _ in rows}, rows[0][0])]


_KEY_VALUE = re.compile(r"[A-Za-z_][\w.]*=(?:\"[^\"]*\"|'[^']*'|\S*)(?:\s+|$)")


def _name(rule: dict[str, Any], step: str | None, founds: list[Found], names: list[str]) -> None:
    """Give a rule its step and prefix, and exclude what is no metric. The rows carry the names of their numbers."""
    if step is not None and step != "step":
        rule["step"] = step
    event = _event([found for found in founds if step is None or step in found])
    if event is not None:
        rule["prefix"] = f"{{{event}}}/"
    ids = [name for name in names if is_id(name) and name != step] + [
        name
        for name in names
        if name not in (step, *EPOCHS) and all(is_clock(found.get(name)) for found in founds if name in found)
    ]
    if ids:
        rule["drop"] = list(dict.fromkeys(ids))


def _event(founds: list[Found]) -> str | None:
    """The name of the text member that says which kind of row each is; None if there is no such member."""
    for name in _EVENTS:
        values = [found[name] for found in founds if isinstance(found.get(name), str)]
        slugs = {value for value in values if re.fullmatch(r"[\w.:-]{1,40}", str(value))}
        if len(values) == len(founds) and 1 < len(slugs) == len(set(values)) <= max(4, len(founds) // 3):
            return name
    return None


_EVENTS = ("event", "split", "phase", "mode", "stage", "subset", "kind", "type", "_type", "name", "msg", "message")
