"""`wandb-logging export`: writes runs in formats of other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from wandb_logging._cli.arguments import add_runs
from wandb_logging._cli.found import paths_of, runs_in
from wandb_logging._cli.output import DONE, LEFT, USAGE, complain, raw, say, words_of
from wandb_logging._errors import JournalError
from wandb_logging._formats.exported import Exported
from wandb_logging._formats.neptune_export import export_neptune
from wandb_logging._formats.tables import FORMS, export, export_config
from wandb_logging._formats.tensorboard_export import export_tensorboard
from wandb_logging._formats.wandb_export import export_wandb
from wandb_logging._journal.rundir import RunDir
from wandb_logging._settings.settings import Settings
from wandb_logging._wording import counted

MORE = (
    "Wide tables have a line a row and a column a metric, long ones a line a value. Names of nested metrics are joined",
    "by dots. Several runs go into one table, which says project and id of each. Without -o, CSV and JSON lines go to",
    "stdout, and folders are ./wandb, ./tensorboard and ./neptune. A run of a folder that cannot be read is left out.",
    "Exit code: 0 done, 1 a run cannot be read or a file not written, 2 wrong usage.",
)
EXAMPLES = (
    "export -o rows.csv",
    "export wandb_cache/digits -o digits.parquet --long",
    "export 3kq9x0ab --jsonl | jq .loss",
    "export --wandb && wandb sync",
    "export --tensorboard && tensorboard --logdir tensorboard",
)
_FOLDERS: dict[str, Callable[[RunDir, Path, set[Path]], Exported]] = {
    "wandb": export_wandb,
    "tensorboard": export_tensorboard,
    "neptune": export_neptune,
}
_IN_PIPES = ("csv", "jsonl")
_HELP = {
    "csv": "a table of comma-separated values",
    "jsonl": "a JSON object a line",
    "parquet": "a table for data frames; needs pyarrow",
    "wandb": "offline runs of the official SDK, for `wandb sync` and `wandb leet`",
    "tensorboard": "event files for TensorBoard",
    "neptune": "Parquet files for the loaders of neptune-exporter; needs pyarrow",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    forms = (*FORMS, *_FOLDERS)
    parser.add_argument(
        "-o",
        "--output",
        type=_output,
        metavar="FILE",
        help=f"its ending says the form, if it is {', '.join(FORMS)}; - is standard output",
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--format", choices=forms, metavar="FORM", help="one of these, whatever the ending says:")
    for form in forms:
        chosen.add_argument(f"--{form}", dest="format", action="store_const", const=form, help=_HELP[form])
    parser.add_argument("--long", action="store_true", help="a line a value: run, metric, step, timestamp, value")
    parser.add_argument("--config", type=Path, metavar="FILE", help="also write each run's config, as JSON lines")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    """Write the runs, and say what was written."""
    form = args.format or (args.output.suffix[1:].lower() if args.output else "")
    wrong = _wrong(form, args.output, long=args.long)
    if wrong:
        complain(wrong)
        return USAGE
    try:
        paths = paths_of(args.runs, Settings().cache_dir)
        runs, all_read = runs_in(paths, lost=True)
        if not runs:
            complain(f"no runs in {', '.join(map(str, paths))}")
            return LEFT
        left_out = _LeftOut(paths)
        code = _folder(runs, form, args.output) if form in _FOLDERS else _table(runs, form, args, left_out)
        if args.config is not None:
            export_config(runs, args.config, left_out)
    except (JournalError, OSError, ImportError) as exc:
        if isinstance(exc, BrokenPipeError):
            raise
        complain(words_of(exc))
        return LEFT
    return code if all_read and not left_out.paths else LEFT


class _LeftOut:
    """Says of each run in a folder that it cannot be read, once; one that was named itself ends the export."""

    def __init__(self, named: Sequence[Path]) -> None:
        self.paths: set[Path] = set()
        self._named = named

    def __call__(self, run_dir: RunDir, exc: Exception) -> None:
        if run_dir.path in self._named:
            raise exc
        if run_dir.path not in self.paths:
            self.paths.add(run_dir.path)
            complain(words_of(exc))


def _output(text: str) -> Path | None:
    """The file to write to; None for standard output, where no line of ours may follow."""
    return None if text in {"-", "/dev/stdout"} else Path(text)


def _wrong(form: str, output: Path | None, *, long: bool) -> str | None:
    """What is wrong with the arguments; None if they are right."""
    if output is None and not form:
        return "say where to, or in which form: -o FILE, or --csv, --jsonl, --wandb, --tensorboard or --neptune"
    if form not in FORMS and form not in _FOLDERS:
        return f"{output}: its ending does not say the form: give --format {' or '.join(FORMS)}"
    if output is None and form in FORMS and form not in _IN_PIPES:
        return f"say where to: -o FILE.{form}"
    if long and form in _FOLDERS:
        return f"--long is of tables: --{form} has a form of its own"
    return None


def _table(runs: list[RunDir], form: str, args: argparse.Namespace, left_out: _LeftOut) -> int:
    lines = export(runs, args.output or raw(), form, long=args.long, unread=left_out, damaged=_damaged)
    if args.output is not None:
        say(f"{args.output}: {counted(lines, 'line')} of {counted(len(runs) - len(left_out.paths), 'run')}")
    return DONE


def _damaged(run_dir: RunDir, lines: int) -> None:
    complain(f"{run_dir.path}: {counted(lines, 'damaged line')} could not be read")


def _folder(runs: list[RunDir], form: str, output: Path | None) -> int:
    """Write each run into a folder. If one cannot be written, the others still are."""
    target = output or Path(form)
    taken: set[Path] = set()
    codes = [_one(run_dir, target, form, taken) for run_dir in runs]
    return max(codes)


def _one(run_dir: RunDir, target: Path, form: str, taken: set[Path]) -> int:
    try:
        done = _FOLDERS[form](run_dir, target, taken)
    except (JournalError, OSError) as exc:
        complain(words_of(exc))
        return LEFT
    parts = [counted(done.rows, "row"), *([counted(done.files, "file")] if done.files else [])]
    parts += [f"not taken over: {count} {kind}" for kind, count in sorted(done.left_out.items())]
    say(f"{done.path} ({', '.join(parts)})")
    return DONE
