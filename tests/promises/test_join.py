"""`join`: what the workers of a pool log is in the run of the process that made the pool."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wandb_logging
from tests.patience import PATIENCE
from tests.promises.test_programs import python
from wandb_logging import WandbHandler, join, new_run
from wandb_logging._journal.cache_folder import find_runs

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

CONFIGURE = """
import concurrent.futures, multiprocessing, warnings
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
import wandb_logging
def configure():
    logging.config.dictConfig({
        "version": 1, "disable_existing_loggers": False,
        "handlers": {"wandb": {"class": "wandb_logging.WandbHandler", "project": "p"}},
        "root": {"level": "INFO", "handlers": ["wandb"]},
    })
def work(n):
    IN_WORK
    logging.getLogger("work").info("worker", extra={"metrics": {"n": n}})
IN_MODULE
if __name__ == "__main__":
    configure()
    POOL
"""

POOLS = {
    **{
        method: f'with multiprocessing.get_context("{method}").Pool(2, wandb_logging.join()) as pool: '
        "pool.map(work, range(10), 1)"
        for method in ("fork", "spawn", "forkserver")
    },
    "futures": "with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context('spawn'), "
    "wandb_logging.join()) as pool: list(pool.map(work, range(10)))",
}
PLACES = {"guarded": ("pass", ""), "on import": ("pass", "configure()"), "in the work": ("configure()", "")}


def program(pool: str, place: str) -> str:
    in_work, in_module = PLACES[place]
    return CONFIGURE.replace("IN_WORK", in_work).replace("IN_MODULE", in_module).replace("POOL", POOLS[pool])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("pool", POOLS)
def test_every_row_is_in_one_run(pool: str, place: str, wandb_server: LocalServer) -> None:
    """However a pool starts its workers, and wherever they configure logging: one run, all rows, finished."""
    python(program(pool, place), environment=wandb_server.env())
    (run,) = wandb_server.runs
    assert sorted(line["n"] for line in run.history) == list(range(10))
    assert (run.state, run.exit_code) == ("finished", 0)
    assert len(find_runs(Path("wandb_cache"))) == 1


@pytest.mark.parametrize("pool", ["spawn", "forkserver", "futures"])
def test_without_join_as_in_a_forked_child(pool: str, wandb_server: LocalServer) -> None:
    """A spawned worker that configures nothing, or only another handler, writes the run of its parent."""
    code = program(pool, "guarded").replace("wandb_logging.join()", "None").replace("import wandb_logging\n", "")
    console = {"forkserver": "logging.basicConfig(level='INFO', stream=open('console.txt', 'a'))\n"}.get(pool, "")
    code = code.replace("if __name__", f"{console}if __name__").replace(
        "    configure()\n    with", "    configure(); logging.info('begin')\n    with"
    )
    python(code, environment=wandb_server.env())
    (run,) = wandb_server.runs
    assert sorted(line["n"] for line in run.history) == list(range(10))
    assert (run.state, run.exit_code) == ("finished", 0)
    assert not console or Path("console.txt").read_text().count("worker") == 10


def test_joblib_and_grandchildren_without_join(wandb_server: LocalServer) -> None:
    """So do the workers of joblib, and what a spawned process spawns before it has logged."""
    pytest.importorskip("joblib")
    code = program("spawn", "guarded").partition("if __name__")[0]
    code += """
def outer(n):
    child = multiprocessing.get_context("spawn").Process(target=work, args=(n + 1,))
    child.start(); child.join()
    work(n)
if __name__ == "__main__":
    configure(); logging.info("begin")
    from joblib import Parallel, delayed
    Parallel(n_jobs=2, backend="loky")(delayed(work)(n) for n in (0, 1))
    child = multiprocessing.get_context("spawn").Process(target=outer, args=(2,))
    child.start(); child.join()
"""
    python(code, environment=wandb_server.env())
    (run,) = wandb_server.runs
    assert sorted(line["n"] for line in run.history) == [0, 1, 2, 3]


def test_the_loggers_are_those_of_the_parent(wandb_server: LocalServer) -> None:
    """A worker without a configuration logs where its parent does, from the level on that its parent has."""
    code = """
import logging, multiprocessing, wandb_logging
def work(n):
    logging.getLogger("train").debug("in it", extra={"metrics": {"n": n}})
    logging.getLogger("other").error("not in it")
if __name__ == "__main__":
    log = logging.getLogger("train")
    log.setLevel("DEBUG")
    log.addHandler(wandb_logging.WandbHandler(project="p"))
    with multiprocessing.get_context("spawn").Pool(1, wandb_logging.join()) as pool:
        pool.map(work, [1])
"""
    python(code, environment=wandb_server.env())
    (run,) = wandb_server.runs
    assert [line["n"] for line in run.history] == [1]
    assert not [line for line in run.output if "not in it" in line]


def test_an_engine_that_configures_logging_afterwards(wandb_server: LocalServer) -> None:
    """Ray Train calls `dictConfig` in workers that have joined, which takes all handlers away: they stay joined."""
    code = """
import logging, logging.config, multiprocessing, wandb_logging
def work(n):
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"level": "INFO", "handlers": ["console"]}})
    logging.getLogger("train").info("in it", extra={"metrics": {"n": n}})
if __name__ == "__main__":
    logging.getLogger().addHandler(wandb_logging.WandbHandler(project="p"))
    logging.getLogger().setLevel("INFO")
    with multiprocessing.get_context("spawn").Pool(1, wandb_logging.join()) as pool:
        pool.map(work, [1, 2], 1)
"""
    python(code, environment=wandb_server.env())
    (run,) = wandb_server.runs
    assert sorted(line["n"] for line in run.history) == [1, 2]


def test_who_comes_too_late_is_told(tmp_path: Path) -> None:
    """A worker whose parent's run has ended says so, and works on: an initializer that raises ends no pool."""
    run = new_run("p", mode="offline", cache_dir=tmp_path)
    (tmp_path / "join").write_bytes(pickle.dumps(join()))
    run.finish()
    done = python(f"import pickle; pickle.load(open({str(tmp_path / 'join')!r}, 'rb'))(); print('works on')")
    assert "does not join its parent's run" in done.stderr
    assert "works on" in done.stdout


def test_in_the_process_itself_it_changes_nothing(tmp_path: Path) -> None:
    """Engines that run a worker within the parent, as joblib with one job does, log into its run as before."""
    import logging

    handler = WandbHandler(project="p", mode="offline", cache_dir=tmp_path)
    log = logging.getLogger("itself")
    log.setLevel("INFO")
    log.addHandler(handler)
    try:
        log.info("one", extra={"metrics": {"n": 1}})
        pickle.loads(pickle.dumps(join()))()
        log.info("two", extra={"metrics": {"n": 2}})
        assert log.handlers == [handler]
        assert len(find_runs(tmp_path)) == 1
        assert handler.run.finish().rows == 0  # offline: nothing is sent
        assert handler.stats()["accepted"] >= 2
    finally:
        log.removeHandler(handler)


def test_without_a_run_there_is_nothing_to_join() -> None:
    """Where nobody configured a handler, `join` says what to do."""
    program = [sys.executable, "-c", "import wandb_logging; wandb_logging.join()"]  # no other test's run is in there
    env = {**os.environ, "PYTHONPATH": str(Path(wandb_logging.__file__).parent.parent)}
    done = subprocess.run(program, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "configure logging with a WandbHandler" in done.stderr
