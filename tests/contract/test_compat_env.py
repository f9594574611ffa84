"""`wandb.env` beside the official SDK's: its functions give the same in the same environment, and change the same."""

from __future__ import annotations

import inspect
import os
from typing import Any

import pytest
import wandb_logging.compat.env as ours  # type: ignore[import-not-found]  # made from a table

from wandb_logging.compat._shape import MODULES

pytestmark = pytest.mark.contract
theirs = pytest.importorskip("wandb.env", reason="the official SDK is not installed")

SETS = ("set_entity", "set_project")
OWN_CACHES = {"get_cache_dir", "get_data_dir", "immutable_keys"}
NAMES = [name for name in MODULES["env"] if name.islower() and name not in {*SETS, "strtobool"}]


def given_to(name: str) -> list[Any]:
    """A default where a function wants one."""
    required = inspect.signature(getattr(theirs, name)).parameters.values()
    return ["x.json" for each in required if each.default is inspect.Parameter.empty]


def of(module: Any, name: str, *arguments: Any, **named: Any) -> Any:
    """What it gives, or the class of the error that it raises; an unset number is None, where theirs fails."""
    try:
        return getattr(module, name)(*arguments, **named)
    except ValueError as error:
        return type(error)
    except TypeError:
        return None if name.startswith("get_") else TypeError


def test_each_function_is_there() -> None:
    """But for those that tell where the official SDK's own caches are."""
    functions = {name for name, value in vars(theirs).items() if inspect.isfunction(value) and name[0] != "_"}
    assert functions - OWN_CACHES == {*NAMES, *SETS, "strtobool"}


@pytest.mark.parametrize("value", [None, "", "false", "true", "0", "12", "yes", "offline", "a,b", '["x"]', "none"])
@pytest.mark.parametrize("name", NAMES)
def test_each_reads_the_same(name: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says, the process's or one that is given."""
    for variable in [variable for variable in os.environ if "WANDB_" in variable]:
        monkeypatch.delenv(variable)
    variables = {getattr(theirs, constant) for constant in MODULES["env"] if constant.isupper()}
    there = {} if value is None else dict.fromkeys(variables, value)
    for variable, text in there.items():
        monkeypatch.setenv(variable, text)
    default = given_to(name)
    assert of(ours, name, *default) == of(theirs, name, *default)
    if "env" in inspect.signature(getattr(theirs, name)).parameters:
        for variable in there:
            monkeypatch.delenv(variable)
        assert of(ours, name, *default, env=there) == of(theirs, name, *default, env=there)


@pytest.mark.parametrize("word", ["y", "TRUE", "on", "n", "0", "maybe"])
def test_words_for_true_and_false(word: str) -> None:
    """The same word is the same, or the same error."""
    assert of(ours, "strtobool", word) == of(theirs, "strtobool", word)


def test_setting_is_for_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the environment then; or in one that is given."""
    for variable in ("WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.setenv(variable, "before")
    ours.set_project("digits")
    ours.set_entity("team")
    assert (os.environ["WANDB_PROJECT"], os.environ["WANDB_ENTITY"]) == ("digits", "team")
    mine: tuple[dict[str, str], dict[str, str]] = {}, {}
    for module, env in zip((ours, theirs), mine):
        module.set_project("", env)
        module.set_entity("team", env)
    assert mine[0] == mine[1]
