"""Finds the forms in which programs report to others: of Prometheus, of MQTT and Graphite, counters, percentiles."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from wandb_logging._mining.numbers import PLAIN
from wandb_logging._mining.vocabulary import APART, is_id, is_setting
from wandb_logging._suggesting.findings import Finding, Text


def exposition(texts: Sequence[Text]) -> list[Finding]:
    """Find the text format of Prometheus: `name{label="x"} value`."""
    if sum(text.startswith("# TYPE ") for _, text in texts) < 2:
        return []
    rule = {"regex": r"^(?P<name>[a-zA-Z_:][\w:]*(?:\{[^}]*\})?) (?P<value>\S+)", "has": "_"}
    lines = {
        number
        for number, text in texts
        if re.match(r"[a-zA-Z_:][\w:]*(?:\{[^}]*\})? \S+", text) or text.startswith("# ")
    }
    return [Finding([rule], "metrics in Prometheus' text format", lines, 0)]


def paths(texts: Sequence[Text]) -> list[Finding]:
    """Find lines of MQTT or Graphite: `load/sent/1min 0.43`, `load.sent 0.4 1795856230`."""
    found = {number: match for number, text in texts if (match := _PATH.match(text))}
    said = sum(bool(text.strip()) for _, text in texts)
    measured = sum("." in match["value"] or match["at"] is not None for match in found.values())
    if len(found) < _LEAST_PATHS or 2 * len(found) < said or 2 * measured < len(found):
        return []
    slashes = sum("/" in match["name"] for match in found.values())
    name = r"(?P<name>[$A-Za-z_][\w$:./%=-]+)"
    rule = {"regex": rf"^{name} {_NUMBERED}(?: \d{{10,13}})?$", "has": "/" if 2 * slashes > len(found) else "."}
    return [Finding([rule], f"{len(found)} paths with their numbers", set(found))]


def counters(texts: Sequence[Text]) -> list[Finding]:
    """Find runs of lines of one word, a name and its number: `STAT get_hits 300`, `STAT get_misses 300`."""
    runs: dict[str, dict[int, str]] = defaultdict(dict)
    for number, text in texts:
        if (match := _COUNTER.match(text)) and not APART.match(text):
            runs[match["word"]][number] = match["name"]
    return [
        Finding(
            [
                {
                    "regex": rf"^{word} (?P<name>{_ONE_NAME}) {_NUMBERED}$",
                    "has": f"{word} ",
                    **_without_ids(names.values()),
                }
            ],
            f"{len(names)} counters",
            set(names),
        )
        for word, names in runs.items()
        if len(names) >= _LEAST_COUNTERS and len(set(names.values())) * 2 > len(names)
    ]


def _without_ids(names: Iterable[str]) -> dict[str, list[str]]:
    left = [name for name in dict.fromkeys(names) if is_id(name) or is_setting(name)]
    return {"drop": left} if left else {}


_NUMBERED = rf"(?P<value>{PLAIN})"
_ONE_NAME = r"[a-z][a-z\d._:]{2,40}"
_COUNTER = re.compile(rf"(?P<word>[A-Za-z]{{2,12}}) (?P<name>{_ONE_NAME}) {PLAIN}\Z")
_LEAST_COUNTERS = 8
_PATH = re.compile(rf"(?P<name>[$A-Za-z_][\w$:-]*(?:[./][\w$:%=-]+)+) {_NUMBERED}(?P<at> \d{{10,13}})?\Z")
_LEAST_PATHS = 4


def percentiles(texts: Sequence[Text]) -> list[Finding]:
    """Find consecutive lines such as `50%  12 ms`, or `50% in 12 ms`."""
    found = []
    run: list[Text] = []
    above = ""
    for number, text in [*texts, (0, "")]:
        if _PERCENT.match(text):
            run.append((number, text))
            continue
        if len(run) > 2:
            word = "in " if all(" in " in text for _, text in run) else ""  # `50% in 0.0022 secs`
            rule: dict[str, Any] = {"line": f" {{percent:word}}% {word}{{$percent%}}"}
            if 0 < len(above.split()) < 4:
                rule["prefix"] = f"{above.strip().rstrip(':')}/"
            found.append(Finding([rule], f"{len(run)} percentiles", {number for number, _ in run}))
        run = []
        above = text if text.strip() else above
    return found[:1]


_PERCENT = re.compile(r"\s*\d+(?:\.\d+)?%\s+(?:in )?[\d.,]+\s?[a-zµ]{0,4}(?:\s+[^\d\t]*)?$")
