"""The page of runs from the command line: what is printed, how it ends, what goes wrong."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.cli.commands import child, offline_run
from tests.runs import add, make_run, row
from wandb_logging._cli import main
from wandb_logging._cli.ui import lines_of

DEADLINE = 120


class TestUi:
    @pytest.mark.not_quick
    @pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C reaches the parent, too")
    def test_it_serves_until_it_is_stopped(self) -> None:
        """It prints the address with the token and how to reach it from elsewhere; Ctrl-C ends it well."""
        offline_run("a1")
        process = child("ui", "--port", "0", "--no-browser")
        assert process.stdout is not None
        first, second, third = (process.stdout.readline() for _ in range(3))
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=\S{43}$", first.rstrip())
        assert found is not None
        assert f"ssh -L {found[1]}:127.0.0.1:{found[1]}" in second
        assert third == "Ctrl-C stops it\n"
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(found[0], timeout=DEADLINE) as answer:
            assert b"<title>Runs</title>" in answer.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE)
        assert (process.returncode, err) == (0, "")

    def test_a_port_in_use(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A port that is taken is told of, with what to do."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            assert main(["ui", "--port", str(taken.getsockname()[1]), "--no-browser"]) == 1
        assert "is in use: `wandb-logging ui --port 0`" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "args", [["none"], ["--port", "x"], ["--port", "70000"], ["--host", "192.0.2.1", "--port", "0"]]
    )
    def test_what_cannot_be(self, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """No such folder, no port, not our address: one line that says so."""
        assert main(["ui", *args]) in {1, 2}
        assert capsys.readouterr().err.count("\n") == 1

    def test_an_export_names_what_cannot_be_read(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that is in the file as unreadable is not counted, but named, and the exit code is 1."""
        make_run(tmp_path / "runs", [row(1)])
        broken = make_run(tmp_path / "runs", [row(1)])
        (broken.path / "run.json").write_text("{")
        command = ["ui", str(tmp_path / "runs"), "--cache", str(tmp_path / "cache")]
        assert main([*command, "--export", str(tmp_path / "runs.html")]) == 1
        out, err = capsys.readouterr()
        assert "runs.html: 1 run, " in out
        assert err.startswith(f"wandb-logging: {broken.path} ")

    def test_listening_to_others_says_so(self) -> None:
        """Who lets other machines in is told that it is unencrypted, and that the token is all there is."""
        lines = lines_of("http://10.0.0.5:8266/?token=x", Path("runs"), "10.0.0.5")
        assert "unencrypted" in lines[1]
        assert "token" in lines[1]


class TestExport:
    def test_one_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """One file with everything in it, named with its size; nothing in it is loaded from anywhere."""
        offline_run("a1", rows=30, name="</script><script>alert(1)</script>")
        target = tmp_path / "runs.html"
        assert main(["ui", "--export", str(target)]) == 0
        assert f"{target}: 1 run, 0." in capsys.readouterr().out
        page = target.read_text(encoding="utf-8")
        assert "default-src 'none'; script-src 'sha256-" in page
        assert not re.search(r"""(src|href)=["'](?!data:|#)""", page.partition("<script")[0])
        assert "<script>alert" not in page
        assert len(re.findall("<script", page)) == len(re.findall("</script", page)) == 3
        assert [path.name for path in tmp_path.glob(".runs*")] == []

    def test_where_nothing_can_be_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A folder that is not there is told of, and no half a file is left."""
        offline_run("a1")
        assert main(["ui", "--export", "none/runs.html"]) == 1
        assert "none" in capsys.readouterr().err

    def test_in_a_notebook(self) -> None:
        """A run shows itself in a frame that reaches nothing; one that is not on disk has only its name."""
        run = offline_run("a1", rows=5)
        html = run._repr_html_() or ""
        assert html.startswith('<iframe sandbox="allow-scripts')
        assert "allow-same-origin" not in html
        assert sorted(path.name for path in (run.dir or Path()).iterdir()).count("none") == 0
        assert offline_run("b", mode="disabled")._repr_html_() is None


class TestWatch:
    def test_an_ended_run_is_shown_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Off a terminal: a line with the last values, and how it ended."""
        offline_run("a1", rows=4)
        assert main(["show", "a1", "--watch"]) == 0
        assert capsys.readouterr().out == "a1: 4 rows: loss 0.25, val.acc 0.3\nthe run has ended\n"

    def test_the_run_behind_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`show --watch RUN` is that run; of two runs one is refused, and so is a number that is no period."""
        offline_run("a1", rows=4)
        assert main(["show", "--watch", "a1"]) == 0
        assert "the run has ended" in capsys.readouterr().out
        assert main(["show", "a1", "--watch", "a2"]) != 0
        assert "'a2' is none" in capsys.readouterr().err
        assert main(["show", "--watch", "nan"]) != 0
        assert "no number of seconds" in capsys.readouterr().err

    @pytest.mark.not_quick
    @pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
    @pytest.mark.parametrize(("lines", "charts"), [(24, 1), (38, 2), (10, 1), (100, 6)])
    def test_on_a_terminal_what_has_room_is_drawn(self, lines: int, charts: int) -> None:
        """What did not fit would scroll the rest away at each look; the metrics without a chart are named."""
        pytest.importorskip("plotext")
        import fcntl
        import pty
        import termios

        run = offline_run("a1", exit_code=None)
        for at in range(3):
            run.log({f"m{number}": at * 1.0 for number in range(8)})
        run.finish()
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 80, 0, 0))
        process = child("show", "a1", "--watch", stdout=theirs, env={"LINES": "", "COLUMNS": ""})
        os.close(theirs)
        drawn = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # its end, on Linux
            while piece := terminal.read(65536):
                drawn += piece
        assert (process.communicate(timeout=DEADLINE)[1], process.returncode) == ("", 0)
        screen = drawn.decode()
        rows = screen.split("\x1b[2J")[1].split("the run has ended")[0].splitlines()
        assert sum("  last " in row for row in rows) == charts
        assert len(rows) < max(lines, 22)
        assert f"{10 - charts} more, with --metric NAME: " in screen
        assert [row for row in rows if len(row) > 80] == []

    @pytest.mark.not_quick
    def test_it_follows_until_the_end(self) -> None:
        """While a run goes on, a line for what is new; when it ends, so does watching."""
        run = offline_run("a1", rows=2, exit_code=None)
        process = child("show", "a1", "--watch", "0.05", "--metric", "loss")
        assert process.stdout is not None
        assert process.stdout.readline() == "a1: 2 rows: loss 0.5\n"
        run.log({"loss": 9.0})
        assert process.stdout.readline() == "a1: 3 rows: loss 9\n"
        run.finish()
        out, err = process.communicate(timeout=DEADLINE)
        assert out.splitlines()[-1] == "the run has ended"
        assert (process.returncode, err) == (0, "")

    @pytest.mark.not_quick
    def test_another_run_in_its_place(self, tmp_path: Path) -> None:
        """If its journal is another one now, that is shown, and nothing of the one before."""
        old, new = make_run(tmp_path, [row(at) for at in range(9)]), make_run(tmp_path / "new", [row(7), row(5)])
        writer = old.writer()
        add(writer, [row(9)])
        process = child("show", str(old.path), "--watch", "0.05")
        assert process.stdout is not None
        assert process.stdout.readline() == f"{old.path.name}: 10 rows: n 9\n"
        for journal in new.path.glob("journal-*.jsonl"):
            journal.replace(old.path / journal.name)
        assert process.stdout.readline() == f"{old.path.name}: 3 rows: n 9\n"  # of the second writer one row is left
        writer.close()
        assert process.communicate(timeout=DEADLINE)[1] == ""
        assert process.returncode == 0
