"""Promises: what a program writes into a run by an unusual door is in the run, or an error says that it is not."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import wandb_logging
import wandb_logging.compat as wandb
from tests.patience import PATIENCE
from wandb_logging.compat._config import ConfigError, merged
from wandb_logging.testing import LocalServer


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    yield
    wandb.teardown()


# --- config ---


def test_the_config_of_a_run_cannot_be_replaced() -> None:
    """As with the official SDK; nor can any other of its objects."""
    with wandb.init(mode="offline", config={"lr": 1}) as run:
        for name in ("config", "summary", "id", "step", "settings"):
            with pytest.raises(AttributeError, match=name if sys.version_info >= (3, 10) else "set"):  # 3.9 says less
                setattr(run, name, {"lr": 2})
        assert run.config.lr == 1


def test_the_config_of_the_module_is_added_to() -> None:
    """`wandb.config = {...}`, as old scripts say."""
    with wandb.init(mode="offline", config={"lr": 1}) as run:
        wandb.config = {"layers": 2}  # type: ignore[assignment]
        assert dict(run.config) == {"lr": 1, "layers": 2}
        with pytest.raises(ConfigError, match="lr"):
            wandb.config = {"lr": 2}  # type: ignore[assignment]
    for name in ("run", "summary"):
        with pytest.raises(AttributeError, match=f"wandb.{name} cannot be set"):
            setattr(wandb, name, None)


def test_what_was_the_config_of_the_module_before_there_is_a_run() -> None:
    """Scripts set it and then read it, or give it to `init`. The next run has it, beneath what `init` is given."""
    given: Any = {"lr": 1, "net": {"n": 2}}
    wandb.config = given
    assert wandb.config is given
    with wandb.init(mode="offline", config={"lr": 2}) as run:
        assert dict(run.config) == {"lr": 2, "net": {"n": 2}}
    with wandb.init(mode="offline") as run:
        assert dict(run.config) == {}
    wandb.config = given
    with wandb.init(mode="offline", config=wandb.config, config_exclude_keys=["net"]) as run:
        assert dict(run.config) == {"lr": 1}
    with pytest.raises(wandb.Error, match="config: expected a mapping"):
        wandb.config = [1]  # type: ignore[assignment]
    with pytest.raises(wandb.Error, match=r"wandb.init\(\) before wandb.config\['lr'\]"):
        wandb.config["lr"] = 1


def test_what_is_changed_within_the_config_is_recorded(wandb_server: LocalServer) -> None:
    """In mappings and lists at any depth, with the next row or at the end; what is taken out stays recorded."""
    with wandb.init(
        project="p", config={"net": {"size": {"w": 1}, "name": "mlp"}, "layers": [1], "rest": [1, 2]}
    ) as run:
        net = run.config["net"]
        net["size"]["h"] = 2
        wandb.config.layers.append(3)
        assert net.pop("name") == "mlp"  # as programs do before they pass the rest on
        wandb.config.rest.pop()
        wandb.log({"x": 1})
        run._run.flush(PATIENCE)
        expected: dict[str, Any] = {
            "net": {"size": {"w": 1, "h": 2}, "name": "mlp"},
            "layers": [1, 3],
            "rest": [1, 2],
        }
        assert wandb_server.runs[0].config == expected
        run.config["net"]["size"]["w"] = 5
    expected["net"]["size"]["w"] = 5
    assert wandb_server.runs[0].config == expected


@pytest.mark.parametrize(
    ("before", "now", "recorded"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1]}}, {"a": {"b": [1, 2]}}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({"a": {"b": 1}}, {"a": 3}, {"a": 3}),
    ],
)
def test_what_was_changed_in_place(before: Any, now: Any, recorded: Any) -> None:
    assert merged(before, now) == recorded


class Flags:
    """What absl has, in small."""

    def __init__(self) -> None:
        self.__dict__["_flags_"] = {"lr": SimpleNamespace(value=0.1), "name": SimpleNamespace(value="n")}

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__["_flags_"])

    def __getitem__(self, name: str) -> Any:
        return self.__dict__["_flags_"][name]

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["_flags_"][name].value

    def flag_values_dict(self) -> dict[str, Any]:
        return {name: flag.value for name, flag in self.__dict__["_flags_"].items()}


def absl_module() -> ModuleType:
    module = ModuleType("absl.flags")
    vars(module)["FLAGS"] = Flags()
    return module


@pytest.mark.parametrize("make", [Flags, absl_module])
def test_flags_of_absl_are_values(make: Callable[[], Any]) -> None:
    """The flags, the module that has them; at the beginning and later; and of a run without `compat`."""
    with wandb.init(mode="offline", config=make()) as run:
        assert dict(run.config) == {"lr": 0.1, "name": "n"}
    with wandb.init(mode="offline") as run:
        run.config.update(make())
        assert dict(run.config) == {"lr": 0.1, "name": "n"}
    with wandb_logging.new_run("p", mode="offline") as own:
        own.update_config(Flags())
        assert own.config == {"lr": 0.1, "name": "n"}


def test_a_module_is_no_config() -> None:
    with pytest.raises(wandb.Error, match="config: expected a mapping"):
        wandb.init(mode="offline", config=json)


# --- rows and summary ---


@pytest.mark.slow
def test_pyplot_and_its_parts_are_images(wandb_server: LocalServer) -> None:
    """`log({"chart": plt})`, as the official SDK's documentation has it; a figure, axes; nested."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    with wandb.init(project="p") as run:
        run.log({"chart": plt, "figure": figure, "axes": axes, "of": {"it": plt}})
    plt.close(figure)
    row = wandb_server.runs[0].history[0]
    assert {value["_type"] for value in (row["chart"], row["figure"], row["axes"], row["of"]["it"])} == {"image-file"}


def test_a_nested_summary_can_be_written(wandb_server: LocalServer) -> None:
    """As items and attributes, at any depth, by every method of a mapping, of both kinds of runs."""
    with wandb.init(project="p") as run:
        run.summary["best"] = {"acc": 0.9, "deep": {"x": [1], "z": 1}, "gone": 1}
        run.summary["best"]["step"] = 7
        run.summary.best.deep.y = 3
        best = wandb.summary["best"]
        best["deep"].pop("z")
        del best["gone"]
        best.update({"a": 1}, b=2)
        best |= {"c": 3}
        best.setdefault("d", {})["e"] = 4
        best.get("deep")["f"] = 5
        expected = {
            "acc": 0.9,
            "deep": {"x": [1], "y": 3, "f": 5},
            "step": 7,
            "a": 1,
            "b": 2,
            "c": 3,
            "d": {"e": 4},
        }
        assert run.summary["best"] == expected
        assert json.loads(json.dumps(dict(run.summary)))["best"] == expected
        assert type(pickle.loads(pickle.dumps(best))) is type(copy.deepcopy(best)) is dict
        with pytest.raises(AttributeError, match=r"the summary has no 'best.nothing'"):
            _ = best.nothing
    assert wandb_server.runs[0].summary["best"] == expected
    with wandb_logging.new_run("p") as own:
        own.summary["best"] = {"acc": 1, "old": 2}
        own.summary["best"]["acc"] = 2
        own.summary["best"].popitem()
        own.summary["rest"] = {"a": 1}
        own.summary["rest"].clear()
    summary = wandb_server.runs[1].summary
    assert (summary["best"], summary["rest"]) == ({"acc": 2}, {})


def test_a_deprecated_word_of_define_metric() -> None:
    """`copy` is the last value, as without it."""
    with wandb.init(mode="offline") as run:
        run.define_metric("x", summary="copy")
        run.define_metric("y", summary="copy,max")
        run.log({"x": 2, "y": 2})
        run.log({"x": 1, "y": 1})
        assert (run.summary["x"], run.summary["y"]) == (1, {"max": 2})


# --- init ---


def test_what_is_empty_is_not_given() -> None:
    """As environment variables and command lines say it."""
    with wandb.init(
        mode="offline", entity="", project="", id="", name="", notes="", tags=[], group="", dir="", config=""
    ) as run:
        assert (run.project, run.notes, run.tags, len(run.id)) == ("uncategorized", None, (), 8)
    with wandb.init(mode="offline", tags="abc") as run:
        assert run.tags == ("abc",)


def test_a_second_init_in_a_notebook_finishes_the_first_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell is run again with other values: they are another run's. And its config may change."""
    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    first = wandb.init(mode="offline", config={"lr": 0.1})
    second = wandb.init(mode="offline", config={"lr": 0.5})
    assert second.id != first.id
    assert not first._run._goes_on
    second.config.lr = 0.6
    assert wandb.init(mode="offline", reinit="return_previous") is second


def test_a_child_begins_a_run_of_its_own(wandb_server: LocalServer) -> None:
    """`init` in a forked child does not give it its parent's run."""
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    parent = wandb.init(project="p")
    child = multiprocessing.get_context("fork").Process(target=_child)
    child.start()
    child.join()
    assert child.exitcode == 0
    parent.log({"who": "parent"})
    parent.finish()
    assert sorted(str(run.history[0]["who"]) for run in wandb_server.runs) == ["child", "parent"]


def _child() -> None:
    with wandb.init(project="p") as run:
        run.log({"who": "child"})


@pytest.mark.not_quick
def test_what_is_printed_can_be_left_out(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`WANDB_CONSOLE=off`, and the setting."""
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    with wandb.init(project="p"):
        print("unheard")
    monkeypatch.delenv("WANDB_CONSOLE")
    with wandb.init(project="p", settings={"console": "off"}):
        print("unheard")
    with wandb.init(project="p"):
        print("heard")
    assert ["heard" in "".join(run.output) for run in wandb_server.runs] == [False, False, True]
    assert not any("unheard" in "".join(run.output) for run in wandb_server.runs)


# --- what a run says of itself ---


def test_notes_of_a_run_that_goes_on(wandb_server: LocalServer) -> None:
    """Are what they were, here and where the run never was."""
    with wandb.init(project="p", id="r", notes="text", dir="one"):
        pass
    for place in ("one", "two"):
        with wandb.init(project="p", id="r", resume="must", dir=place) as run:
            assert run.notes == "text"


def test_settings_of_a_run(wandb_server: LocalServer, tmp_path: Path) -> None:
    """Each that the official SDK has: what the run has, what was given, or the official SDK's default."""
    given = wandb.Settings(run_name="theirs", x_label="node", silent=True, root_dir=str(tmp_path))
    with wandb.init(project="p", name="mine", tags=["a"], settings=given) as run:
        settings = run.settings
        assert (settings.run_id, settings.project, settings.run_name) == (run.id, "p", "mine")
        assert (settings.entity, settings.run_tags, settings.mode) == (wandb_server.entity, ("a",), "online")
        assert (settings.run_url, settings.x_label, settings.silent) == (run.url, "node", True)
        assert (settings.root_dir, settings.sync_dir) == (str(tmp_path), run.sync_dir)
        assert (settings.heartbeat_seconds, settings.x_primary, settings.docker) == (30, True, None)
        assert (settings._offline, settings._noop, settings._jupyter) == (False, False, False)
        with pytest.raises(AttributeError, match=r"wandb.Settings.nonsense is not covered"):
            _ = settings.nonsense
        assert "x_label='node'" in repr(settings)


def test_a_copy_of_what_holds_a_run_holds_the_same_run() -> None:
    """Shallow and deep: sklearn's clone, a trainer's copy. It cannot be pickled, and says what to do."""
    for run in (wandb.init(mode="offline"), wandb_logging.new_run("p", mode="offline")):
        trainer = SimpleNamespace(run=run, config=run.config)
        assert copy.deepcopy(trainer).run is run
        assert copy.copy(run) is run
        if isinstance(run, wandb.Run):
            with pytest.raises(TypeError, match=rf"run {run.id} cannot be pickled: .*resume="):
                pickle.dumps(trainer)
        run.finish()
        assert copy.deepcopy(trainer).run is run


def test_what_else_a_run_says(wandb_server: LocalServer) -> None:
    with wandb.init(project="p", id="r", config={"lr": 1}) as run:
        run.log({"x": 1})
        assert (run.starting_step, run.sweep_id, run.sweep_url, run.config_static.lr) == (0, None, None, 1)
        assert run.status().sync_items_total > 0
        assert str(run.url) in run.to_html()
        assert run.display() is False
    with wandb.init(project="p", id="r", resume="must") as run:
        assert run.starting_step == 1
