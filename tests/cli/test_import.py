from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wandb_logging import read_runs
from wandb_logging._cli import main, progress
from wandb_logging._formats import wandb_import, wandb_messages as messages
from wandb_logging._formats.protobuf import put
from wandb_logging._formats.wandb_import import import_log
from wandb_logging._formats.wandb_log import LogWriter

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


def write_log(path: Path, rows: int) -> Path:
    """An offline run of the official SDK with so many rows."""
    with path.open("wb") as file:
        log = LogWriter(file)
        log.append(messages.run({"id": "theirs", "project": "digits", "start": 1.7e9}, {}))
        for step in range(rows):
            log.append(messages.history({"loss": 1 / (step + 1), "_step": step, "_runtime": step}))
        log.append(messages.ended(0, rows))
    return path


def written_log(path: Path, records: list[bytes], **info: object) -> Path:
    """A run of these records, which ended well."""
    with path.open("wb") as file:
        log = LogWriter(file)
        for each in (
            messages.run({"id": "theirs", "project": "digits", "start": 1.7e9, **info}, {}),
            *records,
            messages.ended(0, 5),
        ):
            log.append(each)
    return path


def history(step: int, values: dict[str, object] = {}) -> bytes:  # noqa: B006  it is only read
    return messages.history({"loss": step, **values, "_step": step, "_runtime": step})


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


class TestFromSomebodyElse:
    @pytest.mark.parametrize("name", ["../../out", "ABSOLUTE", "..", "a/b", "nul\0"])
    @pytest.mark.parametrize("member", ["id", "project"])
    def test_no_name_leads_out_of_the_folder(self, name: str, member: str, tmp_path: Path) -> None:
        """A run's id and project make one folder each in the one that was named, whatever they are."""
        name = str(tmp_path / "absolute") if name == "ABSOLUTE" else name
        source = written_log(tmp_path / "run.wandb", [history(0)], **{member: name})
        before = {*tmp_path.iterdir()}
        into = tmp_path / "deep" / "er" / "into"
        assert main(["import", str(source), "--into", str(into)]) == 0
        (run,) = read_runs(into)
        assert run.info[member] == name
        assert [path.parent.parent for path in into.glob("*/*/run.json")] == [into / run.path.parent.name]
        assert {*tmp_path.iterdir()} - before == {tmp_path / "deep"}
        assert [path.name for path in into.parent.iterdir()] == ["into"]

    @pytest.mark.parametrize("raw", [b"{", b"\xff", b"1 2", b"[" * 100_000])
    def test_a_value_that_is_no_json(self, raw: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """In a row it costs that row, in the summary that value; it is told of, and the rest is there."""
        bad = put(1, put(1, "bad") + put(16, raw)) + put(1, put(1, "good") + put(16, b"7"))
        records = [history(0), messages.record("history", bad), messages.record("summary", bad), history(2)]
        source = written_log(tmp_path / "run.wandb", records)
        assert main(["import", str(source), "--into", str(tmp_path / "into")]) == 1
        said = capsys.readouterr()
        assert "a record that cannot be understood" in said.err
        assert "not taken over: 1 summary value that is no JSON" in said.out
        (run,) = read_runs(tmp_path / "into")
        assert [row["_step"] for row in run.rows] == [0, 2]
        assert (run.summary["good"], run.exit_code) == (7, 0)

    def test_a_file_whose_name_no_file_can_have(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """It is counted as one that is not there."""
        records = [messages.file("a\0b", media=False), messages.file("../run.wandb", media=False)]
        source = written_log(tmp_path / "run.wandb", records)
        (tmp_path / "files").mkdir()
        assert main(["import", str(source), "--into", str(tmp_path / "into")]) == 0
        assert "not taken over: 2 file" in capsys.readouterr().out


class TestRunsThatGoOn:
    def test_a_key_without_a_name(self, tmp_path: Path) -> None:
        """It is a key like any, in config and rows; the server takes no such metric."""
        named = put(1, put(16, b"5")) + put(1, put(1, "n") + put(16, b"1"))
        source = written_log(tmp_path / "run.wandb", [messages.record("config", named)])
        assert main(["import", str(source), "--into", str(tmp_path / "into")]) == 0
        (run,) = read_runs(tmp_path / "into")
        assert run.config == {"": 5, "n": 1}

    def test_the_directories_are_sent_behind_each_other(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Two parts of a run that was resumed offline are one run on the server, whose steps are counted on."""
        for part in (0, 1):
            rows = [history(step, {"loss": 10 * part + step}) for step in range(3)]
            written_log(tmp_path / f"part{part}.wandb", rows, resume="allow", start=1.7e9 + 100 * part)
        assert main(["import", str(tmp_path), "--into", str(tmp_path / "into")]) == 0
        assert main(["sync", str(tmp_path / "into"), "--host", wandb_server.url]) == 0
        (run,) = wandb_server.runs
        assert [(row["_step"], row["loss"]) for row in run.history] == [
            (0, 0),
            (1, 1),
            (2, 2),
            (3, 10),
            (4, 11),
            (5, 12),
        ]
        assert "step" not in run.summary


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
