"""`wandb-logging logout`: removes the saved API key."""

from __future__ import annotations

import argparse

from wandb_logging._cli.arguments import add_host
from wandb_logging._cli.output import DONE, say
from wandb_logging._keys import keys, netrc
from wandb_logging._keys.keys import KEY_VARIABLE
from wandb_logging._keys.login import logout
from wandb_logging._settings.settings import from_environment

EXAMPLES = ("logout",)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    add_host(parser)


def run(args: argparse.Namespace) -> int:
    """Remove the key, and say whether there was one."""
    host, path = keys.resolve_host(args.host), netrc.shown(netrc.usual_path())
    say(f"Key for {host} removed from {path}" if logout(host) else f"No key for {host} in {path}")
    if from_environment("api_key"):
        say(f"{KEY_VARIABLE} is still set")
    return DONE
