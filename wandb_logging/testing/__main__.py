"""`python -m wandb_logging.testing`: a W&B server on loopback, to try a configuration by hand."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading

from wandb_logging.testing import LocalServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C, then say which runs came and which rules were broken."""
    parser = argparse.ArgumentParser(prog="python -m wandb_logging.testing", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--key", help="API key to accept (default: made up)")
    given = parser.parse_args(arguments)
    server = LocalServer(given.key, port=given.port)
    try:
        server.start()
    except (ImportError, OSError) as error:  # without the extra, or the port is taken
        parser.exit(1, f"{parser.prog}: {error}\n")
    with server:
        say(f"W&B server for tests at {server.url}, key {server.api_key}. Point a client at it with\n")
        for name, value in server.env().items():
            say(f"  export {name}={value}")
        say("\nCtrl-C ends it; nothing is kept.")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        for run in server.runs:
            say(f"{run.path}: {run.state}, {len(run.history_lines)} rows, {len(run.output)} lines of text")
        for violation in server.violations:
            say(str(violation))
    return 0


def say(line: str) -> None:
    """Write one line at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
