"""Promises of alerts: by hand and from log records, each title once in its wait, and never in anybody's way."""

from __future__ import annotations

import json
import logging
import logging.config
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from tests.runs import SENT_SO, Clock
from wandb_logging import AlertLevel, LogError, Run, Session, SettingsError, WandbHandler, new_run, sync
from wandb_logging._events.alerts import MAX_TEXT, MAX_TITLE, alert, cut
from wandb_logging._fold.fold import Rules, State, fold
from wandb_logging._journal.rundir import RunDir
from wandb_logging._records.encoding import change_event
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.client import Client
from wandb_logging._server.link import Link
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


def run_on(server: LocalServer, **settings: Any) -> Run:
    session = Session(server.api_key, server.url)
    return new_run("p", session=session, **{"mode": "online", "quiet": True, "run_id": "r", **settings})


def log_with(server: LocalServer, **settings: Any) -> tuple[logging.Logger, WandbHandler]:
    settings = {"host": server.url, "api_key": server.api_key, "mode": "online", "quiet": True, **settings}
    handler = {"class": "wandb_logging.WandbHandler", "project": "p", "run_id": "r", **settings}
    logging.config.dictConfig(
        {"version": 1, "handlers": {"wandb": handler}, "root": {"level": "DEBUG", "handlers": ["wandb"]}}
    )
    (made,) = (item for item in logging.root.handlers if isinstance(item, WandbHandler))
    return logging.getLogger("train"), made


def titles(server: LocalServer) -> list[str]:
    return [item["title"] for item in server.run("r").alerts]


def at(time: float, title: str = "t", wait: float = 60.0) -> bytes:
    """The event of an alert raised at a time."""
    return change_event("alert", alert(title, f"at {time:g}", "INFO", wait), time, lambda *_: None)


def let_through(events: list[bytes]) -> list[str]:
    _, delta = fold(Rules(0.0), State(), events)
    return [task["text"] for task in delta.tasks]


# --- by hand ---


def test_an_alert_arrives(wandb_server: LocalServer) -> None:
    """Title, text, level, and the wait in milliseconds (protocol 8)."""
    with run_on(wandb_server) as run:
        run.alert("a title", "a text", level="warn", wait_duration=3)
        run.alert("plain")
        run.alert("enum", "x", AlertLevel.ERROR, timedelta(minutes=2))
    assert wandb_server.run("r").alerts == [
        {"title": "a title", "text": "a text", "severity": "WARN", "waitDuration": 3000},
        {"title": "plain", "text": "", "severity": "INFO", "waitDuration": 60000},
        {"title": "enum", "text": "x", "severity": "ERROR", "waitDuration": 120000},
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"title": ""}, "title"),
        ({"title": 3}, "title"),
        ({"title": "t", "text": b"x"}, "text"),
        ({"title": "t", "level": "WARNING"}, "INFO or WARN or ERROR"),
        ({"title": "t", "level": None}, "level"),
        ({"title": "t", "wait_duration": -1}, "wait_duration"),
        ({"title": "t", "wait_duration": float("nan")}, "wait_duration"),
        ({"title": "t", "wait_duration": "1 min"}, "wait_duration"),
    ],
)
def test_a_wrong_alert_raises(given: dict[str, Any], message: str) -> None:
    """From the method that was called; nothing is journalled."""
    with new_run("p", mode="offline", quiet=True) as run:
        with pytest.raises(LogError, match=message):
            run.alert(**given)
        assert run.stats()["journalled"] == 0


# --- one title, one wait ---


def test_a_title_waits_by_the_time_of_the_events() -> None:
    """Another alert of the title goes when the wait of the last one that went is over, not before."""
    events = [at(0), at(59.9), at(60), at(70, "other"), at(119), at(120)]
    assert let_through(events) == ["at 0", "at 60", "at 70", "at 120"]
    assert let_through([at(0, wait=0), at(0, wait=0)]) == ["at 0", "at 0"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 100), st.integers(0, 30)), max_size=12), st.data())
def test_however_the_journal_is_cut(alerts: list[tuple[str, int, int]], data: st.DataObject) -> None:
    """What goes depends on the journal alone: not on when it was sent, nor in how many pieces."""
    events = [at(time, title, wait) for title, time, wait in sorted(alerts, key=lambda item: item[1])]
    where = data.draw(st.integers(0, len(events)))
    state, first = fold(Rules(0.0), State(), events[:where])
    state = State(**json.loads(json.dumps(vars(state))))  # as from cursor.json
    _, second = fold(Rules(0.0), state, events[where:])
    assert [task["text"] for task in first.tasks + second.tasks] == let_through(events)


def test_what_waits_is_forgotten_when_it_is_over() -> None:
    """Titles that are all different do not fill the cursor."""
    state, _ = fold(Rules(0.0), State(), [at(100 * number, f"title {number}") for number in range(50)])
    assert state.alerts == {"title 49": 4960.0}


def test_it_holds_across_an_offline_sync(wandb_server: LocalServer) -> None:
    """A loop of errors is one alert, also when a day of them is sent at once."""
    handler = WandbHandler(
        project="p", run_id="r", mode="offline", quiet=True, alert_level="ERROR", alert_wait_duration=3600
    )
    log = logging.getLogger("train")
    start = 1_700_000_000.0
    for minute in range(0, 24 * 60, 20):
        record = log.makeRecord("train", logging.ERROR, "f", 1, "lost %d", (minute,), None)
        record.created = start + 60 * minute
        handler.handle(record)
    handler.close()
    (report,) = sync(session=Session(wandb_server.api_key, wandb_server.url))
    assert report.finished
    assert [item["text"] for item in wandb_server.run("r").alerts] == [f"lost {60 * hour}" for hour in range(24)]


# --- from log records ---


def test_records_from_a_level_up_are_alerts(wandb_server: LocalServer) -> None:
    """The level by name from dictConfig; the title says which logger, the text is the message."""
    log, handler = log_with(wandb_server, alert_level="ERROR", alert_wait_duration=120)
    log.warning("no alert")
    log.error("disk is %d %% full", 99)
    logging.getLogger("net").critical("down")
    handler.close()
    assert wandb_server.run("r").alerts == [
        {"title": "ERROR in train", "text": "disk is 99 % full", "severity": "ERROR", "waitDuration": 120000},
        {"title": "CRITICAL in net", "text": "down", "severity": "ERROR", "waitDuration": 120000},
    ]
    assert len(wandb_server.run("r").output) == 3


def test_the_severity_is_the_records(wandb_server: LocalServer) -> None:
    """INFO, WARN and ERROR stand for the ranges of levels."""
    log, handler = log_with(wandb_server, alert_level=logging.INFO)
    for level in (logging.DEBUG, logging.INFO, 25, logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(level, "x")
    handler.close()
    severities = [item["severity"] for item in wandb_server.run("r").alerts]
    assert severities == ["INFO", "INFO", "WARN", "ERROR", "ERROR"]


def test_a_handled_exception_alerts_with_its_traceback(wandb_server: LocalServer) -> None:
    """`logger.exception` and `exc_info=` alert if alerts are on; the run goes on."""
    log, handler = log_with(wandb_server, alert_level="CRITICAL")
    try:
        json.loads("{}")["key"]
    except KeyError:
        log.exception("lookup failed")
        log.warning("again", exc_info=True)
        log.info("a note", exc_info=True)
    log.error("no exception, below the level", exc_info=True)  # noqa: LOG014  people write it
    log.info("goes on", extra={"metrics": {"x": 1}})
    handler.close()
    first, second = wandb_server.run("r").alerts
    assert (first["title"], second["title"]) == ("ERROR in train: KeyError", "WARNING in train: KeyError")
    assert first["text"].startswith("lookup failed\nTraceback (most recent call last):")
    assert first["text"].endswith("KeyError: 'key'")
    assert wandb_server.run("r").history[0]["x"] == 1
    assert wandb_server.run("r").exit_code == 0


def test_exceptions_do_not_alert_when_alerts_are_off(wandb_server: LocalServer) -> None:
    """The default: no record is an alert."""
    log, handler = log_with(wandb_server)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("x")
    log.critical("y")
    handler.close()
    assert wandb_server.run("r").alerts == []


def test_an_alert_needs_no_console(wandb_server: LocalServer) -> None:
    """With `console: false` a record is an alert all the same, and no text."""
    log, handler = log_with(wandb_server, alert_level="ERROR", console=False)
    log.error("x")
    handler.close()
    assert titles(wandb_server) == ["ERROR in train"]
    assert wandb_server.run("r").output == []


def test_metrics_and_text_of_an_alert_are_kept(wandb_server: LocalServer) -> None:
    """One record may be a row, a text and an alert."""
    log, handler = log_with(wandb_server, alert_level="ERROR")
    log.error("nan", extra={"metrics": {"loss": float("nan")}})
    handler.close()
    run = wandb_server.run("r")
    assert (len(run.history), len(run.output), titles(wandb_server)) == (1, 1, ["ERROR in train"])


def test_a_record_whose_text_cannot_be_made_still_alerts(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong number of arguments; the fault is reported once, as logging does."""
    told: list[logging.LogRecord] = []
    monkeypatch.setattr(WandbHandler, "handleError", lambda _self, record: told.append(record))
    log, handler = log_with(wandb_server, alert_level="ERROR")
    log.error("%d and %d", 1)  # noqa: PLE1206  the fault
    handler.close()
    assert wandb_server.run("r").alerts[0]["text"] == "'%d and %d' (1,)"
    assert len(told) == 1


def test_long_texts_are_cut_in_the_middle() -> None:
    """The message at the beginning and the error at the end of a traceback are what a person needs."""
    title, text = cut("t" * 100, "message " + "x" * 10_000 + " ValueError: why")
    assert (len(title), title[-3:]) == (MAX_TITLE, "...")
    assert len(text) == MAX_TEXT
    assert text.startswith("message x")
    assert text.endswith("x ValueError: why")
    assert cut("short", "text") == ("short", "text")


@pytest.mark.parametrize("value", ["LOUD", True, -1, 2.5])
def test_a_wrong_level_raises(value: object) -> None:
    """A level by name or number."""
    with pytest.raises(SettingsError, match="alert_level"):
        Settings.of({"alert_level": value})


# --- trouble on the way ---


def drain(server: LocalServer, run_dir: Any, said: list[str]) -> Uploader:
    clock = Clock()
    link = Link(lambda: Client(server.url, server.api_key), clock.pace(), clock)
    uploader = Uploader(RunDir(run_dir), link, SENT_SO, say=lambda _kind, text: said.append(text))
    try:
        uploader.drain()
    finally:
        uploader.close()
    return uploader


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 400},
        {"status": 200, "body": {"errors": [{"message": "alerts are off"}]}},
        {"status": 200, "body": {"data": {"notifyScriptableRunAlert": {"success": False}}}},
    ],
    ids=["500", "400", "errors", "no success"],
)
def test_a_failed_alert_is_noted_and_the_run_ends(wandb_server: LocalServer, fault: dict[str, Any]) -> None:
    """Never fatal: rows, later alerts and the end of the run are not held up."""
    with new_run("p", mode="offline", quiet=True, run_id="r") as run:
        run.alert("first", "x")
        run.log({"x": 1})
    wandb_server.fail_always(operation="NotifyScriptableRunAlert", **fault)
    said: list[str] = []
    report = drain(wandb_server, run.dir, said).report(0)
    assert (report.finished, report.rows, report.set_aside) == (True, 1, 1)
    assert "alert first cannot be done" in said[0]


def test_a_lost_answer_does_not_lose_the_alert(wandb_server: LocalServer) -> None:
    """It may come twice: the server keeps the wait of its title."""
    with new_run("p", mode="offline", quiet=True, run_id="r") as run:
        run.alert("once")
    wandb_server.fail_next(1, status=None, operation="NotifyScriptableRunAlert", close="before")
    drain(wandb_server, run.dir, [])
    assert titles(wandb_server) == ["once"]
