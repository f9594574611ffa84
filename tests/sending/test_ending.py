"""Promises of ending a run for a process that died: its journal says so, and the files of the end are made."""

from __future__ import annotations

import dataclasses
import errno
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.runs import START, make_run, row
from wandb_logging._errors import JournalError
from wandb_logging._fold import fold
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.ending import end_journal, last_files

if TYPE_CHECKING:
    from pathlib import Path


def folded(run_dir: RunDir) -> fold.State:
    """The state after all that is in the journal."""
    reader = run_dir.reader(None, record_order=False)
    bodies: list[bytes] = []
    while piece := reader.read(1000).bodies:
        bodies += piece
    reader.close()
    return fold.fold(fold.rules_of(run_dir.info), fold.first_state(run_dir.info), bodies)[0]


class TestTheJournal:
    def test_says_the_end_at_the_last_event(self, tmp_path: Path) -> None:
        """Not when it was found: a run that died on Friday did not run until Monday. The open row is closed."""
        run_dir = make_run(tmp_path, [row(0), row(90, step=7)])
        end_journal(run_dir, run_dir.info, folded(run_dir), 1, 0.0)
        state = folded(run_dir)
        assert (state.exit, state.runtime, state.rows, state.open) == (1, 90.0, 2, None)

    def test_by_a_writer_that_no_process_has(self, tmp_path: Path) -> None:
        """The directory may be a copy, whose files come together with the original's."""
        run_dir = make_run(tmp_path, [row(0)])
        end_journal(run_dir, run_dir.info, folded(run_dir), 3, 0.0)
        names = sorted(path.name for path in run_dir.path.glob("journal-*.jsonl"))
        assert names == ["journal-0001-0001.jsonl", "journal-1000000-0001.jsonl"]
        assert json.loads((run_dir.path / names[1]).read_bytes().split(b"\t")[-1])["exit"] == 3

    def test_of_a_run_that_had_been_resumed(self, tmp_path: Path) -> None:
        """What it ran before counts once, and pauses count for nothing."""
        run_dir = make_run(
            tmp_path, [row(0), {"t": START + 10, "exit": 0}, {"t": START + 500, "resume": True}, row(520)]
        )
        state = dataclasses.replace(folded(run_dir), runtime=folded(run_dir).runtime + 1000)
        end_journal(run_dir, run_dir.info, state, 1, 1000.0)
        assert folded(run_dir).runtime == pytest.approx(30.0)

    def test_a_disk_that_refuses_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run whose end is written nowhere is not called ended."""
        run_dir = make_run(tmp_path, [row(0)])
        state = folded(run_dir)
        monkeypatch.setattr("os.write", refuse)
        with pytest.raises((JournalError, OSError)):
            end_journal(run_dir, run_dir.info, state, 1, 0.0)


class TestFilesOfTheEnd:
    def test_those_that_are_wanted(self, tmp_path: Path) -> None:
        """The config and the summary as the server has them, under their names."""
        run_dir = make_run(tmp_path, [row(4)])
        tasks = last_files(
            BoundedCopies(run_dir), ["config.yaml", "wandb-summary.json"], '{"lr": 0.1}', folded(run_dir), fail
        )
        assert [(task.kind, task.name) for task in tasks] == [
            ("standard", "config.yaml"),
            ("standard", "wandb-summary.json"),
        ]
        assert b"lr: 0.1" in run_dir.files.read("config.yaml")
        assert json.loads(run_dir.files.read("wandb-summary.json"))["n"] == 4

    def test_none_where_none_is_wanted(self, tmp_path: Path) -> None:
        run_dir = make_run(tmp_path, [row(0)])
        assert last_files(BoundedCopies(run_dir), [], "{}", folded(run_dir), fail) == []
        assert not run_dir.files.has("config.yaml")

    def test_a_disk_that_refuses_costs_the_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is said, and the end is told to the server all the same."""
        run_dir, words = make_run(tmp_path, [row(0)]), []
        monkeypatch.setattr(BoundedCopies, "file", refuse)
        found = last_files(
            BoundedCopies(run_dir), ["config.yaml"], "{}", folded(run_dir), lambda *said: words.append(said)
        )
        assert found == []
        ((kind, text),) = words
        assert kind == "standard files"
        assert "cannot make the files of the end" in text


def refuse(*_: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def fail(*words: str) -> None:
    raise AssertionError(words)
