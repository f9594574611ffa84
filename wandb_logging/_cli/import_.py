"""`wandb-logging import`: makes run directories of the official SDK's `.wandb` files."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from wandb_logging._cli.event_folders import made_of_events
from wandb_logging._cli.output import DONE, LEFT, PROG, complain, say, words_of
from wandb_logging._cli.progress import portion_shown
from wandb_logging._formats.event_paths import has_event_files, is_event_file
from wandb_logging._formats.wandb_import import Imported, find_logs, import_log
from wandb_logging._settings.settings import Settings
from wandb_logging._wording import counted

MORE = (
    "Takes what `wandb` wrote offline or online: a .wandb file, the folder of a run, or a folder of many; and folders",
    "of TensorBoard event files. A file that is cut off or damaged gives what is whole of it, and says what is lost.",
    "Importing again imports nothing twice.",
    "Exit code: 0 all is imported, 1 something is lost, or no file was found, 2 wrong usage.",
)
EXAMPLES = ("import wandb", "import wandb/offline-run-20260102_030405-3kq9x0ab", "import wandb --into wandb_cache")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument(
        "path", nargs="+", type=Path, metavar="PATH", help="a .wandb or event file, or a folder with some"
    )
    parser.add_argument("--into", type=Path, metavar="DIR", help="folder for the runs; default: the cache folder")


def run(args: argparse.Namespace) -> int:
    """Import each file, and print the result."""
    settings = Settings()
    into = args.into or settings.cache_dir
    wrong: list[str] = []
    codes = [_import(source, into, settings.host) for path in args.path for source in _found(path, wrong)]
    folders = [path for path in args.path if has_event_files(path)]
    if folders:
        codes.append(DONE if made_of_events(folders, into)[1] else LEFT)
    if not codes and not wrong:
        wrong.append(f"no .wandb file and no event file in {', '.join(map(str, args.path))}")
    for each in wrong:
        complain(each)
    if DONE in codes:
        typed = shlex.quote(str(into))
        say(f"`{PROG} ls {typed}` lists the runs, `{PROG} sync {typed}` sends them.")
    return max([LEFT] * bool(wrong) + codes)


def _found(path: Path, wrong: list[str]) -> list[Path]:
    """The files to import. What is wrong with a path or folder is added to `wrong`."""
    if is_event_file(path):
        return []
    if path.exists() and not path.is_file() and not path.is_dir():
        wrong.append(f"{path}: neither a file nor a folder")
        return []
    return find_logs(path, lambda exc: wrong.append(words_of(exc)))


def _import(source: Path, into: Path, host: str) -> int:
    try:
        with portion_shown(source.name, source.stat().st_size) as show:
            done = import_log(source, into, host, show)
    except OSError as exc:
        complain(words_of(exc))
        return LEFT
    except KeyboardInterrupt:
        complain(f"{source}: not imported")
        raise
    if done.error:
        complain(f"{source}: {done.error}")
        return LEFT
    say(f"{source}: {said_of(done)}")
    for lost in done.lost:
        complain(f"{source}: {lost.why}{f' at byte {lost.at}' if lost.at >= 0 else ''}")
    return LEFT if done.lost else DONE


def said_of(done: Imported) -> str:
    """A line that says what was imported."""
    if done.already:
        return f"is here already: {done.path}"
    parts = [counted(done.rows, "row"), *([counted(done.files, "file")] if done.files else [])]
    parts += [f"not taken over: {count} {kind}" for kind, count in sorted(done.left_out.items())]
    parts += [] if done.ended else ["it does not say how it ended"]
    return f"{done.path} ({', '.join(parts)})"
