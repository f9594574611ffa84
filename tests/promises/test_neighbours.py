"""Other software in the same process: it configures logging, forks, imports, and holds locks while it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

import wandb_logging
from tests.patience import PATIENCE
from wandb_logging.testing import LocalServer


def run_program(server: LocalServer | None, code: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `code` as a program of its own; nothing of it may go on for long after it."""
    path = Path("program.py")
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    known = {**os.environ, **(server.env() if server else {}), **env}
    return subprocess.run(
        [sys.executable, str(path), *args], env=known, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def losses(server: LocalServer) -> list[list[Any]]:
    """What each run has of `loss`."""
    return [[row["loss"] for row in run.history if "loss" in row] for run in server.runs]


class TestOurThreads:
    """Nothing on them imports, starts a process or asks for a lock that the program may hold."""

    @pytest.mark.parametrize("mode", ["online", "offline"])
    def test_import_nothing_and_start_no_process(self, mode: str, wandb_server: LocalServer) -> None:
        """Rows, text, files, media, artifacts, metrics of the system, a name that is looked up, and the end."""
        code = """
            import json, sys, threading
            seen = []
            def hook(event, args):
                if event in ("import", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"):
                    if threading.current_thread() is not threading.main_thread():
                        seen.append([event, str(args[0])])
            import logging, wandb_logging
            log = logging.getLogger("t"); log.setLevel("INFO")
            handler = wandb_logging.WandbHandler(project="p", mode=sys.argv[1], flush_interval=0.1, quiet=True,
                                                 system_metrics=True, system_interval=0.2, capture_output=True)
            log.addHandler(handler)
            log.info("text", extra={"metrics": {"loss": 0}})
            sys.addaudithook(hook)  # the thread begins at the earliest with the first record, which is just over
            import time
            time.sleep(1)
            open("f.txt", "w").write("x")
            run = handler.run
            run.upload_file("f.txt")
            run.log_artifact("f.txt", type="data")
            run.log({"loss": 1, "t": wandb_logging.Table(columns=["a"], data=[[1]])})
            print("printed")
            time.sleep(0.5)
            handler.flush(300); handler.close()
            json.dump(seen, open("seen.json", "w"))
        """
        done = run_program(wandb_server, code, mode, WANDB_BASE_URL=wandb_server.url.replace("127.0.0.1", "localhost"))
        assert done.returncode == 0, done.stderr
        assert json.loads(Path("seen.json").read_text()) == []

    @pytest.mark.parametrize("level", ["WARNING", "DEBUG"])
    def test_dictconfig_right_after_the_first_record(self, level: str, wandb_server: LocalServer) -> None:
        """It holds logging's lock while it closes the handler; both runs are there, and nobody waited."""
        code = """
            import logging, logging.config, sys, time
            def configure(name):
                logging.config.dictConfig({"version": 1, "disable_existing_loggers": False,
                    "handlers": {"w": {"class": "wandb_logging.WandbHandler", "project": "p", "run_id": name,
                                       "close_timeout": 200}},
                    "loggers": {"train": {"handlers": ["w"], "level": "INFO"}, "urllib3": {"level": sys.argv[1]}}})
            took = []
            for number in range(4):
                began = time.monotonic()
                configure(f"run{number}")
                took.append(time.monotonic() - began)
                logging.getLogger("train").info("", extra={"metrics": {"loss": number}})
            print(max(took))
        """
        done = run_program(wandb_server, code, level)
        assert done.returncode == 0, done.stderr
        assert sorted(losses(wandb_server)) == [[0], [1], [2], [3]]
        assert all(run.state == "finished" for run in wandb_server.runs)
        assert float(done.stdout) < 100, "somebody waited for a lock, as long as close_timeout"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
    @pytest.mark.parametrize("delay", [0.0, 0.02, 0.1])
    def test_a_child_forked_right_after_the_first_record_sends_a_run_of_its_own(
        self, delay: float, wandb_server: LocalServer
    ) -> None:
        """It has every module whole. And the parent's first request does not wait until the child has ended."""
        code = """
            import logging, os, sys, time, wandb_logging
            log = logging.getLogger("t"); log.setLevel("INFO")
            log.addHandler(wandb_logging.WandbHandler(project="p", run_id="parents", mode="online", quiet=True))
            log.info("", extra={"metrics": {"loss": 0}})
            time.sleep(float(sys.argv[1]))
            child = os.fork()
            if not child:
                own = wandb_logging.new_run("p", run_id="childs", mode="online", quiet=True)
                own.log({"loss": 1})
                ok = own.finish(timeout=300).ok
                while not os.path.exists("over"):
                    time.sleep(0.05)
                os._exit(not ok)
            log.handlers[0].flush(300)
            print(log.handlers[0].stats()["acknowledged"], flush=True)
            open("over", "w").close()
            sys.exit(os.waitpid(child, 0)[1])
        """
        done = run_program(wandb_server, code, str(delay))
        assert done.returncode == 0, done.stderr
        assert done.stdout == "1\n"
        assert sorted(losses(wandb_server)) == [[0], [1]]


LIBRARY = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"own": {"class": "logging.StreamHandler"}},
    "loggers": {"library": {"handlers": ["own"]}},
}
FILE = "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nlevel=INFO\nhandlers=\n"
OTHERS = {
    "dictConfig of a library": f"logging.config.dictConfig({LIBRARY})",
    "fileConfig": "logging.config.fileConfig('c.ini', disable_existing_loggers=False)",
    "shutdown": "logging.shutdown()",
    "close": "handler.close()",
    "basicConfig": "logging.basicConfig(force=True)",
}


class TestLoggingIsConfiguredByOthers:
    """They close our handler while it stays attached: it goes on with its run, as a FileHandler with its file."""

    @pytest.mark.parametrize("how", OTHERS)
    def test_the_run_goes_on(self, how: str, wandb_server: LocalServer) -> None:
        """One directory, one run that is running again, all rows; it ends with the program, as the program ends."""
        code = f"""
            import atexit, logging, logging.config, sys, wandb_logging
            log = logging.getLogger("train"); log.setLevel("INFO")
            handler = wandb_logging.WandbHandler(project="p")
            log.addHandler(handler)
            atexit.register(lambda: log.info("", extra={{"metrics": {{"loss": 9}}}}))
            for number in range(3):
                log.info("", extra={{"metrics": {{"loss": number}}}})
                {OTHERS[how]}
            log.info("", extra={{"metrics": {{"loss": 3}}}})
            sys.exit(5)
        """
        Path("c.ini").write_text(FILE)
        done = run_program(wandb_server, code)
        assert done.returncode == 5, done.stderr
        assert losses(wandb_server) == [[0, 1, 2, 3, 9]]
        (run,) = wandb_server.runs
        assert ([row["_step"] for row in run.history], run.state, run.exit_code) == ([0, 1, 2, 3, 4], "failed", 5)
        assert len(list(Path("wandb_cache/p").iterdir())) == 1

    def test_offline(self) -> None:
        """Nothing is lost on disk either, and the end is the program's."""
        code = """
            import logging, wandb_logging
            log = logging.getLogger("train"); log.setLevel("INFO")
            log.addHandler(wandb_logging.WandbHandler(project="p", mode="offline"))
            for number in range(3):
                log.info("", extra={"metrics": {"loss": number}})
                logging.shutdown()
        """
        assert run_program(None, code).returncode == 0
        (folder,) = Path("wandb_cache/p").iterdir()
        data = wandb_logging.read_run(folder)
        assert ([row["loss"] for row in data.rows], data.exit_code) == ([0, 1, 2], 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
class TestForkedWriters:
    def test_what_they_wrote_counts_where_the_run_is_waited_for(self, wandb_server: LocalServer) -> None:
        """Flush does not call it sent; its wait and that of close are one close_timeout; the last line counts it."""
        code = """
            import logging, multiprocessing, sys, time, wandb_logging
            log = logging.getLogger("t"); log.setLevel("INFO")
            handler = wandb_logging.WandbHandler(project="p", mode="online", close_timeout=6)
            log.addHandler(handler)
            log.info("", extra={"metrics": {"loss": 0}})
            handler.flush(300)
            open("ready", "w").close()
            input()
            def work():
                for number in range(100):
                    log.info("", extra={"metrics": {"loss": number}})
            child = multiprocessing.get_context("fork").Process(target=work)
            child.start(); child.join()
            began = time.monotonic()
            handler.flush()
            stats = handler.stats()
            print(handler.run.queue_length, stats["accepted"], stats["journalled"], flush=True)
            handler.close()
            print(time.monotonic() - began)
        """
        Path("program.py").write_text(textwrap.dedent(code))
        process = subprocess.Popen(
            [sys.executable, "program.py"],
            env={**os.environ, **wandb_server.env()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wandb_server.wait_for(Path("ready").exists, timeout=PATIENCE)  # files of the run are sent, too
        wandb_server.fail_always(status=503)
        out, err = process.communicate("\n", timeout=PATIENCE)
        *counts, took = out.split()
        assert counts == ["100", "101", "101"]
        assert "101 lines are not sent yet" in err  # with the one that says how it ended
        assert float(took) < 12


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_forked_while_the_handler_is_closed(wandb_server: LocalServer) -> None:
    """Whoever closes it stayed in the parent: what the child logs is in the run, as the parent's next record is."""
    code = """
        import logging, os, threading, wandb_logging
        log = logging.getLogger("t"); log.setLevel("INFO")
        handler = wandb_logging.WandbHandler(project="p", mode="online", close_timeout=2)
        log.addHandler(handler)
        log.info("", extra={"metrics": {"loss": 0}})
        closing = threading.Thread(target=handler.close)
        closing.start()
        while not handler._ending:
            pass
        pid = os.fork()
        if not pid:
            log.info("", extra={"metrics": {"loss": 1}})
            os._exit(0)
        os.waitpid(pid, 0)
        assert handler._ending, "it was closed before the child had logged: nothing is shown"
        closing.join()
        log.info("", extra={"metrics": {"loss": 2}})
    """
    wandb_server.fail_always(status=503)
    done = run_program(wandb_server, code)
    assert done.returncode == 0, done.stderr
    (folder,) = Path("wandb_cache/p").iterdir()
    assert sorted(row["loss"] for row in wandb_logging.read_run(folder).rows) == [0, 1, 2]


@pytest.mark.parametrize("given", ["project='p'", "run=wandb_logging.new_run('p', mode='offline')"])
def test_records_after_a_run_was_finished_by_hand_are_lost_aloud(given: str) -> None:
    """A closed handler goes on; a run that its owner has finished does not, and its handler says what that cost."""
    code = f"""
        import logging, wandb_logging
        log = logging.getLogger("t"); log.setLevel("INFO")
        handler = wandb_logging.WandbHandler({given})
        log.addHandler(handler)
        log.info("", extra={{"metrics": {{"loss": 0}}}})
        handler.run.finish()
        for number in range(3):
            log.info("", extra={{"metrics": {{"loss": number}}}})
        print(handler.stats()["dropped"])
    """
    done = run_program(None, code, WANDB_MODE="offline")
    assert done.stdout == "{'logged after the run was closed': 3}\n", done.stderr
    assert "3 records were lost (3 logged after the run was closed)" in done.stderr


class TestWaitingForTheServer:
    """A person sees within a second what is waited for, for how long, and what Ctrl-C does."""

    CODE = """
        import signal, sys, wandb_logging
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run = wandb_logging.new_run("p", mode="online", run_id="abc", close_timeout=float(sys.argv[1]))
        run.log({"loss": 1})
    """

    def test_the_line(self, wandb_server: LocalServer) -> None:
        """At the exit of the program, too."""
        wandb_server.fail_always(status=503)
        done = run_program(wandb_server, self.CODE, "2")
        (line,) = [line for line in done.stderr.splitlines() if "waiting" in line]
        for part in (wandb_server.url, "at most 2 s", "2 lines of run abc", "Ctrl-C leaves it in wandb_cache/p/abc"):
            assert part in line

    @pytest.mark.skipif(sys.platform == "win32", reason="signals")
    @pytest.mark.parametrize("end", ["", "run.finish(); print('not here')", "handler"])
    def test_ctrl_c_leaves_it_on_disk(self, end: str, wandb_server: LocalServer) -> None:
        """At once, and without a traceback where the program was over; where it was not, it stops there."""
        code = textwrap.dedent(self.CODE) + end
        if end == "handler":
            code = """
                import logging, sys, wandb_logging
                logging.getLogger().addHandler(wandb_logging.WandbHandler(
                    project="p", mode="online", run_id="abc", close_timeout=float(sys.argv[1])))
                logging.warning("", extra={"metrics": {"loss": 1}})
            """
        wandb_server.fail_always(status=503)
        Path("program.py").write_text(textwrap.dedent(code))
        process = subprocess.Popen(
            [sys.executable, "program.py", "3600"],
            env={**os.environ, **wandb_server.env()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        seen = ""
        while "Ctrl-C" not in seen:
            line = process.stderr.readline()
            assert line, seen
            seen += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert out == ""
        assert "2 lines are not sent yet: wandb_cache/p/abc" in seen + err
        assert ("KeyboardInterrupt" in err) == end.startswith("run.finish")
        data = wandb_logging.read_run(Path("wandb_cache/p/abc"))
        assert [row["loss"] for row in data.rows] == [1]


def test_where_no_thread_can_be_started(wandb_server: LocalServer) -> None:
    """A limit, a subinterpreter: one line says so at once; rows are kept, and sent at flush and at exit."""
    code = """
        import logging, threading, wandb_logging
        def start(self):
            raise RuntimeError("can't start new thread")  # what CPython raises at the limit
        threading.Thread.start = start
        handler = wandb_logging.WandbHandler(project="p", mode="online")
        log = logging.getLogger("t"); log.setLevel("INFO"); log.addHandler(handler)
        log.info("", extra={"metrics": {"loss": 0}})
        print(handler.stats()["acknowledged"])
        import sys; sys.stderr.write("here\\n")
        handler.flush(300)
        print(handler.stats()["acknowledged"])
        log.info("", extra={"metrics": {"loss": 1}})
    """
    done = run_program(wandb_server, code)
    assert done.stdout.split() == ["0", "1"]
    assert "no thread can be started" in done.stderr.split("here")[0]
    assert losses(wandb_server) == [[0, 1]]
    assert wandb_server.runs[0].state == "finished"


LOGS = """
import logging, wandb_logging
handler = wandb_logging.WandbHandler(project="p", mode="online")
log = logging.getLogger("t"); log.setLevel("INFO"); log.addHandler(handler)
log.info("", extra={"metrics": {"loss": 0}})
before = handler.stats()["acknowledged"]
handler.flush(300)
print(before, handler.stats()["acknowledged"], flush=True)
log.info("", extra={"metrics": {"loss": 1}})
"""

LIMITED = """
import os, resource, sys, threading
import wandb_logging
os.chdir(sys.argv[1])
wandb_logging.WandbHandler(project="p", mode="online")  # what it needs is imported: nobody may read it afterwards
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
if not os.access(wandb_logging.__file__, os.R_OK):
    sys.exit("unreadable")
"""

ISOLATED = """
import sys
import tempfile
try:
    import _interpreters
    def run(code):
        _interpreters.exec(_interpreters.create("isolated"), code)
except ImportError:
    import _xxsubinterpreters
    def run(code):
        _xxsubinterpreters.run_string(_xxsubinterpreters.create(isolated=True), code)
run(sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root is limited by becoming somebody else")
def test_where_a_user_may_start_no_more_processes(wandb_server: LocalServer) -> None:
    """`ulimit -u`, reached: as where no thread can be started for another reason."""
    with tempfile.TemporaryDirectory() as place:  # pytest's are root's alone
        Path(place).chmod(0o777)
        done = run_program(wandb_server, LIMITED + LOGS, place, HOME=place)
        if "unreadable" in done.stderr:
            pytest.skip("only root can read the package here")
        assert_sent_without_thread(done, wandb_server)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="its interpreters within interpreters")
def test_in_an_isolated_interpreter(wandb_server: LocalServer) -> None:
    """A subinterpreter in which no daemon threads may be: its rows are sent at flush, and as it ends."""
    assert_sent_without_thread(run_program(wandb_server, ISOLATED, LOGS), wandb_server)


def assert_sent_without_thread(done: subprocess.CompletedProcess[str], server: LocalServer) -> None:
    """That a program's rows went at flush and at its end, and one line said so."""
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "1"], done.stderr
    assert done.stderr.count("no thread can be started") == 1
    assert losses(server) == [[0, 1]]
    assert server.runs[0].state == "finished"
