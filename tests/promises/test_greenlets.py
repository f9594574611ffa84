"""Programs where a library such as gevent has replaced the locks of `threading` by its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.started import printed

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

# As gevent's locks are between native threads: who has to wait for one is not woken.
REPLACED = """
import logging, sys, threading, time

class Losing:
    def __init__(self):
        self._lock = original()
    def acquire(self, blocking=True, timeout=-1):
        if self._lock.acquire(blocking=False):
            return True
        if not blocking:
            return False
        time.sleep(timeout if timeout >= 0 else 3600)
        return self._lock.acquire(blocking=False)
    def release(self):
        self._lock.release()
    def locked(self):
        return self._lock.locked()
    __enter__ = acquire
    def __exit__(self, *error):
        self.release()
    def _is_owned(self):
        return self._lock._is_owned()

original, threading.RLock = threading.RLock, Losing
from wandb_logging import WandbHandler
"""


def test_first_records_from_many_threads(wandb_server: LocalServer) -> None:
    """The first records of several native threads come at once: none hangs, and all rows are sent."""
    code = f"""{REPLACED}
logging.basicConfig(level="INFO", handlers=[WandbHandler(project="p")])
together = threading.Barrier(6)
def work(n):
    together.wait()
    for _ in range(200):
        logging.info("row", extra={{"metrics": {{"n": n}}}})
threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join({PATIENCE})
print(sum(thread.is_alive() for thread in threads))
"""
    assert json.loads(printed(code, env={**os.environ, **wandb_server.env()})) == 0
    assert sorted(row["n"] for row in wandb_server.runs[0].history) == sorted(list(range(6)) * 200)


def test_looking_up_a_first_name_at_the_end(wandb_server: LocalServer) -> None:
    """What imports executors to look up its first name, as gevent does, can do so when the program has ended."""
    code = """
import logging, socket, sys, threading
from wandb_logging import WandbHandler
logging.basicConfig(level="INFO", handlers=[WandbHandler(project="p")])
logging.info("row", extra={"metrics": {"n": 0}})
assert logging.getLogger().handlers[0].run.flush(300).ok

def look_up(*arguments, original=socket.getaddrinfo, **more):
    from concurrent.futures import ThreadPoolExecutor
    return original(*arguments, **more)

socket.getaddrinfo = look_up
logging.info("row", extra={"metrics": {"n": 1}})
"""
    printed(code, env={**os.environ, **wandb_server.env()})
    assert [row["n"] for row in wandb_server.runs[0].history] == [0, 1]
    assert wandb_server.runs[0].state == "finished"


def test_threads_replaced_within_a_run(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """If sending breaks by that, one line says what to do, without a traceback, and `sync` has all rows."""
    code = f"""
import logging, select, sys
from wandb_logging import WandbHandler
logging.basicConfig(level="INFO", handlers=[WandbHandler(project="p")])
logging.info("row", extra={{"metrics": {{"n": 0}}}})
assert logging.getLogger().handlers[0].run.flush(300).ok
sys.stderr = sys.stdout
{REPLACED}
threading.RLock = Losing
del select.poll  # as eventlet does
logging.info("row", extra={{"metrics": {{"n": 1}}}})
"""
    said = printed(code, env={**os.environ, **wandb_server.env()})
    assert said.count("Let it patch before the first record") == 1
    assert "Traceback" not in said
    printed(
        "import sys; from wandb_logging._cli import main; sys.exit(main(['sync']))",
        env={**os.environ, **wandb_server.env()},
    )
    assert [row["n"] for row in wandb_server.runs[0].history] == [0, 1]
    assert wandb_server.runs[0].state == "finished"
