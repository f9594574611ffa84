"""`python -m benchmarks [--quick] [SUBJECT ...]`: the table of goals and figures."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import importlib.metadata
import os
import platform
import sys
from pathlib import Path

from benchmarks._measure import Result

SUBJECTS = ["call", "startup", "online", "offline"]
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def line(result: Result) -> list[str]:
    """A result as the cells of a table."""
    sign = "≥" if result.at_least else "≤"
    goal = "" if result.goal is None else f"{sign} {result.goal:g} {result.unit}"
    mark = {True: "reached", False: "missed", None: ""}[result.reached]
    return [result.name, goal, f"{result.figure:.3g} {result.unit}", mark, result.note]


def table(results: list[Result]) -> str:
    """Markdown."""
    rows = [["what", "goal", "figure", "", "behind it"], ["---"] * 5, *map(line, results)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def circumstances() -> str:
    """Where and with what the figures were measured."""
    versions = [f"Python {platform.python_version()}"]
    for name in ("orjson", "wandb", "requests"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    return (
        f"Measured on {today}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, {', '.join(versions)}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and rows; under 5 minutes")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} in the documentation")
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], metavar="SUBJECT", help=", ".join(SUBJECTS))
    arguments = parser.parse_args()
    results: list[Result] = []
    for subject in arguments.subjects or SUBJECTS:
        found = importlib.import_module(f"benchmarks.{subject}").results(quick=arguments.quick)
        for result in found:
            print(*(cell for cell in line(result) if cell), sep="  |  ", flush=True)
        results += found
    if arguments.write:
        text = f"# Performance\n\nWritten by `python -m benchmarks --write`. {circumstances()}\n\n{table(results)}"
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
