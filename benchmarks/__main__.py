"""What logging costs: goals and figures side by side. Others that are installed are measured in the same rounds.

    python -m benchmarks --quick                 everything, under 5 minutes
    python -m benchmarks --only call             one subject, all of its rounds
    python -m benchmarks --write                 everything, into docs/performance.md; takes 6 GB of disk meanwhile
    python -m benchmarks --pyperf calls.json     the calls' rounds as a file of pyperf's, for `pyperf compare_to`

The others are the extra `bench`: pip install -e '.[bench]'
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from typing import Any

from benchmarks import _page, profile
from benchmarks._contenders import missing
from benchmarks._measure import FULL, QUICK, TINY, Result, is_busy, load
from benchmarks._values import installed

SUBJECTS = ["call", "values", "text", "program", "startup", "online", "offline", "processes", "peers", "profile"]


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for. A missed goal is a finding, not a failure."""
    given = _parser().parse_args(arguments)
    before = load()
    print(_page.circumstances(before))
    if is_busy():
        print("THE MACHINE IS BUSY: figures are worse than they would be, tails most of all.")
    for name in [
        *missing(),
        *(f"{module}, for values" for module in ("numpy", "PIL", "torch") if not installed(module)),
        *([] if profile.SPY.exists() else ["py-spy, for the profile"]),
    ]:
        print(f"not installed, left out: {name}")
    missed, suite, every = 0, [], []
    for subject in given.only or SUBJECTS:
        begun = time.monotonic()
        found = importlib.import_module(f"benchmarks.{subject}").results(given.size)
        results = [item for item in found if isinstance(item, Result)]
        print(f"\n{subject}: {time.monotonic() - begun:.0f} s")
        for result in results:
            print("  " + "  |  ".join(filter(None, _page.cells(result))), flush=True)
        suite += _rounds(results) if given.pyperf else []
        every += results
        missed += sum(result.reached is False for result in results)
        if given.write:
            how = " A quick run, of few rounds." if given.size is QUICK else ""
            _page.write(subject, found, _page.circumstances(before) + how)
    if given.write:
        _page.five(every)
        if not given.only:
            _page.current()
    if suite:
        importlib.import_module("pyperf").BenchmarkSuite(suite).dump(given.pyperf, replace=True)
    print(f"\n{missed} goals missed" if missed else "\nall goals reached")
    return 0


def _rounds(results: list[Result]) -> list[Any]:
    """The rounds as pyperf's benchmarks: it says how steady they were, and compares two such files."""
    pyperf = importlib.import_module("pyperf")
    return [
        pyperf.Benchmark(
            [pyperf.Run(list(seconds), metadata={"name": f"{result.name}: {name}", "loops": result.calls})]
        )
        for result in results
        for name, seconds in result.rounds.items()
    ]


def _parser() -> argparse.ArgumentParser:
    description, examples, extra = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=description,
        epilog=f"examples:\n{examples}\n\n{extra}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", dest="size", action="store_const", const=QUICK, default=FULL, help="fewer rounds, a shorter long run"
    )
    # For the tests: it shows that everything runs, and measures nothing.
    parser.add_argument("--tiny", dest="size", action="store_const", const=TINY, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--only", action="append", metavar="SUBJECT", choices=SUBJECTS, help=", ".join(SUBJECTS))
    parser.add_argument("--pyperf", metavar="FILE", help="keep the rounds of the calls as a file of pyperf's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
