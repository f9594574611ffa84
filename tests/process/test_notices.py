"""Promises of what a person at the keyboard is told: once, and wherever they look."""

from __future__ import annotations

import importlib
import io
import logging
import logging.config
import sys
import threading

import pytest

from tests.patience import PATIENCE
from wandb_logging import WandbHandler
from wandb_logging._process import notices
from wandb_logging._process.notices import INTERVAL, Notices, logger, say


def nobody_else() -> logging.Logger:
    """The root without pytest's own handlers, which would take every line; they come after the fixtures."""
    root = logging.getLogger()
    root.handlers.clear()
    return root


def test_without_another_handler_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """With ours as the only handler nobody else would show them."""
    nobody_else().addHandler(WandbHandler(project="p", mode="disabled"))
    say(logging.WARNING, "something is wrong")
    assert capsys.readouterr().err == "wandb_logging: something is wrong\n"


def test_with_a_handler_of_the_users_they_go_there_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said twice on one terminal."""
    stream = io.StringIO()
    nobody_else().addHandler(logging.StreamHandler(stream))
    say(logging.WARNING, "something is wrong")
    assert stream.getvalue() == "something is wrong\n"
    assert capsys.readouterr().err == ""


def test_dictconfig_does_not_switch_them_off(capsys: pytest.CaptureFixture[str]) -> None:
    """disable_existing_loggers, true by default, disables every logger it does not name: ours speaks all the same."""
    logging.config.dictConfig({"version": 1})
    assert logger.disabled
    nobody_else()
    say(logging.WARNING, "something is wrong")
    assert "something is wrong" in capsys.readouterr().err


def test_a_level_switches_them_off(capsys: pytest.CaptureFixture[str]) -> None:
    """As with any logger."""
    nobody_else()
    logger.setLevel(logging.ERROR)
    say(logging.WARNING, "something is wrong")
    assert capsys.readouterr().err == ""


def test_quiet_keeps_them_off_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """The setting quiet, or WANDB_SILENT."""
    nobody_else()
    notices = Notices(quiet=True)
    notices.add("kind", "something is wrong")
    notices.say_all()
    assert capsys.readouterr().err == ""


def test_a_package_that_is_imported_anew(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Both copies are heard, and each line once."""
    nobody_else()
    monkeypatch.setattr(logger, "handlers", list(logger.handlers))
    monkeypatch.delitem(sys.modules, notices.__name__)
    anew = importlib.import_module(notices.__name__)
    assert anew is not notices
    anew.say(logging.WARNING, "from the new one")
    say(logging.WARNING, "from the old one")
    assert capsys.readouterr().err.splitlines() == [
        "wandb_logging: from the new one",
        "wandb_logging: from the old one",
    ]


def test_a_forked_child_says_its_own_lines_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of its parent the parent says; and it does not count as said what the parent has said."""
    nobody_else()
    notices = Notices()
    notices.add("a", "first")
    notices.say_all()
    notices.add("b", "second")
    notices.after_fork_in_child()
    notices.add("a", "first")
    notices.say_all()
    assert capsys.readouterr().err.splitlines() == ["wandb_logging: first", "wandb_logging: first"]
    assert notices.numbers() == {"a": 1}


def test_each_kind_is_said_once_a_minute(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes meanwhile is counted, and the count is said with the next."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    nobody_else()
    notices = Notices()
    for _ in range(5):
        notices.add("a", "first")
        notices.add("b", "second")
        notices.say_all()
    assert capsys.readouterr().err.splitlines() == ["wandb_logging: first", "wandb_logging: second"]
    now += INTERVAL
    notices.add("a", "first")
    notices.say_all()
    (line,) = capsys.readouterr().err.splitlines()
    assert "first" in line
    assert "4 more" in line


@pytest.mark.parametrize("stderr", [None, io.StringIO()])
def test_a_missing_or_closed_stderr_is_no_reason_to_stop(
    stderr: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs without a console have none, a daemon has closed it."""
    if stderr is not None:
        stderr.close()
    nobody_else()
    monkeypatch.setattr(sys, "stderr", stderr)
    say(logging.WARNING, "something is wrong")


def test_nothing_waits_for_loggings_own_lock() -> None:
    """A dictConfig holds it while it waits for us to finish."""
    said = threading.Event()

    def speak() -> None:
        say(logging.INFO, "x")
        said.set()

    lock = logging._lock  # type: ignore[attr-defined]
    with lock:
        threading.Thread(target=speak, daemon=True).start()
        assert said.wait(PATIENCE)


def test_nor_for_our_handler_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`logging.shutdown`, and so `dictConfig`, holds its lock while it waits for us; it takes none of these lines."""
    monkeypatch.setattr(notices, "_PATIENCE", 3600.0)
    said = threading.Event()

    def speak() -> None:
        say(logging.INFO, "x")
        said.set()

    handler = WandbHandler(project="p")
    logging.getLogger().addHandler(handler)
    try:
        assert handler.lock is not None
        with handler.lock:
            threading.Thread(target=speak, daemon=True).start()
            assert said.wait(PATIENCE)
    finally:
        logging.getLogger().removeHandler(handler)
