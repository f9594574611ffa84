"""What all of a user's processes take together: through a file, whoever they are, and never in the way of a program."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from wandb_logging._server import allowance
from wandb_logging._server.allowance import REQUESTS, Allowance
from wandb_logging._server.link import Link, Pace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="each process has its own there")

TAKE = """
import sys
from pathlib import Path
from wandb_logging._server.allowance import Allowance
mine = Allowance("server p", Path(sys.argv[1]), now=lambda: 1e9)
print(*[mine.take() for _ in range(100)])
"""


def test_processes_and_threads_share_one(tmp_path: Path) -> None:
    """What several take at one moment is one line: no two get the same place."""
    children = [
        subprocess.Popen([sys.executable, "-c", TAKE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    mine: list[float] = []

    def take() -> None:
        own = Allowance("server p", tmp_path, now=lambda: 1e9)
        mine.extend(own.take() for _ in range(100))

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waits = sorted(
        [*mine, *(float(wait) for child in children for wait in child.communicate(timeout=PATIENCE)[0].split())]
    )
    assert len(waits) == 500
    expected = [max(0.0, (number + 1 - REQUESTS.burst) / REQUESTS.rate) for number in range(500)]
    assert waits == pytest.approx(expected, abs=1e-4)


def test_bytes_are_counted_too(tmp_path: Path) -> None:
    """120 MB a second: a crowd of large requests waits longer than one of small ones."""
    own = Allowance("server p", tmp_path, now=lambda: 1e9)
    waits = [own.take(8_000_000) for _ in range(12)]
    assert waits[1] == pytest.approx(0, abs=1e-4)
    assert waits[-1] == pytest.approx((12 * 8 - 16) / 100, abs=1e-4)


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """A link, a file or nothing that can be written in its place: everybody goes at once, and nothing is written."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    (tmp_path / "file").write_text("a")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "allowance").symlink_to(elsewhere / "stolen")
    for name in ("link", "file", "ours", "missing/deep"):
        assert [Allowance("p", tmp_path / name).take() for _ in range(100)] == [0.0] * 100
    assert list(elsewhere.iterdir()) == []


def test_who_holds_the_file_for_ever_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped while it has the lock costs others a moment each."""
    import fcntl

    own = Allowance("p", tmp_path)
    own.take()
    monkeypatch.setattr(allowance, "_PATIENCE", 0.0)
    fd = os.open(tmp_path / "allowance", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert own.take() == 0.0
    os.close(fd)


def test_a_link_waits_for_its_turn() -> None:
    """As long as there is time; who has none goes at once."""
    slept: list[float] = []
    hurry = False

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds / 2)  # it may be less: there was a reason to look

    class Nobody:
        def close(self) -> None:
            pass

    class Full(Allowance):
        def take(self, size: int = 0) -> float:
            return size / 1000

    link = Link(Nobody, Pace(sleep, lambda: hurry))  # type: ignore[arg-type]  # nothing is asked of the client
    link.allowance = Full("p")
    began = time.monotonic()
    assert link.call(lambda _client: 1, size=50) == 1
    assert time.monotonic() - began >= 0.049
    assert slept
    hurry = True
    slept.clear()
    link.call(lambda _client: 1, size=50)
    assert slept == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_forked_while_a_thread_takes_takes_too(tmp_path: Path) -> None:
    """What threads of the parent wait for is nobody's in the child: its requests are counted as everybody's are."""
    own = Allowance("server p", tmp_path, now=lambda: 1e9)
    within, done = threading.Event(), threading.Event()

    def take() -> None:
        with allowance._turns:
            within.set()
            done.wait(PATIENCE)

    thread = threading.Thread(target=take)
    thread.start()
    assert within.wait(PATIENCE)
    pid = os.fork()
    if pid == 0:
        waits = [own.take() for _ in range(100)]
        os._exit(0 if max(waits) > 0 else 1)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://api.example/storage/x", 1),
        ("/storage/x", 1),
        ("http://[", 1),
        ("https://storage.example/x", 0),
        ("https://api.example:444/x", 0),
    ],
)
def test_only_what_goes_to_the_api_is_counted(address: str, taken: int) -> None:
    """A file that goes to a storage elsewhere takes nothing from what the API takes of a project."""

    class Storage:
        host = "https://api.example"

        def put(self, url: str, *_: object) -> str:
            return f"tag of {url}"

        def close(self) -> None:
            pass

    class Counting(Allowance):
        count = 0

        def take(self, size: int = 0) -> float:
            self.count += 1
            return 0.0

    link = Link(Storage, Pace())  # type: ignore[arg-type]  # a client that only puts
    link.allowance = counting = Counting("p")
    assert link.put(address, Path("x"), {}) == f"tag of {address}"
    assert counting.count == taken
    assert link.call(lambda _client: 1) == 1
    assert counting.count == taken + 1
