"""`wandb-logging verify`: says whether runs on disk are undamaged."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from wandb_logging._cli.arguments import add_runs
from wandb_logging._cli.found import paths_of
from wandb_logging._cli.output import DONE, LEFT, PROG, complain, say_all, words_of
from wandb_logging._journal.repair import repairs
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.verify import Verdict, as_json, find_directories, verify
from wandb_logging._settings.settings import Settings
from wandb_logging._wording import counted

MORE = ("Exit code: 0 all is whole, 1 something is not, 2 wrong usage.",)
EXAMPLES = ("verify", "verify 3kq9x0ab", "verify /data/wandb_cache --json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("--json", action="store_true", help="print a list of objects, for programs")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    """Check each run, and say what is wrong with it."""
    verdicts: list[Verdict] = []
    all_read = True
    for run_dir in runs_of(args.runs):
        try:
            verdicts.append(verify(run_dir))
        except OSError as exc:
            complain(words_of(exc))
            all_read = False
    if args.json:
        say_all(as_json(verdicts).splitlines())
    else:
        lines = [line for verdict in verdicts for line in lines_of(verdict, mendable=_mendable(verdict))]
        say_all(lines or ["no runs there"])
    return DONE if all_read and all(verdict.whole for verdict in verdicts) else LEFT


def _mendable(verdict: Verdict) -> bool:
    try:
        return not verdict.whole and bool(repairs(RunDir(verdict.path)))
    except OSError:
        return True  # `repair` will say which file cannot be read


def runs_of(wanted: Sequence[str]) -> list[RunDir]:
    """The runs that arguments name, also those that are damaged; by default those in the cache folder.

    Raises:
        JournalError: an argument is no path and names no run.
    """
    return [run_dir for path in paths_of(wanted, Settings().cache_dir) for run_dir in find_directories(path)]


def lines_of(verdict: Verdict, *, mendable: bool = True) -> list[str]:
    """The lines about a run: one for the run, and one for each problem.

    Args:
        mendable: whether `repair` can mend any of the problems.
    """
    facts = [counted(verdict.lines, "line") + " whole"]
    if verdict.damaged:
        facts.append(f"{verdict.damaged} damaged")
    if verdict.torn:
        facts.append(f"{verdict.torn} torn")
    facts.append(f"{verdict.unsent} unsent" if verdict.unsent else "all sent")
    if verdict.set_aside:
        facts.append(f"{verdict.set_aside} set aside")
    if verdict.alive:
        facts.append("being written")
    head = f"{verdict.path}: {', '.join(facts)}"
    advice = [f"  see `{PROG} repair {shlex.quote(str(verdict.path))}`"] if verdict.problems and mendable else []
    return [head, *(f"  {problem}" for problem in verdict.problems), *advice]
