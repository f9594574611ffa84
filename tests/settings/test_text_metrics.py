"""The settings text_metrics and text_format: what they take, and what is said of what they do not."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from wandb_logging._errors import SettingsError
from wandb_logging._settings.schema import json_schema
from wandb_logging._settings.settings import Settings

GOOD: list[Any] = [
    True,
    False,
    [{"line": "loss {loss}"}],
    {"rules": [{"table": "Step", "step": "Step", "ends": "Loop"}, {"json": True, "only": ["a"]}]},
    {"args": True},
    {"args": ["epoch %d"], "rules": [{"Name": "a", "Regex": "a=(.*?);"}]},
    {"args": {"loggers": ["app"], "level": "INFO"}},
    {"rules": [{"line": "x {x}", "step": None, "level": "INFO", "logger": "a", "stream": "log"}]},
]


@pytest.mark.parametrize("given", GOOD)
def test_what_is_taken_is_in_the_schema(given: Any) -> None:
    """An editor that completes YAML takes the same."""
    jsonschema = pytest.importorskip("jsonschema")
    entry = {"class": "wandb_logging.WandbHandler", "text_metrics": given}
    jsonschema.Draft202012Validator(json_schema()).validate(entry)
    kept = Settings(text_metrics=given).text_metrics
    assert Settings(text_metrics=kept).text_metrics == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("yes", "expected true, a list of rules"),
        ({"rule": []}, "expected args or rules, not 'rule'"),
        ({"rules": {}}, r"text_metrics\.rules must be a list of rules, not \{\}"),
        ({"rules": [{"line": "a {a}"}, {"line": "b"}]}, r"text_metrics\.rules\[1\]\.line has no \{name\}"),
        ([{"table": ""}], r"text_metrics\.rules\[0\]\.table must not be empty"),
        ({"args": {"names": []}}, r"text_metrics\.args has no key 'names'; keys are templates"),
        ({"args": "yes"}, r"text_metrics\.args must be true, a list of templates, .*not 'yes'"),
        ({"args": ["loss %f", "%d and %d"]}, r"text_metrics\.args\.templates\[1\] has no name beside a number: '%d"),
        ({"args": {"level": "LOUD"}}, r"text_metrics\.args\.level must be the name of a level"),
    ],
)
def test_what_is_wrong_is_named(given: Any, message: str) -> None:
    """By rule and key."""
    with pytest.raises(SettingsError, match=message):
        Settings(text_metrics=given)


@pytest.mark.parametrize(
    "rule",
    [
        {"line": "a {b}", "starts": "a"},
        {"json": True, "ends": "a"},
        {"regex": "(?P<a>b)"},
        {"Regex": "a=(.*?);"},
        {"Name": "a"},
        {"line": "a {b}", "json": True},
        {"pairs": "-"},
        {"line": ""},
    ],
)
def test_the_schema_knows_which_keys_go_together(rule: dict[str, Any]) -> None:
    """An editor marks what logging would refuse."""
    jsonschema = pytest.importorskip("jsonschema")
    with pytest.raises(SettingsError):
        Settings(text_metrics=[rule])
    entry = {"class": "wandb_logging.WandbHandler", "text_metrics": [rule]}
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(entry)


def test_the_key_off_as_yaml_reads_it() -> None:
    """A bare `off` is False in YAML 1.1; in a dictConfig of YAML it is the rule's key all the same."""
    entry = yaml.safe_load("text_metrics:\n- {line: 'loss {loss}', off: true}\n- {pairs: ':', off: no}\n")
    rules = (Settings(**entry).text_metrics or {})["rules"]
    assert rules == [{"line": "loss {loss}", "off": True}, {"pairs": ":", "off": False}]
    with pytest.raises(SettingsError, match="has no key False"):
        Settings(text_metrics=[{"pairs": ":", "off": True, False: True}])


def test_text_format() -> None:
    """A word, or options of the formatter."""
    assert Settings().text_format is None
    assert Settings(text_format="json").text_format == {}
    assert Settings(text_format={"static_fields": {"a": 1}}).text_format == {"static_fields": {"a": 1}}
    wrong: Any
    fields: Any = ({"fields": "name"}, {"fields": []}, {"defaults": []}, {"rename_fields": {"name": 5}})
    for wrong in ("xml", {"indent": 2}, *fields):
        with pytest.raises(SettingsError, match="text_format"):
            Settings(text_format=wrong)
