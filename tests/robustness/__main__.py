"""`python -m tests.robustness [--quick | --full]`: runs the studies; `--full` writes their table into the docs."""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.robustness import damage, kills, network, owner, power, syscalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.robustness.ground import Outcome

DOCS = Path(__file__).parent.parent.parent / "docs" / "promises.md"
BEGIN, END = "<!-- results: written by `python -m tests.robustness --full` -->", "<!-- end of results -->"


class Study(NamedTuple):
    """One way to try a promise."""

    name: str
    promises: str
    work: Callable[..., Outcome]


STUDIES = [
    Study("kill matrix", "1, 3", kills.study),
    Study("every byte", "4", damage.study),
    Study("every syscall", "5", syscalls.study),
    Study("power loss", "2, 3", power.study),
    Study("each fsync is needed", "2, 3", power.needless),
    Study("network faults", "3, 5", network.study),
    Study("one owner, forks", "3, 5", owner.study),
]


def main(arguments: list[str] | None = None) -> int:
    """Run the studies that were asked for; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.robustness", description=__doc__)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="a sample of the cases, in some minutes (default)")
    how.add_argument("--full", action="store_true", help="all cases; takes an hour, writes docs/promises.md")
    parser.add_argument("--kills", type=int, default=kills.FULL, metavar="N", help="kills of a full run")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this study; writes nothing")
    given = parser.parse_args(arguments)
    kills.FULL = given.kills
    rows, broken = [], False
    for study in STUDIES:
        if given.only and study.name not in given.only:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            outcome = study.work(Path(place) / "study", full=given.full)
        broken |= bool(outcome.failures)
        print(
            f"{study.name:22} {outcome.cases:7} cases {len(outcome.failures):5} failures "
            f"{time.monotonic() - began:7.1f} s",
            flush=True,
        )
        for failure in outcome.failures[:10]:
            print(f"    {failure}")
        rows.append(f"| {study.name} | {study.promises} | {outcome.cases} | {len(outcome.failures)} |")
    if given.full and not given.only:
        _write(rows)
    return 1 if broken else 0


def _write(rows: list[str]) -> None:
    today = dt.datetime.now(dt.timezone.utc).date()
    version = ".".join(map(str, sys.version_info[:3]))
    table = [
        BEGIN,
        "",
        f"Last full run: {today}, Python {version}, {sys.platform}.",
        "",
        "| study | promises | cases | failures |",
        "|---|---|---|---|",
        *rows,
        "",
        END,
    ]
    text = DOCS.read_text(encoding="utf-8")
    found = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    DOCS.write_text(found.sub(lambda _match: "\n".join(table), text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
