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

if __name__ == "__main__":
    worker = multiprocessing.get_context("METHOD").Process(target=WORK)
    worker.start()
    worker.join(LONG)
    print(worker.exitcode)
    worker.kill()
"""


def exit_code(server: LocalServer, method: str, work: str) -> int:
    """How the worker ended."""
    program = PROGRAM.replace("METHOD", method).replace("WORK", work).replace("LONG", str(PATIENCE / 2))
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
def test_only_a_worker_whose_run_has_begun(wandb_server: LocalServer) -> None:
    """Before its first record SIGTERM ends it as ever; and what comes to a child of it is no matter of its own."""
    assert exit_code(wandb_server, "fork", "work_with_child") == 0
    assert [run.state for run in wandb_server.runs] == ["finished"]
