"""Launches that do not go as they should: ranks that come late, say nothing or die early; two at once; an id again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.promises.test_ranks import launch, variables
from wandb_logging import sync
from wandb_logging._journal.cache_folder import find_runs

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

ALL = '"ranks": "all"'
FIVE = "for i in range(5): row(i)\n"
BASE = "base = int(os.environ['BASE'])\nfor i in range(base, base + 5): row(i)\n"


def of_rank(run: object, rank: int) -> list[int]:
    """What a rank logged, in a run of all ranks."""
    end = f"/l:{rank}" if rank else ""
    history = run.history  # type: ignore[attr-defined]
    return sorted(row[f"i{end}"] for row in history if f"i{end}" in row)


def test_ranks_that_never_log_or_die_before_they_do(wandb_server: LocalServer) -> None:
    """They are no part of the run: it has what the others logged, and ends with them."""
    code = "if rank == 1: sys.exit(0)\nif rank == 2: os._exit(9)\nif rank == 3: os.kill(os.getpid(), 9)\n" + FIVE
    done = launch(wandb_server, code, [variables(rank, 5) for rank in range(5)], ALL)
    assert [code for code, _ in done] == [0, 0, 9, -9, 0]
    (run,) = wandb_server.runs
    assert (of_rank(run, 0), of_rank(run, 4)) == ([*range(5)], [*range(5)])
    assert (run.state, run.exit_code) == ("finished", 0)
    assert len(find_runs(Path("wandb_cache"))) == 1


def test_rank_0_that_comes_when_the_others_have_gone(wandb_server: LocalServer) -> None:
    """Minutes apart: it is the run all the same, and gets what they logged when somebody asks for it."""
    launch(wandb_server, FIVE, [variables(1, 2)])
    assert wandb_server.runs == []
    launch(wandb_server, FIVE, [variables(0, 2)])
    sync(ranks="all")
    (run,) = wandb_server.runs
    assert (of_rank(run, 0), of_rank(run, 1)) == ([*range(5)], [*range(5)])
    assert run.state == "finished"


def test_two_launches_at_once_in_one_folder(wandb_server: LocalServer) -> None:
    """Each is a run of its own with its own ranks' rows, those that waited as well."""
    for settings, ids in ((ALL, ("a", "b")), ("", ("c", "d"))):
        environments = [
            variables(rank, 2, TORCHELASTIC_RUN_ID=which, BASE=str(100 * number))
            for number, which in enumerate(ids)
            for rank in range(2)
        ]
        launch(wandb_server, BASE, environments, settings)
    sync(ranks="all")
    runs = wandb_server.runs
    assert sorted(of_rank(run, 0)[0] for run in runs) == [0, 0, 100, 100]
    for run in runs:
        assert of_rank(run, 0) == of_rank(run, 1) == [*range(of_rank(run, 0)[0], of_rank(run, 0)[0] + 5)]
        assert run.state == "finished"


def test_an_id_that_is_used_again(wandb_server: LocalServer) -> None:
    """What waits of a launch goes into the run that began with it, not into that of an earlier launch of its id."""
    for base in ("0", "100"):
        launch(wandb_server, BASE, [variables(rank, 2, BASE=base) for rank in range(2)])
    sync(ranks="all")
    assert sorted((of_rank(run, 0)[0], of_rank(run, 1)) for run in wandb_server.runs) == [
        (0, [*range(5)]),
        (100, [*range(100, 105)]),
    ]


def test_variables_that_contradict_each_other(wandb_server: LocalServer) -> None:
    """Two are both rank 0, two are both rank 1, two know of different numbers: no row is lost or there twice."""
    same = [variables(rank, 2, TORCHELASTIC_RUN_ID=f"same-{rank}") for rank in (0, 0, 1, 1)]
    sizes = [variables(rank, of, TORCHELASTIC_RUN_ID="sizes") for rank, of in ((0, 1), (1, 4))]
    all_of_them = [{**one, "BASE": str(100 * number)} for number, one in enumerate((*same, *sizes))]
    assert [code for code, _ in launch(wandb_server, BASE, all_of_them)] == [0] * len(all_of_them)
    assert len(wandb_server.runs) == 3  # those that are rank 0 of anything
    sync(ranks="each")
    found = sorted(row["i"] for run in wandb_server.runs for row in run.history)
    assert found == [100 * number + i for number in range(len(all_of_them)) for i in range(5)]
    assert {run.state for run in wandb_server.runs} == {"finished"}
