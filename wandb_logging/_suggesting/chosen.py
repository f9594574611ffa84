"""Lines that say what somebody chose, so their numbers are no metrics: below such a heading, or in long lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADING = re.compile(
    r"[\W_]*(?:[A-Za-z]+ ){0,3}(?:hyper-?)?(?:parameters|settings|options|configuration|config|arguments)"
    r"(?: used)?[\W_]*\Z",
    re.IGNORECASE,
)
_RESULT = re.compile(r"(?i)\b(?:best|fit|fitted|estimated|optimal|optimi[sz]ed|final|found|posterior|model)\b")
_ORNAMENT = re.compile(r"[^\w\s]{4,}\s*\Z")
_ENTRY = re.compile(r"[\s|]*[A-Za-z][\w .()/-]{0,50}?\s*[:=]\s*\S")
_LEAST = 2  # settings below a heading; one may be anything
_LISTED = re.compile(  # intx AliasLevel = 3   {product}; INT_MAX    2147483647; 'SC_AIO_MAX': -1,; Active: 12 kB
    r"\s{0,9}(?:[a-z]\w{0,20} )?['\"(]?(?P<name>[A-Za-z_][\w./()-]{1,60})['\")]?"
    r"(?:\s{0,60}[=:]>? ?\s{0,60}(?P<value>[^\s,]*)(?:[ ,].*)?| {1,60}(?P<other>\S{0,60})\s*)\Z"
)
_LONG = 30  # lines of which each gives another name its value; reports are shorter, or measured
_MEASURED = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?\Z")
_AT_MOST = 5  # percent of the values of such a list that have decimals


def listed(texts: Sequence[tuple[int, str]]) -> set[int]:
    """The numbers of the lines of long lists of settings: `sysctl -a`, `java -XX:+PrintFlagsFinal`, `getconf -a`."""
    found: set[int] = set()
    run: dict[str, tuple[int, str]] = {}
    for number, text in [*texts, (0, "")]:
        match = _LISTED.match(text)
        name, value = (match["name"], match["value"] or match["other"] or "") if match else ("", "")
        match = None if not run and _MEASURED.match(value) else match  # a result above a list is not of it
        if match and run.setdefault(name, (number, value))[1] == value:
            continue
        measured = sum(bool(_MEASURED.match(value)) for _, value in run.values())
        if len(run) >= _LONG and measured * 100 <= _AT_MOST * len(run):
            found.update(place for place, _ in run.values())
        run = {name: (number, value)} if match else {}
    return found


def chosen(texts: Sequence[tuple[int, str]]) -> set[int]:
    """The numbers of the lines that are settings: `name: value` right below a heading, up to the first other line."""
    found: set[int] = set()
    under: list[int] | None = None
    for number, text in texts:
        if _HEADING.match(text[:120]) and not _RESULT.search(text):
            under = []
        elif under is not None and _ENTRY.match(text) and not (under and number == under[-1]):
            under.append(number)
            if len(under) >= _LEAST:
                found.update(under)
        elif under or not _ORNAMENT.match(text):
            under = None
    return found
