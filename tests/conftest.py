"""What every test stands on: an empty directory and home, no `WANDB_*`, logging as it was, loopback only."""

from __future__ import annotations

import copy
import gc
import itertools
import logging
import os
import re
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import tenacity

from tests.asked import pytest_sessionfinish, pytest_testnodedown  # noqa: F401  hooks
from tests.patience import PATIENCE

# `notices` gives its logger a handler when it is imported: before the first test, so that no test undoes it.
from wandb_logging._keys import keys
from wandb_logging._process import ending, exit_code, notices  # noqa: F401
from wandb_logging._server import retry
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The tests share their machine with others: how long an example takes, or to make one, says nothing.
TOO_SLOW = (hypothesis.HealthCheck.too_slow,)
hypothesis.settings.register_profile("wandb_logging", deadline=None, suppress_health_check=TOO_SLOW)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=10, suppress_health_check=TOO_SLOW)
hypothesis.settings.load_profile("wandb_logging")

# In the background of a script, as in some CI, Ctrl-C is ignored; programs that tests start and end so inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What the server of the tests is asked to wait for comes at last, also where twenty others want the processor.
LocalServer.wait_for.__defaults__ = (PATIENCE,)


def pytest_collection() -> None:
    """What is collected stays to the end: nobody looks through it for what could go."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Let the garbage collector see what comes from here on, and not thousands of tests each time."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Give two cores three workers for `-n auto`: while a test waits, for a server or a program, another works."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return (3 * cores + 1) // 2


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Have what the tests of a file share made once: each worker gets a stretch of them, and takes of another's rest.

    By xdist's default three workers share every tenth file, and each runs the official SDK anew for the same promises.
    """
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave what is thorough to the session that asks for it by its mark."""
    if item.get_closest_marker("thorough") and "thorough" not in item.config.option.markexpr:
        pytest.skip("`nox -s thorough` does that")


# What a developer's own shell may carry and a test must not see. A proxy would catch even loopback.
_FOREIGN = (
    *("WANDB_", "NETRC", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"),
    *("SLURM_", "TORCHELASTIC_", "OMPI_", "PMI_", "PMIX_", "RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_"),
)

# What a run changes for the whole process; monkeypatch puts it back.
_GLOBALS = [
    (sys, "exit"),
    (sys, "excepthook"),
    (threading, "excepthook"),
    (ending, "_installed"),
    (exit_code, "_asked"),
    (exit_code, "_unhandled"),
    (exit_code, "_asked_in"),
    (exit_code, "_last"),
    (ending, "_signal_code"),
    (keys, "_sessions"),
]


_numbers = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory, named after the test: as pytest's, without a link to the latest of each name."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}-{next(_numbers)}"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a home and a working directory of its own, and a clean environment."""
    for name in list(os.environ):
        if name.upper().startswith(_FOREIGN):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))  # Path.home() on Windows
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for owner, name in _GLOBALS:
        monkeypatch.setattr(owner, name, copy.copy(getattr(owner, name)))


@pytest.fixture(autouse=True)
def backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a try that failed made again after a twentieth of the time; `tests/server` is where that time is tested."""
    wait = tenacity.wait_exponential(multiplier=0.1, max=3) + tenacity.wait_random(0, 0.05)
    monkeypatch.setattr(retry, "_backoff", wait)


class _LoggingState:
    """A snapshot of everything that `logging` keeps in globals, and the way back to it."""

    def __init__(self) -> None:
        self.handlers = set(_open_handlers())
        self.names = set(logging.root.manager.loggerDict)
        self.loggers = {logger: _settings_of(logger) for logger in _loggers()}
        self.disabled_up_to = logging.root.manager.disable
        self.raise_exceptions = logging.raiseExceptions
        self.factory = logging.getLogRecordFactory()

    def restore(self) -> None:
        # dictConfig disables loggers that exist: one that a test made would be dead in the next test that names it.
        # Those of modules imported meanwhile stay, since the module keeps the one it has.
        known = logging.root.manager.loggerDict
        for name in set(known) - self.names:
            if name.partition(".")[0] not in sys.modules:
                del known[name]
        for logger in _loggers():
            before = self.loggers.get(logger, _AS_MADE)
            if _settings_of(logger) != before:
                level, logger.propagate, logger.disabled, logger.handlers[:], logger.filters[:] = before
                logger.setLevel(level)
        logging.captureWarnings(capture=False)
        logging.disable(self.disabled_up_to)
        logging.raiseExceptions = self.raise_exceptions
        logging.setLogRecordFactory(self.factory)
        for handler in _open_handlers():
            if handler not in self.handlers:
                handler.close()


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]


_AS_MADE: tuple[int, bool, bool, list[logging.Handler], list[Any]] = (logging.NOTSET, True, False, [], [])


def _settings_of(logger: logging.Logger) -> tuple[int, bool, bool, list[logging.Handler], list[Any]]:
    return logger.level, logger.propagate, logger.disabled, logger.handlers[:], logger.filters[:]


def _open_handlers() -> list[logging.Handler]:
    found = (reference() for reference in logging._handlerList[:])  # type: ignore[attr-defined]
    return [handler for handler in found if handler is not None]


@pytest.fixture(autouse=True)
def _logging_restored(isolated: None) -> Iterator[None]:
    """Undo what a test configures; close its handlers, so that no listener outlives the test's directory."""
    state = _LoggingState()
    yield
    state.restore()


@pytest.fixture(autouse=True)
def _signals_restored() -> Iterator[None]:
    """A handler or run that is made puts a handler before SIGTERM's."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """Connect to this machine only: what a test shows must not depend on what is out there."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise PermissionError(f"a test tried to reach {address[0]}: tests use loopback only")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
