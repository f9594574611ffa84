"""The sentences a run says: each names what it is about, and what to do."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from wandb_logging._errors import JournalLocked
from wandb_logging._events.run_info import RunInfo
from wandb_logging._report import Report
from wandb_logging._run import messages


def test_a_path_is_shown_as_a_person_would_type_it(tmp_path: Path) -> None:
    """Below the working directory without it; elsewhere in full."""
    assert messages.shown(Path.cwd() / "wandb_cache" / "p") == "wandb_cache/p"
    assert messages.shown(tmp_path) == str(tmp_path)


def test_without_a_key_it_says_how_to_send_and_how_to_log_in() -> None:
    """One line, at level INFO: it is no fault."""
    notice = messages.without_key("abc", "https://example.org", Path.cwd() / "c" / "abc")
    assert notice.level == logging.INFO
    assert "wandb-logging sync c/abc" in notice.text
    assert "wandb-logging login" in notice.text


@pytest.mark.parametrize(
    ("refused", "named"), [("c/p/abc", "c/p"), ("c/p/abc/run.json", "c/p/abc"), ("c/p", "c"), ("c", "c"), (None, "c")]
)
def test_a_folder_that_cannot_be_written_is_named(refused: str | None, named: str) -> None:
    """The one that is in the way: another user may have made that of the project in a cache folder for all."""
    error = PermissionError(errno.EACCES, "Permission denied", *([refused] if refused else []))
    text = messages.without_directory(Path("c"), error, online=True).text
    assert text.startswith(f"{Path(named)} cannot be written (Permission denied): rows are sent from memory")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder to another")
def test_whose_folder_cannot_be_written(tmp_path: Path) -> None:
    """Who can help is said."""
    os.chown(tmp_path, 12345, -1)
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "abc"))
    text = messages.without_directory(tmp_path.parent, error, online=True).text
    assert text.startswith(f"{tmp_path} cannot be written (Permission denied, it belongs to user 12345): rows are")


def test_a_lock_that_somebody_holds_and_one_that_nobody_can_have() -> None:
    """The first is the other's to send; the second is cured by another disk."""
    assert "kept for it to send" in messages.locked(JournalLocked("x is being uploaded by pid 1", "pid 1")).text
    assert "Set cache_dir" in messages.locked(JournalLocked("x cannot be locked")).text


@pytest.mark.parametrize(
    ("left", "what"), [(0, "to send the rest of run abc"), (1, "to send 1 line of run"), (2, "to send 2 lines of run")]
)
def test_what_is_waited_for(left: int, what: str) -> None:
    """What, for how long, and that Ctrl-C loses nothing: also where only files, or the end, are not sent yet."""
    text = messages.waiting("https://w", "abc", left, 10.0, Path.cwd() / "c").text
    assert text.startswith("waiting for https://w, at most 10 s, ")
    assert what in text
    assert text.endswith("Ctrl-C leaves it in c for `wandb-logging sync`.")


class TestGoodbye:
    def said(
        self, report: Report, dropped: dict[str, int] | None = None, *, sent: bool = True, **info: Any
    ) -> list[str]:
        about = RunInfo("abc", "p", **info)
        notices = messages.goodbye(report, dropped or {}, "lucky-fox-1", about, was_to_be_sent=sent)
        return [notice.text for notice in notices]

    def test_finished(self) -> None:
        """Where it can be seen."""
        report = Report("abc", "p", url="https://example.org/abc", finished=True, exit_code=0)
        assert self.said(report) == ["run lucky-fox-1 finished: https://example.org/abc"]

    def test_failed(self) -> None:
        """It is not called finished, which to W&B is the other thing."""
        report = Report("abc", "p", url="https://example.org/abc", finished=True, exit_code=3)
        assert self.said(report) == ["run lucky-fox-1 failed (exit code 3): https://example.org/abc"]

    def test_one_of_several_clients(self) -> None:
        """It says what it knows: the primary one ends the run, and alone speaks of the run of a launch."""
        report = Report("abc", "p", url="https://example.org/abc", finished=True)
        sent = "run lucky-fox-1: what node7 logged is sent: https://example.org/abc"
        assert self.said(report, client_label="node7") == [sent]
        assert self.said(report, client_label="7", ranks={"rank": 7}) == []
        (text,) = self.said(report, client_label="", ranks={"rank": 0})
        assert "finished" in text

    def test_unsent(self) -> None:
        """How much, where it is, and the command that sends it."""
        (text,) = self.said(Report("abc", "p", path=Path.cwd() / "c", remaining=3))
        assert text == "3 lines are not sent yet: c. Send with `wandb-logging sync c`."

    def test_one_line(self) -> None:
        """It is one."""
        (text,) = self.said(Report("abc", "p", path=Path.cwd() / "c", remaining=1))
        assert text.startswith("1 line is not sent yet: c.")

    def test_offline(self) -> None:
        """It is as it was meant to be, so no number of lines is told."""
        (text,) = self.said(Report("abc", "p", path=Path.cwd() / "c", remaining=3), sent=False)
        assert text == "run abc is saved: c. Send with `wandb-logging sync c`."

    def test_lost(self) -> None:
        """By reason, and what was only in memory as lost."""
        texts = self.said(Report("abc", "p", remaining=2), {"disk: full": 4, "memory full": 1})
        assert texts[0] == "run abc: 5 records were lost (4 disk: full, 1 memory full)"
        assert texts[1] == "run abc: 2 lines could not be sent and are lost"

    def test_one_that_is_lost(self) -> None:
        """It is one, wherever that is said."""
        texts = self.said(Report("abc", "p", remaining=1), {"disk: full": 1})
        assert texts[0] == "run abc: 1 record was lost (1 disk: full)"
        assert texts[1] == "run abc: 1 line could not be sent and is lost"
        assert messages.lost(1) == "1 record was lost: neither the disk nor the server has it"
        assert messages.gone(Path("c"), 1).text.endswith("1 row or line that was not sent yet is lost")
