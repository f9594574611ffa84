"""Workers of `multiprocessing` that are told to end just as they begin to wait, when Python does not hear it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.promises.test_programs import python

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc, fork")

# The main thread of `work` waits without end. Another thread gets the signal, which does not interrupt that wait: to
# Python it is as if the signal had come right before.
PROGRAM = """
import multiprocessing, signal, threading, time, warnings
warnings.simplefilter("ignore")
from wandb_logging import WandbHandler

def make():
    log = logging.getLogger("train")
    log.setLevel("INFO")
    log.addHandler(WandbHandler(project="p", quiet=True, system_metrics=False))
    return log

def signal_a_thread():
    while open(f"/proc/self/task/{os.getpid()}/stat").read().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.01)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

def work():
    make().info("row", extra={"metrics": {"n": 1}})
    threading.Thread(target=signal_a_thread, daemon=True).start()
    multiprocessing.get_context("fork").Semaphore(0).acquire()

def wait():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    threading.Thread(target=signal_a_thread, daemon=True).start()
    multiprocessing.get_context("fork").Semaphore(0).acquire()

def work_with_child():
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    log = make()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # there is no run whose end could be told
    log.info("row", extra={"metrics": {"n": 1}})
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    child = os.fork()
    if not child:
        os._exit(0 if signal.set_wakeup_fd(-1) == -1 else 9)
    assert os.waitpid(child, 0)[1] == 0
    assert signal.set_wakeup_fd(-1) >= 0

def work_with_greenlets():
    class Lock:
        def __init__(self, real=threading.RLock):
            self.real = real()
        def __getattr__(self, name):
            return getattr(self.real, name)
        def __enter__(self):
            self.real.acquire()
        def __exit__(self, *error):
            self.real.release()
    threading.RLock = Lock  # as gevent and eventlet do
    make().info("row", extra={"metrics": {"n": 1}})
    assert signal.set_wakeup_fd(-1) == -1

def work_without_descriptors():
    import errno, resource, wandb_logging
    wandb_logging.new_run("p", quiet=True).finish()  # imports what a run needs
    wandb_logging._process.missed_signals._wakeup_fd = -1  # as in a worker that has begun no run
    signal.set_wakeup_fd(-1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    opened = []
    try:
        while True:
            opened.append(os.dup(0))
    except OSError as exc:
        assert exc.errno == errno.EMFILE
    run = wandb_logging.new_run("p", quiet=True)
    run.log({"n": 1})
    for one in opened:
        os.close(one)
    assert run.finish().ok

def work_without_threads():
    def start(thread, original=threading.Thread.start):
        if thread.name == "wandb_logging signals":
            raise RuntimeError("can't start new thread")
        original(thread)
    threading.Thread.start = start
    make().info("row", extra={"metrics": {"n": 1}})
    assert signal.set_wakeup_fd(-1) == -1

if __name__ == "__main__":
    BEFORE
    worker = multiprocessing.get_context("METHOD").Process(target=WORK)
    worker.start()
    worker.join(LONG)
    print(worker.exitcode)
    worker.kill()
"""


def exit_code(server: LocalServer, method: str, work: str, before: str = "pass") -> int:
    """How the worker ended."""
    program = (
        PROGRAM.replace("BEFORE", before)
        .replace("METHOD", method)
        .replace("WORK", work)
        .replace("LONG", str(PATIENCE / 2))
    )
    return int(python(program, environment=server.env()).stdout)


@pytest.mark.not_quick
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_that_misses_its_signal(method: str, wandb_server: LocalServer) -> None:
    """It ends all the same, and its run with all rows: `Pool.terminate` waits for it without end."""
    assert exit_code(wandb_server, method, "work") == -15
    (run,) = wandb_server.runs
    assert [row["n"] for row in run.history] == [1]
    assert (run.state, run.exit_code) == ("failed", 143)


@pytest.mark.not_quick
@pytest.mark.parametrize("work", ["wait", "work"])
def test_a_worker_whose_parent_is_configured(work: str, wandb_server: LocalServer) -> None:
    """If no run had begun there, the worker had the parent's handler and no reminder: `Pool.terminate` hung."""
    assert exit_code(wandb_server, "fork", work, before="make()") == -15
    assert {run.exit_code for run in wandb_server.runs} == ({143} if work == "work" else set())


@pytest.mark.not_quick
def test_only_a_worker_whose_run_has_begun(wandb_server: LocalServer) -> None:
    """Before its first record SIGTERM ends it as ever; and what comes to a child of it is no matter of its own."""
    assert exit_code(wandb_server, "fork", "work_with_child") == 0
    assert [run.state for run in wandb_server.runs] == ["finished"]


@pytest.mark.not_quick
@pytest.mark.parametrize("work", ["work_with_greenlets", "work_without_descriptors", "work_without_threads"])
def test_a_worker_that_cannot_be_reminded(work: str, wandb_server: LocalServer) -> None:
    """Its run begins all the same, and all its rows are sent: gevent's workers hung, and others had no run."""
    assert exit_code(wandb_server, "fork", work) == 0
    assert [row["n"] for run in wandb_server.runs for row in run.history] == [1]
