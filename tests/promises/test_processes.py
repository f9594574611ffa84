"""Programs of several processes, and what they do to a run: forks, pools, daemons, servers; the last moments of one."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.promises.test_programs import only_run, python
from wandb_logging import Session, sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_logging.testing import LocalServer

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")

# A program that logs to one handler. From Python 3.12 on a fork of a process with threads is warned of.
SETUP = """
import warnings
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
from wandb_logging import WandbHandler
handler = WandbHandler(project="p", run_id="r", quiet=True)
log = logging.getLogger("train")
log.setLevel("INFO")
log.addHandler(handler)
def row(**metrics):
    log.info("row", extra={"metrics": metrics})
"""


def until(true: Callable[[], bool]) -> None:
    """Wait for another process, at most a minute."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@forks
class TestForks:
    @pytest.fixture(autouse=True)
    def not_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Programs that coverage measures hold a lock of its own at times, which a child would wait for without end."""
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)

    def test_a_pool_whose_workers_come_and_go(self, wandb_server: LocalServer) -> None:
        """Each worker logs into the run, also the one that is ended by the pool when all is done."""
        python(
            SETUP
            + """
import multiprocessing
def work(n):
    row(n=n)
row(start=1)
with multiprocessing.get_context("fork").Pool(3, maxtasksperchild=4) as pool:
    pool.map(work, range(40), 1)
""",
            environment=wandb_server.env(),
        )
        (run,) = wandb_server.runs
        assert sorted(line["n"] for line in run.history if "n" in line) == list(range(40))
        assert run.state == "finished"

    def test_rows_of_many_children_are_sent_while_more_are_forked(self, wandb_server: LocalServer) -> None:
        """They do not wait for the interval, at whose end one core would have to send them all."""
        python(
            SETUP.replace("quiet=True", "quiet=True, flush_interval=600, heartbeat_interval=600")
            + """
from wandb_logging._journal import family
family._MANY = 4
row(start=1)
handler.flush()
sent, number = handler.stats()["acknowledged"], 0
while handler.stats()["acknowledged"] == sent:
    child = os.fork()
    if not child:
        row(n=number)
        os._exit(0)
    os.waitpid(child, 0)
    number += 1
print(number)
""",
            environment=wandb_server.env(),
        )
        (run,) = wandb_server.runs
        numbers = sorted(line["n"] for line in run.history if "n" in line)
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > 4
        assert wandb_server.violations == []

    def test_from_a_thread_while_others_log(self, wandb_server: LocalServer) -> None:
        """Whatever lock another thread holds at that moment, the child logs, and its child does, too."""
        python(
            SETUP
            + """
import threading
over = threading.Event()
def flat_out(name):
    count = 0
    while not over.is_set():
        row(**{name: count})
        count += 1
    counts[name] = count
counts = {}
loggers = [threading.Thread(target=flat_out, args=(name,)) for name in ("a", "b")]
def fork():
    for number in range(20):
        child = os.fork()
        if not child:
            row(child=number)
            grandchild = os.fork()
            if not grandchild:
                row(grandchild=number)
            else:
                os.waitpid(grandchild, 0)
            os._exit(0)
        os.waitpid(child, 0)
    over.set()
forker = threading.Thread(target=fork)
for thread in [*loggers, forker]:
    thread.start()
for thread in [*loggers, forker]:
    thread.join()
print(counts["a"], counts["b"])
""",
            environment=wandb_server.env(),
        )
        (run,) = wandb_server.runs
        for name in ("child", "grandchild"):
            assert sorted(line[name] for line in run.history if name in line) == list(range(20))
        for name in ("a", "b"):
            assert [line[name] for line in run.history if name in line] == list(
                range(sum(name in line for line in run.history))
            )
        assert wandb_server.violations == []

    def test_threads_of_a_child(self) -> None:
        """They may get the number that the listener's thread has in the parent."""
        python(
            SETUP
            + """
import threading
row(start=1)
handler.flush()
child = os.fork()
if not child:
    for number in range(5):
        thread = threading.Thread(target=row, kwargs={"n": number})
        thread.start()
        thread.join()
    os._exit(0)
os.waitpid(child, 0)
""",
            environment={"WANDB_MODE": "offline"},
        )
        assert sorted(line["n"] for line in only_run().rows if "n" in line) == list(range(5))

    def test_a_child_that_outlives_its_parent(self, wandb_server: LocalServer) -> None:
        """The parent's last line says that one goes on, and what sends the rest; one that has ended is not counted."""
        done = python(
            SETUP.replace("quiet=True", "")
            + """
row(start=1)
parent = os.getpid()
reading, writing = os.pipe()
if not (short := os.fork()):
    row(short=1)
    os._exit(0)
os.waitpid(short, 0)
if not os.fork():
    row(early=1)
    os.write(writing, b"x")
    while os.getppid() == parent:
        time.sleep(0.01)
    row(late=1)
    os._exit(0)
os.read(reading, 1)
""",
            environment=wandb_server.env(),
        )
        (command,) = [line.split("`")[1] for line in done.stderr.splitlines() if "1 child process goes on" in line]
        (run,) = wandb_server.runs
        assert not any("late" in row for row in run.history)
        assert command == f"wandb-logging sync {only_run().path}"
        assert sync(command.split()[-1], session=Session(wandb_server.api_key))[0].ok
        (run,) = wandb_server.runs
        assert [next(key for key in row if key[0] != "_") for row in run.history] == ["start", "short", "early", "late"]
        assert run.state == "finished"

    @pytest.mark.parametrize("where", ["in the parent", "in the child"])
    def test_a_child_that_logs_to_a_finished_run(self, where: str) -> None:
        """It says at once, and once, that this is lost: nobody else could, as it may end without a word."""
        done = python(
            SETUP.replace("quiet=True", 'mode="offline"')
            + f"""
row(start=1)
if {where!r} == "in the parent": handler.run.finish()
child = os.fork()
if not child:
    if {where!r} == "in the child": handler.run.finish()
    row(lost=1)
    row(lost=2)
    os._exit(0)
os.waitpid(child, 0)
"""
        )
        assert done.stderr.count("what this forked process logs is lost") == 1

    @pytest.mark.arrays
    def test_workers_of_a_data_loader(self, wandb_server: LocalServer) -> None:
        """PyTorch's; they are forked on Linux."""
        pytest.importorskip("torch")
        python(
            SETUP
            + """
import torch.utils.data
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 24
    def __getitem__(self, number):
        row(loaded=number)
        return number
row(start=1)
warnings.simplefilter("ignore")  # of torch's own
loader = torch.utils.data.DataLoader(Data(), batch_size=4, num_workers=2, multiprocessing_context="fork")
for epoch in range(2):
    for batch in loader:
        row(batch=len(batch))
""",
            environment=wandb_server.env(),
        )
        (run,) = wandb_server.runs
        assert sorted(line["loaded"] for line in run.history if "loaded" in line) == sorted([*range(24)] * 2)
        assert sum("batch" in line for line in run.history) == 12
        assert run.state == "finished"


@pytest.mark.parametrize(
    "method", ["spawn", pytest.param("forkserver", marks=pytest.mark.skipif(sys.platform == "win32", reason="none"))]
)
class TestOtherProcesses:
    def test_each_has_a_run_of_its_own(self, method: str, wandb_server: LocalServer) -> None:
        """They configure logging by themselves, and end their runs as they end."""
        python(
            """
            import multiprocessing
            from wandb_logging import WandbHandler

            def work(number):
                log = logging.getLogger("train")
                log.setLevel("INFO")
                log.addHandler(WandbHandler(project="p", group="g", run_id=f"worker{number}", quiet=True))
                log.info("x", extra={"metrics": {"n": number}})
                logging.shutdown()

            if __name__ == "__main__":
                context = multiprocessing.get_context(METHOD)
                workers = [context.Process(target=work, args=(number,)) for number in range(2)]
                [worker.start() for worker in workers]
                [worker.join() for worker in workers]
                assert [worker.exitcode for worker in workers] == [0, 0]
            """.replace("METHOD", repr(method)),
            environment=wandb_server.env(),
        )
        found = {run.id: ([line["n"] for line in run.history], run.group, run.state) for run in wandb_server.runs}
        assert found == {f"worker{number}": ([number], "g", "finished") for number in range(2)}

    def test_workers_that_configure_the_run_of_their_parent(self, method: str, wandb_server: LocalServer) -> None:
        """With WANDB_RUN_ID they write its run, which ends as the parent does: by SIGTERM a pool ends its workers."""
        done = python(
            """
            import logging, multiprocessing
            from wandb_logging import WandbHandler
            log = logging.getLogger("train")
            log.setLevel("INFO")
            log.addHandler(WandbHandler(project="p"))
            def work(number):
                log.info("worker", extra={"metrics": {"n": number}})
            if __name__ == "__main__":
                work(0)
                with multiprocessing.get_context(METHOD).Pool(2) as pool:
                    pool.map(work, range(1, 8), 1)
            """.replace("METHOD", repr(method)),
            environment={**wandb_server.env(), "WANDB_RUN_ID": "r"},
        )
        (run,) = wandb_server.runs
        assert sorted(line["n"] for line in run.history) == [*range(8)]
        assert (run.state, run.exit_code) == ("finished", 0)
        assert "other writer" not in done.stderr

    def test_one_that_outlives_the_run(self, method: str, wandb_server: LocalServer) -> None:
        """The run's last line says that it goes on; what it logs then is sent by the command that the line has."""
        done = python(
            """
            import logging, multiprocessing, os
            import wandb_logging
            def work(ready, over):
                log = logging.getLogger("train")
                log.info("early", extra={"metrics": {"early": 1}})
                ready.set()
                over.wait(300)
                log.info("late", extra={"metrics": {"late": 1}})
            if __name__ == "__main__":
                log = logging.getLogger("train")
                log.setLevel("INFO")
                log.addHandler(wandb_logging.WandbHandler(project="p", run_id="r"))
                log.info("start", extra={"metrics": {"start": 1}})
                context = multiprocessing.get_context(METHOD)
                ready, over = context.Event(), context.Event()
                worker = context.Process(target=work, args=(ready, over))
                worker.start()
                ready.wait(300)
                log.handlers[0].run.finish()
                over.set()
                worker.join()
            """.replace("METHOD", repr(method)),
            environment=wandb_server.env(),
        )
        (command,) = [line.split("`")[1] for line in done.stderr.splitlines() if "1 child process goes on" in line]
        assert sync(command.split()[-1], session=Session(wandb_server.api_key))[0].ok
        (run,) = wandb_server.runs
        assert [next(key for key in row if key[0] != "_") for row in run.history] == ["start", "early", "late"]
        assert (run.state, run.exit_code) == ("finished", 0)

    def test_one_run_by_a_queue(self, method: str, wandb_server: LocalServer) -> None:
        """The standard library's QueueHandler there, its QueueListener and our handler here."""
        python(
            """
            import logging.handlers, multiprocessing
            from wandb_logging import WandbHandler

            def work(queue, number):
                log = logging.getLogger("train")
                log.setLevel("INFO")
                log.addHandler(logging.handlers.QueueHandler(queue))
                for i in range(5):
                    log.info("x", extra={"metrics": {f"worker{number}": i}})

            if __name__ == "__main__":
                context = multiprocessing.get_context(METHOD)
                queue = context.Queue()
                listener = logging.handlers.QueueListener(queue, WandbHandler(project="p", quiet=True))
                listener.start()
                workers = [context.Process(target=work, args=(queue, number)) for number in range(2)]
                [worker.start() for worker in workers]
                [worker.join() for worker in workers]
                listener.stop()
            """.replace("METHOD", repr(method)),
            environment=wandb_server.env(),
        )
        (run,) = wandb_server.runs
        for number in range(2):
            name = f"worker{number}"
            assert [line[name] for line in run.history if name in line] == list(range(5))
        assert run.state == "finished"


@forks
@pytest.mark.not_quick
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_runs_that_begin_in_processes_of_multiprocessing(method: str, wandb_server: LocalServer) -> None:
    """Such a process ends without `atexit`; its run ends with it, as it did, after the last row of its threads."""
    python(
        """
import multiprocessing, sys, threading, time
def work(how):
    from wandb_logging import WandbHandler
    log = logging.getLogger("train")
    log.setLevel("INFO")
    log.addHandler(WandbHandler(project="p", run_id=how, quiet=True))
    log.info("row", extra={"metrics": {"n": 0}})
    if how == "raises":
        raise ValueError("no more data")
    elif how == "exits":
        raise SystemExit(7)
    elif how == "threads":
        threading.Thread(target=lambda: (time.sleep(0.1), log.info("late", extra={"metrics": {"n": 1}}))).start()
if __name__ == "__main__":
    context = multiprocessing.get_context(METHOD)
    try:
        raise KeyError("an error of the parent, in whose handler it forks")
    except KeyError:
        workers = [context.Process(target=work, args=(how,)) for how in ("returns", "raises", "exits", "threads")]
        for worker in workers:
            worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 1, 7, 0]
""".replace("METHOD", repr(method)),
        environment=wandb_server.env(),
    )
    ends = {run.id: (run.exit_code, [line["n"] for line in run.history]) for run in wandb_server.runs}
    assert ends == {"returns": (0, [0]), "raises": (1, [0]), "exits": (7, [0]), "threads": (0, [0, 1])}
    if sys.version_info < (3, 13):  # later the exception is gone before anybody is called
        assert any("ValueError: no more data" in line for line in wandb_server.run("raises").output)


@forks
class TestDaemons:
    DETACH = """
def detach():
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
"""

    def test_a_run_that_begins_in_one(self, wandb_server: LocalServer) -> None:
        """It has no standard streams, and sends and ends its run as any other program."""
        python(
            SETUP
            + self.DETACH
            + """
detach()
for fd in range(3):
    os.close(fd)
for n in range(10):
    row(n=n)
handler.flush()
row(n=10)
""",
            environment=wandb_server.env(),
        )
        until(lambda: bool(wandb_server.runs) and wandb_server.runs[0].state == "finished")
        assert [line["n"] for line in wandb_server.runs[0].history] == list(range(11))

    @pytest.mark.parametrize("before", ["", "row(n=0)\n", "row(n=0)\nrow(n=1)\n"])
    def test_that_closes_all_descriptors(
        self, before: str, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ours among them, before or after the daemon has logged: no row is lost, and none gets into its own files."""
        rows_before = before.count("row")
        python(
            SETUP
            + self.DETACH
            + "row(parent=1)\ndetach()\n"
            + before
            + f"""
os.closerange(0, 4096)
files = [open(f"own{{i}}.txt", "w") for i in range(60)]
for n in range({rows_before}, 20):
    row(n=n)
for file in files:
    file.write(file.name)
    file.close()
os.rename("own0.txt", "done.txt")
os._exit(0)
""",
            environment={**wandb_server.env(), "WANDB_MODE": "offline"},
        )
        until(lambda: Path("done.txt").exists())
        assert all(Path(f"own{i}.txt").read_text() == f"own{i}.txt" for i in range(1, 60))
        run_dir = next(Path("wandb_cache").glob("p/*"))
        until(lambda: not only_run().alive)
        for name, value in wandb_server.env().items():
            monkeypatch.setenv(name, value)
        (report,) = sync(run_dir)
        assert report.finished
        history = wandb_server.runs[0].history
        assert [line["n"] for line in history if "n" in line] == list(range(20))
        assert [line["parent"] for line in history if "parent" in line] == [1]


@forks
class TestGunicorn:
    def test_preload_app(self, wandb_server: LocalServer) -> None:
        """What was logged in the master before the fork began the run: its workers log into it, the master ends it."""
        pytest.importorskip("gunicorn")
        Path("app.py").write_text(
            "import logging\n"
            "def app(environ, start_response):\n"
            "    number = int(environ['QUERY_STRING'])\n"
            "    logging.getLogger('app').info('request', extra={'metrics': {'request': number}})\n"
            "    start_response('200 OK', [('Content-Length', '2')])\n"
            "    return [b'ok']\n"
        )
        Path("conf.py").write_text(
            "import logging\n"
            "bind = 'unix:gunicorn.sock'\n"
            "workers = 2\n"
            "preload_app = True\n"
            "logconfig_dict = {\n"
            "    'version': 1, 'disable_existing_loggers': False,\n"
            "    'handlers': {'wandb': {'class': 'wandb_logging.WandbHandler', 'project': 'p', 'quiet': True}},\n"
            "    'root': {'level': 'INFO', 'handlers': ['wandb']},\n"
            "    'loggers': {name: {'level': 'INFO', 'handlers': ['wandb'], 'propagate': False}\n"
            "                for name in ('app', 'gunicorn.error', 'gunicorn.access')},\n"
            "}\n"
        )
        command = [sys.executable, "-m", "gunicorn", "-c", "conf.py", "app:app"]
        with subprocess.Popen(command, env={**os.environ, **wandb_server.env()}) as master:
            try:
                until(lambda: _answers("gunicorn.sock", 0))
                assert all(_answers("gunicorn.sock", number) for number in range(1, 30))
            finally:
                master.send_signal(signal.SIGTERM)
                assert master.wait(PATIENCE) == 0
        (run,) = wandb_server.runs
        assert sorted(line["request"] for line in run.history if "request" in line) == list(range(30))
        assert any("Listening at" in line for line in run.output)
        assert run.state == "finished"


def _answers(path: str, number: int) -> bool:
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    with contextlib.closing(connection):
        try:
            connection.sock.connect(path)
        except OSError:
            return False
        connection.request("GET", f"/?{number}")
        return connection.getresponse().read() == b"ok"


class TestLastMoments:
    """What logs when the interpreter ends neither keeps it from ending nor makes it say anything."""

    def ends_well(self, code: str, environment: dict[str, str] | None = None) -> None:
        done = python(code, environment=environment)
        assert done.stderr == ""

    def test_after_logging_was_shut_down(self) -> None:
        """What atexit calls last, and what is finalised after it: such records are lost, and nothing else happens."""
        Path("first.py").write_text("import atexit\nlate = []\natexit.register(lambda: [call() for call in late])\n")
        self.ends_well(
            "import sys\nsys.path.insert(0, '')\n"
            + SETUP
            + """
row(n=0)
class Dying:
    def __del__(self):
        row(n=2)
kept = Dying()
"""
        )
        Path("program.py").write_text(
            "import first\nimport logging\n" + SETUP + "row(n=1)\nfirst.late.append(lambda: row(n=3))\n"
        )
        done = subprocess.run(
            [sys.executable, "program.py"], capture_output=True, text=True, timeout=PATIENCE, check=True, env=os.environ
        )
        assert done.stderr == ""

    @pytest.mark.parametrize("mode", ["online", "offline"])
    def test_a_daemon_thread_that_goes_on(self, mode: str, wandb_server: LocalServer) -> None:
        """It logs until the interpreter stops it: rows from before the end are there, one by one."""
        self.ends_well(
            SETUP
            + """
warnings.simplefilter("ignore", ResourceWarning)  # at this point urllib3 closes its connections no more
import threading
begun = threading.Event()
def flat_out():
    for n in range(10 ** 9):
        row(n=n)
        if n == 100:
            begun.set()
        time.sleep(0.001)
threading.Thread(target=flat_out, daemon=True).start()
begun.wait()
""",
            {**wandb_server.env(), "WANDB_MODE": mode},
        )
        rows = wandb_server.runs[0].history if mode == "online" else only_run().rows
        assert [line["n"] for line in rows] == list(range(len(rows)))
        assert len(rows) > 100

    def test_finalisers_that_log_wherever_the_collector_runs(self) -> None:
        """Garbage is collected between any two instructions, also while the very same thread logs."""
        self.ends_well(
            SETUP
            + """
import gc
class Cycle:
    def __init__(self, n):
        self.me, self.n = self, n
    def __del__(self):
        row(dead=self.n)
gc.set_threshold(3)
for n in range(300):
    Cycle(n)
    row(n=n, more={"nested": [n]})
gc.collect()
"""
        )
        rows = only_run().rows
        assert [line["n"] for line in rows if "n" in line] == list(range(300))
        assert sorted(line["dead"] for line in rows if "dead" in line) == list(range(300))
