"""Promises about captured output: it is in the run as a terminal shows it, and the program notices nothing."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from wandb_logging import WandbHandler, new_run, read_run
from wandb_logging._process.capture import Capture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Replace = Callable[[], tuple["Stream", "Stream"]]


class Stream(io.StringIO):
    """A stream that can be told from others."""


@pytest.fixture
def replace_streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], tuple[Stream, Stream]]]:
    """Gives stdout and stderr of the test's own; at the end they are as they were."""
    out, err = Stream(), Stream()

    def replace() -> tuple[Stream, Stream]:  # within the test: pytest sets its own before each phase
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return out, err

    yield replace
    assert "write" not in vars(out)
    assert "write" not in vars(err)


class TestStreams:
    def test_they_stay_what_they_are(self, replace_streams: Replace) -> None:
        """The same objects, with all that they can; after `finish` as they were before."""
        streams = replace_streams()
        before = {name: getattr(sys.stdout, name) for name in ("isatty", "flush", "encoding", "seek", "fileno")}
        run = new_run("p", mode="offline", capture_output=True)
        assert (sys.stdout, sys.stderr) == streams
        assert {name: getattr(sys.stdout, name) for name in before} == before
        assert sys.stdout.write("five\n") == 5
        run.finish()
        print("after")
        assert "write" not in vars(streams[0])
        assert streams[0].getvalue() == "five\nafter\n"
        assert run.dir is not None
        assert [line.split(" ", 1)[1] for line in read_run(run.dir).lines] == ["five"]

    def test_errors_of_the_stream_are_the_programs(self, replace_streams: Replace) -> None:
        """What cannot be printed is not captured, and says so as ever."""
        replace_streams()
        taken: list[Any] = []
        capture = Capture(lambda *what: taken.append(what))
        capture.start()
        with pytest.raises(TypeError):
            sys.stdout.write(5)  # type: ignore[arg-type]
        capture.stop()
        assert taken == []

    def test_several_captures(self, replace_streams: Replace) -> None:
        """Runs come and go in any order; each gets what is printed meanwhile."""
        replace_streams()
        taken: list[tuple[str, str, bool]] = []
        first = Capture(lambda text, error: taken.append(("first", text, error)))
        second = Capture(lambda text, error: taken.append(("second", text, error)))
        first.start()
        print("a", end="")
        second.start()
        print("b", end="", file=sys.stderr)
        first.stop()
        first.stop()
        print("c", end="")
        second.stop()
        print("d", end="")
        assert taken == [("first", "a", False), ("first", "b", True), ("second", "b", True), ("second", "c", False)]

    def test_one_stream_for_both(self, replace_streams: Replace, monkeypatch: pytest.MonkeyPatch) -> None:
        """`sys.stderr = sys.stdout` gives each text once."""
        replace_streams()
        monkeypatch.setattr(sys, "stderr", sys.stdout)
        taken: list[Any] = []
        capture = Capture(lambda *what: taken.append(what))
        capture.start()
        sys.stderr.write("once")
        capture.stop()
        assert taken == [("once", False)]

    def test_somebody_wraps_it_afterwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Theirs stays; ours only passes on, and is used again by the next run."""
        out = Stream()
        monkeypatch.setattr(sys, "stdout", out)
        taken: list[str] = []
        capture = Capture(lambda text, _error: taken.append(text))
        capture.start()
        inner = sys.stdout.write
        theirs: list[str] = []

        def outer(text: str) -> int:
            theirs.append(text)
            return inner(text)

        monkeypatch.setattr(sys.stdout, "write", outer)
        capture.stop()
        sys.stdout.write("a")
        capture.start()
        sys.stdout.write("b")
        capture.stop()
        assert (out.getvalue(), theirs, taken) == ("ab", ["a", "b"], ["b"])

    def test_a_wrapper_that_was_there_comes_back(self, replace_streams: Replace) -> None:
        """An instance's own `write` is put back as it was."""
        streams = replace_streams()
        out = streams[0]
        own = out.write = len  # type: ignore[method-assign]
        capture = Capture(lambda *_: None)
        capture.start()
        capture.stop()
        assert vars(out).pop("write") is own

    def test_a_stream_that_cannot_be_wrapped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is named in one line, and the other one is captured."""

        class Closed:
            __slots__ = ()

            def write(self, text: str) -> int:
                return len(text)

        monkeypatch.setattr(sys, "stdout", Closed())
        monkeypatch.setattr(sys, "stderr", Stream())
        taken: list[Any] = []
        capture = Capture(lambda *what: taken.append(what))
        with pytest.raises(ValueError, match="stdout"):
            capture.start()
        sys.stderr.write("x")
        capture.stop()
        assert taken == [("x", True)]

    def test_no_console_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Under pythonw both streams are None."""
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stderr", None)
        run = new_run("p", mode="offline", capture_output=True, quiet=True)
        assert run.finish().error is None

    def test_what_fails_here_does_not_fail_there(self, replace_streams: Replace) -> None:
        """Printing goes on when capturing cannot."""
        streams = replace_streams()

        def broken(*_: object) -> None:
            raise RuntimeError

        capture = Capture(broken)
        capture.start()
        print("printed", end="")
        capture.stop()
        assert streams[0].getvalue() == "printed"

    def test_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A stream of bytes in the place of stdout is read as UTF-8."""

        class Raw(io.BytesIO):
            pass

        monkeypatch.setattr(sys, "stdout", Raw())
        taken: list[Any] = []
        capture = Capture(lambda *what: taken.append(what))
        capture.start()
        sys.stdout.write("ü\n".encode())  # type: ignore[arg-type]
        capture.stop()
        assert taken == [("ü\n", False)]


def test_warnings_are_records() -> None:
    """`logging.captureWarnings(True)` brings them into the run by way of the handler."""
    handler = WandbHandler(project="p", mode="offline", quiet=True)
    logging.getLogger("py.warnings").addHandler(handler)
    logging.captureWarnings(capture=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("beware", UserWarning, stacklevel=1)
    logging.captureWarnings(capture=False)
    run_dir = handler.run.dir
    handler.close()
    assert run_dir is not None
    assert any("UserWarning: beware" in line and "WARNING:py.warnings:" in line for line in read_run(run_dir).lines)
