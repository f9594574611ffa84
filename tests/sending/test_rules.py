"""Rules that are changed after the run: for what is not sent yet, and for nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wandb_logging import new_run
from wandb_logging._cli import main
from wandb_logging._fold.fold import Rules, State, finish, fold
from wandb_logging._values.plain import dumps, loads
from wandb_logging.testing import LocalServer

LOSS = [{"line": "iter {step}: loss {loss}"}]
TIME = [{"line": "time {time}ms"}]


def write(name: str, rules: list[dict[str, Any]]) -> str:
    Path(name).write_bytes(dumps(rules))
    return name


def losses(server: LocalServer) -> list[dict[str, Any]]:
    (run,) = server.runs
    return [{name: value for name, value in row.items() if name in {"loss", "time"}} for row in run.history]


def test_a_run_that_was_never_sent(wandb_server: LocalServer) -> None:
    """All of it is mined by the rules that it is sent with."""
    with new_run("p", mode="offline", text_metrics={"rules": TIME}) as run:
        run.log_output("iter 1: loss 0.5\niter 2: loss 0.25\n")
    assert main(["sync", run.id, "--rules", write("rules.yaml", LOSS)]) == 0
    assert losses(wandb_server) == [{"loss": 0.5}, {"loss": 0.25}]
    assert wandb_server.unexpected_violations == []


@pytest.mark.not_quick
def test_what_the_server_has_stays(wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run that was sent in part the rest is, also where sending begins at its beginning again."""
    with new_run("p", mode="online") as run:
        run.log_output("iter 1: loss 0.5\n")
        run.flush()
        run.enable_offline_mode()
        run.log_output("iter 2: loss 0.25\niter 3: loss 0.125\n")
        assert main(["sync", run.id, "--rules", write("rules.yaml", LOSS)]) == 2
        assert "is being uploaded" in capsys.readouterr().err  # a run that goes on keeps its rules
    assert run.dir is not None
    assert main(["sync", run.id, "--rules", "rules.yaml"]) == 0
    assert losses(wandb_server) == [{"loss": 0.25}, {"loss": 0.125}]
    (run.dir / "cursor.json").unlink()
    assert main(["sync", run.id]) == 0
    assert losses(wandb_server) == [{"loss": 0.25}, {"loss": 0.125}]
    assert wandb_server.unexpected_violations == []


def test_wrong_rules_send_nothing(wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that is wrong is said with its number, and the run stays as it was; rules are for runs that are named."""
    with new_run("p", mode="offline") as run:
        run.log_output("iter 1: loss 0.5\n")
    assert main(["sync", run.id, "--rules", write("rules.yaml", [{"regex": r"(\d+)+$", "has": "x"}])]) == 2
    assert "rules[0]" in capsys.readouterr().err
    assert wandb_server.runs == []
    assert main(["sync", "--rules", "rules.yaml"]) == 2


def test_rules_that_another_version_took(wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule in a run's folder that this version refuses is said, as is how to give the run others."""
    with new_run("p", mode="offline", text_metrics={"rules": LOSS}) as run:
        run.log_output("iter 1: loss 0.5\n")
    assert run.dir is not None
    about = run.dir / "run.json"
    kept = loads(about.read_bytes())
    kept["text_metrics"]["rules"][0]["names"] = "x"
    about.write_bytes(dumps(kept))
    assert main(["sync", run.id]) == 1
    said = capsys.readouterr().err
    assert "rules[0].names" in said
    assert "sync --rules FILE" in said
    assert main(["sync", run.id, "--rules", write("rules.yaml", LOSS)]) == 0
    assert losses(wandb_server) == [{"loss": 0.5}]


@pytest.mark.parametrize("cut", range(7))
def test_however_it_is_cut(cut: int) -> None:
    """The rows are the same in one piece and in two: from the event on that is named, the new rules hold."""
    texts = ["iter 1: loss 0.5\n", "time 3ms\n", "iter 2: lo", "ss 0.25\ntime 4ms\n", "iter 3: loss 0.125\n", "x\n"]
    events = [dumps({"output": text, "t": 1000.0 + i}) for i, text in enumerate(texts)]
    rules = Rules(start=1000.0, text_rules=LOSS, later_rules=[(2, TIME), (4, LOSS)])
    state, first = fold(rules, State(), events[:cut])
    state = State(**loads(dumps(vars(state))))
    state, second = fold(rules, state, events[cut:])
    _, last = finish(rules, state)
    rows = [loads(row) for delta in (first, second, last) for row in delta.rows]
    assert [{name: row[name] for name in ("loss", "time") if name in row} for row in rows] == [
        {"loss": 0.5, "time": 4},  # one that says no step is at the last that was said
        {"loss": 0.125},
    ]
