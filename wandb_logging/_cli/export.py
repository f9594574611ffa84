"""`wandb-logging export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from wandb_logging._cli.arguments import add_dirs
from wandb_logging._cli.found import run_named
from wandb_logging._cli.output import DONE, LEFT, USAGE, complain, say, words_of
from wandb_logging._cli.text import counted
from wandb_logging._errors import JournalError
from wandb_logging._formats.exporting import FORMS, export, export_config
from wandb_logging._journal.rundir import RunDir, find_runs
from wandb_logging._settings.settings import Settings

MORE = (
    "Wide tables have a line a row and a column a metric, long ones a line a value. Names of nested metrics are joined",
    "by dots. Several runs go into one table, which says project and id of each.",
    "Exit code: 0 done, 1 a run cannot be read or the file not written, 2 wrong usage.",
)
EXAMPLES = ("export -o rows.csv", "export wandb_cache/digits -o digits.parquet --long", "export 3kq9x0ab -o rows.jsonl")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed behind it."""
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help=f"its ending says the form: {', '.join(FORMS)}"
    )
    parser.add_argument("--format", choices=FORMS, help="whatever the ending says")
    parser.add_argument("--long", action="store_true", help="a line a value: run, metric, step, timestamp, value")
    parser.add_argument("--config", type=Path, metavar="FILE", help="also write each run's config, as JSON lines")
    add_dirs(parser)


def run(args: argparse.Namespace) -> int:
    """Write the table, and say how long it is."""
    form = args.format or args.output.suffix[1:].lower()
    if form not in FORMS:
        complain(f"{args.output}: its ending does not say the form: give --format {' or '.join(FORMS)}")
        return USAGE
    try:
        runs = _runs(args.dir)
        lines = export(runs, args.output, form, long=args.long)
        if args.config is not None:
            export_config(runs, args.config)
    except (JournalError, OSError, ImportError) as exc:
        complain(words_of(exc))
        return LEFT
    say(f"{args.output}: {counted(lines, 'line')} of {counted(len(runs), 'run')}")
    return DONE


def _runs(wanted: list[Path]) -> list[RunDir]:
    """The runs below folders, or those that are named."""
    cache_dir = Settings().cache_dir
    found: dict[Path, RunDir] = {}
    for path in wanted or [cache_dir]:
        runs = find_runs(path) if path.is_dir() else [RunDir(run_named(str(path), cache_dir))]
        found.update((each.path, each) for each in runs)
    if not found:
        raise JournalError(f"no runs in {', '.join(map(str, wanted or [cache_dir]))}")
    return list(found.values())
