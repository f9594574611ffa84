"""Text lines that are JSON objects, on the command line."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from wandb_logging import WandbHandler, _cli


def test_lines_by_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`logs --field` shows the lines of records with these extra fields."""
    monkeypatch.chdir(tmp_path)
    handler = WandbHandler(project="p", mode="offline", quiet=True, text_format="json")
    log = logging.getLogger("fields")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    for user in ("bo", "al"):
        log.info("hello", extra={"user": user, "fold": 3})
    log.removeHandler(handler)
    handler.close()
    assert _cli.main(["logs", "--field", "user=bo", "--field", "fold=3"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 1
    assert shown[0].endswith(" INFO:fields:hello user=bo fold=3")
    assert _cli.main(["logs", "--raw", "--field", "user=al"]) == 0
    assert '"user": "al"' in capsys.readouterr().out
    assert _cli.main(["logs", "--field", "usr=al"]) == 0
    assert capsys.readouterr() == ("", "wandb-logging: no line with usr=al; only JSON lines have fields\n")
    assert _cli.main(["logs", "--field", "user"]) == 2
