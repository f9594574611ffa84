from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.patience import PATIENCE
from tests.testing.client import Client
from wandb_logging.testing import LocalServer
from wandb_logging.testing.__main__ import main


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


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so, without a traceback; so it does where the extra is missing."""
    with LocalServer() as server, pytest.raises(SystemExit) as stop:
        main(["--port", str(urlsplit(server.url).port)])
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("python -m wandb_logging.testing: [Errno ")
    assert said.count("\n") == 1


def test_without_the_extra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "graphql", None)
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 1
    assert capsys.readouterr().err == (
        "python -m wandb_logging.testing: LocalServer needs graphql-core: pip install 'wandb-logging[testing]'\n"
    )


class Remote:
    """As much of a `LocalServer` in another process as a client needs."""

    entity = LocalServer().entity

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        self.api_key = api_key
