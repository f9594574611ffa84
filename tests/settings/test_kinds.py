"""Kinds of values: what their schemas allow is what they keep, and each shows itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging import Settings, SettingsError
from wandb_logging._settings import schema
from wandb_logging._settings.kinds import AnyOf, Choice, Folder, ListOf, Seconds, Text, Whole
from wandb_logging._settings.settings import SETTINGS

# Levels are named by the program, functions referred to, addresses of W&B's own cloud told apart: no schema says that.
SAID_BY_CODE = {"alert_level", "console", "on_stop", "host", "app_url", "resume_from", "fork_from"}
LENIENT = {"mode", "resume", "late_steps", "fsync", "cache_policy"}  # take a word in any case, which nobody completes

letters = st.text(st.sampled_from("ab.*/\\#?%:;,'\"<>|^]-_ \n"), max_size=6)
words = st.sampled_from(["auto", "online", "allow", "shift", "interval", "block", "SIGTERM", "output.log"])
numbers = st.integers(-2, 2**21) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, 1, 0.1, 1024])
simple = st.booleans() | numbers | letters | words | st.text(max_size=3) | st.integers(60, 130).map("x".__mul__)
metric = st.dictionaries(st.sampled_from(["name", "hidden", "step_metric", "step_sync", "overwrite", "x"]), simple)
values = simple | st.lists(simple, max_size=3) | st.lists(metric, max_size=2) | st.dictionaries(letters, simple)


@pytest.mark.slow
@pytest.mark.parametrize("key", sorted(SETTINGS.keys() - SAID_BY_CODE))
@given(value=values)
def test_the_schema_allows_what_is_taken(key: Any, value: Any) -> None:
    """A check and its schema come from one kind, and agree, judged by another's validator."""
    jsonschema = pytest.importorskip("jsonschema")
    properties: Any = schema.json_schema()["properties"]
    allowed = jsonschema.Draft202012Validator(properties[key]).is_valid(value)
    try:
        Settings.of({key: value})
        taken = True
    except SettingsError:
        taken = False
    if isinstance(value, str) and (not value or key in LENIENT):
        assert taken or not allowed
    elif isinstance(value, float) and value.is_integer():
        assert allowed or not taken  # JSON has no 1.0 beside 1
    else:
        assert allowed == taken


def test_a_kind_shows_itself() -> None:
    """What a setting takes can be read off it."""
    assert repr(ListOf(Text(most=64), "[a]")) == (
        "ListOf(item=Text(most=64, without='', is_name=False, trimmed=False, for_people=False), example='[a]')"
    )


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Seconds(), "1.5", 1.5),
        (Whole("lines", 1), "12", 12),
        (ListOf(Text(), "[a]"), "a, b,,", ["a", "b"]),
        (AnyOf(("a", "b")), "b,a", ["b", "a"]),
        (Choice.of("a", b="a"), "b", "b"),
    ],
)
def test_each_kind_reads_variables(kind: Any, text: Any, value: Any) -> None:
    """Whoever gives a setting a variable has nothing else to write."""
    assert kind.parse(text) == value
    kind.keep(kind.parse(text))


@pytest.mark.parametrize(("kind", "text"), [(Seconds(), "long"), (Whole("lines", 1), "1.5")])
def test_what_a_variable_cannot_be_is_said(kind: Any, text: Any) -> None:
    """With what would be right."""
    with pytest.raises(ValueError, match="number"):
        kind.parse(text)


def test_a_folder_that_no_system_takes() -> None:
    """It is refused where logging is configured, and not by each record."""
    with pytest.raises(ValueError, match="NUL"):
        Folder().keep("runs\0")
