"""The table in docs/promises.md, read and written: what each study tried in its last full run."""

from __future__ import annotations

import datetime as dt
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.robustness.ground import Outcome

DOCS = Path(__file__).parent.parent.parent / "docs" / "promises.md"
BEGIN, END = "<!-- results: written by `python -m tests.robustness --full` -->", "<!-- end of results -->"
_HEAD = ["| promises | study | cases | failures | full run of |", "|---|---|---|---|---|"]
_TABLE = re.compile(re.escape(BEGIN) + "(.*)" + re.escape(END), re.DOTALL)


def rows(text: str) -> dict[str, str]:
    """The table's rows, by the name of the study."""
    table = _TABLE.search(text)
    lines = table[1].splitlines() if table else []
    found = (line for line in lines if line.startswith("| ") and line not in _HEAD)
    return {line.split("|")[2].strip(): line for line in found}


def write(studies: Iterable[tuple[str, str]], outcomes: Mapping[str, Outcome]) -> None:
    """Write a full run into the page; studies that were left out keep their rows.

    Args:
        studies: name, and the promises it is about, of each there is.
        outcomes: of those that were run.
    """
    text = DOCS.read_text(encoding="utf-8")
    before = rows(text)
    fresh = {name: _row(name, promises, outcomes[name]) for name, promises in studies if name in outcomes}
    lines = [{**before, **fresh}.get(name) for name, _ in studies]
    table = "\n".join([BEGIN, "", *_HEAD, *filter(None, lines), "", END])
    DOCS.write_text(_TABLE.sub(lambda _match: table, text), encoding="utf-8")


def _row(name: str, promises: str, outcome: Outcome) -> str:
    when = f"{dt.datetime.now(dt.timezone.utc).date()}, Python {platform.python_version()}, {sys.platform}"
    return f"| {promises} | {name} | {outcome.cases} | {len(outcome.failures)} | {when} |"
