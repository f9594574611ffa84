"""What frameworks do at the edges: runs that are disabled, several threads and ranks, tables that are too large."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wandb_logging.compat as wandb
from wandb_logging.testing import LocalServer


def chart() -> Any:
    return wandb.plot.line(wandb.Table(columns=["x", "y"], data=[[1, 2]]), "x", "y")


# Each method of a run, as programs call it that know nothing of the mode.
CALLS: dict[str, Callable[[wandb.Run], object]] = {
    "alert": lambda run: run.alert("title", "text"),
    "define_metric": lambda run: run.define_metric("loss", summary="min"),
    "display": lambda run: run.display(),
    "finish_artifact": lambda run: run.finish_artifact("kept.txt", name="a", type="t", distributed_id="d"),
    "link_artifact": lambda run: run.link_artifact(run.log_artifact("kept.txt", name="a", type="t"), "b"),
    "link_model": lambda run: run.link_model("kept.txt", "registered", "m"),
    "log": lambda run: run.log({"loss": 1, "chart": chart(), "histogram": wandb.Histogram([1, 2])}),
    "log_artifact": lambda run: run.log_artifact("kept.txt", name="a", type="t").wait(1),
    "log_code": lambda run: run.log_code("."),
    "log_model": lambda run: run.log_model("kept.txt", "m"),
    "mark_preempting": lambda run: run.mark_preempting(),
    "pin_config_keys": lambda run: run.pin_config_keys(["lr"]),
    "restore": lambda run: run.restore("kept.txt"),
    "save": lambda run: run.save("kept.txt"),
    "status": lambda run: run.status(),
    "to_html": lambda run: run.to_html(),
    "unwatch": lambda run: run.unwatch(),
    "upsert_artifact": lambda run: run.upsert_artifact("kept.txt", name="a", type="t", distributed_id="d"),
    "use_artifact": lambda run: run.use_artifact("a:latest"),
    "use_model": lambda run: run.use_model("m:latest"),
    "write_logs": lambda run: run.write_logs("text"),
}
NEED_MORE = {"finish", "watch"}  # which ends it; a model of PyTorch


def test_everything_of_a_disabled_run_can_be_called(wandb_server: LocalServer) -> None:
    """Nothing is written into the working directory, and the server is not asked."""
    Path("kept.txt").write_text("text", encoding="utf-8")
    run = wandb.init(project="p", mode="disabled", config={"lr": 0.1})
    methods = {name for name in dir(run) if name[0] != "_" and callable(getattr(run, name))}
    assert methods - NEED_MORE == CALLS.keys()
    for call in CALLS.values():
        call(run)
    assert run.watch(object()) == []
    artifact = run.log_artifact(wandb.Artifact("a", "data")).wait()
    assert (artifact.version, artifact.source_name, artifact.project) == ("v0", "a:v0", "p")
    assert (artifact.is_link, artifact.linked_artifacts, artifact.source_artifact) == (False, [], artifact)
    assert run.upsert_artifact(wandb.Artifact("parts", "data")).name == "parts"  # without an id for all parts
    wandb.log({"loss": 2})
    wandb.config.update({"more": 1})
    wandb.summary.update({"best": 1})
    assert wandb.restore("kept.txt") is None
    run.finish()
    wandb.finish()
    assert [path.name for path in Path.cwd().iterdir()] == ["kept.txt"]
    assert wandb_server.requests == []


def test_each_thread_has_a_run_of_its_own(wandb_server: LocalServer) -> None:
    """With `reinit="create_new"`; both go on at the same time."""
    both = threading.Barrier(2)
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with wandb.init(project="p", name=name, reinit="create_new") as run:
                for step in range(5):
                    both.wait(300)
                    run.log({"who": name, "step": step})
        except BaseException as error:
            failed.append(error)
            both.abort()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    found = {run.display_name: [(row["who"], row["step"]) for row in run.history] for run in wandb_server.runs}
    assert found == {name: [(name, step) for step in range(5)] for name in ("one", "two")}
    assert {run.state for run in wandb_server.runs} == {"finished"}


def test_ranks_of_a_launch_have_one_run(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun starts them; what the other ranks log is on disk."""
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "launch"}.items():
        monkeypatch.setenv(name, value)
    kept = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("LOCAL_RANK", rank)
        with wandb.init(project="p") as run:
            run.log({"rank": int(rank)})
            kept.append(Path(run.sync_dir))
    assert [row["rank"] for run in wandb_server.runs for row in run.history] == [0]
    written = "".join(path.read_text(encoding="utf-8") for path in kept[1].glob("journal-*.jsonl"))
    assert '"rank":1' in written.replace(" ", "")


@pytest.mark.slow
def test_a_table_of_many_rows(wandb_server: LocalServer) -> None:
    """As many are sent as the official SDK sends, and how many there were is said."""
    table = wandb.Table(columns=["a", "b"], data=[[number, number / 2] for number in range(50_000)])
    with wandb.init(project="p") as run:
        run.log({"t": table})
    (stored,) = wandb_server.runs
    assert stored.history[0]["t"]["nrows"] == 50_000
    (content,) = (text for name, text in stored.files.items() if name.startswith("media/table/"))
    assert content.count(b"],[") + content.count(b"], [") == 10_000 - 1


def test_loggers_are_captured(wandb_server: LocalServer) -> None:
    """Those of `capture_loggers`, from their level on and until the run ends; also what is on no terminal."""
    first, second = (logging.getLogger(f"captured.{name}") for name in ("one", "two"))
    first.setLevel(logging.INFO)
    settings = wandb.Settings(capture_loggers={"captured.one": "INFO", "captured.two": logging.ERROR}, console="off")
    with wandb.init(project="p", settings=settings):
        first.info("first %d", 1)
        second.warning("not this")
        second.error("but this")
    first.info("after the end")
    lines = "".join(wandb_server.runs[0].output)
    assert "INFO:captured.one:first 1" in lines
    assert "ERROR:captured.two:but this" in lines
    assert "not this" not in lines
    assert first.handlers == second.handlers == []
    assert "after the end" not in lines


@pytest.mark.parametrize("wrong", [{"a": "LOUD"}, ["a"], {5: "INFO"}])
def test_a_level_that_is_none_is_said(wrong: Any) -> None:
    """And no run begins."""
    with pytest.raises(wandb.Error, match="capture_loggers"):
        wandb.init(project="p", mode="offline", settings=wandb.Settings(capture_loggers=wrong))
    assert wandb.run is None
