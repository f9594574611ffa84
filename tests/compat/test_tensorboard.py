"""Promises of `sync_tensorboard`: what TensorBoard writers write is in the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wandb_logging.compat as wandb
from wandb_logging.compat import _tensorboard
from wandb_logging.testing import LocalServer

tensorboard = pytest.importorskip("tensorboardX", reason="tensorboardX writes the files: the extra test has it")


@pytest.fixture(autouse=True)
def _afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_tensorboard, "_for_all", [])
    yield
    wandb.teardown()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: wandb.init(project="p", sync_tensorboard=True),
        lambda: wandb.init(project="p", settings=wandb.Settings(sync_tensorboard=True)),
        lambda: (wandb.tensorboard.patch(), wandb.init(project="p"))[1],
    ],
)
def test_what_a_writer_writes_is_in_the_run(wandb_server: LocalServer, ask: Callable[[], Any]) -> None:
    """Also what it has not written out when the run ends; a writer in a folder below is no second one."""
    with ask() as run:
        made, below = tensorboard.SummaryWriter("logs"), tensorboard.SummaryWriter("logs/eval")
        assert _tensorboard._folders[id(run)] == [Path.cwd() / "logs"]
        for step in (3, 4):
            made.add_scalar("loss", step / 2, step)
            below.add_scalar("acc", step / 4, step)
    rows = [{key: value for key, value in row.items() if key[0] != "_"} for row in wandb_server.runs[0].history]
    assert {"loss": 1.5, "global_step": 3} in rows
    assert {"eval/acc": 1.0, "global_step": 4} in rows
    made.close()
    below.close()


def test_a_run_within_the_folder_of_the_writer(wandb_server: LocalServer) -> None:
    """Each step is a row once, although the run keeps copies of the event files below that folder."""
    with wandb.init(project="p", dir="logs", sync_tensorboard=True) as run:
        with tensorboard.SummaryWriter("logs") as made:
            made.add_scalar("loss", 1.5, 3)
        run.log_artifact("logs", name="logs", type="logs").wait()
    (stored,) = wandb_server.runs
    assert [(row["loss"], row["global_step"]) for row in stored.history] == [(1.5, 3)]
    assert any(".tfevents." in name for name in stored.files)


def test_without_it_nothing_is_taken(wandb_server: LocalServer) -> None:
    """Nor for a run that has ended."""
    with wandb.init(project="p", sync_tensorboard=True):
        pass
    with wandb.init(project="p"), tensorboard.SummaryWriter("logs") as writer:
        writer.add_scalar("loss", 1, 1)
    assert [run.history for run in wandb_server.runs] == [[], []]
