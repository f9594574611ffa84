"""Promises about what whole programs print: it is in the run as a terminal shows it, and they notice nothing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wandb_logging
from tests.patience import PATIENCE
from wandb_logging import read_run
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

# What programs do to their terminals. Bars draw the same every time: no rates, no times.
OUTPUT = r"""
from tqdm import tqdm

print("on stdout")
print("on stderr", file=sys.stderr)
print("several", "words", sep=", ")
print("two\nlines")
print()
print("after a blank line")
print("abc\rX")
print("no newline", end="")
print(" ... its end")
print("\x1b[31mred\x1b[0m and a tab\t.")
print("x" * 5000)
sys.stdout.writelines(["written\n", "lines\n"])
print("first\nsecond\nthird")
print("\x1b[A\x1b[Achanged", flush=True)
print()
print("ü \U0001f600 \u4e2d")
bars = dict(mininterval=0, ncols=40, bar_format="{desc}{percentage:3.0f}%|{bar}| {n}/{total}")
for _ in tqdm(range(20), **bars):
    pass
for _ in tqdm(range(3), desc="outer ", position=0, **bars):
    for _ in tqdm(range(3), desc="inner ", position=1, leave=False, **bars):
        tqdm.write("from within")
for number in range(50):
    print("line", number)
print("\x1b[A" * 40 + "far up")
for number in range(50):
    print("error", number, file=sys.stderr)
print("\x1b[A" * 40 + "far up", file=sys.stderr)
print("trailing blanks   ")
print("\n" * 3)
"""


def run_program(source: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    head = "import io, logging, os, sys, threading, warnings\nfrom wandb_logging import WandbHandler, new_run\n"
    Path("program.py").write_text(head + textwrap.dedent(source), encoding="utf-8")
    package = str(Path(wandb_logging.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "program.py"],
        env={**os.environ, "PYTHONPATH": package, "PYTHONIOENCODING": "utf-8", **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return done


def texts(lines: list[str]) -> list[str]:
    """Lines without their time stamps; stderr's keep a mark."""
    return ["! " + line.split(" ", 2)[2] if line.startswith("ERROR ") else line.split(" ", 1)[1] for line in lines]


def only_run() -> list[str]:
    (found,) = find_runs(Path("wandb_cache"))
    return texts(read_run(found.path).lines)


class TestPrograms:
    def test_what_is_printed_is_in_the_run(self) -> None:
        """Lines of stdout and stderr, the latter as error lines; on the terminal nothing changes."""
        done = run_program("""
            run = new_run("p", mode="offline", capture_output=True, quiet=True)
            print("out", 1, sep="-")
            print("err", file=sys.stderr)
            print("half", end="")
            print(" whole")
        """)
        assert (done.stdout, done.stderr) == ("out-1\nhalf whole\n", "err\n")
        assert only_run() == ["out-1", "! err", "half whole"]

    def test_off_by_default(self) -> None:
        """Nobody's output leaves the machine unasked."""
        assert Settings().capture_output is False
        run_program("""
            run = new_run("p", mode="offline", quiet=True)
            print("private")
        """)
        assert only_run() == []

    def test_a_traceback_is_there_once(self) -> None:
        """Python prints it to stderr, where it is captured: it does not come a second time."""
        done = run_program("""
            run = new_run("p", mode="offline", capture_output=True, quiet=True)
            1 / 0
        """)
        assert [line.removeprefix("! ") for line in only_run()] == done.stderr.splitlines()
        assert only_run()[-1] == "! ZeroDivisionError: division by zero"

    def test_own_notices_and_handlers_on_stderr_do_not_loop(self, wandb_server: LocalServer) -> None:
        """Logging everything to stderr while the server fails: each line is captured once, and there is an end."""
        wandb_server.fail_next(2, status=500, where="file_stream", retry_after=0)
        done = run_program("""
            logging.basicConfig(level="DEBUG")
            handler = WandbHandler(project="p", mode="online", capture_output=True)
            logging.getLogger().addHandler(handler)
            logging.info("begins")
            logging.info("hello")
            print("printed")
            handler.flush()
        """)
        (run,) = wandb_server.runs
        lines = texts(run.output)
        assert lines.count("INFO:root:hello") == 1  # the record
        assert lines.count("! INFO:root:hello") == 1  # what the other handler printed
        assert "printed" in lines
        assert "urllib3" in done.stderr
        assert not any("urllib3" in line for line in lines)

    def test_only_the_records_where_the_handler_prints_too(self) -> None:
        """console: false leaves the printed form of each record."""
        run_program("""
            logging.basicConfig()
            handler = WandbHandler(project="p", mode="offline", capture_output=True, console=False)
            logging.getLogger().addHandler(handler)
            logging.warning("first", extra={"metrics": {"x": 1}})
            logging.warning("second")
        """)
        assert only_run() == ["! WARNING:root:second"]  # the first came before the run

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
    def test_a_forked_child_prints_into_the_same_run(self) -> None:
        """As on the terminal they share."""
        done = run_program("""
            warnings.simplefilter("ignore")  # 3.12 and later: fork in a process with threads
            run = new_run("p", mode="offline", capture_output=True, quiet=True)
            print("parent", flush=True)
            pid = os.fork()
            if not pid:
                print("child", flush=True)
                os._exit(0)
            os.waitpid(pid, 0)
            print("parent again")
        """)
        assert done.stdout == "parent\nchild\nparent again\n"
        assert sorted(only_run()) == ["child", "parent", "parent again"]

    def test_threads(self) -> None:
        """What many threads print is all there."""
        run_program("""
            run = new_run("p", mode="offline", capture_output=True, quiet=True)
            def work(name):
                for number in range(100):
                    sys.stdout.write(f"{name} {number}\\n")
            threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
        """)
        assert sorted(only_run()) == sorted(f"{name} {number}" for name in "abcd" for number in range(100))

    @pytest.mark.slow
    def test_text_of_any_kind(self) -> None:
        """Surrogates, NUL, a megabyte in one piece: kept as far as it can be sent, and printing never fails."""
        run_program(
            r"""
            sys.stdout.reconfigure(errors="replace")
            run = new_run("p", mode="offline", capture_output=True, quiet=True)
            print("lone \udc80 surrogate")
            print("nul \0 and \x7f")
            print("null" * 3, '"quoted"')
            sys.stdout.write("many lines\n" * 300_000)
            """
        )
        lines = only_run()
        assert lines[:3] == ["lone \ufffd surrogate", "nul \0 and \x7f", 'nullnullnull "quoted"']
        assert lines[3:] == ["many lines"] * 300_000


class TestTheServer:
    def test_a_line_that_changes_goes_again_at_its_number(self, wandb_server: LocalServer) -> None:
        """Each request holds one consecutive range; the last text of each line stays."""
        run_program(r"""
            run = new_run("p", mode="online", capture_output=True, flush_interval=3600, quiet=True)
            print("1%", end="")
            run.flush()
            print("\r2%", end="")
            run.flush()
            print("\r3%\nnext\nafter next")
            run.flush()
            print("\x1b[A" * 3 + "\r4%\n\nAFTER")
        """)
        (run,) = wandb_server.runs
        assert texts(run.output) == ["4%", "next", "AFTER next"]
        bodies = [item.json() for item in wandb_server.requests if item.path.endswith("/file_stream")]
        chunks = [body["files"]["output.log"] for body in bodies if "output.log" in body.get("files", {})]
        sent = [(chunk["offset"], texts(chunk["content"])) for chunk in chunks]
        assert sent == [
            (0, ["1%"]),
            (0, ["2%"]),
            (0, ["3%", "next", "after next"]),
            (0, ["4%"]),
            (2, ["AFTER next"]),
        ]

    @pytest.mark.slow
    def test_a_lost_answer_changes_nothing(self, wandb_server: LocalServer) -> None:
        """What is sent again is the same, or what the line shows by then."""
        wandb_server.fail_next(where="file_stream", close="after")
        run_program(r"""
            run = new_run("p", mode="online", capture_output=True, quiet=True)
            for number in range(101):
                print(f"\r{number}%", end="")
            run.flush()
            print("\ndone")
        """)
        (run,) = wandb_server.runs
        assert texts(run.output) == ["100%", "done"]

    @pytest.mark.contract
    @pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="the official SDK is not installed")
    @pytest.mark.skipif(importlib.util.find_spec("tqdm") is None, reason="tqdm is not installed")
    def test_the_lines_are_the_official_sdks(self, wandb_server: LocalServer) -> None:
        """One program, captured by the official SDK and by us, online and offline: the same text in the same lines."""
        begin = 'import wandb\nrun = wandb.init(project="p", id="official")\n'
        run_program(begin + OUTPUT + "run.finish()\n", WANDB_SILENT="true")
        for mode in ("online", "offline"):
            begin = f'run = new_run("p", run_id="{mode}", mode="{mode}", capture_output=True, quiet=True)\n'
            run_program(begin + OUTPUT)
        wandb_logging.sync("wandb_cache")
        official = texts(wandb_server.run("official").output)
        assert official[:2] == ["on stdout", "! on stderr"]
        assert texts(wandb_server.run("online").output) == official
        assert texts(wandb_server.run("offline").output) == official
