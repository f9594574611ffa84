from __future__ import annotations

import os
import threading

import pytest

from tests.patience import PATIENCE
from tests.runs import START, add, row
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.memory import MemoryQueue, MemoryRunDir

INFO = RunInfo("r", "p", start=START)
REMOTE = Remote("s", "team", "p", "r", "r")


def test_what_is_acknowledged_is_forgotten() -> None:
    """Memory holds what the server has not; a position that was forgotten reads on from the first that is there."""
    run_dir = MemoryRunDir(INFO, 10_000)
    writer = run_dir.writer()
    add(writer, [row(i) for i in range(10)])
    reader = run_dir.reader(None)
    assert len(reader.read(4).bodies) == 4
    position = reader.position
    run_dir.save_cursor(Cursor(position))
    assert run_dir.lines_after(position) == 6
    assert run_dir.lines_after(None) == 6
    assert run_dir.first_time_after(position) == START + 4
    reader.seek(None)
    assert len(reader.read().bodies) == 6
    assert reader.read().bodies == []
    assert run_dir.first_time_after(reader.position) is None


def test_memory_is_bounded() -> None:
    """Beyond it events are lost, and counted; there is room again once some are acknowledged."""
    run_dir = MemoryRunDir(INFO, 200)
    writer = run_dir.writer()
    add(writer, [row(i) for i in range(10)])
    kept = writer.counts.journalled
    assert 0 < kept < 10
    assert writer.counts.dropped == {"memory full, no disk": 10 - kept}
    reader = run_dir.reader(None)
    reader.read()
    run_dir.save_cursor(Cursor(reader.position))
    add(writer, [row(11)])
    assert writer.counts.journalled == kept + 1


def test_closed() -> None:
    """What comes after the end is counted."""
    queue = MemoryQueue(100)
    queue.close()
    queue.append(b"{}")
    assert queue.counts.dropped == {"logged after the run was closed": 1}


def test_nothing_touches_the_disk() -> None:
    """Identity, cursor, locks and what is set aside: none of it makes a file."""
    run_dir = MemoryRunDir(INFO, 100)
    run_dir.save_server(REMOTE)
    run_dir.save_cursor(Cursor())
    run_dir.lock_upload()
    run_dir.set_aside("why", "what")
    run_dir.unlock_upload()
    run_dir.writer().sync()
    assert (run_dir.info.server, run_dir.cursor, run_dir.alive()) == (REMOTE, Cursor(), True)
    assert [name for name in os.listdir() if name != "home"] == []  # noqa: PTH208


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_counts_its_losses() -> None:
    """The child cannot reach its parent's memory: it says so, and does not wait for a lock another thread held."""
    queue = MemoryQueue(1000)
    held = threading.Event()
    over = threading.Event()

    def hold() -> None:
        with queue._lock:
            held.set()
            over.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(PATIENCE)
    child = os.fork()
    if not child:
        queue.append(b"{}")
        os._exit(0 if queue.counts.dropped == {"a forked child, no disk": 1} else 1)
    status = os.waitpid(child, 0)[1]
    over.set()
    thread.join()
    assert status == 0
    queue.append(b"{}")
    assert queue.counts.journalled == 1
