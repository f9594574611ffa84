"""From log records to events: what becomes of each part, and that nothing of it raises."""

from __future__ import annotations

import enum
import importlib.util
import json
import logging
import math
import sys
import time
from argparse import Namespace
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings as budget, strategies as st

from tests.examples import at_most
from wandb_logging import Settings
from wandb_logging._records import encoding
from wandb_logging._records.snapshot import Snapshot
from wandb_logging._records.steps import Steps
from wandb_logging._values import plain as _values
from wandb_logging._values.mappings import MAX_DEPTH
from wandb_logging._values.plain import dumps, loads, plain

needs_orjson = pytest.mark.skipif(importlib.util.find_spec("orjson") is None, reason="the short ways are orjson's")

NOW = 1_700_000_000.5


@dataclass
class Loss:
    loss: float


class OnlyKeys:
    """What `dict` takes, too."""

    def keys(self) -> list[str]:
        return ["loss"]

    def __getitem__(self, key: str) -> float:
        return 0.5


class Colour(enum.IntEnum):
    RED = 1


class Number(float):
    pass


class Recorder:
    """Makes events, and keeps what it is told. Where there is a shorter way it has to come to the same bytes."""

    def __init__(self, **settings: Any) -> None:
        self.aside: dict[str, str] = {}
        self.broken: list[logging.LogRecord] = []
        self.late: list[str] = []
        made = Settings(**settings)
        steps = Steps(lambda _, text: self.late.append(text)) if made.late_steps == "error" else None
        self.snapshot = Snapshot(made, self.aside.__setitem__, self.broken.append, None, steps)

    def event(self, record: logging.LogRecord, formatter: logging.Formatter | None = None) -> Any:
        short = self.snapshot.usual(record) if formatter is None else None
        body = self.snapshot.event(record, formatter)
        assert short in {None, body}
        if body is None:
            return None
        event = loads(body)
        assert event.pop("t") == record.created
        return event


def record_of(msg: Any = "hi", *args: Any, level: int = logging.INFO, **extra: Any) -> logging.LogRecord:
    """A record as a logger makes it."""
    exc_info = extra.pop("exc_info", None)
    return logging.getLogger("train").makeRecord("train", level, "f.py", 1, msg, args, exc_info, extra=extra)


def metrics_of(**extra: Any) -> Any:
    return Recorder(console=False).event(record_of(**extra))


TEXT = {"level": "INFO", "logger": "train", "text": "hi"}


class TestMetrics:
    def test_metrics_step_and_text(self) -> None:
        """All of a record is one event."""
        assert Recorder().event(record_of("hi", metrics={"a": 1, "v": {"b": 2.5}}, step=7)) == {
            "metrics": {"a": 1, "v": {"b": 2.5}},
            "step": 7,
            **TEXT,
        }

    def test_the_metrics_come_first(self) -> None:
        """A journal is read by people, too."""
        body = Recorder().snapshot.event(record_of(metrics={"a": 1}), None)
        assert body is not None
        assert body.startswith(b'{"metrics":{"a":1},"t":')

    def test_no_metrics_is_text_only(self) -> None:
        assert Recorder().event(record_of("hi")) == TEXT
        assert Recorder().event(record_of("hi", metrics=None)) == TEXT

    def test_a_step_without_metrics_means_nothing(self) -> None:
        """`step` may be anybody's word."""
        assert Recorder().event(record_of("hi", step="one")) == TEXT

    def test_no_metrics_is_a_row_without_values(self) -> None:
        assert metrics_of(metrics={}) == {"metrics": {}}

    def test_mappings_without_values_are_left_out(self) -> None:
        """As the official SDK leaves them out; within a list they are values."""
        assert metrics_of(metrics={"a": {}, "b": {"c": {}, "d": 1}, "e": [{}]}) == {
            "metrics": {"b": {"d": 1}, "e": [{}]}
        }

    @pytest.mark.parametrize("metrics", [Loss(0.5), SimpleNamespace(loss=0.5), Namespace(loss=0.5), OnlyKeys()])
    def test_metrics_of_a_dataclass_or_namespace(self, metrics: Any) -> None:
        """And of whatever else the config takes for a mapping."""
        assert metrics_of(metrics=metrics) == {"metrics": {"loss": 0.5}}

    @pytest.mark.parametrize("metrics", [5, "loss", [1], {1, 2}, object()])
    def test_no_mapping_is_set_aside(self, metrics: Any) -> None:
        """The text stays; one reason names the metrics."""
        recorder = Recorder()
        event = recorder.event(record_of("hi", metrics=metrics))
        assert event == {**TEXT, "aside": {"metrics": f"must be a mapping, not {type(metrics).__name__}"}}
        assert recorder.aside == event["aside"]

    def test_what_cannot_be_sent_is_set_aside_by_name(self) -> None:
        """The rest of the row goes."""
        recorder = Recorder(console=False)
        event = recorder.event(record_of(metrics={"good": 1, "bad": object(), "v": {"worse": slice(1)}}, step=3))
        assert event == {
            "metrics": {"good": 1},
            "step": 3,
            "aside": {"bad": "no JSON value for object", "v.worse": "no JSON value for slice"},
        }
        assert recorder.aside == event["aside"]

    def test_a_mapping_of_any_kind(self) -> None:
        from types import MappingProxyType

        assert metrics_of(metrics=MappingProxyType({"a": 1})) == {"metrics": {"a": 1}}

    def test_a_mapping_that_raises(self) -> None:
        class Broken(dict[str, int]):
            def __iter__(self) -> Any:
                raise OSError("gone")

        assert metrics_of(metrics=Broken(a=1)) == {"aside": {"metrics": "gone"}}

    def test_other_keys(self) -> None:
        recorder = Recorder(metrics_key="wandb", step_key="epoch", console=False)
        assert recorder.event(record_of(wandb={"a": 1}, epoch=2)) == {"metrics": {"a": 1}, "step": 2}
        assert recorder.event(record_of(metrics={"a": 1})) is None

    def test_later_changes_change_nothing(self) -> None:
        """What was logged is written down before the call returns."""
        metrics = {"a": {"b": 1}}
        body = Recorder().snapshot.event(record_of(metrics=metrics), None)
        metrics["a"]["b"] = 2
        assert body is not None
        assert loads(body)["metrics"] == {"a": {"b": 1}}

    @pytest.mark.parametrize(
        ("step", "kept"),
        [(7, 7), (7.0, 7), (-1, -1), (0, 0), (2**63 - 1, 2**63 - 1), (2**63, None), (2**70, None), (Colour.RED, None)],
    )
    def test_steps_that_are_whole(self, step: Any, kept: Any) -> None:
        event = metrics_of(metrics={"a": 1}, step=step)
        assert event.get("step") == kept

    @pytest.mark.parametrize("step", ["7", 7.5, True, math.nan, math.inf, [7], object()])
    def test_a_step_that_is_not_whole(self, step: Any) -> None:
        """The row goes as the next one, and the step is set aside."""
        event = metrics_of(metrics={"a": 1}, step=step)
        assert event.pop("aside")["step"].startswith("must be a whole number, not ")
        assert event == {"metrics": {"a": 1}}

    def test_numpy(self) -> None:
        np = pytest.importorskip("numpy")
        event = metrics_of(metrics={"a": np.float32(1.5), "b": np.arange(3)}, step=np.int64(7))
        assert event == {"metrics": {"a": 1.5, "b": [0, 1, 2]}, "step": 7}

    @pytest.mark.parametrize("created", ["noon", None, math.nan, math.inf])
    def test_a_time_that_is_none(self, created: Any) -> None:
        """Records come from elsewhere, too: the row goes with the time at which it came."""
        record = record_of(metrics={"a": 1})
        record.created = created
        before = time.time()
        body = Recorder(console=False).snapshot.event(record, None)
        assert body is not None
        event = loads(body)
        assert event["metrics"] == {"a": 1}
        assert before <= event["t"] <= time.time()


class TestOtherLibraries:
    """Where these put what a call is given."""

    def test_loguru(self) -> None:
        """In the attribute `extra`, as it is: `logger.add(WandbHandler(...))` needs no filter."""
        record = record_of("epoch", extra={"metrics": {"loss": 0.5}, "step": 3, "user": "bo"})
        event = Recorder().event(record)
        assert (event["metrics"], event["step"], event["text"]) == ({"loss": 0.5}, 3, "epoch")

    def test_structlog(self) -> None:
        """`wrap_for_formatter` makes the event dict the message."""
        record = record_of({"event": "epoch", "metrics": {"loss": 0.5}, "step": 3})
        event = Recorder().event(record, logging.Formatter("%(msg)s"))
        assert (event["metrics"], event["step"]) == ({"loss": 0.5}, 3)

    def test_the_records_own_come_first(self) -> None:
        record = record_of("epoch", metrics={"a": 1}, extra={"metrics": {"a": 2}, "step": 3})
        event = Recorder().event(record)
        assert (event["metrics"], "step" in event) == ({"a": 1}, False)

    @pytest.mark.parametrize("held", [{"metrics": None}, {}, 5, None, ["metrics"]])
    def test_what_holds_none_is_text(self, held: Any) -> None:
        assert "metrics" not in Recorder().event(record_of("epoch", extra=held))
        assert "metrics" not in Recorder().event(record_of(held))

    def test_a_message_that_is_wanted_whole(self) -> None:
        message = {"event": "epoch", "metrics": {"loss": 0.5}}
        assert Recorder(dict_message=True).event(record_of(message))["metrics"] == message


class TestDicts:
    def test_a_dict_as_the_message(self) -> None:
        """Where a setting says so. There is no text then: it would be the metrics once more."""
        assert Recorder(dict_message=True).event(record_of({"loss": 0.1}, step=2)) == {
            "metrics": {"loss": 0.1},
            "step": 2,
        }
        assert Recorder().event(record_of({"loss": 0.1})) == {**TEXT, "text": "{'loss': 0.1}"}

    def test_a_dict_as_the_argument(self) -> None:
        """Where a setting says so; the text is made of it all the same."""
        record = record_of("loss %(loss).1f", {"loss": 0.12})
        assert Recorder(dict_args=True).event(record) == {"metrics": {"loss": 0.12}, **TEXT, "text": "loss 0.1"}
        assert Recorder().event(record) == {**TEXT, "text": "loss 0.1"}

    def test_extra_wins(self) -> None:
        recorder = Recorder(dict_message=True, dict_args=True, console=False)
        assert recorder.event(record_of({"a": 1}, metrics={"b": 2})) == {"metrics": {"b": 2}}

    def test_other_messages_and_arguments_are_text(self) -> None:
        recorder = Recorder(dict_message=True, dict_args=True)
        assert recorder.event(record_of("%s and %s", 1, 2)) == {**TEXT, "text": "1 and 2"}
        assert recorder.event(record_of(5)) == {**TEXT, "text": "5"}
        assert recorder.event(record_of(None)) == {**TEXT, "text": "None"}


class TestText:
    def test_arguments_are_filled_in(self) -> None:
        assert Recorder().event(record_of("epoch %d", 3))["text"] == "epoch 3"

    @pytest.mark.parametrize(("msg", "args"), [("%d", ("x",)), ("%s %s", (1,)), ("no", (1,))])
    def test_arguments_that_do_not_fit(self, msg: Any, args: Any) -> None:
        """The metrics are kept, the text is what there is, and `handleError` is told as logging always does."""
        recorder = Recorder()
        record = record_of(msg, *args, metrics={"a": 1})
        event = recorder.event(record)
        assert event["metrics"] == {"a": 1}
        assert event["text"] == f"{msg!r} {args!r}"
        assert recorder.broken == [record]

    @pytest.mark.parametrize(
        ("console", "level", "sent"),
        [(True, 10, True), (False, 50, False), (30, 20, False), (30, 30, True), ("WARNING", 29, False)],
    )
    def test_which_records_have_text(self, console: Any, level: Any, sent: Any) -> None:
        event = Recorder(console=console).event(record_of("hi", level=level))
        assert (event is not None) is sent

    def test_without_text_the_metrics_still_go(self) -> None:
        assert Recorder(console="ERROR").event(record_of(metrics={"a": 1})) == {"metrics": {"a": 1}}

    def test_an_exception_with_its_traceback(self) -> None:
        try:
            raise OSError("disk on fire")
        except OSError:
            event = Recorder().event(record_of("oh", level=logging.ERROR, exc_info=sys.exc_info()))
        first, *middle, last = event["text"].split("\n")
        assert (first, middle[0], last) == ("oh", "Traceback (most recent call last):", "OSError: disk on fire")
        assert event["level"] == "ERROR"

    def test_a_traceback_that_another_handler_made_text_of(self) -> None:
        """As a QueueHandler in front leaves it."""
        record = record_of("oh")
        record.exc_text = "Traceback: text"
        assert Recorder().event(record)["text"] == "oh\nTraceback: text"

    def test_no_exception_is_no_traceback(self) -> None:
        """`log.info(..., exc_info=True)` outside an except block."""
        assert Recorder().event(record_of("hi", exc_info=(None, None, None)))["text"] == "hi"

    def test_a_stack(self) -> None:
        record = record_of("hi")
        record.stack_info = "Stack:\n  here"
        assert Recorder().event(record)["text"] == "hi\nStack:\n  here"

    def test_a_formatter(self) -> None:
        """Its text is the whole of it: the logger's name is not put in front."""
        event = Recorder().event(record_of("hi"), logging.Formatter("%(name)s | %(message)s"))
        assert event == {"level": "INFO", "text": "train | hi"}

    def test_a_formatter_that_raises(self) -> None:
        recorder = Recorder()
        record = record_of("hi", metrics={"a": 1})
        assert recorder.event(record, logging.Formatter("%(nothing)s")) == {"metrics": {"a": 1}, **TEXT}
        assert recorder.broken == [record]

    @pytest.mark.parametrize(("level", "error"), [(47, True), (33, None)])
    def test_a_level_of_ones_own(self, level: Any, error: Any) -> None:
        """Its name does not tell whether it is an error; its number does."""
        event = Recorder().event(record_of("hi", level=level))
        assert (event["level"], event.get("error")) == (f"Level {level}", error)

    def test_surrogates_and_very_long_texts(self) -> None:
        assert Recorder().event(record_of("a\ud800b"))["text"] == "a\ufffdb"
        assert len(Recorder().event(record_of("x" * 3_000_000))["text"]) == 2**20

    def test_the_word_null_costs_nothing_else(self) -> None:
        """It is how NaN would be found."""
        event = Recorder().event(record_of('{"a":null}', metrics={"null": 1}))
        assert (event["text"], event["metrics"]) == ('{"a":null}', {"null": 1})


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "L"]))
    | st.sampled_from([Colour.RED, Number(1.5), b"x", (1,), object(), []])
)
names = st.text(max_size=3) | st.integers() | st.sampled_from([Colour.RED, None])
rows = st.dictionaries(
    names,
    st.recursive(leaves, lambda below: st.dictionaries(names, below, max_size=3) | st.lists(below), max_leaves=8),
    max_size=4,
)


class TestPaths:
    @given(rows, st.none() | st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.text(), st.text())
    def test_fast_and_slow_come_to_the_same(self, metrics: Any, step: Any, text: Any) -> None:
        """Whatever is logged: an event means the same with orjson and without."""
        record = record_of("%s", text, metrics=metrics, step=step)
        fast, slow = Recorder(), Recorder()
        body = fast.snapshot.event(record, None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(encoding, "_FAST", False)
            patch.setattr(_values, "fast_dumps", None)
            again = slow.snapshot.event(record, None)
        assert body is not None
        assert again is not None
        assert fast.snapshot.usual(record) in {None, body}
        assert json.dumps(json.loads(body), sort_keys=True) == json.dumps(json.loads(again), sort_keys=True)
        assert fast.aside == slow.aside

    @pytest.mark.parametrize("depth", [1, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 300, 2000])
    def test_nesting_ends_at_the_same_depth(self, depth: Any) -> None:
        """Not where orjson's ends, nor where Python's does."""
        metrics: Any = {"a": 1}
        for _ in range(depth - 1):
            metrics = {"a": metrics}
        event = metrics_of(metrics=metrics)
        assert ("aside" in event) is (depth > MAX_DEPTH)

    @needs_orjson
    @pytest.mark.parametrize("value", [1, 1.5, "x", True, None, {"c": 1}, Number(1.5), math.inf])
    def test_what_is_nearly_always_logged_takes_the_fast_path(self, value: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(encoding, "_encode_slowly", None)
        assert Recorder().event(record_of(metrics={"a": 1, "b": value}, step=3))["metrics"]["b"] == value

    @needs_orjson
    @pytest.mark.parametrize("value", [1, 1.5, "x", True, None, {"c": 1}, math.nan, math.inf])
    @pytest.mark.parametrize("settings", [{}, {"console": False}, {"console": "WARNING"}, {"alert_level": "ERROR"}])
    @pytest.mark.parametrize("step", [{}, {"step": 3}, {"step": None}])
    def test_and_the_shortest_way(self, value: Any, settings: Any, step: Any) -> None:
        """Which comes to the same bytes, under most settings."""
        snapshot = Recorder(**settings).snapshot
        record = record_of("epoch %d of %s", 3, "many, many, many, many", metrics={"a": 1, "b": value}, **step)
        assert snapshot.usual(record) == snapshot.event(record, None)
        assert snapshot.usual(record) is not None

    @needs_orjson
    def test_text_alone_takes_the_shortest_way(self) -> None:
        record, snapshot = record_of("epoch %d", 3), Recorder().snapshot
        assert snapshot.usual(record) == snapshot.event(record, None) is not None

    @pytest.mark.parametrize(
        "settings", [{"late_steps": "error"}, {"text_format": "json"}, {"alert_level": "INFO"}, {"dict_args": True}]
    )
    def test_what_needs_thought_does_not(self, settings: Any) -> None:
        """Where a setting says more of a record than its row and its text."""
        record = record_of("%(a)d", {"a": 1}, metrics=None if "dict_args" in settings else {"a": 1})
        assert Recorder(**settings).snapshot.usual(record) is None

    @budget(max_examples=at_most(25))
    @given(st.integers(1, 200))
    def test_metrics_that_another_thread_adds_to(self, size: Any) -> None:
        """A mapping that grows while it is read gives a row, if not of what came last."""

        class Growing(dict[str, Any]):
            def __getitem__(self, key: str) -> Any:
                self[f"more {len(self)}"] = 1
                return super().__getitem__(key)

        assert len(metrics_of(metrics=Growing({str(i): i for i in range(size)}))["metrics"]) == size


def test_a_late_step_is_said() -> None:
    """The event is the same: the fold sets its row aside, with its content."""
    recorder = Recorder(late_steps="error", console=False)
    for step in (5, 3):
        assert recorder.event(record_of(metrics={"a": 1}, step=step)) == {"metrics": {"a": 1}, "step": step}
    assert recorder.late == ["step 3 is lower than the current step 5 (late_steps: error): the row is set aside"]


def test_the_events_are_lines() -> None:
    """One line each, whatever is in it."""
    body = Recorder().snapshot.event(record_of("a\nb\r\u2028", metrics={"x\n": "y\n"}), None)
    assert body is not None
    assert b"\n" not in body
    assert dumps(plain(loads(body)))
