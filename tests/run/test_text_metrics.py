"""Metrics out of text, from the logging call to the run: arguments, rules, what is printed, and JSON text."""

from __future__ import annotations

import datetime as dt
import enum
import json
import logging
import logging.config
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.run.handlers import data, logger_with, offline
from tests.started import printed
from wandb_logging.testing import LocalServer


def metrics(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name[0] != "_"} for row in rows]


def test_arguments_of_calls_are_rows() -> None:
    """Unrounded, with the text beside them; what is called step is the step; prose is no row."""
    handler = offline(text_metrics={"args": True})
    log = logger_with(handler)
    log.info("epoch %d loss %.4f acc %.2f%%", 3, 1 / 3, 97.1)
    log.info("step %d: loss %.1f", 12, 0.123456)
    log.info("listening on port %d", 8080)
    found = data(handler)
    assert metrics(found.rows) == [{"epoch": 3, "loss": 1 / 3, "acc": 97.1}, {"loss": 0.123456}]
    assert [row["_step"] for row in found.rows] == [0, 12]
    assert found.lines[0].endswith("INFO:train:epoch 3 loss 0.3333 acc 97.10%")
    assert len(found.lines) == 3


def test_a_template_that_is_known_is_taken_as_when_it_was_new() -> None:
    """What no candidate is goes a shorter way from the second call on; what is one, and values of loguru's, do not."""
    handler = offline(text_metrics={"args": True})
    logger = logger_with(handler)
    for i in range(3):
        logger.info("request %d answered by %s", i, "many")
        logger.info("epoch %d loss %.1f", i, i / 3)
        logger.info("done", extra={"extra": {"acc": i}})
        logger.info("done")
    found = data(handler)
    assert metrics(found.rows) == [row for i in range(3) for row in ({"epoch": i, "loss": i / 3}, {"acc": i})]
    assert len(found.lines) == 12


def test_whole_numbers_of_any_kind_are_steps() -> None:
    """numpy's, too, and under a name that begins with a capital; what identifies the finer step comes first."""
    numpy = pytest.importorskip("numpy")
    handler = offline(text_metrics={"args": True})
    log = logger_with(handler)
    log.info("Step %d: loss %f", numpy.int64(3), 0.5)
    log.info("step: %d, global step: %d, loss: %f", 1, 5, 0.25)
    rows = data(handler).rows
    assert [(row["_step"], row["loss"]) for row in rows] == [(3, 0.5), (5, 0.25)]


def test_fields_of_a_record_are_rows_if_they_look_like_results() -> None:
    """As structlog hands them over, however often such calls come; fields of others are none."""
    handler = offline(text_metrics={"args": True})
    log = logger_with(handler)
    for i in range(2):
        log.info("done", extra={"loss": 0.5 - i / 4, "epoch": i})
        log.info("asked", extra={"user": 5})
    assert metrics(data(handler).rows) == [{"loss": 0.5, "epoch": 0}, {"loss": 0.25, "epoch": 1}]


def test_fields_beside_arguments_of_a_template_that_is_known() -> None:
    """They are looked at in each call, not only in the first; the step among them is that of the arguments."""
    handler = offline(text_metrics={"args": True})
    log = logger_with(handler)
    for i in range(2):
        log.info("read %d of %s", i, "file", extra={"loss": i / 3})
        log.info("read %d of %s", i, "file")
        log.info("acc %.1f", i / 7, extra={"step": 10 + i})
    assert [(row["_step"], *metrics([row])) for row in data(handler).rows] == [
        (0, {"loss": 0}),
        (10, {"acc": 0, "loss": 1 / 3}),
        (11, {"acc": 1 / 7}),
    ]


def test_a_message_whose_fields_are_metrics_can_be_listed() -> None:
    """It has no numbers of its own; a template that has some must give one."""
    handler = offline(text_metrics={"args": ["asked"]})
    log = logger_with(handler)
    log.info("asked", extra={"user": 5})
    log.info("answered", extra={"user": 6})
    assert metrics(data(handler).rows) == [{"user": 5}]


def test_the_step_in_a_text_that_is_json() -> None:
    """A rule finds it there: it is a field as others, unless the record has metrics."""
    rules = [{"json": True, "only": ["loss"]}]
    handler = offline(text_format="json", text_metrics=rules)
    log = logger_with(handler)
    log.info("done", extra={"loss": 0.5, "step": 7, "user": "bo"})
    log.info("asked", extra={"step": "payment"})
    log.info("mine", extra={"metrics": {"x": 1}, "step": 9, "user": "al"})
    found = data(handler)
    assert [(row["_step"], *metrics([row])) for row in found.rows] == [(7, {"loss": 0.5}), (9, {"x": 1})]
    texts = [json.loads(line[line.index("{") :]) for line in found.lines]
    assert [(text.get("step"), text.get("user")) for text in texts] == [(7, "bo"), ("payment", None), (None, "al")]


def test_metrics_of_the_program_win() -> None:
    """A call with metrics= of its own is as without the setting."""
    handler = offline(text_metrics=True)
    logger_with(handler).info("loss %.1f", 0.123, extra={"metrics": {"mine": 1}})
    assert metrics(data(handler).rows) == [{"mine": 1}]


def test_what_arguments_give_is_no_rules_from_then_on() -> None:
    """A rule's values of that name are dropped in later rows, at any step; its other names stay."""
    handler = offline(text_metrics={"args": ["loss %f"], "rules": [{"line": "it {step} loss {loss} acc {acc}"}]})
    logger = logger_with(handler)
    logger.info("it 1 loss 0.9 acc 0.1")
    logger.info("it 2 loss 0.8 acc 0.2")
    logger.info("loss %f", 1 / 3)
    logger.info("it 3 loss 0.7 acc 0.3")
    assert metrics(data(handler).rows) == [{"loss": 0.9, "acc": 0.1}, {"loss": 1 / 3, "acc": 0.2}, {"acc": 0.3}]


def test_rules_for_records() -> None:
    """With a formatter of the user's, too, and for one logger only."""
    handler = offline(text_metrics=[{"line": "iter {step}: loss {loss}", "logger": "train"}])
    handler.setFormatter(logging.Formatter("%(levelname)s | %(message)s"))
    logger_with(handler).info("iter 7: loss 0.25")
    logger_with(handler, "other").info("iter 8: loss 0.35")
    found = data(handler)
    assert [(row["_step"], row["loss"]) for row in found.rows] == [(7, 0.25)]


PROGRAM = """
import logging, logging.config, sys
logging.config.dictConfig({"version": 1, "root": {"level": "INFO", "handlers": ["wandb"]}, "handlers": {"wandb": {
    "class": "wandb_logging.WandbHandler", "project": "p", "capture_output": True,
    "text_metrics": {"rules": [
        {"line": "[{step}] rmse {rmse}", "sample": "[3] rmse 0.5"},
        {"line": "never {x}"},
    ]},
}}})
logging.info("start")
for i in range(5):
    print(f"\\x1b[1m[{i}]\\x1b[0m rmse {1 / (i + 1):.3f}", end="\\r" if i < 2 else "\\n")
sys.stdout.flush()
"""


@pytest.mark.not_quick
def test_what_is_printed_is_on_the_server(tmp_path: Path) -> None:
    """Redraws and colours included; a rule that found nothing is told in the run's text, and on stderr."""
    with LocalServer() as server:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=tmp_path,
            env={**dict(server.env()), **_path()},
            check=True,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
        [run] = server.runs
        assert [(row["_step"], row["rmse"]) for row in run.history] == [
            (0, 1.0),
            (1, 0.5),
            (2, 0.333),
            (3, 0.25),
            (4, 0.2),
        ]
        assert "rule 1 (line: never {x}) found nothing in this run" in "\n".join(run.output)
        assert "wandb_logging: text_metrics: rule 1 (line: never {x}) found nothing in this run\n" in done.stderr
        assert server.violations == []


def _path() -> dict[str, str]:
    import os

    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}


def test_a_wrong_rule_is_told_by_dict_config() -> None:
    """When logging is configured, by its number and key."""
    entry = {
        "class": "wandb_logging.WandbHandler",
        "project": "p",
        "text_metrics": [{"line": "a {a}", "sample": "b 3"}],
    }
    with pytest.raises(ValueError, match="handler 'wandb'") as caught:
        logging.config.dictConfig({"version": 1, "handlers": {"wandb": entry}, "root": {"handlers": ["wandb"]}})
    assert "text_metrics.rules[0].sample" in str(caught.value.__cause__)


def test_text_as_json() -> None:
    """One object a record, with its extra fields and its exception; metrics are rows and not in it."""
    handler = offline(text_format={"rename_fields": {"levelname": "level"}, "static_fields": {"app": "a"}})
    log = logger_with(handler)
    log.info("hello %s", "you", extra={"user": "bo", "fold": 3, "metrics": {"x": 1}, "step": 4})
    try:
        raise RuntimeError("no")
    except RuntimeError:
        log.exception("failed")
    first, second = (json.loads(line.partition("{")[1] + line.partition("{")[2]) for line in data(handler).lines)
    assert {key: first[key] for key in ("message", "level", "name", "user", "fold", "app")} == {
        "message": "hello you", "level": "INFO", "name": "train", "user": "bo", "fold": 3, "app": "a",
    }  # fmt: skip
    assert not {"metrics", "step"} & first.keys()
    assert "RuntimeError: no" in second["exc_info"]


class _WithoutText:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


def _ring() -> dict[str, Any]:
    ring: dict[str, Any] = {"inside": 1}
    ring["ring"] = ring
    return ring


@pytest.mark.parametrize("odd", [_WithoutText(), _ring(), {(1, 2): 3}])
def test_a_field_that_json_cannot_hold_costs_no_other(odd: object, capsys: pytest.CaptureFixture[str]) -> None:
    """The text is still an object with the message and the other fields."""
    handler = offline(text_format="json")
    logger = logger_with(handler)
    logger.info("bad field", extra={"odd": odd, "fold": 2})
    handler.close()
    (line,) = data(handler).lines
    written = json.loads(line.partition(" ")[2])
    assert (written["message"], written["fold"]) == ("bad field", 2)
    assert "odd" in str(written)
    assert "Traceback" not in capsys.readouterr().err


class _Colour(enum.Enum):
    RED = 1


def test_fields_are_written_as_by_python_json_logger() -> None:
    """What its formatter makes of dates, enums, bytes and the like, ours does, whatever stands beside them."""
    from pythonjsonlogger.json import JsonFormatter

    fields = {"at": dt.datetime(2026, 1, 2), "colour": _Colour.RED, "raw": b"ab", "kind": int, "nan": math.inf}  # noqa: DTZ001
    handler = offline(text_format="json")
    log = logger_with(handler)
    log.info("hello", extra=fields)
    log.info("hello", extra={**fields, "odd": _ring()})
    theirs = json.loads(JsonFormatter("%(message)s").format(logging.makeLogRecord({"msg": "hello", **fields})))
    for line in data(handler).lines:
        ours = json.loads(line.partition(" ")[2])
        assert {name: ours[name] for name in fields} == {name: theirs[name] for name in fields}


def test_a_json_formatter_of_the_users_stays() -> None:
    """An application that logs JSON already gives its numbers as metrics by a rule."""
    from pythonjsonlogger.json import JsonFormatter

    handler = offline(text_metrics=[{"json": True, "only": ["loss"], "step": "batch"}], text_format="json")
    handler.setFormatter(JsonFormatter("%(message)s"))
    logger_with(handler).info("done", extra={"loss": 0.5, "batch": 9, "request_id": 17})
    found = data(handler)
    assert [(row["_step"], *metrics([row])) for row in found.rows] == [(9, {"loss": 0.5})]
    assert json.loads(found.lines[0].split(" ", 1)[1]) == {"message": "done", "loss": 0.5, "batch": 9, "request_id": 17}


@pytest.mark.not_quick
def test_a_run_without_rules_imports_none_of_it() -> None:
    """A program that sends nothing and mines nothing does not wait for the regular expressions."""
    code = (
        "import sys, wandb_logging\n"
        "run = wandb_logging.new_run('p', mode='offline')\n"
        "run.log({'loss': 1.0})\n"
        "run.log_output('loss: 1.0')\n"
        "run.finish()\n"
        "print([name for name in ('pairs', 'rules') if 'wandb_logging._mining.' + name in sys.modules])"
    )
    assert printed(code).splitlines()[-1] == "[]"
