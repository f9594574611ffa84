from __future__ import annotations

import json
import os
import queue
import signal
import threading
from typing import TYPE_CHECKING, Callable

import pytest

from tests.cli.commands import child, offline_run
from tests.patience import PATIENCE
from wandb_logging._cli import interrupting
from wandb_logging._cli.interrupting import interruptible

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


def test_what_comes_of_the_work() -> None:
    """Its result is given, its error raised, as if it were done here."""
    assert interruptible(lambda _stop: 3) == 3
    with pytest.raises(ValueError, match="no"):
        interruptible(lambda _stop: int("no"))


def test_ctrl_c_reaches_who_waits() -> None:
    """The work is told to stop and ends in its own time; the one who waits for it gets the KeyboardInterrupt."""
    seen: list[object] = []

    def work(stop: Callable[[], bool]) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        while not stop():
            seen[:] = ["went on"]
        seen.append("stopped")

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    assert seen[-1] == "stopped"


def test_nobody_waits_for_work_that_cannot_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that waits for an answer is left behind after a moment, and ends with the program."""
    monkeypatch.setattr(interrupting, "_GRACE", 0.01)
    answer: queue.Queue[None] = queue.Queue()
    ended = threading.Event()

    def work(_stop: Callable[[], bool]) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        answer.get()
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        interruptible(work)
    assert not ended.is_set()
    answer.put(None)
    assert ended.wait(PATIENCE)


@pytest.mark.not_quick
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
def test_sync_while_the_server_is_silent(wandb_server: LocalServer) -> None:
    """Ctrl-C ends `sync` also in the middle of a request that nobody answers."""
    offline_run("a1", host=wandb_server.url)
    wandb_server.fail_next(status=None, where="file_stream", latency=2 * PATIENCE)
    process = child("sync")
    wandb_server.wait_for(lambda: wandb_server.run("a1"))  # the next request is the one without an answer
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err.count("\n")) == (130, 1)
    assert err.startswith("wandb-logging: stopped; 4 lines left.")


@pytest.mark.not_quick
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
@pytest.mark.parametrize("kind", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_other_hosts_need_not_wait(wandb_server: LocalServer, kind: str) -> None:
    """Whatever ends `sync` in the middle of requests: on each run it notes that it has ended, so nobody waits."""
    runs = [offline_run(name, host=wandb_server.url) for name in ("a1", "a2")]
    for _ in runs:
        wandb_server.fail_next(status=None, where="file_stream", latency=2 * PATIENCE)
    process = child("sync")
    wandb_server.wait_for(lambda: len(wandb_server.runs) == len(runs))  # the next requests are those without an answer
    process.send_signal(number := signal.Signals[kind])
    process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    for run in runs:
        assert run.dir is not None
        assert json.loads((run.dir / "upload.lock").read_text())["ended"] is True
