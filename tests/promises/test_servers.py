"""Web servers as they are, ended as services are: by SIGTERM."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from tests.ports import free_port
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals end a process on POSIX")

CONFIG = """
import logging, logging.config
logging.config.dictConfig({
    "version": 1, "disable_existing_loggers": False,
    "handlers": {"wandb": {"class": "wandb_logging.WandbHandler", "project": "p", "quiet": True, "close_timeout": 100}},
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


def until_served(process: subprocess.Popen[bytes] | subprocess.Popen[str], address: str) -> None:
    """Wait for a server whose first process says where it is before the second one is there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(address, timeout=PATIENCE).close()
        except OSError:
            assert process.poll() is None, "the server has ended"
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
    # 0.39, the last for Python 3.9, has taken the signals before it imports the program.
    pytest.importorskip("uvicorn")
    Path("app.py").write_text(UVICORN)
    with served(wandb_server, "uvicorn", "app:app", "--port", "0") as (process, address):
        ended(process, address)
    (run,) = wandb_server.runs
    assert [row["request"] for row in run.history] == [1, 1, 1]
    assert (run.state, run.exit_code) == ("failed", 143)


LIFESPAN = UVICORN.replace("logging.config.dictConfig(", "CONFIG = (").replace(
    "async def app(scope, receive, send):",
    """async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        logging.config.dictConfig(CONFIG)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        log.info("", extra={"metrics": {"request": 2}})
        await send({"type": "lifespan.shutdown.complete"})""",
)


def test_uvicorn_whose_application_configures_logging_as_it_starts(wandb_server: LocalServer) -> None:
    """The server's own handlers stand then; the last row is logged while it ends."""
    pytest.importorskip("uvicorn")
    Path("app.py").write_text(LIFESPAN)
    with served(wandb_server, "uvicorn", "app:app", "--port", "0") as (process, address):
        ended(process, address)
    (run,) = wandb_server.runs
    assert [row["request"] for row in run.history] == [1, 1, 1, 2]
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
            "wandb": {"class": "wandb_logging.WandbHandler", "project": "p", "quiet": True, "close_timeout": 100},
        },
        "loggers": {"app": {"level": "INFO", "handlers": ["wandb"]}},
        "root": {"level": "INFO", "handlers": ["console"]},
    }
    Path("logging.json").write_text(json.dumps(logging_config))
    options = [*options, "--port", str(free_port())]  # with several processes uvicorn does not say which one it chose
    with served(wandb_server, "uvicorn", "app:app", "--log-config", "logging.json", *options) as (process, address):
        until_served(process, address)
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


DJANGO_SETTINGS = """
DEBUG, SECRET_KEY, ROOT_URLCONF, ALLOWED_HOSTS = True, "x", "urls", ["*"]
LOGGING = {
    "version": 1, "disable_existing_loggers": False,
    "handlers": {
        "wandb": {"class": "wandb_logging.WandbHandler", "project": "p", "quiet": True, "close_timeout": 100},
    },
    "loggers": {"service": {"level": "INFO", "handlers": ["wandb"]}},
}
"""
DJANGO_URLS = """
import logging
from django.http import HttpResponse
from django.urls import path
def index(request):
    logging.getLogger("service").info("", extra={"metrics": {"request": 1}})
    return HttpResponse("ok")
urlpatterns = [path("", index)]
"""


@pytest.mark.parametrize("options", [["--noreload"], ["--noreload", "--nothreading"]], ids=" ".join)
def test_django(wandb_server: LocalServer, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It configures logging twice, with its own configuration first; one run, finished by SIGTERM."""
    pytest.importorskip("django")
    Path("service_settings.py").write_text(DJANGO_SETTINGS)
    Path("urls.py").write_text(DJANGO_URLS)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "service_settings")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    port = str(free_port())  # it does not say which one it chose
    command = [sys.executable, "-m", "django", "runserver", *options, port]
    env = {**os.environ, **wandb_server.env()}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until_served(process, f"http://127.0.0.1:{port}")
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()
    (run,) = wandb_server.runs
    assert [row["request"] for row in run.history] == [1]
    assert (run.state, run.exit_code) == ("failed", 143)
