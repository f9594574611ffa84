"""Lines of several processes in one log: what is suggested for them keeps their curves apart."""

from __future__ import annotations

import random
from typing import Any

import pytest

from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest


def rules(text: str) -> list[dict[str, Any]]:
    return [one.rule for one in suggest(text)]


def log(tag: str, said: str = "step {step} loss {loss} acc 0.5", ranks: int = 3, steps: int = 4) -> str:
    """The lines of several ranks, in an order that differs from step to step."""
    lines = []
    for step in range(1, steps + 1):
        order = list(range(ranks))
        random.Random(step).shuffle(order)
        lines += [f"{tag.format(rank=rank)}{said.format(step=step, loss=rank + step / 8)}" for rank in order]
    return "\n".join(lines) + "\n"


TAGS = [
    "[rank{rank}]: ",
    "[Rank {rank}] ",
    "2026-01-01 10:00:00 [Rank {rank}] INFO: ",
    "[GPU {rank}] ",
    "[default{rank}]:",
    "[1,{rank}]<stdout>:",
    "rank {rank}: ",
    "{rank}: ",
    "[{rank}] ",
    "worker-{rank}  | ",
    "trainer_{rank} | ",
]


@pytest.mark.parametrize("tag", TAGS)
def test_each_rank_has_its_names(tag: str) -> None:
    """Rank 0 has plain names, the others W&B's label behind them, and all have the steps that they say."""
    text = log(tag)
    found = {(row.step, name): value for row in mine(text, RuleSet(rules(text))) for name, value in row.metrics.items()}
    wanted = {}
    for rank, label in enumerate(["", "/l:1", "/l:2"]):
        for step in range(1, 5):
            wanted[step, f"loss{label}"] = rank + step / 8
            wanted[step, f"acc{label}"] = 0.5
    assert found == wanted


@pytest.mark.parametrize("tag", TAGS)
def test_ranks_that_the_log_did_not_have(tag: str) -> None:
    """A larger launch of the same program needs no other rules."""
    made = RuleSet(rules(log(tag)))
    line = f"{tag.format(rank=17)}step 8 loss 0.25 acc 0.75"
    assert [row.metrics for row in made.feed(line)] == [{"loss/l:17": 0.25, "acc/l:17": 0.75}]


def test_process_ids() -> None:
    """They differ from run to run, so that none of them has plain names."""
    text = log("(RayTrainWorker pid=31{rank}, ip=10.0.0.1) ")
    names = {name for row in mine(text, RuleSet(rules(text))) for name in row.metrics}
    assert names == {f"{name}/l:31{rank}" for name in ("loss", "acc") for rank in range(3)}


def test_iterations_that_begin_again() -> None:
    """The epoch is part of the step, and a name without a step is kept apart, too."""
    text = log("[rank{rank}]: ", "Epoch [{step}][99/100] train loss {loss}", 2, 5)
    text += log("[rank{rank}]: ", "val loss {loss}", 2, 5)
    rows = list(mine(text, RuleSet(rules(text))))
    assert {name for row in rows for name in row.metrics} >= {
        "train loss",
        "train loss/l:1",
        "val loss",
        "val loss/l:1",
    }
    assert len(rows) == 20


def test_one_rank_is_no_several() -> None:
    """What one rank writes has plain names, whatever stands before it."""
    for tag in TAGS:
        text = log(tag, ranks=1)
        assert {name for row in mine(text, RuleSet(rules(text))) for name in row.metrics} == {"loss", "acc"}


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"[{i}] train-rmse:{1 / (i + 1):.3f} valid-rmse:{2 / (i + 1):.3f}\n" for i in range(6)),
        "".join(f"{i}: step {10 * i} loss {1 / (i + 1):.3f}\n" for i in range(6)),
        "".join(f"fold-{i} | step {i} loss {1 / (i + 1):.3f}\n" for i in range(6)),
    ],
    ids=["steps in brackets", "steps that go on", "each says another step"],
)
def test_a_number_in_front_is_no_rank(text: str) -> None:
    """Numbers before lines that no two of them have a step of are not taken for ranks."""
    assert not any("rank" in str(rule) for rule in rules(text))
