"""Runs that another program or an editor wrote, with right checksums: every export and `edit` takes what is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.runs import START, make_run, row
from wandb_logging._cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_logging.testing import LocalServer

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

ODD: list[dict[str, Any]] = [
    {"alert": {"title": "t", "text": "x", "level": "INFO", "wait": {}}},
    {"alert": {"title": ["t"], "text": "x", "level": "INFO", "wait": 0}},
    {"alert": {"title": "t", "text": "x", "level": "INFO", "wait": 10**400}},
    {"alert": {"title": "t", "text": "x", "level": "INFO", "wait": float("nan")}},
    {"file": {}},
    {"file": {"name": ["x"], "path": {}}},
    {"file": {"name": "x", "path": "files/x", "kind": ["alert"]}},
    {"artifact": {"kind": "alert"}},
    {"metrics": {"huge": 10**400, "least": -(10**400)}},
    {"metrics": {"h": {"_type": "histogram", "bins": [0, 10**400], "values": [1]}}},
    {"metrics": {"h": {"_type": "histogram", "bins": [0, "x"], "values": [1]}}},
    {"metrics": {"h": {"_type": "histogram", "bins": {}, "values": None}}},
    {"metrics": {"i": {"_type": "image-file", "path": 5, "width": "x"}}},
    {"metrics": {"i": {"_type": "images/separated", "filenames": 5, "width": 1, "height": 1}}},
    {"config": {"huge": 10**400}},
]
COMMANDS = ["--csv", "--jsonl", "o.parquet", "l.parquet --long", "--wandb", "--tensorboard", "--neptune"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_export_takes_the_rest(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense is left out or told; the rows beside it are written, and nothing fails within."""
    for number, odd in enumerate(ODD):
        make_run(tmp_path / "runs", [row(0), {"t": START, **odd}, row(1), {"exit": 0, "t": START}], id=f"r{number}")
    first, *more = command.split()
    where = (
        [] if first in {"--csv", "--jsonl"} else [*([first] if first[0] == "-" else []), "-o", str(tmp_path / first)]
    )
    code = main(["export", str(tmp_path / "runs"), *(where or [first]), *more])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")


@pytest.mark.parametrize("odd", ODD)
def test_it_can_be_sent(odd: dict[str, Any], tmp_path: Path, wandb_server: LocalServer) -> None:
    """Both rows are on the server, and the run ends."""
    events = [row(0), {"t": START, **odd}, row(1), {"exit": 0, "t": START}]
    run_dir = make_run(tmp_path / "runs", events, host=wandb_server.url)
    main(["sync", str(run_dir.path)])
    (run,) = wandb_server.runs
    assert [each["n"] for each in run.history if "n" in each] == [0, 1]
    assert run.state == "finished"


@pytest.mark.parametrize("time", [{}, "x", None, 10**400])
def test_verify_of_a_first_line_without_a_time(
    time: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory whose run.json is lost says what is wrong with it, whatever stands in its first line."""
    run_dir = make_run(tmp_path / "runs", [{**row(0), "t": time}])
    (run_dir.path / "run.json").write_text("{}")
    assert main(["verify", str(tmp_path / "runs")]) == 1
    assert "internal error" not in capsys.readouterr().err
