"""Headings of training and of validation above lines of the same names: two curves."""

from __future__ import annotations

import pytest

from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest


def rows(text: str) -> list[tuple[float | None, dict[str, float]]]:
    rules = RuleSet([one.rule for one in suggest(text)])
    found = [(row.step, row.metrics) for row in mine(text, rules)]
    assert not rules.unused  # each would be complained of at the end of a run
    return found


@pytest.mark.parametrize(
    "heading", ["== {} ==", "--- {} ---", "[{}]", "{}:", "{} phase", "### {} results ###", "{}..."], ids=str
)
@pytest.mark.parametrize(("train", "held_out"), [("train", "valid"), ("Training", "Validation"), ("TRAIN", "TEST")])
def test_each_part_once(heading: str, train: str, held_out: str) -> None:
    """Names have the part in front, as it is called, and the steps begin again in each."""
    said = {train: [0.5, 0.25], held_out: [0.75, 0.625]}
    text = "".join(
        f"{heading.format(part)}\n" + "".join(f"step {i} loss {loss}\n" for i, loss in enumerate(losses, 1))
        for part, losses in said.items()
    )
    assert rows(text) == [
        (i, {f"{part.lower()}/loss": loss}) for part, losses in said.items() for i, loss in enumerate(losses, 1)
    ]


@pytest.mark.parametrize("train", ["Epoch {} training:", "Epoch {}", "Epoch {}/3", "Epoch [{}/3] train"])
@pytest.mark.parametrize("held_out", ["Epoch {} validation:", "Epoch {}/3 - validation"])
def test_an_epoch_in_the_heading(train: str, held_out: str) -> None:
    """It is the step of the rows below; a heading with the epoch alone is that of the training."""
    text = "".join(
        f"{train.format(i)}\nloss: {i / 4} acc: 0.5\n{held_out.format(i)}\nloss: {i / 8} acc: 0.625\n"
        for i in range(1, 4)
    )
    name = "training" if "training" in train else "train"
    wanted = []
    for i in range(1, 4):
        wanted.append((i, {f"{name}/loss": i / 4, f"{name}/acc": 0.5}))
        wanted.append((i, {"validation/loss": i / 8, "validation/acc": 0.625}))
    assert rows(text) == wanted


def test_a_heading_that_other_lines_begin_with() -> None:
    """A heading as a rule takes no line that has numbers of its own."""
    text = "Training\nTraining loss 0.5 at step 1\nTraining loss 0.25 at step 2\nTesting\nTesting loss 0.75 at step 1\n"
    found = {value for _, metrics in rows(text * 2) for value in metrics.values()}
    assert found >= {0.5, 0.25, 0.75}


def test_one_part_alone() -> None:
    """A heading of training without one of validation changes no name."""
    text = "== train ==\n" + "".join(f"step {i} loss {i / 8}\n" for i in range(1, 5))
    assert rows(text) == [(i, {"loss": i / 8}) for i in range(1, 5)]
