"""`wandb-logging logout`."""

from __future__ import annotations

import argparse

from wandb_logging import _auth
from wandb_logging._auth import KEY_VARIABLE
from wandb_logging._cli._output import DONE
from wandb_logging._login import logout


def run(args: argparse.Namespace) -> int:
    """Remove the key, and say whether there was one."""
    host, path = _auth.resolve_host(args.host), _auth.shown(_auth.netrc_path())
    print(f"Key for {host} removed from {path}" if logout(host) else f"No key for {host} in {path}")
    if _auth.from_settings("api_key"):
        print(f"{KEY_VARIABLE} is still set")
    return DONE
