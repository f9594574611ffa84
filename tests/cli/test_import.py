from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from wandb_logging import read_runs
from wandb_logging._cli import main, progress
from wandb_logging._formats import wandb_import, wandb_messages as messages
from wandb_logging._formats.wandb_import import import_log
from wandb_logging._formats.wandb_log import LogWriter


def write_log(path: Path, rows: int) -> Path:
    """An offline run of the official SDK with so many rows."""
    with path.open("wb") as file:
        log = LogWriter(file)
        log.append(messages.run({"id": "theirs", "project": "digits", "start": 1.7e9}, {}))
        for step in range(rows):
            log.append(messages.history({"loss": 1 / (step + 1), "_step": step, "_runtime": step}))
        log.append(messages.ended(0, rows))
    return path


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "the file is empty"),
            (b"%PDF-1.7 and so on", "not a .wandb file"),
            (b":W&", "cut off within its first 7 bytes"),
            (b":W&B\xe1\xbe\x01and so on", "of version 1 of its format, of which only 0 can be read here"),
            (b":W&B\xe1\xbe\x00", "it does not say which run it is of"),
        ],
    )
    def test_a_file_says_in_one_line_why(
        self, content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A file that holds no run is named with what is wrong, and nothing is made of it."""
        source = tmp_path / "run.wandb"
        source.write_bytes(content)
        assert main(["import", str(source), "--into", str(tmp_path / "into")]) == 1
        assert capsys.readouterr().err == f"wandb-logging: {source}: {words}\n"
        assert list((tmp_path / "into").iterdir()) == []

    @pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs there")
    def test_what_is_no_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A pipe is not waited for; what is not there, and a folder without runs, say so in one line each."""
        os.mkfifo(tmp_path / "pipe.wandb")
        (tmp_path / "folder.wandb").mkdir()
        for name, words in [
            ("pipe.wandb", "pipe.wandb: neither a file nor a folder"),
            ("nowhere", "nowhere: No such file or directory"),
            ("folder.wandb", "no .wandb file and no event file in "),
        ]:
            assert main(["import", str(tmp_path / name), "--into", str(tmp_path / "into")]) == 1
            (line,) = capsys.readouterr().err.splitlines()
            assert words in line

    @pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
    def test_a_folder_that_is_closed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """What lies beside it is imported, and the exit code says that something is missing."""
        write_log(tmp_path / "a.wandb", 1)
        (tmp_path / "closed").mkdir(mode=0)
        assert main(["import", str(tmp_path), "--into", str(tmp_path / "into")]) == 1
        assert "closed: Permission denied" in capsys.readouterr().err
        assert len(read_runs(tmp_path / "into")) == 1


def test_a_long_one_says_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pipe there is a line now and then, in order, before the one that says what was imported."""
    monkeypatch.setattr(progress, "_TOUCH", 0.0)
    source = write_log(tmp_path / "long.wandb", 2500)
    assert main(["import", str(source), "--into", str(tmp_path / "into")]) == 0
    *said, done, _more = capsys.readouterr().out.splitlines()
    parts = [int(line[len("long.wandb: ") : -len("% read")]) for line in said]
    assert parts == sorted(parts)
    assert 0 <= parts[0] < parts[-1] <= 100
    assert "(2500 rows)" in done


def test_one_that_is_stopped_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle: what was imported before is there, of this one nothing is, and that is said."""
    write_log(tmp_path / "a.wandb", 1)
    write_log(tmp_path / "b.wandb", 2000)
    real = import_log

    def stopped(source: Path, cache_dir: Path, host: str, _show: object) -> wandb_import.Imported:
        def stop(read: int) -> None:
            if source.name == "b.wandb" and read > 10_000:
                raise KeyboardInterrupt

        return real(source, cache_dir, host, stop)

    monkeypatch.setattr("wandb_logging._cli.import_.import_log", stopped)
    assert main(["import", str(tmp_path), "--into", str(tmp_path / "into")]) == 130
    assert f"{tmp_path / 'b.wandb'}: not imported" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["digits"]
    assert len(read_runs(tmp_path / "into")) == 1
