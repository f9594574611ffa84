"""Promises of `wandb_logging.compat`: a script of the official SDK runs; what is not covered is named."""

from __future__ import annotations

import _thread
import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wandb_logging.compat as wandb
from tests.patience import PATIENCE
from tests.repositories import repository
from wandb_logging import LogError, Session, SettingsError, read_run, sync
from wandb_logging._process import disks
from wandb_logging.compat import _refused
from wandb_logging.compat._refused import NotCovered
from wandb_logging.compat._shape import HOMES
from wandb_logging.testing import LocalServer


@pytest.fixture(autouse=True)
def _afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No run is left over, and nothing was said before."""
    monkeypatch.setattr(_refused, "said", set())
    yield
    wandb.teardown()


def rows(server: LocalServer, number: int = 0) -> list[dict[str, Any]]:
    """Metrics and steps."""
    times = {"_timestamp", "_runtime"}
    return [{key: value for key, value in row.items() if key not in times} for row in server.runs[number].history]


def folder_of(run: wandb.Run) -> Path:
    """The run directory."""
    return run._run.dir or Path()


def current() -> wandb.Run | None:
    """The run of the module, afresh: a type checker would believe that it stays what it was."""
    return wandb.run


def said(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


# --- before init, and after the end ---


@pytest.mark.parametrize(
    ("early", "what"),
    [
        (lambda: wandb.log({"x": 1}), r"wandb.log\(\)"),
        (lambda: wandb.define_metric("x"), r"wandb.define_metric\(\)"),
        (lambda: wandb.alert("a", "b"), r"wandb.alert\(\)"),
        (lambda: wandb.log_artifact("x"), r"wandb.log_artifact\(\)"),
        (lambda: wandb.use_artifact("x:latest"), r"wandb.use_artifact\(\)"),
        (lambda: wandb.config.lr, r"wandb.config.lr"),
        (lambda: wandb.config["lr"], r"wandb.config"),
        (lambda: setattr(wandb.config, "lr", 1), r"wandb.config"),
        (lambda: wandb.config.update({"lr": 1}), r"wandb.config.update"),
        (lambda: dict(wandb.config), r"wandb.config"),
        (lambda: wandb.save("x"), r"wandb.save\(\)"),
        (lambda: wandb.summary["x"], r"wandb.summary"),
        (lambda: wandb.summary.update({"x": 1}), r"wandb.summary.update"),
    ],
)
def test_without_a_run_the_error_says_what_to_do(early: Callable[[], object], what: str) -> None:
    """As the official SDK's."""
    assert current() is None
    with pytest.raises(wandb.Error, match=rf"^You must call wandb.init\(\) before {what}"):
        early()


def test_after_the_end_it_is_as_before(wandb_server: LocalServer) -> None:
    """`finish` ends the run of the module; calling it again does nothing."""
    run = wandb.init(project="p")
    assert current() is run
    wandb.finish(exit_code=3)
    wandb.finish()
    run.finish()
    assert current() is None
    with pytest.raises(wandb.Error, match=r"wandb.init\(\)"):
        wandb.log({"x": 1})
    with pytest.raises(LogError, match="finished"):
        run.log({"x": 1})
    assert wandb_server.runs[0].exit_code == 3


# --- what is not covered ---


def test_what_nobody_has_is_not_there() -> None:
    """With the names that are. To `hasattr` and `getattr` it is not there."""
    for raised in (AttributeError, wandb.Error):
        with pytest.raises(
            raised, match=r"^wandb.nonsense is not covered .* covered are: .*\binit, install, join, link_model, log"
        ):
            wandb.nonsense  # noqa: B018
    assert not hasattr(wandb, "nonsense")
    with pytest.raises(ImportError, match="nonsense"):
        exec("from wandb_logging.compat import nonsense")
    with (
        wandb.init(mode="offline") as run,
        pytest.raises(wandb.Error, match=r"wandb.Run.nonsense is not covered .* log,"),
    ):
        _ = run.nonsense


@pytest.mark.parametrize(
    "use",
    [
        lambda: wandb.sweep({}),
        lambda: wandb.agent("id", function=print),
        lambda: wandb.api.api_key,
        wandb.controller,
        lambda: wandb.sdk.launch.launch("uri"),
        lambda: wandb.sdk.lib.filesystem.mkdir_exists_ok("folder"),
        type("Own", (wandb.EvalTable,), {}),
        lambda: wandb.Settings().nonsense,
    ],
)
def test_what_is_not_covered_can_be_imported_and_says_so_when_it_is_used(use: Callable[[], object]) -> None:
    """By its name: nothing is taken and dropped."""
    exec("from wandb_logging.compat import sweep, agent, EvalTable")
    with pytest.raises(NotCovered, match=r"wandb\.(init\(|\w+).* not covered by wandb_logging.compat"):
        use()
    assert current() is None
    assert not isinstance(3, wandb.EvalTable)


def test_arguments_and_settings_that_are_not_covered_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """The run begins all the same. What they are without is not worth a word."""
    settings = wandb.Settings(x_stats_gpu_type="node", show_info=False, docker=None)
    for _ in range(2):
        wandb.init(mode="offline", save_code=True, sync_tensorboard=False, settings=settings, reinit="finish_previous")
    lines = [record.getMessage() for record in caplog.records if "not covered" in record.getMessage()]
    assert [line.split()[1] for line in lines] == ["save_code", "x_stats_gpu_type"]


def test_all_that_is_listed_is_there() -> None:
    """Each name can be had."""
    assert (
        sorted(wandb.__all__)
        == dir(wandb)
        == sorted({*HOMES, "__version__", "config", "run", "summary", "util", "plot"})
    )
    with wandb.init(mode="disabled"):
        assert [name for name in wandb.__all__ if getattr(wandb, name) is None] == []


# --- init ---


def test_arguments_of_init_reach_the_server(wandb_server: LocalServer) -> None:
    with wandb.init(
        entity=wandb_server.entity,
        project="digits",
        id="my-id",
        name="n",
        notes="text",
        tags=["a", "b"],
        group="g",
        job_type="train",
        config={"lr": 0.1},
    ) as run:
        assert (run.id, run.name, run.project, run.entity) == ("my-id", "n", "digits", wandb_server.entity)
        assert (run.notes, run.tags, run.group, run.job_type) == ("text", ("a", "b"), "g", "train")
        assert run.path == f"{wandb_server.entity}/digits/my-id"
    (stored,) = wandb_server.runs
    assert (stored.id, stored.display_name, stored.project, stored.notes) == ("my-id", "n", "digits", "text")
    assert (stored.tags, stored.group, stored.job_type, stored.config) == (["a", "b"], "g", "train", {"lr": 0.1})


@pytest.mark.parametrize("form", [wandb.Settings, dict])
def test_settings_mean_the_same(wandb_server: LocalServer, form: Callable[..., Any], tmp_path: Path) -> None:
    """Under the official SDK's names, as an object or a mapping; arguments win."""
    settings = form(
        base_url=wandb_server.url,
        api_key=wandb_server.api_key,
        project="theirs",
        run_id="my-id",
        run_name="n",
        run_notes="text",
        run_tags=("a",),
        run_group="g",
        run_job_type="train",
        root_dir=str(tmp_path / "runs"),
        silent=True,
        x_file_stream_no_gzip=True,
        finish_timeout=20,
    )
    with wandb.init(settings=settings, project="mine") as run:
        ours = run._run.settings
        assert (ours.quiet, ours.gzip, ours.close_timeout) == (True, False, 20)
        assert Path(run.dir).is_dir()
        assert (tmp_path / "runs") in Path(run.dir).parents
    (stored,) = wandb_server.runs
    assert (stored.project, stored.id, stored.display_name, stored.notes) == ("mine", "my-id", "n", "text")
    assert (stored.tags, stored.group, stored.job_type) == (["a"], "g", "train")


def test_a_wrong_value_is_an_error() -> None:
    with pytest.raises(SettingsError, match="mode='together'"):
        wandb.init(mode="together")
    assert current() is None


@pytest.mark.parametrize("form", [wandb.Settings, dict])
def test_settings_that_are_texts(wandb_server: LocalServer, form: Callable[..., Any]) -> None:
    """Of a command line: numbers, and yes and no, are what they say."""
    settings = form(
        silent="true",
        allow_val_change="false",
        heartbeat_seconds="5",
        finish_timeout="7.5",
        x_file_stream_transmit_interval="0.5",
        x_disable_stats="false",
        disable_git="yes",
        run_name="true",
    )
    with wandb.init(project="p", config={"lr": 1}, settings=settings) as run:
        ours = run._run.settings
        assert (ours.quiet, ours.disable_git, ours.heartbeat_interval) == (True, True, 5.0)
        assert (ours.close_timeout, ours.flush_interval, ours.name) == (7.5, 0.5, "true")
        assert (run.settings.x_disable_stats, run.settings.allow_val_change) == (False, False)
        with pytest.raises(wandb.Error, match="lr"):
            run.config.lr = 2


@pytest.mark.parametrize("wrong", [{"silent": "maybe"}, {"heartbeat_seconds": "soon"}, {"reinit": "often"}])
def test_settings_that_say_nothing(wrong: dict[str, str]) -> None:
    """They are errors that name them, and no run begins."""
    with pytest.raises(SettingsError, match="=".join(map(repr, *wrong.items())).replace("'", "", 2)):
        wandb.init(mode="offline", settings=wrong)
    assert wandb.run is None


def test_shared_mode_and_its_labels(wandb_server: LocalServer) -> None:
    """Whoever is not primary has its label behind its names; the names of the primary stay."""
    for label, primary in (("rank_0", True), ("rank_1", False)):
        settings = wandb.Settings(mode="shared", x_label=label, x_primary=primary)
        with wandb.init(project="p", id="one", settings=settings) as run:
            run.log({"loss": 1})
    (stored,) = wandb_server.runs
    assert [sorted(name for name in row if name.startswith("loss")) for row in stored.history] == [
        ["loss"],
        ["loss/l:rank_1"],
    ]


def test_shared_mode_without_a_common_disk(
    wandb_server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the launcher has several hosts, and their disks are their own, each process is a client of the run."""
    (mounts := tmp_path / "mountinfo").write_text("28 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    monkeypatch.setattr(disks, "_MOUNTS", mounts)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    for rank, label in enumerate(("rank_0", "rank_1")):
        monkeypatch.setenv("RANK", str(rank))
        settings = wandb.Settings(
            mode="shared",
            x_label=label,
            x_primary=rank == 0,
            x_update_finish_state=rank == 0,
            root_dir=str(tmp_path / label),
        )
        with wandb.init(project="p", id="one", settings=settings) as run:
            run.log({"loss": 1})
    (stored,) = wandb_server.runs
    assert [len(client.lines["wandb-history.jsonl"]) for client in stored.clients.values()] == [1, 1]
    assert [name for row in stored.history for name in row if name.startswith("loss")] == ["loss", "loss/l:rank_1"]
    assert (stored.state, wandb_server.violations) == ("finished", [])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"lr": 1, "net": {"n": (1, 2)}}, {"lr": 1, "net": {"n": [1, 2]}}),
        (argparse.Namespace(lr=1, act=None), {"lr": 1, "act": None}),
        (None, {}),
    ],
)
def test_a_config_of_many_kinds(wandb_server: LocalServer, given: Any, kept: dict[str, Any]) -> None:
    with wandb.init(project="p", config=given) as run:
        assert dict(run.config) == kept
    assert wandb_server.runs[0].config == kept


def test_a_config_in_parts() -> None:
    """`config_exclude_keys`, `config_include_keys`."""
    given = {"a": 1, "b": 2, "c": 3}
    with wandb.init(mode="offline", config=given, config_exclude_keys=["a"]) as run:
        assert dict(run.config) == {"b": 2, "c": 3}
    with wandb.init(mode="offline", config=given, config_include_keys=["a"]) as run:
        assert dict(run.config) == {"a": 1}
    with pytest.raises(wandb.Error, match="config: expected a mapping"):
        wandb.init(mode="offline", config=5)


CONFIG_FILE = """
wandb_version: 1
lr:
  desc: how fast
  value: 0.1
net:
  value: {width: 3}
"""


def test_a_config_from_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A YAML file of the official SDK's form; what config-defaults.yaml says counts where nothing else is said."""
    Path("config.yaml").write_text(CONFIG_FILE)
    with wandb.init(mode="offline", config="config.yaml", config_exclude_keys=["net"]) as run:
        assert dict(run.config) == {"lr": 0.1}
    Path("config-defaults.yaml").write_text(CONFIG_FILE)
    with wandb.init(mode="offline", config={"lr": 1}) as run:
        assert dict(run.config) == {"lr": 1, "net": {"width": 3}}
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(SettingsError, match=r"needs PyYAML: pip install 'wandb-logging\[compat\]'"):
        wandb.init(mode="offline", config="config.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("lr: 0.1", "expected `key: {value: ...}`"),
        ("- lr", "expected `key: {value: ...}`"),
        ("{", "in YAML"),
        ("wandb_version: 2", "expected wandb_version 1, got 2"),
    ],
)
def test_wrong_config_files(content: str | None, said: str) -> None:
    if content is not None:
        Path("wrong.yaml").write_text(content)
    with pytest.raises(wandb.Error, match=said):
        wandb.init(mode="offline", config="wrong.yaml")


def test_what_only_the_server_knows_is_waited_for(wandb_server: LocalServer) -> None:
    """The run is there before anything is logged."""
    with wandb.init(project="p") as run:
        assert run.url == f"{wandb_server.url}/{wandb_server.entity}/p/runs/{run.id}"
        assert (run.name, run.entity) == (wandb_server.runs[0].display_name, wandb_server.entity)


def test_it_is_not_waited_for_twice() -> None:
    """Nobody answers: `init` and all else go on."""
    with LocalServer() as server:
        address, key = server.url, server.api_key
    settings = wandb.Settings(base_url=address, api_key=key, init_timeout=0.01, finish_timeout=0.01, silent=True)
    with wandb.init(project="p", mode="online", settings=settings) as run:
        assert (run.url, run.name, run.entity) == (None, run.id, "")
        run.log({"x": 1})


def test_without_a_key_it_is_offline() -> None:
    """And can be sent later."""
    with wandb.init(project="p", config={"lr": 1}) as run:
        run.log({"x": 1})
        assert (run.offline, run.disabled, run.url, run.name) == (True, False, None, run.id)
        folder = folder_of(run)
    with LocalServer() as server:
        (report,) = sync(folder, session=Session(server.api_key, server.url))
        assert report.ok
        assert rows(server) == [{"x": 1, "_step": 0}]
        assert server.runs[0].config == {"lr": 1}


def test_disabled_does_nothing() -> None:
    with wandb.init(mode="disabled", config={"lr": 1}) as run:
        wandb.log({"x": 1})
        wandb.summary["x"] = 2
        assert (run.disabled, wandb.config.lr) == (True, 1)
        assert Path(run.dir).is_dir()
    assert not Path("wandb_cache").exists()


def test_old_words_for_modes(wandb_server: LocalServer) -> None:
    with wandb.init(project="p", mode="dryrun") as run:
        assert run.offline
    with wandb.init(project="p", mode="run") as run:
        assert not run.offline


# --- resume ---


@pytest.mark.slow
@pytest.mark.parametrize("resume", ["allow", "must", True, "auto"])
@pytest.mark.parametrize("place", [".", "elsewhere"])
def test_a_run_goes_on(wandb_server: LocalServer, resume: Any, place: str) -> None:
    """After `init` it is known how it was: steps, config, summary; where its directory is, and where it is not."""
    with wandb.init(project="p", id="r", config={"old": 1, "lr": 1}, resume="allow") as run:
        assert not run.resumed
        run.log({"x": 1})
        run.log({"x": 2})
        run.summary["best"] = 9
    with wandb.init(project="p", id="r", config={"lr": 2}, resume=resume, dir=place) as run:
        assert (run.resumed, run.step, dict(run.config)) == (True, 2, {"old": 1, "lr": 2})
        assert (run.summary["x"], run.summary["best"]) == (2, 9)
        run.log({"x": 3})
    assert rows(wandb_server) == [{"x": step + 1, "_step": step} for step in range(3)]
    assert wandb_server.runs[0].config == {"old": 1, "lr": 2}


@pytest.mark.parametrize(("resume", "run_id"), [("must", "missing"), ("never", "there")])
def test_a_run_that_may_not_go_on_does_not_begin(wandb_server: LocalServer, resume: str, run_id: str) -> None:
    wandb_server.create_run("there", "p")
    with pytest.raises(wandb.Error, match=f"resume: {resume}, but .*{run_id}"):
        wandb.init(project="p", id=run_id, resume=resume)
    assert current() is None
    assert [run.id for run in wandb_server.runs] == ["there"]


def test_nobody_says_whether_it_may() -> None:
    """`must` and `never` are not guessed; `allow` goes on all the same."""
    with LocalServer() as server:
        address, key = server.url, server.api_key
    settings = {"base_url": address, "api_key": key, "init_timeout": 0.01, "finish_timeout": 0.01, "silent": True}
    with pytest.raises(wandb.Error, match=r"cannot be reached|in time"):
        wandb.init(project="p", id="r", mode="online", resume="must", settings=settings)
    with wandb.init(project="p", id="s", mode="online", resume="allow", settings=settings) as run:
        run.log({"x": 1})


def test_auto_goes_on_with_what_failed() -> None:
    """Without an id."""
    runs = []
    for exit_code in (1, 0, 0):
        runs.append(wandb.init(mode="offline", resume="auto"))
        wandb.finish(exit_code)
    assert [run.resumed for run in runs] == [False, True, False]
    assert runs[0].id == runs[1].id != runs[2].id


def test_a_run_branches_off(wandb_server: LocalServer) -> None:
    """`fork_from`, `resume_from`."""
    wandb_server.create_run("old", "p", history=[{"x": step} for step in range(5)])
    with wandb.init(project="p", fork_from="old?_step=3") as run:
        run.log({"x": 20})
        forked = run.id
    with wandb.init(project="p", resume_from="old?_step=2") as run:
        run.log({"x": 10})
    assert rows(wandb_server) == [{"x": x, "_step": step} for step, x in enumerate([0, 1, 2, 10])]
    assert [row["_step"] for row in wandb_server.run(forked).history] == [4]


# --- several runs ---


def test_a_second_init_returns_the_first_run(caplog: pytest.LogCaptureFixture) -> None:
    first = wandb.init(mode="offline")
    assert wandb.init(mode="offline") is first
    assert wandb.init(mode="offline", reinit=False) is first
    assert "a run is active" in said(caplog)


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_a_second_init_can_finish_the_first_run(reinit: Any) -> None:
    first = wandb.init(mode="offline")
    second = wandb.init(mode="offline", reinit=reinit)
    assert current() is second
    with pytest.raises(LogError, match="finished"):
        first.log({"x": 1})


def test_a_second_init_can_begin_one_beside_the_first() -> None:
    """The functions of the module still mean the first."""
    first = wandb.init(mode="offline")
    second = wandb.init(mode="offline", reinit="create_new")
    assert current() is first
    assert second.id != first.id
    second.finish()
    assert current() is first


# --- rows ---


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([({"a": 1},), ({"b": 2},)], [(0, {"a": 1}), (1, {"b": 2})]),
        ([({"a": 1}, None, False), ({"b": 2},)], [(0, {"a": 1, "b": 2})]),
        ([({"a": 1}, None, False), ({"a": 2}, None, False)], [(0, {"a": 2})]),
        ([({"a": 1}, None, True), ({"b": 2}, None, True)], [(0, {"a": 1}), (1, {"b": 2})]),
        ([({"a": 1}, 3), ({"b": 2}, 3), ({"c": 3}, 4)], [(3, {"a": 1, "b": 2}), (4, {"c": 3})]),
        ([({"a": 1}, 3), ({"b": 2},), ({"c": 3},)], [(3, {"a": 1, "b": 2}), (4, {"c": 3})]),
        ([({"a": 1}, 3, True), ({"b": 2},)], [(3, {"a": 1}), (4, {"b": 2})]),
        ([({"a": 1}, 3, False), ({"b": 2}, None, False), ({"c": 3},)], [(3, {"a": 1, "b": 2, "c": 3})]),
        ([({"a": 1}, None, False), ({"b": 2}, 0), ({"c": 3}, 1)], [(0, {"a": 1, "b": 2}), (1, {"c": 3})]),
        ([({"n": {"a": 1}}, 1), ({"n": {"b": 2}}, 1)], [(1, {"n": {"a": 1, "b": 2}})]),
        ([({}, None, False), ({},)], [(0, {})]),
    ],
)
def test_rows_begin_and_end_as_in_the_official_sdk(calls: list[Any], expected: list[Any]) -> None:
    """`log(data, step, commit)`, protocol 5.2."""
    with wandb.init(mode="offline") as run:
        for call in calls:
            run.log(*call)
        folder = folder_of(run)
    times = {"_timestamp", "_runtime", "_step"}
    found = [
        (row["_step"], {key: value for key, value in row.items() if key not in times}) for row in read_run(folder).rows
    ]
    assert found == expected


@pytest.mark.parametrize("commit", [None, True, False])
def test_a_late_row_is_not_lost(commit: Any) -> None:
    """It goes in at the current step, and ends the row if it is to."""
    with wandb.init(mode="offline") as run:
        run.log({"a": 1}, step=5)
        run.log({"b": 2}, step=2, commit=commit)
        run.log({"c": 3}, step=5)
        folder = folder_of(run)
    found = [(row["_step"], row.get("b"), row.get("step")) for row in read_run(folder).rows]
    assert found == [(5, 2, 2), (6, None, 5)] if commit else [(5, 2, 2)]


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_the_step_of_the_next_row(mode: str) -> None:
    with wandb.init(mode=mode) as run:
        steps = [run.step]
        for step, commit in ((None, None), (None, False), (7, None), (7, True)):
            run.log({"x": 1}, step, commit)
            steps.append(run.step)
    assert steps == ([0, 1, 1, 7, 8] if mode == "offline" else [0] * 5)


# --- config and summary ---


@dataclass
class Options:
    width: int = 3
    act: str = "relu"


def test_the_config_in_all_its_forms(wandb_server: LocalServer) -> None:
    with wandb.init(project="p", config={"lr": 0.1}):
        wandb.config.seed = 1
        wandb.config["nested"] = {"a": (1, 2)}
        wandb.config.update(argparse.Namespace(batch=32))
        wandb.config.update(Options())
        wandb.config.update({"--dashed": True})
        wandb.config.setdefaults({"lr": 9, "more": 1})
        assert (wandb.config.lr, wandb.config["seed"], wandb.config.get("none", 5)) == (0.1, 1, 5)
        assert (wandb.config.nested, "batch" in wandb.config, wandb.config.dashed) == ({"a": [1, 2]}, True, True)
        with pytest.raises(AttributeError, match="'nothing'"):
            _ = wandb.config.nothing
        with pytest.raises(KeyError):
            wandb.config["nothing"]
        assert not hasattr(wandb.config, "nothing")
        kept = wandb.config.as_dict()
        assert kept == dict(wandb.config.items())
        assert len(wandb.config) == len(kept) == 8
        assert repr(wandb.config) == repr(kept)
    assert wandb_server.runs[0].config == kept


def test_a_value_of_the_config_stays() -> None:
    """Unless it is allowed to change, here or for all of the run. Setting what it is is no change."""
    with wandb.init(mode="offline", config={"lr": 0.1, "t": (1,)}):
        wandb.config.lr = 0.1
        wandb.config["t"] = (1,)
        with pytest.raises(wandb.Error, match=r'"lr" from 0.1 to 0.2\n.*allow_val_change=True'):
            wandb.config.lr = 0.2
        with pytest.raises(wandb.Error, match="allow_val_change"):
            wandb.config.update({"new": 1, "lr": 0.2})
        assert dict(wandb.config) == {"lr": 0.1, "t": [1]}
        wandb.config.update({"lr": 0.2}, allow_val_change=True)
        assert wandb.config.lr == 0.2
    with wandb.init(mode="offline", config={"lr": 0.1}, allow_val_change=True):
        wandb.config.lr = 0.2
        assert wandb.config.lr == 0.2


def test_the_summary_in_all_its_forms(wandb_server: LocalServer) -> None:
    with wandb.init(project="p") as run:
        run.define_metric("loss", summary="min")
        wandb.define_metric("acc", summary="none")
        wandb.log({"loss": 2, "acc": 1})
        wandb.log({"loss": 3})
        wandb.summary["best"] = 0.9
        run.summary.update({"a": 1})
        wandb.summary.b = 2
        assert wandb.summary["loss"] == {"min": 2}
        assert (wandb.summary.best, run.summary.get("acc")) == (0.9, None)
    summary = wandb_server.runs[0].summary
    assert {key: value for key, value in summary.items() if key[0] != "_"} == {
        "loss": {"min": 2},
        "best": 0.9,
        "a": 1,
        "b": 2,
    }


def test_name_notes_and_tags_can_change(wandb_server: LocalServer) -> None:
    with wandb.init(project="p", name="before", tags=["a"]) as run:
        run.name = "after"
        run.notes = "text"
        run.tags += ("b",)
        assert (run.name, run.notes, run.tags) == ("after", "text", ("a", "b"))
    (stored,) = wandb_server.runs
    assert (stored.display_name, stored.notes, stored.tags) == ("after", "text", ["a", "b"])


def test_media_artifacts_and_alerts(wandb_server: LocalServer) -> None:
    """As `wandb_logging.Run` takes them."""
    Path("w.txt").write_text("weights")
    with wandb.init(project="p") as run:
        wandb.log({"h": wandb.Histogram([1, 2]), "t": wandb.Table(columns=["a"], data=[[1]]), "p": wandb.Html("<p>")})
        artifact = wandb.Artifact("data", type="dataset")
        artifact.add_file("w.txt")
        wandb.log_artifact(artifact, aliases=["best"]).wait(PATIENCE)
        assert Path(run.use_artifact("data:best").download()).name == "data:v0"
        wandb.alert("a title", "a text", level=wandb.AlertLevel.WARN, wait_duration=3)
        wandb.alert("another", "a text")
    (stored,) = wandb_server.runs
    assert [stored.history[0][key]["_type"] for key in "htp"] == ["histogram", "table-file", "html-file"]
    assert [(alert["severity"], alert["waitDuration"]) for alert in stored.alerts] == [("WARN", 3000), ("INFO", 60000)]
    assert "data:v0" in [item.name for item in stored.logged_artifacts]


@pytest.mark.not_quick
def test_models(wandb_server: LocalServer) -> None:
    """A file or a folder is logged as an artifact of type model, and comes back as such."""
    Path("w.txt").write_text("weights")
    Path("d/e").mkdir(parents=True)
    for name in ("d/a.txt", "d/e/b.txt"):
        Path(name).write_text(name)
    wandb_server.features.add("ARTIFACT_TAGS")
    with wandb.init(project="p") as run:
        wandb.log_model("w.txt", "one", aliases=["best"])
        run.log_model("d", "two")
        run.log_artifact("w.txt", "data", "dataset", tags=["a tag"]).wait(PATIENCE)
        assert Path(wandb.use_model("one:best")).read_text() == "weights"
        assert Path(run.use_model("two"), "e", "b.txt").read_text() == "d/e/b.txt"
        with pytest.raises(LogError, match="type dataset"):
            run.use_model("data")
        used = run.use_artifact("data")
        assert run.use_artifact(used, use_as="x").id == used.id
    assert {item.name: item.tags for item in wandb_server.runs[0].logged_artifacts}["data:v0"] == ["a tag"]


def test_a_confusion_matrix_by_the_name_of_sklearn(wandb_server: LocalServer) -> None:
    """Which class was taken for which, by the names of the classes; what is not covered says so."""
    with wandb.init(project="p"):
        wandb.sklearn.plot_confusion_matrix([0, 1, 1], [0, 0, 1], labels=["no", "yes"])
        with pytest.raises(NotCovered, match="normalize"):
            wandb.sklearn.plot_confusion_matrix([0], [0], normalize=True)
    file = next(content for name, content in wandb_server.runs[0].files.items() if "confusion_matrix" in name)
    rows = [["no", "no", 1], ["yes", "no", 0], ["no", "yes", 1], ["yes", "yes", 1]]
    assert json.loads(file)["data"] == rows


def test_keys_are_included_or_excluded() -> None:
    """Both at once is an error, and no run begins."""
    with pytest.raises(SettingsError, match="one of config_include_keys"):
        wandb.init(mode="offline", config={"a": 1}, config_include_keys=["a"], config_exclude_keys=["b"])
    assert current() is None


def test_setup_has_settings() -> None:
    """As frameworks look for a sweep before they begin a run."""
    assert wandb.setup().settings.sweep_id is None
    assert wandb.setup(wandb.Settings(project="p")).settings.project == "p"


def test_what_else_a_run_knows(wandb_server: LocalServer) -> None:
    """project_url, start_time; that its machine may vanish; an id for the next."""
    before = time.time()
    with wandb.init(project="p", id=wandb.util.generate_id()) as run:
        assert run.project_url == f"{wandb_server.url}/{wandb_server.entity}/p"
        assert before <= run.start_time <= time.time()
        wandb.mark_preempting()
        wandb_server.wait_for(lambda: wandb_server.runs[0].preempting)
        assert wandb_server.runs[0].state == "running"
    assert (len(run.id), wandb_server.runs[0].state) == (8, "finished")
    assert wandb.CommError is wandb.UsageError is wandb.Error


def test_files_are_saved(wandb_server: LocalServer) -> None:
    """By a glob, below a base, and from the run's own folder, where scripts write them."""
    for name in ("a.txt", "sub/b.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    with wandb.init(project="p") as run:
        Path(run.dir, "model.bin").write_bytes(b"model")
        Path(run.dir, "a.txt").write_bytes(b"another")
        assert wandb.save("*.txt", policy="now") == ["a.txt"]
        assert run.save("sub/*", base_path="sub") == ["b.txt"]
        assert run.save("model.*") == ["model.bin"]
        assert run.save(str(Path(run.dir, "model.bin"))) == ["files/model.bin"]
        assert run.save("nothing") == []
        Path("model[1].bin").write_bytes(b"first")
        assert (run.save("model[1].bin"), run.save("model[1].bin", glob=False)) == ([], ["model[1].bin"])
    files = wandb_server.runs[0].files
    assert {name: files[name] for name in ("a.txt", "b.txt", "model.bin", "files/model.bin")} == {
        "a.txt": b"a.txt",
        "b.txt": b"sub/b.txt",
        "model.bin": b"model",
        "files/model.bin": b"model",
    }


def test_standard_files_can_be_left_out(wandb_server: LocalServer) -> None:
    """`x_disable_meta`, `x_save_requirements`."""
    with wandb.init(project="p", settings=wandb.Settings(x_disable_meta=True, x_save_requirements=False)) as run:
        run.log({"x": 1})
    assert sorted(wandb_server.runs[0].files) == ["config.yaml", "wandb-summary.json"]


def test_nothing_of_the_machine(wandb_server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`x_disable_machine_info` is about its git repository, too, as there."""
    monkeypatch.chdir(repository(tmp_path / "repo"))
    with wandb.init(project="p", settings=wandb.Settings(x_disable_machine_info=True)) as run:
        run.log({"x": 1})
    assert "wandb-metadata.json" not in wandb_server.runs[0].files
    assert (wandb_server.runs[0].commit, wandb_server.runs[0].repo, wandb_server.runs[0].events) == (None, None, [])


@pytest.mark.parametrize(
    ("settings", "measured"),
    [({}, True), ({"x_disable_stats": True}, False), ({"x_stats_sampling_interval": 60}, True)],
)
def test_the_system_is_measured(wandb_server: LocalServer, settings: dict[str, Any], measured: Any) -> None:
    """As with the official SDK, if psutil is there; not with `x_disable_stats`."""
    pytest.importorskip("psutil")
    with wandb.init(project="p", settings=settings) as run:
        assert run.url
    assert bool(wandb_server.runs[0].events) is measured


# --- the end ---


def test_an_exception_makes_the_run_fail(wandb_server: LocalServer) -> None:
    def block() -> None:
        with wandb.init(project="p") as run:
            run.log({"x": 1})
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        block()
    assert (wandb_server.runs[0].state, rows(wandb_server)) == ("failed", [{"x": 1, "_step": 0}])
    assert current() is None


@pytest.mark.parametrize("wanted", [True, False])
def test_a_wish_to_stop_goes_where_it_is_wanted(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, wanted: Any
) -> None:
    """`stop_fn`; without it the main thread is interrupted, as by Ctrl-C."""
    stopped: list[str] = []
    monkeypatch.setattr(_thread, "interrupt_main", lambda: stopped.append("main thread"))
    settings = wandb.Settings(stop_fn=lambda: stopped.append("stop_fn")) if wanted else None
    with wandb.init(project="p", settings=settings) as run:
        assert run.url
        wandb_server.stop_run(run.id)
        run.log({"x": 1})
        run._run.flush(PATIENCE)
    assert stopped == ["stop_fn" if wanted else "main thread"]


@pytest.mark.slow
def test_a_script(wandb_server: LocalServer) -> None:
    """In a process of its own, ended by its last line: the run is finished with its exit code."""
    source = """
        import sys, wandb_logging.compat as wandb
        wandb.login()
        wandb.init(project="p", config={"lr": 1})
        for epoch in range(3):
            wandb.log({"epoch": epoch, "lr": wandb.config.lr})
        sys.exit(4)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 4, done.stderr
    assert rows(wandb_server) == [{"epoch": epoch, "lr": 1, "_step": epoch} for epoch in range(3)]
    assert (wandb_server.runs[0].state, wandb_server.runs[0].exit_code) == ("failed", 4)


# --- login ---


def test_login(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Finds the key or takes it, asks the server, says True; what means nothing here is named."""
    assert wandb.login(anonymous="never", referrer="x") is True
    assert "referrer is not covered" in said(caplog)
    with pytest.raises(wandb.Error, match="does not accept the key"):
        wandb.login(key="0" * 40)
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(SettingsError, match="no API key"):
        wandb.login()
    assert wandb.login(key=wandb_server.api_key) is True


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("server", [lambda: contextlib.nullcontext("http://127.0.0.1:9"), black_hole])
@pytest.mark.parametrize("end", ["wandb.finish()", ""])
def test_the_end_does_not_wait_for_a_server_that_is_not_there(
    end: str, server: Callable[[], contextlib.AbstractContextManager[str]], tmp_path: Path
) -> None:
    """Nor for one that says nothing; by `finish` and at the exit of the program. What is left is on disk, and said."""
    code = f"""
import time
import wandb_logging.compat as wandb
wandb.init(project="p")
wandb.log({{"a": 1}})
print(time.monotonic(), flush=True)
{end}
"""
    with server() as host:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "WANDB_API_KEY": "f" * 40, "WANDB_BASE_URL": host},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        took = time.monotonic() - float(done.stdout)
    assert done.returncode == 0
    assert f"waiting for {host}, as long as it answers" in done.stderr
    assert "lines are not sent yet: wandb_cache" in done.stderr
    assert took < 25, "10 s of silence are enough, also within a request, which may take 30"
