"""The help as it looks: on a phone's terminal, on a usual one and on a wide one."""

from __future__ import annotations

import pytest

from wandb_logging._cli.commands import COMMANDS
from wandb_logging._cli.entry import main


def help_of(command: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([command, "--help"] if command else ["--help"]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_line_is_wider_than_the_terminal(
    command: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But what is to be typed, which is as long as it is; and none is too long to be read."""
    lines = help_of(command, width, monkeypatch, capsys)
    prose = [line for line in lines if not line.startswith("  wandb-logging ")]
    assert len(prose) > 5
    assert max(map(len, prose)) <= min(width, 100)
    assert max(map(len, lines)) <= max(width, 80)


def test_a_terminal_of_one_column(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A pane that is drawn shut has some help all the same."""
    assert help_of("sync", 1, monkeypatch, capsys)


def test_a_paragraph_is_one_however_it_is_written_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines of a sentence go on, and an option is never torn from what it takes."""
    lines = help_of("export", 60, monkeypatch, capsys)
    usage = lines[: lines.index("")]
    assert usage[1:] == [
        "       [--format FORM | --csv | --jsonl | --parquet |",
        "       --wandb | --tensorboard | --neptune] [--long]",
        "       [--config FILE] [RUN ...]",
    ]
    at = lines.index("Wide tables have a line a row and a column a metric, long")
    assert lines[at + 1] == "ones a line a value. Names of nested metrics are joined by"


def test_the_usage_says_where_the_command_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `run` takes to its end is named, not just dots."""
    lines = help_of("run", 80, monkeypatch, capsys)
    assert lines[lines.index("") - 1].endswith("[--tensorboard DIR] -- COMMAND ...")
