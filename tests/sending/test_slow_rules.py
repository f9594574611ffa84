"""A rule for text that takes long again and again is off for the rest of the run, and the run says so once."""

from __future__ import annotations

import json

import pytest

from wandb_logging import new_run
from wandb_logging._cli import main
from wandb_logging._mining import slowness
from wandb_logging.testing import LocalServer

RULES = [{"regex": r"loss=(?P<loss>\S+)", "has": "loss="}, {"line": "acc {acc}"}]
SAID = "rule 0 (regex: loss=(?P<loss>\\S+)) took long again and again, and is off from here on"


@pytest.mark.not_quick
def test_it_is_off_from_some_line_on(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on; the text says it in one line; and a journal that is sent again gives the same rows."""
    monkeypatch.setattr(slowness, "SLOW", -1.0)  # each line takes longer
    with new_run("p", mode="offline", text_metrics={"rules": RULES}) as run:
        for i in range(1200):
            run.log_output(f"loss={i}\nacc {i}\n")
    assert main(["sync", run.id]) == 0
    (sent,) = wandb_server.runs
    history = [json.loads(json.dumps(row)) for row in sent.history]
    losses = [row["loss"] for row in history if "loss" in row]
    assert slowness.AGAIN <= len(losses) < 1200
    assert losses == list(range(len(losses)))
    assert [row["acc"] for row in history if "acc" in row] == list(range(1200))
    assert sum(SAID in line for line in sent.output) == 1
    assert run.dir is not None
    (run.dir / "cursor.json").unlink()
    assert main(["sync", run.id]) == 0
    assert list(sent.history) == history
    assert sum(SAID in line for line in sent.output) == 1
    assert wandb_server.unexpected_violations == []
