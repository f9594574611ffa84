from __future__ import annotations

import itertools
import signal
import subprocess
import sys

import pytest

from tests.patience import PATIENCE
from tests.testing.client import Client
from wandb_logging.testing import LocalServer


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_by_hand() -> None:
    """Started by hand it says how to reach it, serves until Ctrl-C, and then says what came."""
    command = [sys.executable, "-m", "wandb_logging.testing", "--key", "k" * 40]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = list(itertools.takewhile(lambda line: "Ctrl-C" not in line, process.stdout))
        exports = dict(line.strip()[len("export ") :].split("=") for line in said if "export" in line)
        assert exports["WANDB_API_KEY"] == "k" * 40
        remote = Remote(exports["WANDB_BASE_URL"], "k" * 40)
        Client(remote).upsert()  # type: ignore[arg-type]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(PATIENCE) == 0
    assert rest == "local-team/p/r: running, 0 rows, 0 lines of text\n"


class Remote:
    """As much of a `LocalServer` in another process as a client needs."""

    entity = LocalServer().entity

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        self.api_key = api_key
