from __future__ import annotations

import gzip
import os
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.cli.commands import child
from tests.patience import PATIENCE
from wandb_logging import read_runs
from wandb_logging._cli import main
from wandb_logging._supervise.tail import Tail, WholeLines

_TEXTS = st.text(max_size=30).map(lambda text: text.replace("\0", "").replace("\ufeff", ""))


class TestTail:
    def test_a_file_that_comes_late(self, tmp_path: Path) -> None:
        """Nothing is there, then something, then more."""
        tail = Tail(tmp_path / "log")
        assert (tail.read(), tail.is_there) == ("", False)
        (tmp_path / "log").write_text("one\n")
        assert tail.read() == "one\n"
        with (tmp_path / "log").open("a") as file:
            file.write("two")
        assert (tail.read(), tail.read()) == ("two", "")
        tail.close()

    def test_rotation_loses_no_line(self, tmp_path: Path) -> None:
        """The old file is read to its end before the new one is begun."""
        log, tail = tmp_path / "log", Tail(tmp_path / "log")
        log.write_text("one\n")
        assert tail.read() == "one\n"
        with log.open("a") as file:
            file.write("two\n")
            log.rename(tmp_path / "log.1")
            log.write_text("three\n")
            file.write("late\n")
        assert tail.read() + tail.read() == "two\nlate\nthree\n"
        tail.close()

    def test_a_file_that_is_cut(self, tmp_path: Path) -> None:
        """A file that is emptied and written again is read from its beginning."""
        log, tail = tmp_path / "log", Tail(tmp_path / "log")
        log.write_text("one, two, three\n")
        tail.read()
        log.write_text("four\n")
        assert tail.read() == "four\n"
        tail.close()

    @given(_TEXTS, st.integers(1, 7))
    def test_letters_are_whole(self, tmp_path_factory: pytest.TempPathFactory, text: str, size: int) -> None:
        """However a file grows, the text that is read is the text that was written."""
        data = text.encode("utf-8", "replace")
        log = tmp_path_factory.mktemp("tail") / "log"
        tail, found = Tail(log), ""
        for start in range(0, len(data), size):
            with log.open("ab") as file:
                file.write(data[start : start + size])
            found += tail.read()
        tail.close()
        assert found == data.decode()

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_encodings_with_a_mark(self, tmp_path: Path, encoding: str) -> None:
        """A file that says that it is UTF-16 is read so, as `mine` reads it; the mark is no part of the text."""
        log, tail, found = tmp_path / "log", Tail(tmp_path / "log"), ""
        mark = "\ufeff" if encoding[-3:] in {"-le", "-be"} else ""
        for byte in f"{mark}step 1: größer\n".encode(encoding):
            with log.open("ab") as file:
                file.write(bytes([byte]))
            found += tail.read()
        tail.close()
        assert found == "step 1: größer\n"

    def test_a_file_that_is_cut_and_longer_again(self, tmp_path: Path) -> None:
        """A program that was started again has written more than before by our next look: nothing of it is left out."""
        log, tail = tmp_path / "log", Tail(tmp_path / "log")
        log.write_text("start\none\n")
        assert tail.read() == "start\none\n"
        log.write_text("start\ntwo\nthree\n")
        assert tail.read() == "start\ntwo\nthree\n"
        log.write_text("start\ntwo\nthree\nfour\n")  # as by a program that writes the whole file each time
        assert (tail.read(), tail.read()) == ("four\n", "")
        tail.close()

    def test_a_hole_of_a_cut_file(self, tmp_path: Path) -> None:
        """After `copytruncate` a writer that does not append goes on at its old place: before that there is a hole."""
        tail = Tail(tmp_path / "log")
        with (tmp_path / "log").open("w") as writer:
            writer.write("one\n" * 1_000_000)
            writer.flush()
            while tail.read():
                pass
            os.truncate(tmp_path / "log", 0)
            assert tail.read() == ""
            writer.write("two\n")
        assert (tail.read(), tail.read()) == ("two\n", "")
        tail.close()

    @pytest.mark.parametrize("cut", [True, False])
    def test_a_line_does_not_go_on_in_the_next_file(self, tmp_path: Path, cut: bool) -> None:
        """Where a file was rotated or cut within a line, the next text begins a line of its own."""
        log, tail = tmp_path / "log", Tail(tmp_path / "log")
        log.write_text("iter 1: lo")
        assert tail.read() == "iter 1: lo"
        if not cut:
            log.rename(tmp_path / "log.1")
        log.write_text("iter 2\n")
        assert tail.read() == "\niter 2\n"
        assert tail.rest() == ""
        tail.close()


class TestWholeLines:
    @given(st.lists(st.sampled_from(["a", "bc", "\n", "d\ne"]), max_size=20))
    def test_lines_come_whole(self, pieces: list[str]) -> None:
        """However a text is cut, only whole lines come, and all of it in the end."""
        lines = WholeLines()
        taken = [lines.take(piece) for piece in pieces]
        assert all(text.endswith("\n") for text in taken if text)
        text = "".join(pieces)
        assert "".join(taken) + lines.end() == text + ("" if text.endswith("\n") or not text else "\n")

    def test_a_line_without_end(self) -> None:
        """It does not fill the memory."""
        lines = WholeLines()
        assert lines.take("x" * 1_000_000) == "x" * 1_000_000 + "\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
class TestPipes:
    def test_one_with_a_name(self, tmp_path: Path) -> None:
        """Nobody waits for who writes to it; one may follow the other."""
        os.mkfifo(tmp_path / "log")
        tail = Tail(tmp_path / "log")
        assert (tail.read(), tail.waits) == ("", True)
        for said in ("one\n", "two\n"):
            with (tmp_path / "log").open("w") as file:
                file.write(said)
            assert (tail.read(), tail.read()) == (said, "")
            assert (tail.waits, tail.is_over) == (False, False)
        tail.close()

    @pytest.mark.parametrize("options", [(), ("--no-follow",)])
    def test_stdin(self, options: tuple[str, ...]) -> None:
        """It is read to its end, however long that takes; then the run ends."""
        process = child("tail", "-", "--mode", "offline", *options, stdin=subprocess.PIPE)
        process.communicate("one\ntwo\n", timeout=PATIENCE)
        assert process.returncode == 0
        (run,) = read_runs("wandb_cache")
        assert [line.rpartition(" ")[2] for line in run.lines] == ["one", "two"]


class TestCommand:
    def test_a_log_that_is_finished(self, tmp_path: Path) -> None:
        """What is there becomes a run, its metrics by rules."""
        Path("rules.yaml").write_text('- line: "iter {step}: loss {loss}"\n')
        Path("train.log").write_text("iter 1: loss 0.5\niter 2: loss 0.25\n")
        process = child("tail", "train.log", "--no-follow", "--rules", "rules.yaml", "--mode", "offline")
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        (run,) = read_runs("wandb_cache")
        assert [(row["_step"], row["loss"]) for row in run.rows] == [(1, 0.5), (2, 0.25)]
        assert run.exit_code == 0

    def test_several_files_are_not_mixed(self) -> None:
        """Lines come whole, tables and steps are each file's own, and a rule can be for one file."""
        Path("rules.yaml").write_text(
            '- {line: "iter {step}: loss {loss}", stream: one.log}\n- {table: "Step Temp", step: Step, prefix: "t/"}\n'
        )
        Path("one.log").write_text("iter 1: loss 0.5\niter 2: lo")
        Path("two.log").write_text("Step Temp\n 10 300.5\niter 3: loss 9.9\n 20 3")
        process = child("tail", "one.log", "two.log", "--rules", "rules.yaml", "--mode", "offline", "--name", "mixed")
        while not Path("wandb_cache").exists() or not (found := read_runs("wandb_cache")) or len(found[0].lines) < 4:
            assert process.poll() is None
        for name, rest in (("one.log", "ss 0.25\n"), ("two.log", "01.5")):
            with Path(name).open("a") as file:
                file.write(rest)
        while len(read_runs("wandb_cache")[0].lines) < 5:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        (run,) = read_runs("wandb_cache")
        values = {name: [row[name] for row in run.rows if name in row] for name in ("loss", "t/Temp")}
        assert values == {"loss": [0.5, 0.25], "t/Temp": [300.5, 301.5]}

    def test_a_log_that_was_compressed(self) -> None:
        """It is named and left out, as `mine` does; the others are taken."""
        Path("old.log.gz").write_bytes(gzip.compress(b"one\n"))
        Path("new.log").write_text("two\n")
        for files, lines in (["old.log.gz"], []), (["old.log.gz", "new.log"], ["two"]):
            process = child("tail", *files, "--no-follow", "--mode", "offline")
            _, err = process.communicate(timeout=PATIENCE)
            assert (process.returncode, "old.log.gz: is no text" in err) == (1, True)
            runs = read_runs("wandb_cache") if Path("wandb_cache").exists() else []
            assert [line.rpartition(" ")[2] for run in runs for line in run.lines] == lines

    @pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file that root cannot read")
    def test_a_log_that_cannot_be_read(self) -> None:
        """It is said once, and the others are followed; alone it ends the run, for nothing would ever come."""
        Path("a.log").write_text("one\n")
        process = child("tail", "/proc/self/mem", "a.log", "--until-idle", "0.5", "--mode", "offline")
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err.count("/proc/self/mem: Input/output error\n")) == (1, 1), err
        (run,) = read_runs("wandb_cache")
        assert [line.rpartition(" ")[2] for line in run.lines] == ["one"]
        process = child("tail", "/proc/self/mem", "--mode", "offline")
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 1

    def test_a_folder_without_event_files(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Who means the logs in a folder would get a run without anything; and an empty name is no folder."""
        Path("logs").mkdir()
        Path("logs/a.log").write_text("one\n")
        process = child("tail", "logs", "--no-follow", "--mode", "offline")
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, "logs: no event files there." in err) == (1, True), err
        assert (main(["tail", "", "--no-follow"]), "a name is empty" in capsys.readouterr().err) == (2, True)

    @pytest.mark.skipif(os.name == "nt", reason="it has no such device")
    @pytest.mark.parametrize("options", [(), ("--no-follow",)])
    def test_a_device_that_ends(self, options: tuple[str, ...]) -> None:
        """Its end is the end: nobody comes to write more."""
        process = child("tail", "/dev/null", "--mode", "offline", *options)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0

    def test_a_file_that_is_not_there(self) -> None:
        """Without following, a file that is missing is said; a mistyped name leaves no run without anything in it."""
        Path("a.log").write_text("one\n")
        Path("bare").mkdir()
        for others, texts in (["bare"], []), (["a.log"], [["one"]]):
            process = child("tail", "nowhere.log", *others, "--no-follow", "--mode", "offline")
            _, err = process.communicate(timeout=PATIENCE)
            assert (process.returncode, "nowhere.log: no such file" in err) == (1, True)
            runs = read_runs("wandb_cache") if Path("wandb_cache").exists() else []
            assert [[line.rpartition(" ")[2] for line in run.lines] for run in runs] == texts

    def test_a_file_that_is_waited_for_is_said(self) -> None:
        """Who mistyped a name would else wait for ever."""
        process = child("tail", "nowhere.log", "--until-idle", "0.1", "--mode", "offline")
        err = process.communicate(timeout=PATIENCE)[1]
        assert (process.returncode, "nowhere.log: no such file yet: waiting for it" in err) == (0, True)

    def test_until_idle(self) -> None:
        """Following ends by itself when asked to; that is a run that ended well."""
        Path("a.log").write_text("one\n")
        process = child("tail", "a.log", "--until-idle", "0.1", "--mode", "offline")
        process.communicate(timeout=PATIENCE)
        assert (process.returncode, [run.exit_code for run in read_runs("wandb_cache")]) == (0, [0])

    @pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way on Windows")
    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_it_is_ended_on_purpose(self, name: str) -> None:
        """By Ctrl-C, `kill` or the end of its terminal: what stands there by then is in a run that ended well."""
        Path("a.log").write_text("one\n")
        process = child("tail", "a.log", "--mode", "offline")
        while not (Path("wandb_cache").exists() and any(run.lines for run in read_runs("wandb_cache"))):
            assert process.poll() is None
        process.send_signal(signal.SIGSTOP)  # so that it has not looked again before it is asked to end
        with Path("a.log").open("a") as file:
            file.write("two\n")
        process.send_signal(getattr(signal, name))
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=PATIENCE)
        (run,) = read_runs("wandb_cache")
        assert (process.returncode, run.exit_code) == (0, 0), err
        assert [line.rpartition(" ")[2] for line in run.lines] == ["one", "two"]
