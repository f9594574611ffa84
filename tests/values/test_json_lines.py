"""Text lines that are JSON objects, for people: what is shown of them, and which are."""

from __future__ import annotations

import pytest

from wandb_logging._values.json_lines import holds, readable

HTTP = '"http": {"code": 5, "ok": false}'
LINE = f'{{"levelname": "ERROR", "name": "app", "message": "no", "user": "bo", "fold": 31, {HTTP}}}'


def test_other_lines_stay() -> None:
    """Text with braces in it, and objects without a message, are as they were."""
    for line in ("10:00 a {b} c", '10:00 {"loss": 0.5}', "10:00 {not json}", ""):
        assert readable(line) == [line]


def test_level_name_message_and_fields() -> None:
    """The time is in front of the line already; what was raised is below it."""
    fields = '{"asctime": "x", "levelname": "ERROR", "name": "app", "message": "no", "user": "bo", "exc_info": "T\\nE"}'
    line = f"10:00 {fields}"
    assert readable(line) == ["10:00 ERROR:app:no user=bo", "T", "E"]


def test_lines_within_are_lines() -> None:
    """Those of a message, and of a traceback that was written as a list; a field stays in its line."""
    line = '10:00 {"message": "a\\nb", "k": "c\\nd", "exc_info": ["T", "E"]}'
    assert readable(line) == ["10:00 a", 'b k="c\\nd"', "T", "E"]


@pytest.mark.parametrize("line", ['{"level": "info", "event": "a", "n": 1}', '{"level": 30, "msg": "a", "n": 1}'])
def test_what_others_call_the_message(line: str) -> None:
    """Structlog says event, pino msg; level and name can be left out where they are shown beside it."""
    assert readable(line, named=False) == ["a n=1"]


def test_what_others_call_the_logger() -> None:
    """Structlog's processors say logger, ECS log.logger and log.level."""
    assert readable('{"level": "info", "logger": "a.b", "event": "x"}') == ["info:a.b:x"]
    assert readable('{"@timestamp": "t", "log.level": "info", "log.logger": "a", "message": "x"}') == ["info:a:x"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("user=bo", True),
        ("user=bo fold=31", True),
        ("fold=3", False),
        ("user=al", False),
        ("NO", True),
        ("a=b c", False),
        ("fold=31.0", True),
        ("http.code=5", True),
        ("http.ok=false", True),
        ("http.ok=0", False),
        ("http.path=null", False),
        ("absent=null", False),
    ],
)
def test_what_is_looked_for(words: str, found: bool) -> None:
    """Names with values are fields, wholly; all else is text."""
    assert holds(LINE, words) is found
    assert holds("user=bo in plain text", "User=Bo")
