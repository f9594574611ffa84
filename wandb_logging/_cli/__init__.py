"""The command line `wandb-logging`, a module for each command.

`entry` is the way in: usage, dispatch, exit codes. It imports a command's module when that command runs, so that
`wandb-logging --help` waits for neither `requests` nor `plotext`. `_status`, `_ls` and the others each have a `run`,
which gets the arguments and gives the exit code; `run` prints, the functions it calls decide what. What several need
is in `_text` (how values look), `_output` (what the terminal takes, exit codes) and `_found` (runs on disk).
"""

from wandb_logging._cli.entry import main, parser

__all__ = ["main", "parser"]
