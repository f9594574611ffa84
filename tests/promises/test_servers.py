"""Web servers as they are, ended as services are: by SIGTERM."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
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


def until_served(address: str) -> None:
    """Wait for a server whose first process says where it is before the second one is there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(address, timeout=PATIENCE).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def ended(process: subprocess.Popen[str], address: str) -> None:
    """Make three requests, then end it as a service is ended."""
    for _ in range(3):
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            assert answer.read() == b"ok"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)


def test_uvicorn(wandb_server: LocalServer) -> None:
    """It puts the handlers back that it found, and raises the signal again."""
    # 0.39, the last for Python 3.9, has taken the signals before it imports the program, and our handler is not asked.
    pytest.importorskip("uvicorn", minversion="0.54")
    Path("app.py").write_text(UVICORN)
    with served(wandb_server, "uvicorn", "app:app", "--port", "0") as (process, address):
        ended(process, address)
    (run,) = wandb_server.runs
    assert [row["request"] for row in run.history] == [1, 1, 1]
    assert (run.state, run.exit_code) == ("failed", 143)


SERVICE = """
import logging
log = logging.getLogger("app")
async def app(scope, receive, send):
    if scope["type"] == "http":
        log.info("", extra={"metrics": {"request": 1}})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
"""


@pytest.mark.parametrize("options", [[], ["--reload"], ["--workers", "2"]], ids=" ".join)
def test_uvicorn_that_configures_logging(wandb_server: LocalServer, options: list[str]) -> None:
    """With `--log-config` the run is finished in each worker, and under a reloader."""
    pytest.importorskip("uvicorn")
    Path("app.py").write_text(SERVICE)
    logging_config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "console": {"class": "logging.StreamHandler"},
            "wandb": {"class": "wandb_logging.WandbHandler", "project": "p", "quiet": True},
        },
        "loggers": {"app": {"level": "INFO", "handlers": ["wandb"]}},
        "root": {"level": "INFO", "handlers": ["console"]},
    }
    Path("logging.json").write_text(json.dumps(logging_config))
    with socket.socket() as free:  # with several processes uvicorn does not say which port it chose
        free.bind(("127.0.0.1", 0))
        options = [*options, "--port", str(free.getsockname()[1])]
    with served(wandb_server, "uvicorn", "app:app", "--log-config", "logging.json", *options) as (process, address):
        until_served(address)
        ended(process, address)
    assert sum(len(run.history) for run in wandb_server.runs) == 4
    assert {(run.state, run.exit_code) for run in wandb_server.runs} == {("failed", 143)}


def test_flask_run(wandb_server: LocalServer) -> None:
    """Requests are handled on other threads than the one where logging was configured."""
    pytest.importorskip("flask")
    Path("app.py").write_text(FLASK)
    with served(wandb_server, "flask", "--app", "app", "run", "--port", "0") as (process, address):
        ended(process, address)
    (run,) = wandb_server.runs
    assert [row["request"] for row in run.history] == [1, 1, 1]
    assert (run.state, run.exit_code) == ("failed", 143)
