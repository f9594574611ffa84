"""Lines below a heading such as `=== Statistics ===` or `Solution results`: their numbers are results."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._suggesting.shapes import content

_HEADING = re.compile(
    r"[\W_]*(?:\d[\d.]*\s+)?(?:[A-Za-z-]+ ){0,3}"
    r"(?:results?|statistics|stats|summary|measurements|metrics|scores|performance|report)"
    r"(?: (?:for|of|on) (?:[A-Za-z-]+ ?){1,3})?[\W_]*\Z",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?i)result|stat|summary|measurement|metric|score|performance|report")
_ENTRY = re.compile(
    r"[\s>*#-]*[A-Za-z$](?:[^\s;]| (?! )){1,60}?(?:\s{0,40}[:=]|\s{2,}|\.{3,}:?)"
    r"\s*[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?(?![\w:-])"
    r"|\s*[A-Z][A-Za-z]{2,40} [-+]?\d[\d.,]*\s*(?:\([^()]*\)\s*)?\Z"  # SourceFiles 784
)
_SUBHEADING = re.compile(r"([-=*#~])\1+ (?:[A-Za-z-]+ ){1,5}\1{2,}\s*\Z")  # == Read fate breakdown ==
_BETWEEN = 4  # lines between a heading and what it is about, such as a rule or a title
_GAP = 1  # empty lines within a report
_LEAST = 2


def headed(texts: Sequence[tuple[int, str]]) -> set[int]:
    """The numbers of the lines of reports: `name: number` below a heading, up to the first other line."""
    found: set[int] = set()
    run: list[int] | None = None
    skipped = 0
    for number, text in texts:
        said = text
        if (run is not None or _WORD.search(text[:120])) and (text[:1] in "=[" or text[:2] == "c "):
            said = content(text)  # `==123== LEAK SUMMARY:`, `c ---- search stats ----` in the formats of logic
        if _HEADING.match(said[:120]):
            run, skipped = [], 0
        elif run and _SUBHEADING.match(text[:120]):
            skipped = 0
        elif run is not None and _ENTRY.match(said[:200]):
            run.append(number)
            skipped = 0
            if len(run) >= _LEAST:
                found.update(run)
        elif run is not None:
            skipped += 1
            ends = skipped > _GAP or said.strip() if run else skipped > _BETWEEN or any(map(str.isdigit, said))
            run = None if ends else run
    return found
