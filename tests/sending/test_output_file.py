"""Promises of output.log as a file of the run: what was acknowledged, each line once, also after a crash."""

from __future__ import annotations

import dataclasses
import errno
from typing import TYPE_CHECKING, Any

import pytest

from tests.runs import make_run
from wandb_logging._fold import fold
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.batch import Batch
from wandb_logging._sending.output_file import OutputFile
from wandb_logging._server.body import LineBlock

if TYPE_CHECKING:
    from pathlib import Path

TIME = "2026-11-28T12:00:00.000000Z"


class Output:
    """An OutputFile, what it says, and the file."""

    def __init__(self, run_dir: RunDir, size: int = 0, *, wanted: bool = True) -> None:
        self.run_dir = run_dir
        self.words: list[tuple[str, str]] = []
        self.file = OutputFile(BoundedCopies(run_dir), size, lambda *words: self.words.append(words), wanted=wanted)

    def keep(self, *lines: str, first: int = 0, edits: dict[int, str] | None = None) -> None:
        """Lines, the first of which is the server's number `first`."""
        batch = Batch.after(fold.State(), None, lambda line: line, gzip=False)
        said = [f"{TIME} {line}" for line in lines]
        changed = {number: f"{TIME} {line}" for number, line in (edits or {}).items()}
        self.file.keep(dataclasses.replace(batch, output=LineBlock(first, said), edits=changed))

    @property
    def text(self) -> bytes:
        return self.run_dir.files.read("output.log")


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(make_run(tmp_path))


def test_lines_without_their_time(output: Output) -> None:
    """As the program wrote them; the size is that of the file."""
    output.keep("one", "zw\u00f6lf")
    output.keep("three", first=2)
    assert output.text == "one\nzw\u00f6lf\nthree\n".encode()
    assert output.file.size == len(output.text)


def test_a_batch_without_lines_makes_no_file(output: Output) -> None:
    output.keep()
    assert not output.run_dir.files.has("output.log")
    assert output.file.size == 0


def test_where_it_is_not_wanted_there_is_none(tmp_path: Path) -> None:
    """And nothing is counted: who wants it later begins with what comes then."""
    output = Output(make_run(tmp_path), wanted=False)
    output.keep("one")
    assert not output.run_dir.files.has("output.log")
    assert (output.file.size, output.words) == (0, [])


def test_a_line_that_changes_later(output: Output) -> None:
    """A progress bar that went out as it was: the file has its last text, at its place."""
    output.keep("a", "10%", "b")
    output.keep("c", first=3, edits={1: "100%"})
    assert output.text == b"a\n100%\nb\nc\n"
    output.keep(first=4, edits={3: "", 0: "A"})
    assert output.text == b"A\n100%\nb\n\n"


def test_a_line_that_changes_in_its_own_batch(output: Output) -> None:
    output.keep("a", "b", edits={1: "B"})
    assert output.text == b"a\nB\n"


def test_what_the_server_had_before_is_not_ours(output: Output) -> None:
    """Of a resumed run: numbers count from its first line there, the file from our own."""
    output.keep("x", "y", first=5)
    output.keep("z", first=7, edits={6: "Y"})
    assert output.text == b"x\nY\nz\n"


def test_what_came_before_a_crash_comes_again(output: Output) -> None:
    """The cursor was not saved: the same lines are kept over what is behind its size."""
    output.keep("one")
    size = output.file.size
    output.keep("two", first=1)
    again = Output(output.run_dir, size)
    again.keep("two", "three", first=1)
    assert again.text == b"one\ntwo\nthree\n"


def test_a_disk_that_refuses_is_told(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs the file and not the run: the lines are at the server."""

    def refuse(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    output.keep("one")
    monkeypatch.setattr(BoundedCopies, "append", refuse)
    output.keep("two", first=1)
    assert output.words == [("output", f"{output.run_dir.path}: cannot keep output.log (No space left on device)")]
    assert (output.text, output.file.size) == (b"one\n", 4)
