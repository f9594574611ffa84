"""Tables that are logged by increments: what is new each time, in one artifact that has all."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import wandb_logging.compat as wandb
from wandb_logging import LogError, Run, Settings, Table
from wandb_logging.testing import LocalServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A server that programs find by the environment."""
    with LocalServer() as server:
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield server


def grown(run: Any, table: Any, *batches: list[list[Any]]) -> None:
    """Log a table after each batch of rows."""
    for batch in batches:
        for row in batch:
            table.add_data(*row)
        run.log({"t": table})


def test_each_increment_holds_what_is_new_and_says_what_was_before(server: LocalServer) -> None:
    """As the official SDK 0.31.0 writes it: number, paths of those before, one artifact with a file for each."""
    with wandb.init(project="p", id="r") as run:
        grown(run, wandb.Table(columns=["a"], log_mode="INCREMENTAL"), [[1], [2]], [[3]], [[4], [5]])
    stored = server.run("r")
    values = [row["t"] for row in stored.history]
    assert [(value["_type"], value["increment_num"], value["nrows"]) for value in values] == [
        ("incremental-table-file", 0, 2),
        ("incremental-table-file", 1, 3),
        ("incremental-table-file", 2, 5),
    ]
    paths = [value["artifact_path"] for value in values]
    assert [value["previous_increments_paths"] for value in values] == [[], paths[:1], paths[:2]]
    contents = [stored.files[value["path"]] for value in values]
    assert contents == [b'{"columns":["a"],"data":%s}' % rows for rows in (b"[[1],[2]]", b"[[3]]", b"[[4],[5]]")]
    last = stored.logged_artifacts[-1]
    assert (last.type, last.name) == ("wandb-run-incremental-table", "run-r-incr-t:v2")
    assert [name.partition("-")[0] for name in sorted(last.files)] == ["0", "1", "2"]


def test_nothing_new_is_no_increment(server: LocalServer) -> None:
    """Of a table that has not grown the row says what the last one said."""
    with wandb.init(project="p", id="r") as run:
        grown(run, wandb.Table(columns=["a"], log_mode="INCREMENTAL"), [[1]], [])
    stored = server.run("r")
    first, second = (row["t"] for row in stored.history)
    assert first["artifact_path"] == second["artifact_path"]
    assert stored.files[first["path"]] == stored.files[second["path"]]
    assert len(stored.logged_artifacts) == 1


@pytest.mark.not_quick
def test_a_run_that_is_resumed_goes_on_with_the_numbers(server: LocalServer) -> None:
    """Another process has a table of its own under the key: its rows come behind those that are there."""
    with wandb.init(project="p", id="r") as run:
        grown(run, wandb.Table(columns=["a"], log_mode="INCREMENTAL"), [[1]], [[2]])
    with wandb.init(project="p", id="r", resume="must") as run:
        grown(run, wandb.Table(columns=["a"], log_mode="INCREMENTAL"), [[3]])
    *_, before, last = (row["t"] for row in server.run("r").history)
    assert last["increment_num"] == 2
    assert last["previous_increments_paths"] == [*before["previous_increments_paths"], before["artifact_path"]]


@pytest.mark.not_quick
def test_all_of_it_is_read_back_in_order(server: LocalServer) -> None:
    """`get` of the artifact gives one table of all increments, ten and more of them in the order of their numbers."""
    with wandb.init(project="p", id="r") as run:
        grown(run, wandb.Table(columns=["a"], log_mode="INCREMENTAL"), *([[n]] for n in range(12)))
    artifact = wandb.Api().artifact("p/run-r-incr-t:latest")
    name = next(iter(artifact.manifest.entries))
    table = artifact.get(name)
    assert (table.data, table.log_mode) == ([[n] for n in range(12)], "INCREMENTAL")


def test_it_is_of_one_run(tmp_path: Path) -> None:
    """Another run would say that its increments are elsewhere."""
    table = Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")
    with Run(Settings(mode="offline", cache_dir=tmp_path)) as run:
        run.log({"t": table})
        run.log({"t": table})
    with Run(Settings(mode="offline", cache_dir=tmp_path)) as run, pytest.raises(LogError, match="was logged to"):
        run.log({"t": table})


@pytest.mark.not_quick
def test_threads_that_log_one_table_lose_no_row(server: LocalServer) -> None:
    """Each row is in one increment."""
    table = wandb.Table(columns=["a"], log_mode="INCREMENTAL")
    with wandb.init(project="p", id="r") as run:
        threads = [threading.Thread(target=grown, args=(run, table, [[n]], [[n + 10]])) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    artifact = wandb.Api().artifact("p/run-r-incr-t:latest")
    assert sorted(artifact.get(next(iter(artifact.manifest.entries))).data) == [
        [n] for n in sorted([*range(4), *range(10, 14)])
    ]
