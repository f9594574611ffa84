"""Web servers as they are, ended as services are: by SIGTERM. `nox -s servers` installs them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals end a process on POSIX")

CONFIG = """
import logging, logging.config
logging.config.dictConfig({
    "version": 1, "disable_existing_loggers": False,
    "handlers": {"wandb": {"class": "wandb_logging.WandbHandler", "project": "p", "quiet": True}},
    "loggers": {"app": {"level": "INFO", "handlers": ["wandb"]}},
})
log = logging.getLogger("app")
"""
UVICORN = (
    CONFIG
    + """
async def app(scope, receive, send):
    if scope["type"] == "http":
        log.info("", extra={"metrics": {"request": 1}})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
"""
)
FLASK = (
    CONFIG
    + """
import flask
app = flask.Flask("app")
@app.route("/")
def index():
    log.info("", extra={"metrics": {"request": 1}})
    return "ok"
"""
)


@contextlib.contextmanager
def served(server: LocalServer, *command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that runs until it is ended, and its address."""
    env = {**os.environ, **server.env(), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([sys.executable, "-m", *command], env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = ""
            while "http://127.0.0.1:" not in line:
                line = process.stderr.readline()
                assert line
            yield process, "http://127.0.0.1:" + line.split("http://127.0.0.1:")[1].split()[0].strip()
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], address: str) -> None:
    """Make three requests, then end it as a service is ended."""
    for _ in range(3):
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            assert answer.read() == b"ok"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)


def test_uvicorn(wandb_server: LocalServer) -> None:
    """It puts the handlers back that it found, and raises the signal again."""
    pytest.importorskip("uvicorn")
    Path("app.py").write_text(UVICORN)
    with served(wandb_server, "uvicorn", "app:app", "--port", "0") as (process, address):
        ended(process, address)
    (run,) = wandb_server.runs
    assert [row["request"] for row in run.history] == [1, 1, 1]
    assert (run.state, run.exit_code) == ("failed", 143)


def test_flask_run(wandb_server: LocalServer) -> None:
    """Requests are handled on other threads than the one where logging was configured."""
    pytest.importorskip("flask")
    Path("app.py").write_text(FLASK)
    with served(wandb_server, "flask", "--app", "app", "run", "--port", "0") as (process, address):
        ended(process, address)
    (run,) = wandb_server.runs
    assert [row["request"] for row in run.history] == [1, 1, 1]
    assert (run.state, run.exit_code) == ("failed", 143)
