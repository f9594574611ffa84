"""`ranks: all`: the ranks of a launch write one run, each under its label and with steps of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.promises.test_ranks import WAITS, launch, variables
from wandb_logging._journal.cache_folder import find_runs

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

ALL = '"ranks": "all"'
TRAIN = """
for i in range(20):
    log.info("row %d", i, extra={"metrics": {"rank": rank, "loss": i}, "step": i * 10})
there(rank)
wait(*range(int(os.environ["WORLD_SIZE"])))
sys.exit(int(os.environ.get("CODE", 0)))
"""


def series(run: Any, name: str, label: str = "") -> list[Any]:
    """The points of a metric as its chart has them: x and y."""
    end = f"/l:{label}" if label else ""
    return [(row[f"step{end}"], row[f"{name}{end}"]) for row in run.history if f"{name}{end}" in row]


def said(done: list[tuple[int, str]]) -> list[str]:
    """What ranks wrote to a person, before the address in each line, but for waits on a busy machine."""
    lines = [line for _, error in done for line in error.splitlines() if " waiting for " not in line]
    return sorted(line.replace("wandb_logging: ", "").partition(": http")[0] for line in lines)


def test_one_run_with_every_row_of_each(wandb_server: LocalServer) -> None:
    """Rank 0's names stay, others have their rank behind them; each row is there once, at a step of its own."""
    done = launch(wandb_server, TRAIN, [variables(rank, 4, CODE=str(rank % 3)) for rank in range(4)], ALL)
    assert [code for code, _ in done] == [0, 1, 2, 0]
    (run,) = wandb_server.runs
    for label in ("", "1", "2", "3"):
        assert series(run, "loss", label) == [(i * 10, i) for i in range(20)]
    assert len(run.history) == 80
    assert (run.state, run.exit_code) == ("failed", 2)
    assert wandb_server.violations == []
    assert len(find_runs(Path("wandb_cache"))) == 1
    text = "\n".join(run.output)
    assert "row 3" in text
    assert "[rank 3] INFO:train:row 3" in text or "INFO:train:[rank 3] row 3" in text
    axes = {item.get("1"): item.get("5") for item in run.wandb_config["m"]}
    assert {"loss", "loss/l:3", "step", "step/l:3"} <= axes.keys()
    assert said(done) == [f"run {run.display_name}", f"run {run.display_name} failed (exit code 2)"]


def test_what_each_prints_and_what_that_holds(wandb_server: LocalServer) -> None:
    """Lines begun at once by several are not mixed, each says whose it is, and metrics in them are that rank's."""
    code = """
logging.getLogger().handlers[0].run.id
sys.stdout.write(f"epoch {rank} ")
sys.stdout.flush()
there(rank)
wait(0, 1)
print(f"error 0.{rank}5")
"""
    rules = '"text_metrics": {"rules": [{"line": "epoch {step} error {error}"}]}'
    launch(wandb_server, code, [variables(rank, 2) for rank in range(2)], f'{ALL}, "capture_output": True, {rules}')
    (run,) = wandb_server.runs
    printed = sorted(line.partition(" ")[2] for line in run.output if "epoch" in line)
    assert printed == ["[rank 1] epoch 1 error 0.15", "epoch 0 error 0.05"]
    assert series(run, "error") == [(0, 0.05)]
    assert series(run, "error", "1") == [(1, 0.15)]


def test_one_directory_however_they_come(wandb_server: LocalServer) -> None:
    """Eight ranks that begin at once make one directory, whoever is first; so with an id that is set for all."""
    for number, more in enumerate(({}, {"WANDB_RUN_ID": "abc"})):
        ids = {"TORCHELASTIC_RUN_ID": f"job-{number}", **more}
        launch(wandb_server, "row(0)\nthere(rank)\nwait(*range(8))\n", [variables(r, 8, **ids) for r in range(8)], ALL)
        for file in Path().glob("*.there"):
            file.unlink()
    runs = wandb_server.runs
    assert len(runs) == len(find_runs(Path("wandb_cache"))) == 2
    assert [len(run.history) for run in runs] == [8, 8]
    assert "abc" in {run.id for run in runs}
    assert {run.state for run in runs} == {"finished"}


def test_a_rank_that_comes_when_all_others_have_gone(wandb_server: LocalServer) -> None:
    """It goes on with the run of its launch: its launcher is the same."""
    launch(wandb_server, "row(0)\n", [variables(0, 2)], ALL)
    launch(wandb_server, "row(1)\n", [variables(1, 2)], ALL)
    (run,) = wandb_server.runs
    assert series(run, "i") == [(0, 0)]
    assert series(run, "i", "1") == [(0, 1)]
    assert run.state == "finished"


def test_without_a_key_it_is_said_once(wandb_server: LocalServer) -> None:
    """That the run is only on the disk, and how it is sent: by one of the ranks, at its begin and at its end."""
    keyless = {"WANDB_API_KEY": "", "NETRC": "nowhere"}
    done = launch(
        wandb_server, f"row(0)\nthere(rank)\n{WAITS}", [variables(rank, 3, **keyless) for rank in range(3)], ALL
    )
    assert [line.partition(" ")[0] for line in said(done)] == ["no", "run"], said(done)


def test_a_rank_that_comes_while_the_end_is_sent_says_nothing(wandb_server: LocalServer) -> None:
    """Another one of its launch has the right to send: that is how it should be."""
    launch(wandb_server, "row(0)\n", [variables(0, 2)], ALL)
    (run_dir,) = find_runs(Path("wandb_cache"))
    run_dir.lock_upload()
    try:
        done = launch(wandb_server, "row(1)\n", [variables(1, 2)], f'{ALL}, "close_timeout": 0.2')
    finally:
        run_dir.unlock_upload()
    assert not [line for line in said(done) if "is being uploaded" in line]


def test_a_rank_that_failed_before_the_others_came_has_failed(wandb_server: LocalServer) -> None:
    """The run ends with the worst code of its launch; started again by its launcher, with what that came to."""
    for restart, of_rank_1 in ((0, 3), (1, 0)):
        more = {"TORCHELASTIC_RESTART_COUNT": str(restart)}
        launch(wandb_server, f"row(1)\nsys.exit({of_rank_1})", [variables(1, 2, **more)], ALL)
        launch(wandb_server, "row(0)\n", [variables(0, 2, **more)], ALL)
        (run,) = wandb_server.runs
        assert run.exit_code == of_rank_1


def test_a_later_launch_with_the_same_id_is_another_run(wandb_server: LocalServer) -> None:
    """An id that is used again, by another launcher, when all of the earlier launch have gone."""
    launch(wandb_server, "row(0)\n", [variables(0, 2)], ALL)
    nested = f"import subprocess, sys; sys.exit(subprocess.call([{sys.executable!r}, 'rank.py']))"
    environment = {**os.environ, **wandb_server.env(), **variables(0, 2)}
    subprocess.run([sys.executable, "-c", nested], env=environment, check=True, timeout=PATIENCE)
    assert len(wandb_server.runs) == 2


def test_without_a_common_disk(wandb_server: LocalServer) -> None:
    """With `transport: shared` each rank sends its own rows, and rank 0 alone says where they are."""
    settings = '"transport": "shared", "run_id": "abc", "name": "vit"'
    code = "row(rank)\nthere(rank)\nif not rank: wait(1)\n"
    done = launch(wandb_server, code, [variables(rank, 2) for rank in range(2)], settings)
    assert said(done) == ["run vit", "run vit finished"]
    assert len(find_runs(Path("wandb_cache"))) == 2
    run = wandb_server.run("abc")
    assert (series(run, "i"), series(run, "i", "1"), run.state) == ([(0, 0)], [(0, 1)], "finished")


def test_shared_mode_of_the_official_sdk(wandb_server: LocalServer) -> None:
    """WANDB_MODE=shared with one id: the processes write one run, under the labels that they are given."""
    shared = {"WANDB_MODE": "shared", "WANDB_RUN_ID": "abc", "WANDB_API_KEY": wandb_server.api_key}
    code = 'log.info("x", extra={"metrics": {"n": 1}})\nthere(rank)\nwait(0, 1, 2)\n'
    labels: list[dict[str, str]] = [{"WANDB_X_LABEL": "node-a"}, {"WANDB_X_LABEL": "node-b"}, {}]
    launch(wandb_server, code, [{**shared, "RANK": str(n), **label} for n, label in enumerate(labels)])
    run = wandb_server.run("abc")
    names = sorted(key for row in run.history for key in row if key.startswith("n"))
    assert names[1:] == ["n/l:node-a", "n/l:node-b"] or [name.partition(":")[2] for name in names][1:3]
    assert len(run.history) == 3
    assert (run.state, run.exit_code) == ("finished", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_workers_of_a_rank_log_under_its_label(wandb_server: LocalServer) -> None:
    """Children that a rank forks, and workers that join it, are the rank's."""
    code = """
import multiprocessing, wandb_logging
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1, wandb_logging.join()) as pool:
            pool.map(row, range(5), 1)
"""
    launch(wandb_server, code, [variables(3, 4)], ALL)
    (run,) = wandb_server.runs
    assert sorted(y for _, y in series(run, "i", "3")) == sorted([*range(5), *range(5)])
