"""Runs that watch a folder of TensorBoard event files: what they take, and what they leave."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

from tests.patience import wait_until
from tests.started import printed
from wandb_logging import new_run, read_run, read_runs
from wandb_logging._run.run import Run

tensorboard = pytest.importorskip("tensorboardX", reason="tensorboardX writes the files: the extra test has it")


def write(value: float, folder: str = "logs") -> None:
    with tensorboard.SummaryWriter(folder, filename_suffix=f".{value}") as writer:
        writer.add_scalar("loss", value, 3)


def losses(run: Run) -> list[float]:
    assert run.dir is not None
    return [row["loss"] for row in read_run(run.dir).rows]


def test_the_next_run_goes_on_behind_the_last() -> None:
    """As a cell of a notebook that is run again: each run has what was written while it went on, once."""
    for value in (1.0, 2.0):
        with new_run("p", mode="offline", tensorboard="logs") as run:
            write(value)
        assert losses(run) == [value]


def test_what_was_there_is_taken_if_asked_for() -> None:
    """With `earlier`, as `tail` has it."""
    write(1.0)
    with new_run("p", mode="offline", tensorboard="logs"):
        pass
    with new_run("p", mode="offline") as run:
        run.watch_tensorboard("logs", earlier=True)
    assert losses(run) == [1.0]


@pytest.mark.not_quick
def test_a_worker_leaves_them_to_the_run() -> None:
    """A process that joins the run does not read the folder again: its rows would be there twice."""
    with new_run("p", mode="offline", tensorboard="logs") as run:
        said = printed(
            "import pickle\n"
            "from tensorboardX import SummaryWriter\n"
            f"with pickle.loads({pickle.dumps(run)!r}) as run, SummaryWriter('logs') as writer:\n"
            "    writer.add_scalar('loss', 1.0, 3)\n"
            "    print(run.settings.tensorboard)\n"
        )
    assert said == "None\n"
    assert losses(run) == [1.0]


@pytest.mark.not_quick
def test_what_an_earlier_program_left_is_not_taken() -> None:
    """What this program wrote before its run began is."""
    write(1.0)
    (path,) = Path("logs").iterdir()
    wait_until(lambda: time.time() > path.stat().st_ctime + 0.05)
    printed(
        "import wandb_logging\n"
        "from tensorboardX import SummaryWriter\n"
        "writer = SummaryWriter('logs', filename_suffix='.2')\n"
        "writer.add_scalar('loss', 2.0, 3)\n"
        "with wandb_logging.new_run('p', mode='offline', tensorboard='logs'):\n"
        "    writer.close()\n"
    )
    (run,) = read_runs("wandb_cache")
    assert [row["loss"] for row in run.rows] == [2.0]
