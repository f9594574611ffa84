"""Promises of `WandbHandler`: what people expect of a handler, and that the program never notices it."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import logging.config
import logging.handlers
import math
import pickle
import queue
import signal
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.patience import PATIENCE
from tests.run.handlers import data, logger_with, offline
from wandb_logging import MergingAdapter, Run, SettingsError, WandbHandler, new_run, read_run
from wandb_logging._process.listener import as_own_thread
from wandb_logging.testing import LocalServer

CACHE = Path("wandb_cache")


def metrics_of(handler: WandbHandler) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in data(handler).rows]


def texts_of(handler: WandbHandler) -> list[str]:
    return [
        line.split(" ", 1)[1] if not line.startswith("ERROR") else line.split(" ", 2)[2] for line in data(handler).lines
    ]


def events_of(handler: WandbHandler) -> list[dict[str, Any]]:
    assert handler.run.dir is not None
    return [json.loads(line) for line in (handler.run.dir / "journal-0001-0001.jsonl").read_text().splitlines()]


# --- before the first record ---


def test_making_it_uses_no_network_no_thread_and_no_file() -> None:
    """Constructing the handler does no network, starts no thread, makes no file; closing it neither."""
    before = threading.active_count()
    handler = WandbHandler(project="p", mode="online", host="http://127.0.0.1:9", api_key="0" * 40)
    assert threading.active_count() == before
    handler.close()
    assert not CACHE.exists()


def test_wrong_settings_are_found_when_it_is_made() -> None:
    """A wrong key says which is meant."""
    with pytest.raises(SettingsError, match="did you mean 'project'"):
        WandbHandler(projekt="p")  # type: ignore[call-arg]


def test_disabled_mode_does_nothing_at_all() -> None:
    """No thread, no file, no row."""
    handler = WandbHandler(project="p", mode="disabled")
    before = threading.active_count()
    logger_with(handler).info("x", extra={"metrics": {"loss": 1}})
    handler.close()
    assert threading.active_count() == before
    assert not CACHE.exists()
    assert handler.stats()["accepted"] == 0


# --- metrics ---


def test_metrics_come_from_extra_with_next_or_explicit_step() -> None:
    """The mapping under extra["metrics"] is a row; extra["step"] its step."""
    handler = offline()
    log = logger_with(handler)
    log.info("a", extra={"metrics": {"loss": 0.5, "val": {"acc": 0.9}}})
    log.info("b", extra={"metrics": {"f1": 0.9}, "step": 120})
    assert [(row["_step"], row.get("loss"), row.get("f1")) for row in data(handler).rows] == [
        (0, 0.5, None),
        (120, None, 0.9),
    ]


def test_keys_of_extra_can_be_named() -> None:
    """metrics_key and step_key."""
    handler = offline(metrics_key="m", step_key="at")
    logger_with(handler).info("a", extra={"m": {"x": 1}, "at": 7, "metrics": {"y": 2}})
    (row,) = data(handler).rows
    assert (row["_step"], row["x"], "y" in row) == (7, 1, False)


@pytest.mark.parametrize("on", [True, False])
def test_a_dict_as_the_message_is_metrics_when_asked_for(on: bool) -> None:
    """log.info({"loss": 0.1})."""
    handler = offline(dict_message=on)
    logger_with(handler).info({"loss": 0.1})
    assert metrics_of(handler) == ([{"loss": 0.1}] if on else [])


@pytest.mark.parametrize("on", [True, False])
def test_a_dict_as_the_argument_is_metrics_when_asked_for(on: bool) -> None:
    """log.info("loss %(loss).3f", {"loss": 0.1}); the text is there either way."""
    handler = offline(dict_args=on)
    logger_with(handler).info("loss %(loss).3f", {"loss": 0.1})
    assert metrics_of(handler) == ([{"loss": 0.1}] if on else [])
    assert texts_of(handler) == ["INFO:train:loss 0.100"]


def test_what_the_caller_changes_afterwards_changes_nothing() -> None:
    """The row is what it was when the call returned."""
    handler = offline()
    metrics = {"loss": 1.0, "inner": {"x": 1}}
    logger_with(handler).info("a", extra={"metrics": metrics})
    metrics["loss"] = 999
    metrics["inner"]["x"] = 999  # type: ignore[index]
    assert metrics_of(handler) == [{"loss": 1.0, "inner": {"x": 1}}]


# --- text ---


def test_text_has_level_and_logger_and_traceback() -> None:
    """As logging.basicConfig would write it."""
    handler = offline()
    log = logger_with(handler)
    log.warning("careful %d", 3)
    try:
        raise RuntimeError("oops")
    except RuntimeError:
        log.exception("failed")
    texts = texts_of(handler)
    assert texts[0] == "WARNING:train:careful 3"
    assert texts[1] == "ERROR:train:failed"
    assert texts[2] == "Traceback (most recent call last):"
    assert texts[-1] == "RuntimeError: oops"
    assert all(line.startswith("ERROR ") for line in data(handler).lines[1:])


def test_the_users_formatter_makes_the_text() -> None:
    """Handler.setFormatter, exceptions included."""
    handler = offline()
    handler.setFormatter(logging.Formatter("<%(levelname)s> %(message)s"))
    logger_with(handler).info("hello")
    assert texts_of(handler) == ["<INFO> hello"]


@pytest.mark.parametrize(("console", "texts"), [(False, []), ("WARNING", ["WARNING:train:b"])])
def test_console_switches_text_but_not_metrics(console: Any, texts: Any) -> None:
    """console: false, or a level."""
    handler = offline(console=console)
    log = logger_with(handler)
    log.info("a", extra={"metrics": {"x": 1}})
    log.warning("b")
    assert texts_of(handler) == texts
    assert metrics_of(handler) == [{"x": 1}]


def test_arguments_that_do_not_fit_lose_neither_metrics_nor_text(capsys: pytest.CaptureFixture[str]) -> None:
    """The row is kept, and logging's own report goes to stderr as with any handler."""
    handler = offline()
    log = logger_with(handler)
    log.propagate = False  # pytest's own handler raises for such a record
    log.info("%d and %d", 1, extra={"metrics": {"x": 1}})
    assert metrics_of(handler) == [{"x": 1}]
    assert "%d and %d" in texts_of(handler)[0]
    assert "Logging error" in capsys.readouterr().err


# --- a handler like others ---


def test_level_and_filters_apply() -> None:
    """Handler.setLevel and addFilter, also with a filter that changes the record (Python 3.12)."""
    handler = offline()
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    log = logger_with(handler)
    log.info("low")
    log.warning("secret thing")
    log.warning("shown")
    assert texts_of(handler) == ["WARNING:train:shown"]


def test_a_subclass_may_filter_itself() -> None:
    """Its `filter` is asked, also without any filter added."""

    class Odd(WandbHandler):
        def filter(self, record: logging.LogRecord) -> Any:
            return record.args == (1,) and super().filter(record)

    handler = Odd(project="p", mode="offline", quiet=True)
    log = logger_with(handler)
    log.info("%d", 1)
    log.info("%d", 2)
    assert handler.stats()["accepted"] == 1


def test_a_users_queue_handler_in_front_keeps_metrics_and_level() -> None:
    """QueueHandler, QueueListener, then us: the level still applies, metrics and traceback arrive."""
    handler = offline(console=True)
    handler.setLevel(logging.INFO)
    records: queue.Queue[Any] = queue.Queue()
    listener = logging.handlers.QueueListener(records, handler)
    log = logger_with(logging.handlers.QueueHandler(records))
    listener.start()
    log.debug("low", extra={"metrics": {"no": 1}})
    try:
        raise RuntimeError("oops")
    except RuntimeError:
        log.exception("high", extra={"metrics": {"x": 1}})
    listener.stop()
    assert metrics_of(handler) == [{"x": 1}]
    assert any("RuntimeError: oops" in text for text in texts_of(handler))


def test_the_merging_adapter_adds_to_the_calls_extra() -> None:
    """Before Python 3.13 a LoggerAdapter replaces it, and metrics vanish."""
    handler = offline()
    log = MergingAdapter(logger_with(handler), {"metrics": {"fold": 1}, "rank": 0})
    log.info("a", extra={"metrics": {"loss": 0.5}})
    log.info("b")
    assert metrics_of(handler) == [{"fold": 1, "loss": 0.5}, {"fold": 1}]


def test_warnings_are_captured() -> None:
    """logging.captureWarnings(True) brings warnings into the Logs tab."""
    handler = offline()
    logger_with(handler, "py.warnings").propagate = False
    logging.captureWarnings(capture=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    assert any("DeprecationWarning: old thing" in text for text in texts_of(handler))


def test_a_second_dictconfig_ends_the_first_run_and_begins_another() -> None:
    """As when a notebook cell is run again."""
    config = {
        "version": 1,
        "handlers": {"w": {"class": "wandb_logging.WandbHandler", "project": "p", "mode": "offline", "quiet": True}},
        "root": {"level": "INFO", "handlers": ["w"]},
    }
    runs = []
    for i in range(2):
        logging.config.dictConfig(config)
        logging.getLogger("x").info("a", extra={"metrics": {"i": i}})
        (handler,) = [item for item in logging.getLogger().handlers if isinstance(item, WandbHandler)]
        runs.append(handler.run)
    assert runs[0].id != runs[1].id
    with pytest.raises(ValueError, match="finished"):
        runs[0].log({"x": 1})
    logging.shutdown()
    assert [read_run(run.dir).exit_code for run in runs if run.dir] == [0, 0]


@pytest.mark.not_quick
def test_records_after_close_go_on_with_the_run(wandb_server: LocalServer) -> None:
    """As a FileHandler opens its file again: same directory, same run, which is running again; steps go on."""
    handler = WandbHandler(project="p", mode="online", quiet=True, config={"a": 1})
    log = logger_with(handler)
    log.info("", extra={"metrics": {"x": 1}})
    for number in range(2, 5):
        handler.close()
        handler.close()
        (run,) = wandb_server.runs
        assert (run.state, run.exit_code) == ("finished", 0)
        log.info("", extra={"metrics": {"x": number}})
        handler.flush(PATIENCE)
        (run,) = wandb_server.runs
        assert run.state == "running"
        assert [(row["_step"], row["x"]) for row in run.history] == [(step, step + 1) for step in range(number)]
    handler.close()
    assert [run.state for run in wandb_server.runs] == ["finished"]
    stats = handler.stats()
    assert (stats["dropped"], stats["late"], handler.run.queue_length) == ({}, 0, 0)
    assert handler.run.dir is not None
    assert [row["x"] for row in read_run(handler.run.dir).rows] == [1, 2, 3, 4]


def test_a_run_that_a_person_has_finished_stays_so() -> None:
    """What comes to its handler later is counted."""
    handler = offline()
    log = logger_with(handler)
    log.info("a")
    handler.run.finish(3)
    handler.close()
    log.info("b")
    assert handler.stats()["dropped"] == {"logged after the run was closed": 1}
    assert handler.run.dir is not None
    assert read_run(handler.run.dir).exit_code == 3


@pytest.mark.slow
def test_records_of_other_threads_while_it_is_closed_are_kept(wandb_server: LocalServer) -> None:
    """Each row is on the server, whatever the moment at which the handler was closed."""
    handler = WandbHandler(project="p", mode="online", quiet=True)
    log = logger_with(handler)
    may, done = threading.Semaphore(0), threading.Semaphore(0)

    def work() -> None:
        for number in range(1000):
            assert may.acquire(timeout=PATIENCE)
            log.info("", extra={"metrics": {"x": number}})
            done.release()

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(5):
        may.release(200)
        for _ in range(20):
            assert done.acquire(timeout=PATIENCE)
        handler.close()  # while the others are logged
    thread.join(PATIENCE)
    log.info("", extra={"metrics": {"x": 1000}})
    handler.flush(PATIENCE)
    handler.close()
    (run,) = wandb_server.runs
    assert [row["x"] for row in run.history] == list(range(1001))


def test_the_run_may_be_made_by_hand() -> None:
    """WandbHandler(run=run): records go there, and closing the handler leaves the run open."""
    run = new_run("p", mode="offline", quiet=True)
    handler = WandbHandler(run=run)
    logger_with(handler).info("a", extra={"metrics": {"x": 1}})
    handler.close()
    run.log({"y": 2})
    run.finish()
    assert run.dir is not None
    assert [row["_step"] for row in read_run(run.dir).rows] == [0, 1]


def test_run_and_settings_exclude_each_other() -> None:
    """The run has settings of its own."""
    run = new_run("p", mode="disabled")
    with pytest.raises(SettingsError, match="project"):
        WandbHandler(run=run, project="q")


def test_stats_count_what_happened(wandb_server: LocalServer) -> None:
    """accepted, journalled, sent, acknowledged, set aside, dropped, lag."""
    handler = WandbHandler(project="p", mode="online", quiet=True)
    log = logger_with(handler)
    for i in range(10):
        log.info("a", extra={"metrics": {"i": i, "bad": object()}})
    handler.flush(PATIENCE)
    stats = handler.stats()
    handler.close()
    assert {key: stats[key] for key in ("accepted", "journalled", "sent", "acknowledged", "set_aside", "dropped")} == {
        "accepted": 10,
        "journalled": 10,
        "sent": 10,
        "acknowledged": 10,
        "set_aside": 10,
        "dropped": {},
    }
    assert stats["lag"] == 0


# --- the program never notices ---


def test_nothing_raises_whatever_the_metrics() -> None:
    """Bad parts are set aside and named once; the rest of the row is kept."""

    class Evil:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    cycle: dict[str, Any] = {"ok": 1}
    cycle["self"] = cycle
    handler = offline()
    log = logger_with(handler)
    for bad in (Evil(), {1: 2}, cycle, "text", 5, [1], {"deep": Evil()}, {"s": "\ud800"}, {"n": 2**80}):
        log.info("x", extra={"metrics": {"good": 1, "bad": bad}})
        log.info("x", extra={"metrics": bad})
    log.info("x", extra={"metrics": {"good": 1}, "step": "seven"})
    rows = metrics_of(handler)
    assert sum(row.get("good") == 1 for row in rows) == 10
    assert handler.stats()["set_aside"] > 0


def test_trouble_is_said_once_on_our_own_logger(caplog: pytest.LogCaptureFixture) -> None:
    """One line a kind and minute, on the logger `wandb_logging`."""
    handler = offline(quiet=False)
    log = logger_with(handler)
    for _ in range(50):
        log.info("x", extra={"metrics": {"bad": object()}})
    handler.flush()
    lines = [record.getMessage() for record in caplog.records if record.name == "wandb_logging"]
    assert [line for line in lines if line.startswith("bad ")] == ["bad is set aside: no JSON value for object"]


def test_an_unwritable_cache_is_one_line_and_rows_go_from_memory(
    wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A file where the folder should be; online, so nothing is lost."""
    CACHE.write_text("in the way")
    handler = WandbHandler(project="p", mode="online")
    log = logger_with(handler)
    for i in range(100):
        log.info("x", extra={"metrics": {"i": i}})
    handler.close()
    assert [row["i"] for row in wandb_server.runs[0].history] == list(range(100))
    lines = [record.getMessage() for record in caplog.records if "cannot be written" in record.getMessage()]
    assert len(lines) == 1


def test_root_at_debug_does_not_feed_itself(wandb_server: LocalServer) -> None:
    """urllib3 and requests log on our thread: none of that becomes a line of the run."""
    handler = WandbHandler(project="p", mode="online", quiet=True)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("app").debug("mine")
    handler.flush(PATIENCE)
    logging.getLogger("urllib3").debug("also mine, from my own thread")
    handler.close()
    texts = [line.split(" ", 1)[1] for line in wandb_server.runs[0].output]
    assert texts == ["DEBUG:app:mine", "DEBUG:urllib3:also mine, from my own thread"]


@pytest.mark.parametrize(
    ("settings", "message", "extra"),
    [
        ({}, "text", {"metrics": {"n": 1}}),
        ({"dict_message": True}, {"n": 1}, {}),
        ({"dict_args": True}, "%(n)d", {"args": ({"n": 1},)}),
    ],
)
def test_a_row_from_our_own_thread_is_the_programs(settings: Any, message: Any, extra: dict[str, Any]) -> None:
    """The collector may run there, and a finaliser log; text alone may be what `requests` says, and is left out."""
    handler = offline(**settings)
    log = logger_with(handler)
    arguments = extra.pop("args", ())
    with as_own_thread():
        log.info("only text")
        log.info(message, *arguments, extra=extra)
    assert [row["n"] for row in metrics_of(handler)] == [1]
    assert handler.stats()["accepted"] == 1


def test_metrics_that_are_none_are_no_row_of_the_programs() -> None:
    """A record factory may set the attribute on each record, also on those of urllib3."""
    handler = offline()
    log = logger_with(handler)
    with as_own_thread():
        log.info("what urllib3 says", extra={"metrics": None})
    assert handler.stats()["accepted"] == 0


@pytest.mark.not_quick
@pytest.mark.parametrize("end", ["shutdown", "dictConfig", "fileConfig", "program"])
def test_a_wedged_server_delays_the_end_by_close_timeout_at_most(end: str, caplog: pytest.LogCaptureFixture) -> None:
    """logging.shutdown and a second configuration hold logging's locks while they wait; our thread needs none of them.

    Nor does it feed itself with what urllib3 logs meanwhile, with pytest's own handler beside ours.
    """
    caplog.set_level(logging.DEBUG)
    Path("logging.ini").write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nlevel=DEBUG\nhandlers=\n"
    )
    with LocalServer() as server:
        server.latency = 60
        handler = WandbHandler(project="p", mode="online", host=server.url, api_key=server.api_key, close_timeout=0.5)
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger("app").info("x", extra={"metrics": {"x": 1}})
        done = threading.Event()

        def stop() -> None:
            if end == "shutdown":
                mine = [weak for weak in logging._handlerList if weak() is handler]  # type: ignore[attr-defined]
                logging.shutdown(mine)
            elif end == "dictConfig":
                logging.config.dictConfig({"version": 1})
            elif end == "fileConfig":
                logging.config.fileConfig("logging.ini")
            else:
                handler.close()
            done.set()

        threading.Thread(target=stop, daemon=True).start()
        assert done.wait(PATIENCE)
    assert handler.run.dir is not None
    assert [row["x"] for row in read_run(handler.run.dir).rows] == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_signal_handler_may_log_while_the_same_thread_logs() -> None:
    """The nested record neither deadlocks nor breaks a line; also while the run is being started."""
    handler = offline()
    log = logger_with(handler)
    numbers = itertools.count()  # one step of the interpreter: `+= 1` is several, and this handler interrupts itself
    nested: list[int] = []

    def on_signal(_number: int, _frame: object) -> None:
        number = next(numbers)
        log.info("nested", extra={"metrics": {"nested": number}})
        nested.append(number)

    before = signal.signal(signal.SIGALRM, on_signal)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    count = 0
    try:
        while len(nested) < 200:
            log.info("outer", extra={"metrics": {"outer": count}})
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    rows = metrics_of(handler)
    assert [row["outer"] for row in rows if "outer" in row] == list(range(count))
    assert sorted(row["nested"] for row in rows if "nested" in row) == sorted(nested)


@pytest.mark.slow
def test_a_signal_handler_may_log_between_any_two_lines_of_ours() -> None:
    """As the run begins: the row is there, once."""
    codes = {function.__code__ for function in (WandbHandler._start, WandbHandler._emit_all)}
    log = logging.getLogger("train")
    log.setLevel(logging.INFO)
    done = False
    for place in itertools.count():
        handler = offline(console=False, system_metrics=False)
        log.handlers = [handler]
        lines = itertools.count()
        done = True

        def at(frame: Any, event: str, _: object, place: int = place, lines: Any = lines) -> Any:
            nonlocal done
            if frame.f_code not in codes:
                return None
            if event == "line" and next(lines) == place:
                sys.settrace(None)
                done = False
                log.info("nested", extra={"metrics": {"nested": place}})
            return at

        with contextlib.ExitStack() as stack:
            stack.callback(sys.settrace, sys.gettrace())
            sys.settrace(at)
            log.info("first", extra={"metrics": {"x": 0}})
        handler.close()
        if done:  # there are not so many lines
            assert place > 15
            break
        assert sorted(metrics_of(handler), key=str) == [{"nested": place}, {"x": 0}]


@pytest.mark.not_quick
def test_threads_log_while_others_close_it_again_and_again() -> None:
    """As a library does that configures its own logging, at whatever moment: no row is lost."""
    handler = offline(console=False)
    log = logger_with(handler)

    def work(number: int) -> None:
        for i in range(500):
            log.info("x", extra={"metrics": {f"x{number}": i}})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            handler.close()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    handler.close()
    rows = metrics_of(handler)
    for number in range(3):
        name = f"x{number}"
        assert sorted(row[name] for row in rows if name in row) == list(range(500))
    assert handler.stats()["dropped"] == {}


def test_many_threads_log_at_once() -> None:
    """Every row of every thread once, each thread's in its order."""
    handler = offline(console=False)
    log = logger_with(handler)

    def work(number: int) -> None:
        for i in range(200):
            log.info("x", extra={"metrics": {"thread": number, "i": i}})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = metrics_of(handler)
    for number in range(16):
        assert [row["i"] for row in rows if row["thread"] == number] == list(range(200))


def test_the_journal_is_readable_json_lines() -> None:
    """One object a line, readable without us."""
    handler = offline()
    logger_with(handler).info("hello", extra={"metrics": {"x": 1}})
    run = handler.run
    handler.close()
    assert run.dir is not None
    lines = [json.loads(line) for line in (run.dir / "journal-0001-0001.jsonl").read_text().splitlines()]
    assert lines[0]["metrics"] == {"x": 1}
    assert lines[0]["text"] == "hello"
    assert lines[1]["exit"] == 0


def test_handlers_exceptions_go_to_handle_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault of ours leaves the logging call by handleError and nothing else."""

    def broken(_settings: Any, **_more: Any) -> Run:
        raise RuntimeError("boom")

    monkeypatch.setattr("wandb_logging._run.handler.Run", broken)
    logger_with(offline()).info("x")
    assert "RuntimeError: boom" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given", [{}, {"msg": "x"}, {"name": "a", "msg": "x"}, {"levelno": 20, "msg": "x"}, {"levelno": None, "msg": "x"}]
)
@pytest.mark.parametrize("make", [logging.makeLogRecord, lambda given: SimpleNamespace(**given)], ids=["made", "bare"])
def test_a_record_made_by_hand_may_lack_what_logging_puts_in(make: Any, given: Any) -> None:
    """Without a level, a name, a time: `handle` does not raise, and the row is taken."""
    with warnings.catch_warnings(), contextlib.closing(offline()) as handler:
        warnings.simplefilter("error")
        handler.handle(make({**given, "metrics": {"loss": 1}}))
        handler.handle(logging.makeLogRecord({**given, "levelno": 20, "levelname": "INFO", "metrics": {"loss": 2}}))
        assert metrics_of(handler) == [{"loss": 1}, {"loss": 2}]


class Unspeakable:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


ODD = (None, Unspeakable(), "text", [1], {"a": 1}, math.nan, True, b"x")  # and missing
ATTRIBUTES = ("name", "msg", "args", "levelname", "levelno", "exc_info", "exc_text", "stack_info", "created", "thread")


@pytest.mark.parametrize("settings", [{}, {"alert_level": "ERROR"}, {"text_format": "json"}, {"late_steps": "error"}])
@pytest.mark.filterwarnings("ignore")
def test_whatever_is_wrong_with_a_record_made_by_hand_its_metrics_are_kept(settings: Any) -> None:
    """Each attribute missing or of a wrong kind, as records from sockets and other libraries have them."""
    handler = offline(**settings)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.closing(handler):
        number = 0
        for attribute, level, odd in itertools.product(ATTRIBUTES, (logging.INFO, logging.ERROR), (*ODD, "missing")):
            record = logging.makeLogRecord({"levelno": level, "levelname": "X", "metrics": {"number": number}})
            number += 1
            setattr(record, attribute, odd)
            if odd == "missing":
                delattr(record, attribute)
            handler.handle(record)
    assert [row["number"] for row in metrics_of(handler)] == list(range(number))


def test_a_record_of_json_keeps_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Level by name, arguments as a list, an exception as text, a time as a whole number; nobody hears of an error."""
    handler = offline()
    said = {"msg": "lr %s of %s", "args": [1, 2], "levelname": "error", "created": 1_700_000_000, "name": "far"}
    with contextlib.closing(handler):
        handler.handle(logging.makeLogRecord({**said, "levelno": None, "exc_info": "Traceback: it broke"}))
    (event, *_) = events_of(handler)
    assert event["text"] == "lr 1 of 2\nTraceback: it broke"
    assert (event["logger"], event["t"], event.get("error")) == ("far", 1_700_000_000.0, True)
    assert capsys.readouterr().err == ""


def test_a_record_pickled_by_a_socket_handler_is_the_same_here() -> None:
    """`SocketHandler` sends a record's attributes pickled; who receives them makes a record of them."""
    record = logging.getLogger("far").makeRecord(
        "far", 20, "f.py", 1, "loss %s", (1,), None, extra={"metrics": {"a": 1}}
    )
    sent = logging.handlers.SocketHandler("localhost", 0).makePickle(record)
    handler = offline()
    with contextlib.closing(handler):
        handler.handle(logging.makeLogRecord(pickle.loads(sent[4:])))
    (event, *_) = events_of(handler)
    assert (event["metrics"], event["text"], event["logger"], event["t"]) == ({"a": 1}, "loss 1", "far", record.created)


def test_a_fault_of_ours_at_the_end_reaches_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`logging.shutdown` goes on to the other handlers; the traceback is on our own logger."""
    handler = offline()
    logger_with(handler).info("x")
    run = handler.run
    for name in ("finish", "flush"):
        monkeypatch.setattr(run._background, name, lambda *_args, **_more: 1 / 0)
        with caplog.at_level(logging.INFO, "wandb_logging"):
            handler.flush()
    handler.close()
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    run.finish()
