"""`wandb-logging run`: runs a program, and sends its output as a run."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._cli.output import DONE, LEFT, PROG, USAGE, complain, words_of
from wandb_logging._cli.supervising import add_settings, settings_of
from wandb_logging._collecting import importing
from wandb_logging._errors import WandbLoggingError
from wandb_logging._settings.settings import Settings
from wandb_logging._supervise.telling import decided, launched, untold, variables

if TYPE_CHECKING:
    from wandb_logging._run.run import Run
    from wandb_logging._supervise.program import Program

MORE = (
    "Its output passes through unchanged and is the Logs tab; --rules finds metrics in it. What a Python program logs",
    'with extra={"metrics": ...} is in the run, too, without a line changed.',
    "Exit code: that of the program, 128 + n after signal n; 127 there is no such program, 126 it cannot be started;",
    "2 wrong usage; 1 in place of 0 if its output could not be written where it should be.",
)
EXAMPLES = (
    "run -- ./simulate --steps 1000",
    "run --project digits --rules rules.yaml -- python train.py",
    "run --tensorboard runs/1 -- python train.py --logdir runs/1",
    "run --as-wandb -- python script_that_imports_wandb.py",
)

_IN_NO_RUN = "the program goes on, in no run"
_OURS = {"capture_output": False, "signals": (), "exit_hooks": False}  # output and signals are the program's, not ours


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
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
    """Run a program and log it as a run. Returns the program's exit code."""
    command = args.program[1:] if args.program[:1] == ["--"] else args.program
    if not command or not command[0]:
        complain(f"no command: {PROG} run [options] -- COMMAND [ARGUMENT ...]")
        return USAGE
    try:
        settings = Settings.of({**_OURS, **settings_of(args)})
    except (OSError, WandbLoggingError) as exc:
        complain(words_of(exc))
        return USAGE if isinstance(exc, OSError) else LEFT
    if os.name == "nt":
        complain("run needs a POSIX system")
        return USAGE
    from wandb_logging._supervise.program import Program  # noqa: PLC0415  of POSIX

    try:
        program = Program(command)  # it is forked here, before there are threads
    except OSError as exc:  # no file descriptors or processes are left
        return _instead(command, words_of(exc))
    return _logged(program, settings, args)


def _logged(program: Program, settings: Settings, args: argparse.Namespace) -> int:
    """Let the program run, and log it as a run. Returns its exit code, or another if not all of it could be done."""
    early = decided(settings)
    if early is not None:
        code, run = _while_its_run_begins(program, early, args)
    else:
        run = _begun(settings, args, program)
        if run is None:
            program.give_up()
            return LEFT
        with program.begun(_told(run, settings, args)):
            code = _through(program, run)
    # Outside the `with` the terminal is as it was before, and takes our messages.
    for name, why in program.unwritten.items():
        complain(f"{name}: {why.strerror}: not all that the program wrote is there")
    if run is not None:
        with contextlib.suppress(KeyboardInterrupt):  # nobody has to wait for the server: the program is over
            run.finish(code)
    if program.was_interrupted:
        from wandb_logging._supervise.becoming import end_as  # noqa: PLC0415  of POSIX

        end_as(signal.SIGINT)  # by which a shell knows that a loop around us is to end, too
    return code or (LEFT if program.unwritten else DONE)


def _while_its_run_begins(program: Program, settings: Settings, args: argparse.Namespace) -> tuple[int, Run | None]:
    """Let the program run, and begin its run meanwhile. Returns the program's exit code, and the run if there is one.

    Args:
        program: the program.
        settings: settings that say which run it will be.
        args: what was typed.
    """
    with program.begun(variables(settings, as_wandb=args.as_wandb)):
        with program.read_ahead():
            run = _begun(settings, args, program)
        return _through(program, run), run


def _told(run: Run, given: Settings, args: argparse.Namespace) -> dict[str, str]:
    """The environment variables for the program of a run that has begun."""
    from wandb_logging._run.ranks import find_placement  # noqa: PLC0415  after the fork

    if run.dir is None:
        return untold(as_wandb=args.as_wandb)
    known: dict[str, Any] = {"run_id": run.id, "cache_dir": str(run.dir.parent.parent), "mode": run.mode}
    if run.settings.transport != "shared":  # there each process finds its own part
        known.update(launched=launched(), writer_label=find_placement(given).role.label)
    return variables(run.settings, as_wandb=args.as_wandb, **known)


def _begun(settings: Settings, args: argparse.Namespace, program: Program) -> Run | None:
    """Begin the run. Prints why and returns None if that is not possible."""
    try:
        with importing():
            from wandb_logging._run.run import Run  # noqa: PLC0415  after the fork

            run = Run(settings, program=program.pid)
    except Exception as exc:  # no fault of ours may keep the program from running
        complain(words_of(exc))
        return None
    run.update_config({"command": program.command} if "command" not in run.config else {})
    for folder in args.tensorboard:
        run.watch_tensorboard(folder)
    return run


def _instead(command: list[str], why: str) -> int:
    """Become the program. Returns an exit code if that is not possible."""
    from wandb_logging._supervise.becoming import become  # noqa: PLC0415  of POSIX

    complain(f"{why}: {_IN_NO_RUN}")
    try:
        become(command, {})
    except OSError as exc:
        return _not_run(exc)


def _not_run(exc: OSError) -> int:
    """Say why the program does not run. Returns the exit code that a shell has for this."""
    from wandb_logging._supervise.becoming import NOT_FOUND, NOT_RUN  # noqa: PLC0415  of POSIX

    complain(words_of(exc) + _meant(str(exc.filename or "")))
    return NOT_FOUND if isinstance(exc, FileNotFoundError) else NOT_RUN


def _meant(name: str) -> str:
    """What to type where the name of a program is that of a script or of a file that is here, or a whole command."""
    if Path(name).is_file():
        here = f"python {name}" if name.endswith(".py") else f"chmod +x {name}" if os.sep in name else f"./{name}"
        return f"; for the file that is here: `{here}`"
    return "; a command has no quotes around it: its words are separate" if " " in name else ""


def _through(program: Program, run: Run | None) -> int:
    """Pass on what the program writes until it ends. Returns its exit code."""

    def take(text: str, error: bool) -> None:  # noqa: FBT001  as `Program.run` gives it
        if run is not None:
            run.log_output(text, error=error)

    if run is None:
        complain(_IN_NO_RUN)
    try:
        return program.run(take)
    except OSError as exc:
        return _not_run(exc)
