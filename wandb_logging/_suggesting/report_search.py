"""Finds the forms in which programs report to others: of Prometheus, of MQTT and Graphite, and percentiles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from wandb_logging._mining.numbers import PLAIN
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


_NUMBERED = rf"(?P<value>{PLAIN})"
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
