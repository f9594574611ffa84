"""`wandb-logging run`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._cli.output import LEFT, PROG, USAGE, complain, words_of
from wandb_logging._cli.supervising import add_settings, settings_of
from wandb_logging._errors import WandbLoggingError
from wandb_logging._settings import python_path
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from wandb_logging._run.run import Run
    from wandb_logging._supervise.program import Program

MORE = (
    "Its output passes through unchanged and is the Logs tab; --rules finds metrics in it. What a Python program logs",
    'with extra={"metrics": ...} is in the run, too, without a line changed.',
    "Exit code: that of the program, 128 + n after signal n; 127 there is no such program; 2 wrong usage.",
)
EXAMPLES = (
    "run -- ./simulate --steps 1000",
    "run --project digits --rules rules.yaml -- python train.py",
    "run --tensorboard runs/1 -- python train.py --logdir runs/1",
    "run --as-wandb -- python script_that_imports_wandb.py",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed behind it."""
    add_settings(parser)
    parser.add_argument(
        "--as-wandb", action="store_true", help="have `import wandb` in a Python program find wandb_logging.compat"
    )
    parser.add_argument(
        "--tensorboard",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="take the event files that it writes there, too; may be given again",
    )
    parser.add_argument("program", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the program and its arguments")


def run(args: argparse.Namespace) -> int:
    """Run a program as a run; its exit code."""
    command = args.program[1:] if args.program[:1] == ["--"] else args.program
    if not command:
        complain(f"no command: {PROG} run [options] -- COMMAND [ARGUMENT ...]")
        return USAGE
    try:
        settings = settings_of(args)
    except (OSError, WandbLoggingError) as exc:
        complain(words_of(exc))
        return USAGE
    if os.name == "nt":
        complain("run needs a POSIX system")
        return USAGE
    from wandb_logging._supervise.program import Program  # noqa: PLC0415  of POSIX

    program = Program(command)  # forked before there are threads
    try:
        begun = _begin(settings, command)
    except (OSError, WandbLoggingError) as exc:
        program.give_up()
        complain(words_of(exc))
        return LEFT
    for folder in args.tensorboard:
        begun.watch_tensorboard(folder)
    return _through(program, begun, as_wandb=args.as_wandb)


def _begin(settings: dict[str, Any], command: list[str]) -> Run:
    from wandb_logging._run.run import Run  # noqa: PLC0415  after the fork

    given = {"capture_output": False, "signals": (), "exit_hooks": False, **settings}
    begun = Run(Settings(**given))
    begun.update_config({"command": command} if "command" not in begun.config else {})
    return begun


def _through(program: Program, begun: Run, *, as_wandb: bool) -> int:
    from wandb_logging._supervise.join import AS_WANDB, FOLDER, said_of  # noqa: PLC0415  after the fork
    from wandb_logging._supervise.program import NOT_FOUND, NOT_RUN  # noqa: PLC0415  of POSIX

    folders = [FOLDER, *([AS_WANDB] if as_wandb else [])]
    environment = {**said_of(begun), "PYTHONPATH": python_path.with_first(folders)}
    try:
        code = program.run(environment, lambda text, error: begun.log_output(text, error=error))
    except OSError as exc:
        complain(words_of(exc))
        code = NOT_FOUND if isinstance(exc, FileNotFoundError) else NOT_RUN
    begun.finish(code)
    return code
