"""One configuration, several ranks: which of them is the run, what becomes of the others' rows, and of restarts."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.started import printed_by
from wandb_logging import sync
from wandb_logging._cli import main
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.rundir import RunDir

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

# A rank. `there(name)` says that it has come so far, `wait(name)` waits until another has.
RANK = """
import logging, logging.config, os, sys, time, warnings
from pathlib import Path
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
rank = int(os.environ["RANK"])
def there(name):
    Path(f"{name}.there").touch()
def wait(*names):
    until = time.monotonic() + 300
    while not all(Path(f"{name}.there").exists() for name in names):
        assert time.monotonic() < until, names
        time.sleep(0.01)
def configure():
    logging.config.dictConfig({
        "version": 1, "disable_existing_loggers": False,
        "handlers": {"wandb": {"class": "wandb_logging.WandbHandler", "project": "p", SETTINGS}},
        "root": {"level": "INFO", "handlers": ["wandb"]},
    })
if __name__ == "__main__":
    configure()
log = logging.getLogger("train")
def row(i):
    log.info("row %d", i, extra={"metrics": {"rank": rank, "i": i}})
"""

TRAIN = """
if rank: wait(0)
for i in range(20):
    row(i)
there(rank)
if rank == 1: log.warning("careful")
if rank == 2: there("dies"); raise RuntimeError("out of memory")
if rank == 0: wait(1, 2)
if rank == 0:
    run = logging.getLogger().handlers[0].run
    until = time.monotonic() + 300
    while "out of memory" not in "".join(p.read_text() for p in run.dir.glob("*.jsonl")) and time.monotonic() < until:
        time.sleep(0.01)
"""


WAITS = "wait(*range(int(os.environ['WORLD_SIZE'])))\n"


def variables(rank: int, of: int, **more: str) -> dict[str, str]:
    """What torchrun sets, of what counts here."""
    torchrun = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": of, "TORCHELASTIC_RUN_ID": "job-a"}
    return {**{name: str(value) for name, value in torchrun.items()}, **more}


def launch(
    server: LocalServer, code: str, environments: list[dict[str, str]], settings: str = ""
) -> list[tuple[int, str]]:
    """Start a process for each environment, all at once; their exit codes and what they wrote to stderr."""
    Path("rank.py").write_text(RANK.replace("SETTINGS", settings) + code)
    command = [sys.executable, "-X", "faulthandler", "rank.py"]
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, **server.env(), **environment},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for environment in environments
    ]
    errors = [process.communicate(timeout=PATIENCE)[1] for process in started]
    return [(process.returncode, error) for process, error in zip(started, errors)]


def rows(run: Any) -> list[tuple[int, int]]:
    return sorted((line["rank"], line["i"]) for line in run.history if "i" in line)


class TestZero:
    def test_one_run_and_nothing_is_lost(
        self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rank 0 is the run, with marked warnings and errors of the others, whose rows `sync --ranks each` sends."""
        done = launch(wandb_server, TRAIN, [variables(rank, 3) for rank in range(3)])
        assert [code for code, _ in done] == [0, 0, 1]
        (run,) = wandb_server.runs
        assert rows(run) == [(0, i) for i in range(20)]
        assert (run.state, run.exit_code, run.group) == ("finished", 0, None)
        text = "\n".join(run.output)
        assert "[rank 1] careful" in text
        assert "[rank 2] RuntimeError: out of memory" in text
        assert "row 3" in text
        assert "[rank 1] row" not in text  # INFO stays with the rank

        said = "".join(error for _, error in done)
        assert said.count("rank 0 is the run") == 1
        assert "--ranks each" in said

        for name, value in wandb_server.env().items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        assert main(["sync"]) == 0
        assert len(wandb_server.runs) == 1
        assert "2 runs of other ranks" in capsys.readouterr().out
        assert main(["sync", "--ranks", "each"]) == 0
        others = {run.display_name[-3:]: run for run in wandb_server.runs if run.group}
        assert {name: (rows(run), run.exit_code) for name, run in others.items()} == {
            "-r1": ([(1, i) for i in range(20)], 0),
            "-r2": ([(2, i) for i in range(20)], 1),
        }
        capsys.readouterr()
        assert main(["sync"]) == 0
        assert "other ranks" not in capsys.readouterr().out

    def test_what_waits_goes_into_the_run(self, wandb_server: LocalServer) -> None:
        """`sync --ranks all` puts the rows of all ranks into the run of rank 0, once; what comes later is added."""
        launch(wandb_server, TRAIN, [variables(rank, 3) for rank in range(3)], '"name": "vit"')
        assert [report.rows for report in sync(host=wandb_server.url, ranks="all")] == [60]
        (run,) = wandb_server.runs
        for label in ("/l:1", "/l:2"):
            assert [row[f"i{label}"] for row in run.history if f"i{label}" in row] == list(range(20))
            assert [row[f"step{label}"] for row in run.history if f"i{label}" in row] == list(range(20))
        assert [row["i"] for row in run.history if "i" in row] == list(range(20))
        assert (run.state, run.exit_code, run.display_name) == ("finished", 0, "vit")
        assert [report.rows for report in sync(host=wandb_server.url, ranks="all")] == [60]
        held = next(path for path in Path("wandb_cache").glob("p/*") if '"rank": 2' in (path / "run.json").read_text())
        writer = RunDir(held).writer()
        writer.append(b'{"metrics":{"i":20},"t":2000000000.0}')
        writer.close()
        assert [report.rows for report in sync(host=wandb_server.url, ranks="all")] == [61]
        assert run.history[-1]["i/l:2"] == 20
        assert wandb_server.violations == []

    def test_what_was_told_is_not_told_twice(self, wandb_server: LocalServer) -> None:
        """A warning, or an alert, that the run of rank 0 got as it came does not come again with the rank's rows."""
        code = """
row(rank)
if rank:
    wait(0)
    log.warning("careful\\nvery", extra={"metrics": {"warned": 1}})
    log.info("plain")
    there(rank)
else:
    there(0)
    wait(1)
"""
        launch(wandb_server, code, [variables(rank, 2) for rank in range(2)], '"alert_level": "WARNING"')
        (run,) = wandb_server.runs
        assert len(run.alerts) == 1
        sync(host=wandb_server.url, ranks="all")
        for said, times in (("[rank 1] careful", 1), ("[rank 1] very", 1), ("[rank 1] plain", 1), ("row 1", 1)):
            assert sum(said in line for line in run.output) == times, said
        assert len(run.alerts) == 1
        assert [row["warned/l:1"] for row in run.history if "warned/l:1" in row] == [1]

    def test_what_waits_goes_into_one_group(self, wandb_server: LocalServer) -> None:
        """`sync --ranks group` makes each rank a run, all of them in one group, that of rank 0 too."""
        launch(wandb_server, "row(0)\nthere(rank)\n" + WAITS, [variables(rank, 3) for rank in range(3)])
        sync(host=wandb_server.url, ranks="group")
        assert len(wandb_server.runs) == 3
        assert len({run.group for run in wandb_server.runs}) == 1
        assert wandb_server.runs[0].group
        assert {run.state for run in wandb_server.runs} == {"finished"}

    def test_one_id_for_all_ranks(self, wandb_server: LocalServer) -> None:
        """WANDB_RUN_ID, which all ranks inherit, is the id of rank 0; no rank's rows overwrite another's."""
        launch(wandb_server, TRAIN, [variables(rank, 3, WANDB_RUN_ID="abc") for rank in range(3)])
        assert rows(wandb_server.run("abc")) == [(0, i) for i in range(20)]
        reports = sync(host=wandb_server.url, ranks="each")
        assert sorted(report.run_id for report in reports) == ["abc", "abc-r1", "abc-r2"]
        assert all(rows(wandb_server.run(f"abc-r{rank}")) == [(rank, i) for i in range(20)] for rank in (1, 2))

    def test_a_directory_that_is_named_is_sent(self, wandb_server: LocalServer) -> None:
        """Who names the directory of another rank wants it sent; a folder above it alone does not say so."""
        launch(wandb_server, "row(0)\n", [variables(1, 2)])
        (held,) = find_runs(Path("wandb_cache"))
        assert sync("wandb_cache", host=wandb_server.url) == []
        assert [report.rows for report in sync(held.path, host=wandb_server.url)] == [1]

    def test_rank_0_never_logs(self, wandb_server: LocalServer) -> None:
        """Ranks whose rank 0 has nothing to say keep all they have, and a person is told where."""
        code = 'if rank: log.error("alone"); row(1)\n'
        done = launch(wandb_server, code, [variables(rank, 3) for rank in range(3)])
        assert wandb_server.runs == []
        assert "".join(error for _, error in done).count("rank 0 is the run") == 1
        assert sorted(report.rows for report in sync(host=wandb_server.url, ranks="each")) == [1, 1]

    def test_a_later_launch_with_the_same_id_says_it_again(self, wandb_server: LocalServer) -> None:
        """The agent's number tells launches apart that have one id, as where an address is used again."""
        first = launch(wandb_server, "row(0)\n", [variables(1, 2)])
        nested = f"import subprocess, sys; sys.exit(subprocess.call([{sys.executable!r}, 'rank.py']))"
        later = subprocess.run(
            [sys.executable, "-c", nested],
            env={**os.environ, **wandb_server.env(), **variables(1, 2)},
            stderr=subprocess.PIPE,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        assert [text.count("rank 0 is the run") for text in (first[0][1], later.stderr)] == [1, 1]

    @pytest.mark.parametrize("kind", multiprocessing.get_all_start_methods())
    def test_children_that_log_first_are_no_runs(self, wandb_server: LocalServer, kind: str) -> None:
        """Data loaders that a rank starts before its first record, however it does so, log into the rank's run."""
        code = """
import multiprocessing
def work(n):
    row(n)
if __name__ == "__main__":
    with multiprocessing.get_context(KIND).Pool(2) as pool:
        pool.map(work, range(10), 1)
    row(10)
"""
        launch(wandb_server, code.replace("KIND", repr(kind)), [variables(rank, 2) for rank in range(2)])
        (run,) = wandb_server.runs
        assert rows(run) == [(0, i) for i in range(11)]
        assert run.state == "finished"
        assert len(find_runs(Path("wandb_cache"))) == 2


def test_group_makes_each_rank_a_run(wandb_server: LocalServer) -> None:
    """With `ranks: group` all ranks are runs of one group, named by their ranks, and all are sent."""
    launch(wandb_server, "row(0)\n", [variables(rank, 3) for rank in range(3)], '"ranks": "group", "name": "vit"')
    runs = sorted(wandb_server.runs, key=lambda run: run.display_name)
    assert [(run.display_name, run.group, rows(run)) for run in runs] == [
        (f"vit-r{rank}", "vit", [(rank, 0)]) for rank in range(3)
    ]


class TestJobs:
    def test_an_array_that_resumes(self, wandb_server: LocalServer) -> None:
        """With `resume: auto` each task of an array that failed goes on with its own run, and with no other's."""
        tasks = [
            {"SLURM_JOB_ID": "90", "SLURM_ARRAY_JOB_ID": "90", "RANK": "0", "SLURM_ARRAY_TASK_ID": str(task)}
            for task in range(3)
        ]
        code = 'row(int(os.environ["SLURM_ARRAY_TASK_ID"]) * 10 + int(os.environ["AGAIN"]))\nsys.exit(1)\n'
        for again in ("0", "1"):
            launch(wandb_server, code, [{**task, "AGAIN": again} for task in tasks], '"resume": "auto"')
        assert {run.display_name: [i for _, i in rows(run)] for run in wandb_server.runs} == {
            f"slurm-90_{task}": [task * 10, task * 10 + 1] for task in range(3)
        }
        assert {run.group for run in wandb_server.runs} == {"slurm-90"}

    def test_a_requeue_goes_on_unasked(self, wandb_server: LocalServer) -> None:
        """A job that its scheduler starts again goes on with its run; another job does not."""
        job = {"SLURM_JOB_ID": "91", "RANK": "0"}
        code = 'row(int(os.environ["N"]))\nos._exit(9)\n'
        launch(wandb_server, code, [{**job, "N": "1"}])
        launch(wandb_server, code, [{**job, "N": "2", "SLURM_RESTART_COUNT": "1"}])
        launch(wandb_server, code, [{**job, "N": "3", "SLURM_JOB_ID": "92", "SLURM_RESTART_COUNT": "1"}])
        sync(host=wandb_server.url)
        assert sorted([i for _, i in rows(run)] for run in wandb_server.runs) == [[1, 2], [3]]

    def test_torchrun_starts_its_ranks_again(self, wandb_server: LocalServer) -> None:
        """After a restart rank 0 goes on with the run, and another rank with its directory."""
        code = 'row(int(os.environ["TORCHELASTIC_RESTART_COUNT"]))\nsys.exit(1)\n'
        for again in ("0", "1"):
            launch(wandb_server, code, [variables(rank, 2, TORCHELASTIC_RESTART_COUNT=again) for rank in range(2)])
        sync(host=wandb_server.url, ranks="each")
        assert sorted(rows(run) for run in wandb_server.runs) == [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]


def test_an_unknown_way_of_ranks_is_refused(wandb_server: LocalServer) -> None:
    """What cannot be sent so is an error before anything is sent."""
    with pytest.raises(ValueError, match="ranks='some': expected zero"):
        sync(".", host=wandb_server.url, ranks="some")


def test_lightning_sets_its_variables_late(wandb_server: LocalServer) -> None:
    """Who a process is, is asked with its first record, not when logging is configured."""
    late = 'os.environ.update(RANK="1", WORLD_SIZE="2", LOCAL_RANK="1", MASTER_PORT="1")\nrow(0)\n'
    launch(wandb_server, late, [{"RANK": "1"}])
    assert wandb_server.runs == []
    assert [report.rows for report in sync(host=wandb_server.url, ranks="each")] == [1]


def test_half_the_variables_are_no_launch(wandb_server: LocalServer) -> None:
    """A rank without a number of ranks, or beyond it, is a process of its own: its rows are sent."""
    odd = [{"RANK": "3"}, {"RANK": "5", "WORLD_SIZE": "4"}, {"RANK": "1", "WORLD_SIZE": "1"}]
    launch(wandb_server, "row(0)\n", odd)
    assert sorted(rows(run)[0][0] for run in wandb_server.runs) == [1, 3, 5]


TOLD_TO_TORCH = """
import logging, os, sys
import torch.distributed, torch.multiprocessing
from wandb_logging import WandbHandler

def work(rank, of):
    meet = "file://" + os.path.abspath("store")
    torch.distributed.init_process_group("gloo", init_method=meet, rank=rank, world_size=of)
    if sys.argv[2:]:  # as accelerate's Accelerator(cpu=True) does in each of the ranks
        os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE=str(of), MASTER_ADDR="127.0.0.1", MASTER_PORT="29500")
    log = logging.getLogger("train")
    log.setLevel(logging.INFO)
    log.addHandler(WandbHandler(project="p", name="vit", ranks=sys.argv[1]))
    for i in range(5):
        log.info("row", extra={"metrics": {"i": i}})
    torch.distributed.barrier()

if __name__ == "__main__":
    torch.multiprocessing.spawn(work, (3,), nprocs=3)
"""


@pytest.mark.arrays
@pytest.mark.slow
@pytest.mark.parametrize(
    ("ranks", "runs", "names"),
    [
        ("zero", ["vit"], ["i"]),
        ("all wrong", ["vit"], ["i", "i/l:1", "i/l:2"]),
        ("group", ["vit-r0", "vit-r1", "vit-r2"], ["i"]),
    ],
)
def test_ranks_that_only_pytorch_knows(
    wandb_server: LocalServer, ranks: str, runs: list[str], names: list[str]
) -> None:
    """Processes that a program starts by itself, and to which it gives their ranks as arguments, as DDP's tutorial."""
    pytest.importorskip("torch")
    Path("told.py").write_text(TOLD_TO_TORCH)
    printed_by("told.py", *ranks.split(), env={**os.environ, **wandb_server.env()})
    assert sorted(run.display_name for run in wandb_server.runs) == runs
    for run in wandb_server.runs:
        rows = [(name, row[name]) for row in run.history for name in row if name[0] == "i"]
        assert sorted(rows) == [(name, i) for name in names for i in range(5)]
        assert run.state == "finished"
