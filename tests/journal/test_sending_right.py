"""The right to send, on several hosts: here each is an object with locks that the others do not see."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings, strategies as st

from tests.examples import at_most
from wandb_logging._errors import JournalLocked
from wandb_logging._journal import presence, safe_files
from wandb_logging._journal.members import UPLOAD, Standing
from wandb_logging._journal.order import Order, order_of
from wandb_logging._journal.presence import Holder
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.sending_right import SendingRight
from wandb_logging._values.plain import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator

LEASE = 60.0
numbers = itertools.count()


class OwnLock:
    """A lock that no other host sees; a host has one process here."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.held = False

    def acquire(self) -> bool:
        self._path.open("a").close()  # which does not change its time
        self.held = True
        return True

    def note(self, text: str) -> None:
        if self.held:
            self._path.write_text(text)

    def release(self) -> None:
        self.held = False


class Host:
    """A host with one process, which can send."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        self.right = SendingRight(root)
        self.right.lease = LEASE
        self.right._lock = OwnLock(root / UPLOAD)  # type: ignore[assignment]
        self.order: Order | None = None
        self.sent: list[tuple[int, tuple[int, int, int]]] = []  # what it sent as the n-th

    def take(self) -> bool:
        """Take the right, if it can be had."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("socket.gethostname", lambda: self.name)
            patch.setattr(presence, "boot_id", lambda: f"a start of {self.name}")
            return self.right.acquire()


def later(root: Path, seconds: float) -> None:
    """Let time go by on the disk: all that was noted there is so much older."""
    for path in root.iterdir():
        at = path.stat().st_mtime - seconds
        os.utime(path, (at, at))


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    presence._clocks.clear()
    yield
    presence._clocks.clear()


def hosts(root: Path, count: int = 2) -> list[Host]:
    return [Host(root, f"host{number}") for number in range(count)]


class TestTaking:
    def test_it_is_known_without_taking_it(self, tmp_path: Path) -> None:
        """By the lock, or by the lease of a host whose lock is not seen; asking changes nothing."""
        root = tmp_path / "run"
        root.mkdir()
        here, near, other = SendingRight(root), SendingRight(root), hosts(root)[0]
        assert not here.is_taken()
        assert list(root.iterdir()) == []
        assert near.acquire()
        assert here.is_taken()
        near.release()
        assert not here.is_taken()
        assert other.take()
        assert here.is_taken()
        later(root, LEASE + 1)
        assert not here.is_taken()

    def test_one_has_it(self, tmp_path: Path) -> None:
        """Though neither sees the other's lock."""
        first, second = hosts(tmp_path)
        assert first.take()
        assert not second.take()
        assert second.right.holder() == f"pid {os.getpid()} on host0"

    def test_it_is_given_back(self, tmp_path: Path) -> None:
        """Then the next one need not wait."""
        first, second = hosts(tmp_path)
        assert first.take()
        first.right.release()
        assert second.take()

    def test_a_lease_runs_out(self, tmp_path: Path) -> None:
        """When the disk has noted nothing of the holder for as long as it said; not a moment before."""
        first, second = hosts(tmp_path)
        assert first.take()
        later(tmp_path, LEASE - 30)
        assert not second.take()
        later(tmp_path, 31)
        assert second.take()

    def test_who_renews_keeps_it(self, tmp_path: Path) -> None:
        """However long."""
        first, second = hosts(tmp_path)
        assert first.take()
        for _ in range(5):
            later(tmp_path, LEASE - 20)
            first.right.renew()
            first.right.check()
            assert not second.take()

    def test_who_lost_it_is_told(self, tmp_path: Path) -> None:
        """Before it acts, also if it renews late: that does not take it back."""
        first, second = hosts(tmp_path)
        assert first.take()
        later(tmp_path, LEASE + 1)
        assert second.take()
        first.right.renew()
        with pytest.raises(JournalLocked, match="on host1"):
            first.right.check()
        assert not first.right.held
        second.right.check()

    def test_one_that_takes_it_and_dies(self, tmp_path: Path) -> None:
        """It made the file of its term and no more: the next one waits for its lease, not for ever."""
        first, second = hosts(tmp_path)
        note = Holder(1, "host0", "a start of host0", 1, LEASE).to_json()
        (tmp_path / "upload-0001.term").write_bytes(dumps({**note, "term": 1}))
        assert not second.take()
        later(tmp_path, LEASE + 1)
        assert second.take()
        assert second.right.term == 2
        assert not first.take()

    def test_a_version_before_left_its_name_there(self, tmp_path: Path) -> None:
        """It never took it out; where no lock is seen, nobody has it."""
        (tmp_path / UPLOAD).write_text("pid 4711 on node1")
        assert hosts(tmp_path)[0].take()

    def test_the_disk_is_away(self, tmp_path: Path) -> None:
        """For a moment that does not matter; when another may have taken it, it counts as lost."""
        (host,) = hosts(tmp_path, 1)
        assert host.take()
        (tmp_path / UPLOAD).rename(tmp_path / "away")
        host.right.check()
        host.right._renewed -= LEASE + 1
        with pytest.raises(JournalLocked, match="away"):
            host.right.check()


def test_to_renew_is_one_touch_each_quarter_of_a_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that writes and sends tells of both at once, however often it is asked to."""
    run_dir = RunDir(tmp_path)
    writer = run_dir.writer(Standing(lease=LEASE))
    run_dir.lease = LEASE
    run_dir.lock_upload()
    touched: list[str] = []
    touch = safe_files.touch

    def counting(root: Path, name: str) -> os.stat_result:
        touched.append(name)
        return touch(root, name)

    clock = time.monotonic()
    monkeypatch.setattr(safe_files, "touch", counting)
    for second in range(600):
        monkeypatch.setattr("time.monotonic", lambda: clock + second)  # noqa: B023  called before the next
        run_dir.renew()
    monkeypatch.undo()
    assert touched == [UPLOAD] * 40
    run_dir.unlock_upload()
    writer.close()


class World:
    """Some hosts that each want to send what three writers have written, in an order that they write down."""

    def __init__(self, root: Path, count: int) -> None:
        self.root = root
        self.hosts = hosts(root, count)
        self.ends = dict.fromkeys((1, 2, 3), 0)
        self.frozen: dict[int, Iterator[None]] = {}

    def turn(self, number: int) -> None:
        """Let a host make one step of what it does: it may be frozen between any two."""
        if number not in self.frozen:
            self.frozen[number] = self._send(self.hosts[number])
        try:
            next(self.frozen[number])
        except StopIteration:
            del self.frozen[number]

    def _send(self, host: Host) -> Iterator[None]:
        """One round: take the right, read what was decided, decide what is next, write that down, send it."""
        if not host.right.held:
            host.order = None
            if not host.take():
                return
        yield
        try:
            host.right.check()
            yield
            host.order = host.order or Order(self.root / "order.jsonl", host.right)
            entries = [entry for entry in host.order.entries if entry]
            host.sent += list(enumerate(entries))[len(host.sent) :]  # what was decided before is sent again
            yield
            takings = []
            for turn in range(len(entries), len(entries) + 1 + len(entries) % 2):
                writer = turn % 3 + 1 if host.name == "host0" else 3 - turn % 3
                self.ends[writer] += 1
                takings.append((writer, 1, self.ends[writer]))
            yield
            host.order.add(takings)
            yield
            host.sent += enumerate(takings, len(host.sent))
        except JournalLocked:
            host.order = None


# So many steps of a host; then it renews, or time goes by, or neither, and it is another's turn.
stretches = st.tuples(st.integers(0, 2), st.integers(1, 9), st.sampled_from(["renews", "over", "over", ""]))


@settings(deadline=None, max_examples=at_most(200))
@given(st.lists(stretches, max_size=16))
@example([(0, 4, "over"), (1, 4, ""), (0, 1, ""), (1, 3, "")])  # what one writes late, after another has read
def test_two_never_send_different_lines(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[int, int, str]]
) -> None:
    """However hosts are frozen between any two steps, and leases run out: what each sends as the n-th is the same."""
    world = World(tmp_path_factory.mktemp(f"world{next(numbers)}"), 3)
    for number, steps, then in plan:
        for _ in range(steps):
            world.turn(number)
        if then == "over":
            later(world.root, LEASE + 1)
        elif then and world.hosts[number].right.held:
            world.hosts[number].right.renew()
        presence._clocks.clear()
    decided = list(enumerate(entry for entry in order_of(world.root) if entry))
    for host in world.hosts:
        assert host.sent == decided[: len(host.sent)]


def test_the_world_is_one_in_which_it_could_go_wrong(tmp_path: Path) -> None:
    """Without the look whether the right is still held, two hosts send different lines."""
    world = World(tmp_path, 2)
    world.hosts[0].right.check = lambda: None  # type: ignore[method-assign]
    for turn in (0, 0, 0, 0):
        world.turn(turn)  # it has decided what is next, and not written it down
    later(tmp_path, LEASE + 1)
    presence._clocks.clear()
    for turn in (1, 1, 1, 1, 1, 1, 0, 0):
        world.turn(turn)
    assert world.hosts[0].sent[0] != world.hosts[1].sent[0]
