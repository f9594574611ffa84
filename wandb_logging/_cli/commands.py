"""The table of commands: each has a line here, and a module of its name in this folder.

The module is imported when its command is typed, or when its help or completions are asked for. It holds:

- `run(args) -> int`: runs the command, and returns the exit code.
- `EXAMPLES`: command lines without the program's name, for the end of the command's help.
- `arguments(parser)`: adds the command's arguments. May be missing.
- `MORE`: further lines of the help, after the one from the table. May be missing.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from keyword import iskeyword
from typing import Any

from wandb_logging._cli.help import HelpFormatter

COMMANDS = {
    "login": "Save an API key to netrc: the one that is found, or the one you are asked for.",
    "logout": "Remove the API key from netrc.",
    "status": "Show host, key, mode and what waits on disk.",
    "ls": "List the runs in a folder.",
    "show": "Show a run: config, summary, and a chart of each metric.",
    "logs": "Show the text lines of a run, also as they come.",
    "compare": "Show runs beside each other: config that differs, values, curves in one chart.",
    "ui": "Open a page of the runs in a folder, live; or write it as one file.",
    "sync": "Send runs that wait on disk. Sending again sends nothing twice.",
    "run": "Start any program, in any language, as a run.",
    "tail": "Make a run of a log that another program writes, or has written.",
    "export": "Write runs as tables (CSV, JSON lines, Parquet), for `wandb sync` or for TensorBoard.",
    "import": "Make runs of the official SDK's .wandb files, and of TensorBoard's, to look at and to send.",
    "edit": "Make a copy of a run, or of several as one, with metrics renamed or points left out.",
    "suggest": "Print rules that find the metrics in a log of any program.",
    "mine": "Show the rows that rules find in a log: those of a file, or those that `suggest` prints.",
    "verify": "Check runs on disk: what is whole, torn, damaged, missing, not sent yet. Changes nothing.",
    "repair": "Make damaged runs such that they can be sent. Says what it would do; does it with --yes.",
    "rm": "Remove runs from the disk that are wholly on the server; with --unsent others, too.",
    "gc": "Remove all runs from the disk that are wholly on the server, to make room.",
    "doctor": "Check key, server, clock and disk, and say what to do.",
    "completion": "Print what a shell needs to complete commands, options and runs.",
}


def room_of(name: str) -> Any:
    """Import the module of a command."""
    return import_module(f"wandb_logging._cli.{name}{'_' if iskeyword(name) else ''}")


def fill(parser: argparse.ArgumentParser, name: str, prog: str) -> None:
    """Add the arguments of a command to its parser, and description and examples to its help."""
    room = room_of(name)
    parser.description = "\n".join([COMMANDS[name], *getattr(room, "MORE", ())])
    parser.epilog = "\n".join(["examples:", *(f"  {prog} {example}" for example in room.EXAMPLES)])
    parser.formatter_class = HelpFormatter
    if hasattr(room, "arguments"):
        room.arguments(parser)
