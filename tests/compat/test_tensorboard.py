"""Promises of `sync_tensorboard`: what TensorBoard writers write is in the run."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wandb_logging.compat as wandb
from tests.patience import PATIENCE
from tests.started import printed
from wandb_logging._run import writer_folders
from wandb_logging.compat import _tensorboard
from wandb_logging.testing import LocalServer

tensorboard = pytest.importorskip("tensorboardX", reason="tensorboardX writes the files: the extra test has it")

WRITE = """
import sys
from tensorboardX import SummaryWriter
with SummaryWriter(sys.argv[1]) as writer:
    writer.add_scalar("loss", 1.5, 3)
"""


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
    with ask():
        made, below = tensorboard.SummaryWriter("logs"), tensorboard.SummaryWriter("logs/eval")
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


def rows_of(server: LocalServer) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key[0] != "_"} for row in server.runs[0].history]


@pytest.mark.parametrize(
    ("root", "folders", "names"),
    [
        ("", ["logs/train", "logs/val"], ["train/", "val/"]),  # what they have in common is left out
        ("", ["logs/one"], [""]),
        ("", ["logs/train", "logs"], ["train/", ""]),
        ("logs", ["logs/a/train"], ["a/train/"]),
        ("logs", ["elsewhere/a"], [""]),
        (
            "",
            [f"runs/Nov30_06-00-00_{socket.gethostname()}", f"runs/Nov30_06-00-00_{socket.gethostname()}LR_1"],
            ["", "LR_1/"],
        ),
    ],
)
def test_names_begin_with_what_folders_do_not_share(
    wandb_server: LocalServer, root: str, folders: list[str], names: list[str]
) -> None:
    """As with the official SDK (`core/internal/tensorboard`, and what it does with a folder that the writer names)."""
    wandb.tensorboard.patch(root_logdir=root)
    with wandb.init(project="p"):
        for folder in folders:
            with tensorboard.SummaryWriter(folder) as made:
                made.add_scalar("loss", 1.5, 3)
    assert rows_of(wandb_server) == [{f"{name}loss": 1.5, "global_step": 3} for name in names]


def test_what_another_training_left_there_is_not_taken(wandb_server: LocalServer) -> None:
    """A run has what its own writers write, also into the folder of the last training."""
    with tensorboard.SummaryWriter("logs") as earlier:
        earlier.add_scalar("loss", 9, 9)
    for step in (1, 2):
        with wandb.init(project="p", sync_tensorboard=True):
            made = tensorboard.SummaryWriter("logs", filename_suffix=f".{step}")
            made.add_scalar("loss", step, step)
        made.close()
    found = [[row["global_step"] for row in run.history] for run in wandb_server.runs]
    assert found == [[1], [2]]
    assert [sum(".tfevents." in name for name in run.files) for run in wandb_server.runs] == [1, 1]


def test_a_folder_that_comes_late(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of one that has waited for 10 seconds do not change any more."""
    monkeypatch.setattr(writer_folders, "_WAIT", 0.0)
    with wandb.init(project="p", sync_tensorboard=True):
        for folder in ("logs/train", "logs/val"):
            with tensorboard.SummaryWriter(folder) as made:
                made.add_scalar("loss", 1.5, 3)
    assert rows_of(wandb_server) == [{"loss": 1.5, "global_step": 3}, {"val/loss": 1.5, "global_step": 3}]
    names = [name.rpartition("/")[0] for name in wandb_server.runs[0].files if ".tfevents." in name]
    assert sorted(names) == ["logs/train", "val"]


@pytest.mark.not_quick
def test_a_program_that_does_not_finish_its_run(wandb_server: LocalServer) -> None:
    """It has the rows and the files all the same, also where it imports its writer after the run began."""
    printed(
        """
        import wandb_logging.compat as wandb
        wandb.init(project="p", sync_tensorboard=True)
        from tensorboardX import SummaryWriter
        writer = SummaryWriter("logs")
        writer.add_scalar("loss", 1.5, 3)
        """
    )
    assert rows_of(wandb_server) == [{"loss": 1.5, "global_step": 3}]
    assert any(".tfevents." in name for name in wandb_server.runs[0].files)


def test_without_saving(wandb_server: LocalServer) -> None:
    """`save=False` keeps the event files out of the run, and its rows in."""
    wandb.tensorboard.patch(save=False, pytorch=True, tensorboardX=True)
    with wandb.init(project="p"), tensorboard.SummaryWriter("logs") as made:
        made.add_scalar("loss", 1.5, 3)
    assert rows_of(wandb_server) == [{"loss": 1.5, "global_step": 3}]
    assert not any(".tfevents." in name for name in wandb_server.runs[0].files)


def test_unpatched(wandb_server: LocalServer) -> None:
    """After `unpatch`, runs that begin take nothing."""
    wandb.tensorboard.patch()
    wandb.tensorboard.unpatch()
    with wandb.init(project="p"), tensorboard.SummaryWriter("logs") as made:
        made.add_scalar("loss", 1.5, 3)
    assert rows_of(wandb_server) == []


def test_writers_of_tensorflow(wandb_server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is known by the function that makes their writers, whether it is imported before the run or later."""
    package = tmp_path / "site" / "tensorflow" / "python" / "ops"
    package.mkdir(parents=True)
    for folder in (package, *list(package.parents)[:2]):
        (folder / "__init__.py").touch()
    (package / "gen_summary_ops.py").write_text("def create_summary_file_writer(writer, logdir):\n    return logdir\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(_tensorboard, "_patched", set())
    with wandb.init(project="p", sync_tensorboard=True):
        ops: Any = importlib.import_module("tensorflow.python.ops.gen_summary_ops")
        assert ops.create_summary_file_writer(writer=None, logdir="logs") == "logs"
        subprocess.run([sys.executable, "-c", WRITE, "logs"], check=True, timeout=PATIENCE)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorflow"]:
        del sys.modules[name]
    assert rows_of(wandb_server) == [{"loss": 1.5, "global_step": 3}]


def test_steps_that_the_program_gives(wandb_server: LocalServer) -> None:
    """They have no effect, and each call is a row, as with the official SDK: rows of event files come in between."""
    with wandb.init(project="p", sync_tensorboard=True) as run:
        for step in (100, 100, 7):
            run.log({"mine": step}, step=step)
        run.log({"mine": 1}, step=9, commit=False)
        run.log({"more": 2})
    found = [
        {key: value for key, value in row.items() if key not in {"_timestamp", "_runtime"}}
        for row in wandb_server.runs[0].history
    ]
    assert found == [
        {"mine": 100, "_step": 0},
        {"mine": 100, "_step": 1},
        {"mine": 7, "_step": 2},
        {"mine": 1, "more": 2, "_step": 3},
    ]


def test_without_it_nothing_is_taken(wandb_server: LocalServer) -> None:
    """Nor for a run that has ended."""
    with wandb.init(project="p", sync_tensorboard=True):
        pass
    with wandb.init(project="p"), tensorboard.SummaryWriter("logs") as writer:
        writer.add_scalar("loss", 1, 1)
    assert [run.history for run in wandb_server.runs] == [[], []]
