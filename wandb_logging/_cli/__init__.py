"""The command line `wandb-logging`, a module for each command.

`entry` is the way in: usage, dispatch, exit codes. `commands` is the table: a new command is a line there and a module
of its name. A command's module is imported when that command is typed, so that `wandb-logging --help` waits for neither
`requests` nor `plotext`. A module's `run` prints; the functions it calls decide what is printed. What several commands
need is in `text` (how values look), `output` (what the terminal takes, exit codes), `arguments` and `found` (runs on
disk).
"""

from wandb_logging._cli.entry import main, parser

__all__ = ["main", "parser"]
