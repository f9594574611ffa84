"""Lines below a heading such as `Test parameters used`: somebody chose these numbers, so they are no metrics."""

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
