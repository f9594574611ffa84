"""Promises about the end of a program: exceptions, exit codes, signals. Each program is a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import wandb_logging
from tests.patience import PATIENCE
from wandb_logging import SettingsError, new_run, read_run
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.folder_mutex import alone_in
from wandb_logging._journal.members import note_of
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_logging import RunData
    from wandb_logging.testing import LocalServer

    Start = Callable[[str], subprocess.Popen[str]]

HEAD = """
import logging, os, signal, sys, threading, time
from wandb_logging import WandbHandler, new_run

def wait():  # not signal.pause(): it would miss a signal that came just before
    while True:
        time.sleep(0.01)
"""

INTERRUPTED = 255  # the exit code of a run that Ctrl-C ended

posix = pytest.mark.skipif(os.name != "posix", reason="signals end a process on POSIX")


def run_program(source: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        command(source), env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.fixture
def start_program() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a program and wait until it prints that it is ready."""
    with contextlib.ExitStack() as stack:

        def start(source: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                command(source), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()
            return process

        yield start


def command(source: str) -> list[str]:
    Path("program.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
    return [sys.executable, "program.py"]


def environment() -> dict[str, str]:
    package = str(Path(wandb_logging.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": package, "PYTHONUNBUFFERED": "1"}


def only_run() -> RunData:
    (found,) = find_runs(Path("wandb_cache"))
    return read_run(found.path)


def texts(lines: list[str]) -> list[str]:
    """Lines without their time stamps; error lines keep their mark."""
    return ["! " + line.split(" ", 2)[2] if line.startswith("ERROR ") else line.split(" ", 1)[1] for line in lines]


class TestExceptions:
    def test_the_traceback_is_in_the_run_and_the_run_has_failed(self) -> None:
        """An exception that nobody handles is text of the run, as error lines, and its exit code is 1."""
        done = run_program("""
            run = new_run("p", mode="offline", quiet=True)
            def work():
                raise ValueError("nobody handles this")
            work()
        """)
        run = only_run()
        assert (done.returncode, run.exit_code) == (1, 1)
        assert texts(run.lines)[0] == "! Traceback (most recent call last):"
        assert texts(run.lines)[-1] == "! ValueError: nobody handles this"
        assert [line.removeprefix("! ") for line in texts(run.lines)] == done.stderr.splitlines()

    def test_online_the_server_has_it(self, wandb_server: LocalServer) -> None:
        """The run of a handler ends as failed on the server, with the traceback in its Logs tab."""
        run_program("""
            logging.getLogger().addHandler(WandbHandler(project="p", mode="online", quiet=True))
            logging.warning("it begins")
            1 / 0
        """)
        (run,) = wandb_server.runs
        assert (run.state, run.exit_code) == ("failed", 1)
        assert texts(run.output)[-1] == "! ZeroDivisionError: division by zero"

    def test_in_a_thread_it_is_text_only(self) -> None:
        """A thread's exception does not end the program, so it does not end the run as failed."""
        done = run_program("""
            run = new_run("p", mode="offline", quiet=True)
            thread = threading.Thread(target=lambda: 1 / 0, name="worker")
            thread.start()
            thread.join()
            threading.Thread(target=sys.exit).start()
        """)
        run = only_run()
        assert (done.returncode, run.exit_code) == (0, 0)
        assert texts(run.lines)[0] == "! Exception in thread worker:"
        assert texts(run.lines)[-1] == "! ZeroDivisionError: division by zero"
        assert "Exception in thread worker" in done.stderr

    def test_hooks_from_before_are_called(self) -> None:
        """What was in `sys.excepthook` and `threading.excepthook` still sees each exception."""
        done = run_program("""
            sys.excepthook = lambda kind, error, trace: print("main", kind.__name__)
            threading.excepthook = lambda args: print("thread", args.exc_type.__name__)
            run = new_run("p", mode="offline", quiet=True)
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
            raise ValueError
        """)
        assert done.stdout.splitlines() == ["thread ZeroDivisionError", "main ValueError"]
        assert done.stderr == ""

    def test_without_console_only_the_code(self) -> None:
        """`console: false` keeps text out of the run, tracebacks too."""
        run_program("""
            run = new_run("p", mode="offline", quiet=True, console=False)
            raise ValueError
        """)
        assert (only_run().exit_code, only_run().lines) == (1, [])

    def test_where_records_make_alerts_so_does_it(self, wandb_server: LocalServer) -> None:
        """With `alert_level` somebody is told; Ctrl-C is no news."""
        run_program("""
            run = new_run("p", mode="online", alert_level="ERROR", quiet=True)
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
            raise KeyboardInterrupt
        """)
        (run,) = wandb_server.runs
        assert [alert["title"] for alert in run.alerts] == ["unhandled ZeroDivisionError"]

    def test_an_exception_that_cannot_be_printed(self) -> None:
        """Its name is what is left; Python's own hook has its turn as ever."""
        done = run_program("""
            class Mute(Exception):
                @property
                def __cause__(self):
                    raise RuntimeError
            run = new_run("p", mode="offline", quiet=True)
            raise Mute
        """)
        run = only_run()
        assert (done.returncode, run.exit_code) == (1, 1)
        assert texts(run.lines)[-1].endswith("Mute")

    @pytest.mark.parametrize("capture", [False, True])
    def test_one_that_leaves_a_with_block(self, capture: bool) -> None:
        """It ends the run as failed, with its traceback, once, whether or not somebody outside handles it."""
        with pytest.raises(ValueError, match="on its way"), new_run("p", mode="offline", capture_output=capture):
            raise ValueError("on its way")
        assert only_run().exit_code == 1
        assert texts(only_run().lines)[0] == "! Traceback (most recent call last):"
        assert texts(only_run().lines)[-1] == "! ValueError: on its way"
        assert len(texts(only_run().lines)) < 10

    @pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 3), (None, 0), ("a message", 1)])
    def test_leaving_a_with_block_by_sys_exit(self, status: object, code: int) -> None:
        """The run has the code that the program has; there is no error to show."""
        with pytest.raises(SystemExit), new_run("p", mode="offline"):
            raise SystemExit(status)
        assert (only_run().exit_code, only_run().lines) == (code, [])

    def test_a_finished_run_is_left_alone(self) -> None:
        """What happens after `finish` is not the run's."""
        run_program("""
            new_run("p", mode="offline", quiet=True).finish()
            raise ValueError
        """)
        assert (only_run().exit_code, only_run().lines) == (0, [])

    def test_at_a_prompt_the_program_goes_on(self) -> None:
        """In an interactive session an exception is text, not the end."""
        done = subprocess.run(
            [sys.executable, "-i", "-c", HEAD + "run = new_run('p', mode='offline', quiet=True)"],
            env=environment(),
            input="1 / 0\nrun.log({'x': 1})\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        run = only_run()
        assert (run.exit_code, len(run.rows)) == (0, 1), done.stderr
        assert texts(run.lines)[-1] == "! ZeroDivisionError: division by zero"


class TestExitCodes:
    @pytest.mark.parametrize(
        ("statement", "code"),
        [
            ("pass", 0),
            ("sys.exit()", 0),
            ("sys.exit(0)", 0),
            ("sys.exit(3)", 3),
            ("sys.exit('a message')", 1),
            ("sys.exit(True)", 1),
            ("raise KeyboardInterrupt", 255),  # as the official SDK has it
            ("exit(3)", 3),  # site's, as at a prompt
            ("quit(3)", 3),
            ("from_before(3)", 3),  # a name that was imported before there was a run
            ("sys.excepthook = lambda *error: None; 1 / 0", 1),  # as rich's tracebacks do
            ("threading.Thread(target=sys.exit, args=(3,)).start()", 0),  # ends the thread
            ("atexit.register(sys.exit, 3)", 0),  # too late to end anything
            ("weakref.finalize(module, lambda: 1 / 0)", 0),  # is told to sys.excepthook, and ends nothing
            ("weakref.finalize(module, lambda: 1 / 0); sys.exit(3)", 3),
            ("caught(sys.exit, 3)", 0),
            ("caught(exit, 3); sys.exit(4)", 4),
        ],
    )
    def test_the_code_of_the_program_is_the_code_of_the_run(self, statement: str, code: int) -> None:
        """`sys.exit(n)` ends the run with n."""
        source = f"""
            import atexit, contextlib, weakref
            from sys import exit as sys_exit
            module = type(sys)("of_the_program")
            module.exit = sys_exit
            sys.modules["of_the_program"] = module
            def from_before(status): module.exit(status)
            def caught(function, status):
                with contextlib.suppress(SystemExit): function(status)
            run = new_run('p', mode='offline', quiet=True)
            {statement}
        """
        path = Path("program.py")
        path.write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
        done = subprocess.run([sys.executable, path], env=environment(), timeout=PATIENCE, check=False)
        assert only_run().exit_code == code
        assert done.returncode == (-signal.SIGINT if code == INTERRUPTED and os.name == "posix" else code)

    @pytest.mark.parametrize("way", ["-c", "-m"])
    @pytest.mark.parametrize(("statement", "code"), [("sys.exit(3)", 3), ("caught(3)", 0)])
    def test_so_is_that_of_a_program_that_is_no_script(self, way: str, statement: str, code: int) -> None:
        """A module, or text on the command line: whether it was `sys.exit` that ended it is known there, too."""
        source = f"""
            import contextlib
            def caught(status):
                with contextlib.suppress(SystemExit): sys.exit(status)
            run = new_run('p', mode='offline', quiet=True)
            {statement}
        """
        text = HEAD + textwrap.dedent(source)
        Path("program.py").write_text(text, encoding="utf-8")
        command = [sys.executable, way, {"-c": text, "-m": "program"}[way]]
        done = subprocess.run(command, env=environment(), timeout=PATIENCE, check=False)
        assert (only_run().exit_code, done.returncode) == (code, code)

    @pytest.mark.parametrize(
        ("error", "code"), [("1 / 0", 1), ("sys.exit(3)", 3), ("raise SystemExit(3)", 3), ("pass", 0)]
    )
    def test_what_is_on_its_way_while_logging_is_shut_down(self, error: str, code: int) -> None:
        """As `finally: logging.shutdown()` has it: the run ends as the program does."""
        done = run_program(f"""
            logging.getLogger().addHandler(WandbHandler(project="p", mode="offline", quiet=True))
            logging.warning("first", extra={{"metrics": {{"x": 1}}}})
            try:
                {error}
            finally:
                logging.shutdown()
        """)
        assert (only_run().exit_code, done.returncode) == (code, code)

    @pytest.mark.parametrize(
        "last",
        [
            "logging.shutdown()",
            "thread.start()\nlogging.shutdown()",
            "import logging.config\nlogging.config.dictConfig({'version': 1, 'disable_existing_loggers': False})",
        ],
        ids=["exit", "thread", "dictConfig"],
    )
    def test_what_is_logged_after_the_program_shut_logging_down(self, last: str, wandb_server: LocalServer) -> None:
        """By an exit function, or a thread that outlives the program's last line: the run has it, and ends later."""
        source = """
            import atexit

            def late():
                if threading.current_thread() is thread:
                    threading.main_thread().join()
                logging.warning("late", extra={"metrics": {"x": 2}})

            thread = threading.Thread(target=late)
            if WITHOUT_THREAD:
                atexit.register(late)
            logging.getLogger().addHandler(WandbHandler(project="p", mode="online", quiet=True))
            logging.warning("first", extra={"metrics": {"x": 1}})
        """
        run_program(textwrap.dedent(source).replace("WITHOUT_THREAD", str("thread" not in last)) + last)
        (run,) = wandb_server.runs
        assert [row["x"] for row in run.history] == [1, 2]
        assert (run.state, run.exit_code) == ("finished", 0)

    def test_a_row_after_the_very_end_is_not_lost_in_silence(self) -> None:
        """Python has shut logging down, and nobody would finish the run again."""
        done = run_program("""
            class Model:
                def __del__(self):
                    logging.warning("freed", extra={"metrics": {"x": 2}})
            model = Model()
            logging.getLogger().addHandler(WandbHandler(project="p", mode="offline"))
            logging.warning("first", extra={"metrics": {"x": 1}})
        """)
        assert [row["x"] for row in only_run().rows] == [1]
        assert done.stderr.count("a row is lost: it was logged after") == 1

    def test_an_exception_that_others_print_is_text_of_the_run_all_the_same(self) -> None:
        """Where something has taken the place of our hook."""
        run_program("""
            run = new_run("p", mode="offline", quiet=True)
            sys.excepthook = lambda *error: None
            raise ValueError("printed by others")
        """)
        assert texts(only_run().lines)[-1] == "! ValueError: printed by others"

    def test_a_code_given_by_hand_wins(self) -> None:
        """Who finishes the run says how it ended."""
        run_program("run = new_run('p', mode='offline', quiet=True)\nrun.finish(5)\nsys.exit(3)")
        assert only_run().exit_code == 5


@posix
class TestSignals:
    def test_sigterm(self, start_program: Start, wandb_server: LocalServer) -> None:
        """Rows go, the server is told at once that the machine may vanish, the exit code says which signal it was."""
        process = start_program("""
            handler = WandbHandler(project="p", mode="online", flush_interval=3600, signals=["SIGTERM"])
            logging.getLogger().addHandler(handler)
            logging.warning("first", extra={"metrics": {"x": 1}})
            handler.flush()
            logging.warning("second", extra={"metrics": {"x": 2}})
            print("ready")
            wait()
        """)
        (run,) = wandb_server.runs
        assert ([row["x"] for row in run.history], run.preempting) == ([1], False)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        (run,) = wandb_server.runs
        assert process.returncode == -signal.SIGTERM
        assert [row["x"] for row in run.history] == [1, 2]
        assert (run.state, run.exit_code) == ("failed", 128 + signal.SIGTERM)
        bodies = [item.json() for item in wandb_server.requests if item.path.endswith("/file_stream")]
        first = next(i for i, body in enumerate(bodies) if body == {"preempting": True})
        assert '"x":2' in json.dumps(bodies[first + 1 :]).replace('\\"', '"')

    def test_the_server_hears_before_others_do(self, start_program: Start, wandb_server: LocalServer) -> None:
        """Who starts ranks ends all of them at once, and kills them a second later: to leave may take longer."""
        process = start_program("""
            from wandb_logging._journal import rundir
            rundir._MOST_LEAVING = 600.0
            never = {"flush_interval": 3600, "heartbeat_interval": 3600}
            run = new_run("p", mode="online", signals=["SIGTERM"], quiet=True, **never)
            run.log({"x": 1})
            run.flush()
            print("ready")
            wait()
        """)
        (path,) = (found.path for found in find_runs(Path("wandb_cache")))
        with alone_in(path.parent):  # as one that leaves at the same time
            process.terminate()
            wandb_server.wait_for(lambda: wandb_server.runs[0].preempting)
            assert note_of(path, 1).left is None
        process.communicate(timeout=PATIENCE)
        assert note_of(path, 1).left == 143
        assert wandb_server.runs[0].exit_code == 143

    def test_the_warning_of_a_scheduler(self, start_program: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        """In a job of SLURM, SIGUSR1, which would end the program without a word, is taken as SIGTERM is."""
        monkeypatch.setenv("SLURM_JOB_ID", "7")
        process = start_program("""
            run = new_run("p", mode="offline", quiet=True)
            run.log({"x": 1})
            print("ready")
            wait()
        """)
        process.send_signal(signal.SIGUSR1)
        process.communicate(timeout=PATIENCE)
        code = 128 + signal.SIGUSR1
        assert (process.returncode, only_run().exit_code, len(only_run().rows)) == (-signal.SIGUSR1, code, 1)

    def test_offline_the_journal_says_how_it_ended(self, start_program: Start) -> None:
        """Without a server the run is saved with its exit code."""
        process = start_program("""
            run = new_run("p", mode="offline", signals=["SIGTERM"], quiet=True)
            run.log({"x": 1})
            print("ready")
            wait()
        """)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert (process.returncode, only_run().exit_code, len(only_run().rows)) == (-15, 143, 1)

    def test_sigint_goes_on_as_keyboard_interrupt(self, start_program: Start, wandb_server: LocalServer) -> None:
        """The handler from before follows: `finally` blocks run, and what they log is in the run."""
        process = start_program("""
            run = new_run("p", mode="online", flush_interval=3600, signals=["SIGTERM", "SIGINT"], quiet=True)
            try:
                print("ready")
                wait()
            finally:
                run.log({"last": 1})
        """)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE)
        (run,) = wandb_server.runs
        assert stderr.endswith("KeyboardInterrupt\n")
        assert process.returncode == -signal.SIGINT
        assert (run.preempting, run.exit_code, [row["last"] for row in run.history]) == (True, 130, [1])
        assert texts(run.output)[-1] == "! KeyboardInterrupt"

    def test_a_handler_of_the_programs_own_follows(self, start_program: Start, wandb_server: LocalServer) -> None:
        """It may end the program in its own way; the run still says which signal it was."""
        process = start_program("""
            def leave(number, frame):
                print("leaving", number)
                sys.exit(0)
            signal.signal(signal.SIGTERM, leave)
            run = new_run("p", mode="online", signals=["SIGTERM"], quiet=True)
            run.log({"x": 1})
            print("ready")
            wait()
        """)
        process.terminate()
        stdout, _ = process.communicate(timeout=PATIENCE)
        (run,) = wandb_server.runs
        assert (process.returncode, stdout) == (0, "leaving 15\n")
        assert (run.preempting, run.exit_code) == (True, 143)

    def test_ignored_stays_ignored(self) -> None:
        """`nohup` and its like keep their word."""
        done = run_program("""
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            run = new_run("p", mode="offline", signals=["SIGTERM"], quiet=True)
            signal.raise_signal(signal.SIGTERM)
        """)
        assert (done.returncode, only_run().exit_code) == (0, 0)

    def test_sigterm_by_default(self, start_program: Start, wandb_server: LocalServer) -> None:
        """Where nobody handles it: the run ends as the process does. The handler is made long before its run begins."""
        process = start_program("""
            handler = WandbHandler(project="p", mode="online", flush_interval=3600, close_timeout=300)
            logging.getLogger().addHandler(handler)
            thread = threading.Thread(target=logging.warning, args=("", ), kwargs={"extra": {"metrics": {"x": 1}}})
            thread.start(); thread.join()
            print("ready")
            wait()
        """)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        (run,) = wandb_server.runs
        assert (process.returncode, run.state, run.exit_code) == (-signal.SIGTERM, "failed", 143)
        assert [row["x"] for row in run.history] == [1]

    def test_while_files_are_sent(self, start_program: Start, wandb_server: LocalServer) -> None:
        """As in the first seconds of each run: how it ended is told after the file that is under way."""
        wandb_server.latency = 1.0
        process = start_program("""
            handler = WandbHandler(project="p", mode="online", close_timeout=300, quiet=True)
            logging.getLogger().addHandler(handler)
            logging.warning("", extra={"metrics": {"x": 1}})
            print("ready")
            wait()
        """)
        wandb_server.wait_for(lambda: any(request.path.startswith("/storage/") for request in wandb_server.requests))
        process.terminate()
        process.communicate(timeout=PATIENCE)
        (run,) = wandb_server.runs
        assert (process.returncode, run.state, run.exit_code) == (-signal.SIGTERM, "failed", 143)

    def test_by_default_the_programs_own_handlers_stay(self) -> None:
        """And what is ignored stays ignored; other signals are nobody's business; `signals: []` leaves all alone."""
        done = run_program("""
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            WandbHandler(project="p", signals=[])
            WandbHandler(project="p", mode="disabled")
            new_run("p", mode="offline", quiet=True, signals=[]).finish()
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            def own(number, frame): pass
            for before in (own, signal.SIG_IGN):
                signal.signal(signal.SIGTERM, before)
                with new_run("p", mode="offline", quiet=True):
                    WandbHandler(project="p")
                    assert signal.getsignal(signal.SIGTERM) is before
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        """)
        assert done.returncode == 0, done.stderr

    def test_a_server_that_puts_handlers_back(self, start_program: Start, wandb_server: LocalServer) -> None:
        """As uvicorn does: it keeps what it finds, handles the signal, puts that back and raises the signal again."""
        process = start_program("""
            logging.getLogger().addHandler(WandbHandler(project="p", mode="online"))
            caught = []
            before = signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
            thread = threading.Thread(target=logging.warning, args=("", ), kwargs={"extra": {"metrics": {"x": 1}}})
            thread.start(); thread.join()
            print("ready", flush=True)
            while not caught:
                time.sleep(0.01)
            logging.warning("", extra={"metrics": {"x": 2}})
            signal.signal(signal.SIGTERM, before)
            signal.raise_signal(signal.SIGTERM)
        """)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        (run,) = wandb_server.runs
        assert (process.returncode, run.state, run.exit_code) == (-signal.SIGTERM, "failed", 143)
        assert [row["x"] for row in run.history] == [1, 2]

    def test_a_server_that_was_there_before(self, start_program: Start, wandb_server: LocalServer) -> None:
        """Logging is configured while the server's handlers stand, as in the startup of an ASGI application.

        They are not touched. What the server puts back when it is through, and raises the signal for, is the default.
        """
        process = start_program("""
            caught = []
            own = lambda number, frame: caught.append(number)
            before = signal.signal(signal.SIGTERM, own)
            logging.getLogger().addHandler(WandbHandler(project="p", mode="online"))
            logging.warning("", extra={"metrics": {"x": 1}})
            assert signal.getsignal(signal.SIGTERM) is own
            print("ready", flush=True)
            while not caught:
                time.sleep(0.01)
            logging.warning("", extra={"metrics": {"x": 2}})
            assert signal.signal(signal.SIGTERM, before) is own
            signal.raise_signal(signal.SIGTERM)
        """)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        (run,) = wandb_server.runs
        assert (process.returncode, run.state, run.exit_code) == (-signal.SIGTERM, "failed", 143)
        assert [row["x"] for row in run.history] == [1, 2]

    def test_a_forked_child_ends_at_once_by_default(self, wandb_server: LocalServer) -> None:
        """Also in the middle of C code that runs no Python handler; a run of its own is watched again."""
        done = run_program("""
            run = new_run("p", mode="online", quiet=True)
            pid = os.fork()
            if not pid:
                assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
                new_run("p", run_id="child", mode="online", quiet=True).log({"x": 1})
                signal.raise_signal(signal.SIGTERM)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
        """)
        assert done.returncode == 0, done.stderr
        assert wandb_server.run("child").exit_code == 143

    @pytest.mark.parametrize("own_thread", [False, True])
    def test_a_child_that_is_ended_as_soon_as_it_is_forked(self, *, own_thread: bool) -> None:
        """As pools end their workers: no signal is forgotten, however early; the parent has its own as ever."""
        done = run_program(f"""
            run = new_run("p", mode="offline", quiet=True)
            def fork():
                for _ in range(50):
                    pid = os.fork()
                    if not pid:
                        wait()
                        os._exit(1)
                    os.kill(pid, signal.SIGTERM)
                    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
            thread = threading.Thread(target=fork)
            thread.start() if {own_thread} else fork()
            thread.join() if {own_thread} else None
            assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
        """)
        assert (done.returncode, only_run().exit_code) == (0, 0), done.stderr

    @pytest.mark.skipif(not shutil.which("unshare"), reason="no namespaces of processes here")
    def test_as_process_1(self, wandb_server: LocalServer) -> None:
        """The kernel keeps SIGTERM from it unless it is handled; the run ends, and the process, too."""
        command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c"]
        if subprocess.run([*command, ""], check=False, capture_output=True).returncode:
            pytest.skip("not allowed to make a namespace of processes")
        code = """
import os, threading, time, wandb_logging
run = wandb_logging.new_run("p", mode="online", quiet=True, run_id="one")
run.log({"x": 1})
assert os.getpid() == 1
# From a child: nobody inside may end process 1 otherwise.
if not os.fork():
    os.kill(1, 15)
    os._exit(0)
while True:  # not for long: a signal that comes just before does not end a sleep
    time.sleep(0.01)
"""
        done = subprocess.run([*command, code], check=False, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 143, done.stderr
        assert wandb_server.run("one").exit_code == 143

    def test_outside_the_main_thread_it_says_so(self) -> None:
        """Python lets only the main thread set handlers; the run goes on without."""
        done = run_program("""
            def work():
                new_run("p", mode="offline", signals=["SIGTERM"]).finish()
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        """)
        assert "SIGTERM" in done.stderr
        assert "main thread" in done.stderr
        assert only_run().exit_code == 0

    def test_a_server_that_hangs_is_given_up(self, start_program: Start, wandb_server: LocalServer) -> None:
        """The process ends all the same, and the rows are on disk with their exit code."""
        process = start_program("""
            run = new_run("p", mode="online", close_timeout=0.5, signals=["SIGTERM"], quiet=True)
            run.flush()
            print("ready")
            wait()
        """)
        wandb_server.fail_always(status=None, latency=5)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert (process.returncode, only_run().exit_code, only_run().finished) == (-15, 143, False)

    def test_a_second_signal_does_not_wait(self, start_program: Start, wandb_server: LocalServer) -> None:
        """Who asks twice is in a hurry."""
        process = start_program("""
            run = new_run("p", mode="online", close_timeout=3600, signals=["SIGTERM"], quiet=True)
            run.flush()
            print("ready")
            wait()
        """)
        wandb_server.fail_always(status=503)
        before = len(wandb_server.requests)
        process.terminate()
        wandb_server.wait_for(lambda: len(wandb_server.requests) > before)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert (process.returncode, only_run().exit_code) == (-15, 143)

    @pytest.mark.parametrize(
        "busy",
        [
            "while True: run.log({'x': 1})",
            "while True: logging.warning('text')",
            "while True: run.flush()",
            "while True: print(end='.', file=sys.stderr)",
            "while True: new_run('p', mode='offline', quiet=True).finish()",
            "while True: threading.Thread(target=run.log, args=({'x': 1},)).start()",
        ],
    )
    def test_whatever_it_interrupts(self, start_program: Start, wandb_server: LocalServer, busy: str) -> None:
        """No lock that the main thread may hold can block the handler: it ends well before its deadline."""
        process = start_program(f"""
            logging.basicConfig()
            run = new_run("p", mode="online", run_id="busy", close_timeout=3600, signals=["SIGTERM"])
            logging.getLogger().addHandler(WandbHandler(run=run))
            run.log({{"x": 0}})
            run.flush()
            sys.stderr = open(os.devnull, "w")
            print("ready", flush=True)
            {busy}
        """)
        process.terminate()  # it is online, and busy by now
        process.communicate(timeout=PATIENCE)
        run = wandb_server.run("busy")
        assert (process.returncode, run.preempting, run.exit_code) == (-15, True, 143)

    def test_a_forked_child_ends_as_ever(self, wandb_server: LocalServer) -> None:
        """A signal to a child is nothing of the run's: its parent goes on and ends it."""
        done = run_program("""
            run = new_run("p", mode="online", signals=["SIGTERM"], quiet=True)
            run.flush()
            pid = os.fork()
            if not pid:
                run.log({"child": 1})
                signal.raise_signal(signal.SIGTERM)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
        """)
        (run,) = wandb_server.runs
        assert (done.returncode, run.exit_code, run.preempting) == (0, 0, False), done.stderr
        assert [row["child"] for row in run.history] == [1]

    @pytest.mark.parametrize("value", ["TERM", ["SIGKILL"], ["TERM"], [15], {"SIGTERM": 1}, [[]]])
    def test_wrong_names_are_refused(self, value: Any) -> None:
        """Only signals that ask a program to end, by name."""
        with pytest.raises(SettingsError, match="signals"):
            Settings.of({"signals": value})
