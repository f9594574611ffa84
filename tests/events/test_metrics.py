"""Metric definitions, held against what the official SDK makes of the same calls."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from tests.surroundings import without
from wandb_logging import LogError, new_run, read_run
from wandb_logging._events.metrics import (
    Metric,
    aggregate,
    config_list,
    defined,
    definition_of,
    find,
    keys_of,
    leaves,
    put,
    shown,
)
from wandb_logging._server.protocol import config_json
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

keys = st.text(min_size=1).filter(lambda key: "\0" not in key and "\\" not in key)
rows = st.recursive(
    st.dictionaries(keys, st.integers(), min_size=1, max_size=3),
    lambda below: st.dictionaries(keys, st.integers() | below, min_size=1, max_size=3),
    max_leaves=8,
)


def definitions_of(*given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    definitions: dict[str, dict[str, Any]] = {}
    for one in given:
        definitions = defined(definitions, Metric.of(**one).event())
    return definitions


class TestMetric:
    @pytest.mark.parametrize(
        ("given", "event"),
        [
            ({"name": "a"}, {"name": "a"}),
            ({"name": "val/*", "summary": "MIN, max"}, {"name": "val/*", "summary": ["min", "max"]}),
            ({"name": "a", "summary": ["last", "last"]}, {"name": "a", "summary": ["last"]}),
            ({"name": "a", "step_metric": "e"}, {"name": "a", "step_metric": "e", "step_sync": True}),
            (
                {"name": "a", "step_metric": "e", "step_sync": False},
                {"name": "a", "step_metric": "e", "step_sync": False},
            ),
            ({"name": "a", "step_metric": Metric("e")}, {"name": "a", "step_metric": "e", "step_sync": True}),
            ({"name": "*", "hidden": True, "overwrite": True}, {"name": "*", "hidden": True, "overwrite": True}),
        ],
        ids=str,
    )
    def test_what_goes_into_the_journal(self, given: Any, event: Any) -> None:
        """Only what was given, so that a second definition of the name can add to the first."""
        assert Metric.of(**given).event() == event

    @pytest.mark.parametrize(
        ("given", "part"),
        [
            ({"name": ""}, "name: "),
            ({"name": 5}, "name: "),
            ({"name": "a*b"}, "name: at most one"),
            ({"name": "**"}, "name: at most one"),
            ({"name": "a", "step_metric": ""}, "step_metric: "),
            ({"name": "a", "step_metric": 1}, "step_metric: "),
            ({"name": "a", "step_sync": 1}, "step_sync: true or false"),
            ({"name": "a", "hidden": "yes"}, "hidden: true or false"),
            ({"name": "a", "overwrite": 0}, "overwrite: true or false"),
            ({"name": "a", "summary": "best"}, "summary: any of min, max, mean, first, last, none, not 'best'"),
            ({"name": "a", "summary": 3}, "summary: any of"),
            ({"name": "a", "summary": [1]}, "summary: any of"),
        ],
        ids=str,
    )
    def test_what_is_wrong_is_said(self, given: Any, part: Any) -> None:
        """By name, with what would be right."""
        with pytest.raises(ValueError) as caught:
            Metric.of(**given)
        assert str(caught.value).startswith(part)


class TestDefinitions:
    def test_a_second_definition_adds_to_the_first(self) -> None:
        definitions = definitions_of(
            {"name": "a", "summary": "min", "hidden": True}, {"name": "a", "step_metric": "e", "summary": "max"}
        )
        assert definitions == {
            "a": {"step_metric": "e", "step_sync": True, "hidden": True, "summary": ["min", "max"]},
        }

    def test_or_takes_its_place(self) -> None:
        definitions = definitions_of(
            {"name": "a", "summary": "min", "hidden": True}, {"name": "a", "summary": "max", "overwrite": True}
        )
        assert definitions == {"a": {"step_metric": None, "step_sync": False, "hidden": False, "summary": ["max"]}}

    @pytest.mark.parametrize(
        ("path", "summary"),
        [("val/a", ["max"]), ("val/b", ["min"]), ("other", ["last"]), ("_val/a", None), ("_own", ["first"])],
    )
    def test_which_one_holds(self, path: Any, summary: Any) -> None:
        """A metric's own, else the first glob; names that begin with _ match no glob."""
        definitions = definitions_of(
            {"name": "val/*", "summary": "max"},
            {"name": "val/b", "summary": "min"},
            {"name": "*", "summary": "last"},
            {"name": "_own", "summary": "first"},
        )
        found = definition_of(definitions, path)
        assert (found and found["summary"]) == summary

    def test_the_list_in_the_config(self) -> None:
        """As protocol 5.6 shows it: names before globs, indexes from 1, bare elements for undefined step metrics."""
        definitions = definitions_of(
            {"name": "val/*", "step_metric": "epoch", "summary": "min"},
            {"name": "loss", "summary": "last,max,min"},
            {"name": "a", "step_metric": "s", "step_sync": False, "hidden": True},
            {"name": "b", "step_metric": "loss"},
        )
        assert config_list(definitions) == [
            {"1": "loss", "6": [3], "7": [1, 2, 5]},
            {"1": "a", "5": 3, "6": [2, 3], "7": []},
            {"1": "s", "6": [], "7": []},
            {"1": "b", "5": 1, "6": [1, 3], "7": []},
            {"2": "val/*", "5": 6, "6": [1], "7": [1]},
            {"1": "epoch", "6": [], "7": []},
        ]

    def test_it_is_in_the_config_that_is_sent(self) -> None:
        own = json.loads(config_json({"lr": 1}, "w", definitions_of({"name": "a"})))["_wandb"]["value"]
        assert own["m"] == [{"1": "a", "6": [3], "7": []}]
        assert json.loads(config_json({}, "w", {}))["_wandb"]["value"]["m"] == []


class TestPaths:
    @given(rows)
    def test_each_leaf_is_found_at_its_path(self, row: Any) -> None:
        """Whatever the keys are called, dots included; no two have one path."""
        found = list(leaves(row))
        assert len(dict(found)) == len(found)
        for path, value in found:
            assert find(row, path) == value

    @given(rows, st.integers())
    def test_a_value_put_at_a_path_is_all_that_changes(self, row: Any, value: Any) -> None:
        before = json.dumps(row)
        for path, _ in leaves(row):
            after = put(row, keys_of(path), value)
            assert dict(leaves(after)) == {**dict(leaves(row)), path: value}
        assert json.dumps(row) == before

    @given(rows)
    def test_taken_away_nothing_of_it_stays(self, row: Any) -> None:
        for path, _ in list(leaves(row)):
            row = put(row, keys_of(path), ...)
        assert row == {}

    def test_nothing_is_found_where_nothing_is(self) -> None:
        assert [find({"a": 1}, path) for path in ("b", "a.b", "b.c")] == [None, None, None]


class TestAggregates:
    def test_only_those_asked_for_and_known(self) -> None:
        kept = aggregate(aggregate(None, "text"), 4)
        assert shown(kept, ["last", "first", "max"]) == {"last": 4, "first": "text", "max": 4}
        assert shown(aggregate(None, "text"), ["min", "mean"]) == {}

    def test_what_was_kept_before_is_not_changed(self) -> None:
        before = aggregate(None, 1)
        aggregate(before, 2)
        assert before == aggregate(None, 1)


class TestRun:
    def test_a_bad_glob_raises(self) -> None:
        """From `define_metric`, which a person calls."""
        with new_run("p", mode="disabled") as run, pytest.raises(LogError, match="at most one"):
            run.define_metric("a*b")

    def test_from_the_settings(self) -> None:
        """So it works from dictConfig, too."""
        with new_run("p", mode="offline", define_metrics=[{"name": "*", "summary": "min"}]) as run:
            run.log({"loss": 2})
            run.log({"loss": 3})
        assert run.dir
        assert read_run(run.dir).summary["loss"] == {"min": 2}

    def test_a_definition_can_be_the_step_metric(self) -> None:
        with new_run("p", mode="offline") as run:
            epoch = run.define_metric("epoch", hidden=True)
            run.define_metric("loss", step_metric=epoch)
            run.log({"epoch": 7})
            run.log({"loss": 2})
        assert run.dir
        assert read_run(run.dir).rows[-1]["epoch"] == 7


# Each: calls of a run, made by the official SDK and by us.
WORKLOADS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "merge": [
        ("define_metric", {"name": "loss", "summary": "min"}),
        ("define_metric", {"name": "loss", "summary": "max"}),
        ("define_metric", {"name": "acc", "summary": "min", "hidden": True}),
        ("define_metric", {"name": "acc", "step_metric": "epoch"}),
        ("log", {"data": {"loss": 1, "acc": 1}}),
        ("log", {"data": {"loss": 3, "acc": 0, "epoch": 2}}),
        ("log", {"data": {"loss": 2, "acc": 5}}),
    ],
    "overwrite": [
        ("define_metric", {"name": "a", "summary": "min", "hidden": True}),
        ("define_metric", {"name": "a", "summary": "max", "overwrite": True}),
        ("define_metric", {"name": "o", "step_metric": "z"}),
        ("define_metric", {"name": "o", "overwrite": True}),
        ("log", {"data": {"a": 1, "o": 1}}),
        ("log", {"data": {"a": 3}}),
        ("log", {"data": {"a": 2}}),
    ],
    "globs": [
        ("define_metric", {"name": "val/*", "step_metric": "epoch", "summary": "max"}),
        ("define_metric", {"name": "val/b", "summary": "min"}),
        ("log", {"data": {"val/a": 1, "val/b": 1}}),
        ("log", {"data": {"val/a": 3, "epoch": 4, "val/b": 3}}),
        ("log", {"data": {"val/a": 2, "val/b": 2, "_x": 1}}),
        ("log", {"data": {"other": 1}}),
    ],
    "nested": [
        ("define_metric", {"name": "val.acc", "summary": "max,last", "step_metric": "ep.o"}),
        ("define_metric", {"name": "t.*", "summary": "mean"}),
        ("define_metric", {"name": "lit\\.d", "summary": "min"}),
        ("log", {"data": {"val": {"acc": 1}, "t": {"x": 1, "y": {"z": 1}}, "lit.d": 3}}),
        ("log", {"data": {"val": {"acc": 3}, "t": {"x": 2, "y": {"z": 4}}, "lit.d": 1, "ep": {"o": 7}}}),
        ("log", {"data": {"val": {"acc": 2}, "lit.d": 2}}),
    ],
    "aggregates": [
        ("define_metric", {"name": "a", "summary": "none"}),
        ("define_metric", {"name": "b", "summary": "min,none"}),
        ("define_metric", {"name": "c", "summary": "first,mean,min,max,last"}),
        ("define_metric", {"name": "d"}),
        ("define_metric", {"name": "q", "summary": "first,last,min"}),
        ("define_metric", {"name": "k", "summary": "first,max"}),
        ("define_metric", {"name": "n", "summary": "max"}),
        ("log", {"data": {"a": 1, "b": 2, "c": 4, "d": 1, "q": None, "k": True, "n": 1}}),
        ("log", {"data": {"c": 2, "q": 3, "k": 2, "n": float("nan")}}),
        ("log", {"data": {"c": 0.5, "n": 7}}),
    ],
    "by hand": [
        ("define_metric", {"name": "loss", "summary": "min"}),
        ("define_metric", {"name": "x", "summary": "max"}),
        ("log", {"data": {"loss": 1, "gone": 1}}),
        ("log", {"data": {"loss": 3}}),
        ("summary", {"loss": 7, "x": 3, "own": {"deep": [1, None]}, "gone": None}),
        ("log", {"data": {"loss": 5}}),
    ],
    "steps": [
        ("define_metric", {"name": "val", "step_metric": "epoch"}),
        ("log", {"data": {"val": 1}, "step": 3}),
        ("log", {"data": {"epoch": 5}, "step": 3}),
        ("log", {"data": {"val": 2}, "step": 4}),
        ("log", {"data": {"val": {"sub": 1}}}),
        ("log", {"data": {"epoch": "text"}}),
        ("log", {"data": {"val": 1}}),
        ("log", {"data": {}}),
        ("log", {"data": {"e": {}, "n": {"x": {}}, "l": [], "ld": [{}]}}),
    ],
    "options": [
        ("define_metric", {"name": "a", "step_metric": "s", "step_sync": False}),
        ("define_metric", {"name": "b", "hidden": True, "step_metric": "s2"}),
        ("define_metric", {"name": "s2", "summary": "none"}),
        ("define_metric", {"name": "*", "summary": "last"}),
        ("define_metric", {"name": "sync", "step_sync": True}),
        ("log", {"data": {"a": 1, "b": 2}}),
        ("log", {"data": {"s": 3, "s2": "text"}}),
        ("log", {"data": {"a": 1, "b": 2, "zz": {"k": 1}}}),
    ],
}

# What the official SDK does with (name, calls) pairs on its standard input.
SCRIPT = """
import json, sys, wandb
for name, calls in json.load(sys.stdin).items():
    with wandb.init(project="p", id=name.replace(" ", "-")) as run:
        for call, given in calls:
            if call == "summary":
                run.summary.update(given)
            else:
                getattr(run, call)(**given)
"""


def comparable(run: Any) -> dict[str, Any]:
    """Definitions with their step metrics by name, rows and summary, without times."""
    metrics = run.wandb_config["m"]
    names = [item.get("1", item.get("2")) for item in metrics]
    by_name = {
        name: {**item, "5": names[item["5"] - 1] if "5" in item else None, "6": sorted(item["6"])}
        for name, item in zip(names, metrics)
    }
    own = {"_timestamp", "_runtime", "_wandb"}
    return {
        "metrics": by_name,
        "rows": [{key: value for key, value in row.items() if key not in own} for row in run.history],
        "summary": {key: value for key, value in run.summary.items() if key not in own},
    }


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the official SDK sent, by workload."""
    if importlib.util.find_spec("wandb") is None:
        pytest.skip("the official SDK is not installed")
    folder: Path = tmp_path_factory.mktemp("official")
    with LocalServer() as server:
        kept = without("WANDB_", "NETRC")
        own = {"HOME": str(folder), "USERPROFILE": str(folder), "WANDB_DIR": str(folder), "WANDB_CONSOLE": "off"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=json.dumps(WORKLOADS),
            cwd=folder,
            env={**kept, **own, **server.env(), "WANDB_SILENT": "true"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield {name: comparable(server.run(name.replace(" ", "-"))) for name in WORKLOADS}


@pytest.mark.contract
class TestOfficialSDK:
    @pytest.mark.parametrize("name", WORKLOADS)
    def test_the_same_calls_come_to_the_same(self, name: Any, official: Any, wandb_server: Any) -> None:
        """Definitions, rows and summary."""
        with new_run("p", host=wandb_server.url, api_key=wandb_server.api_key, mode="online", quiet=True) as run:
            for call, given in WORKLOADS[name]:
                if call == "summary":
                    run.summary.update(given)
                elif call == "log":
                    run.log(given["data"], given.get("step"))
                else:
                    run.define_metric(**given)
        ours = comparable(wandb_server.run(run.id))
        for part, expected in official[name].items():
            assert json.dumps(ours[part], sort_keys=True) == json.dumps(expected, sort_keys=True)
