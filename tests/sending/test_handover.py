"""Promises about a run whose sender changes while it goes on: what the next one asks the server, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.runs import START, Clock, add, make_run, numbers, row, uploader
from wandb_logging._journal.presence import boot_id
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending import handover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandb_logging._journal.writer import Writer
    from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.skipif(not boot_id(), reason="the system does not name its starts")


class Relay:
    """A run that one process after another sends: each sees the directory anew. One clock for all, as on one host."""

    def __init__(self, run_dir: RunDir, server: LocalServer, clock: Clock) -> None:
        self.path = run_dir.path
        self.id = run_dir.info.id
        self.server = server
        self.clock = clock

    def send(self, *, leaves: bool = True) -> list[str]:
        """Have the next process send what is there. Returns what it asked the server, besides its rows."""
        before, run_dir = len(self.server.requests), RunDir(self.path)
        with run_dir.uploading():
            sender = uploader(run_dir, self.server, self.clock)
            sender.drain()
            if leaves:
                sender.hand_over()
            sender.close()
        asked = [request.operation for request in self.server.requests[before:] if request.operation]
        return [name for name in asked if name not in {"CreateRunFiles", "ServerFeaturesQuery"}]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(relay: Relay) -> Iterator[Writer]:
    writer = RunDir(relay.path).writer()
    yield writer
    writer.close()


@pytest.fixture
def relay(tmp_path: Path, wandb_server: LocalServer, clock: Clock) -> Relay:
    relay = Relay(make_run(tmp_path, [row(0)], closed=False), wandb_server, clock)
    assert relay.send() == ["RunLineCount", "UpsertBucket"]
    return relay


def test_the_next_sender_asks_nothing(relay: Relay, writer: Writer, clock: Clock, wandb_server: LocalServer) -> None:
    """Not what the one before it knew a moment ago; and its rows come behind that one's."""
    add(writer, [row(1)])
    clock.time += 0.5
    assert relay.send() == []
    add(writer, [row(2)])
    assert relay.send() == []
    assert numbers(wandb_server, relay.id) == [0, 1, 2]


def test_whether_the_run_went_on_elsewhere_is_asked_as_often_as_by_one_sender(
    relay: Relay, writer: Writer, clock: Clock
) -> None:
    """A second after it was last asked it is asked again, whoever sends."""
    add(writer, [row(1)])
    clock.time += 1.5
    assert relay.send() == ["RunLineCount"]


@pytest.mark.parametrize("late", [31.0, -500.0])
def test_what_was_said_long_ago_or_by_another_clock_is_asked(
    relay: Relay, writer: Writer, clock: Clock, late: float
) -> None:
    """After a heartbeat's time the server may take the run for crashed: it is told that the run goes on."""
    add(writer, [row(1)])
    clock.time += late
    assert relay.send() == ["RunLineCount", "UpsertBucket"]


def test_a_sender_that_was_killed_has_said_nothing(relay: Relay, writer: Writer) -> None:
    """The next one asks what the server has, also if an earlier one had said it."""
    add(writer, [row(1)])
    relay.send(leaves=False)
    add(writer, [row(2)])
    assert relay.send() == ["RunLineCount", "UpsertBucket"]


def test_only_the_very_next_sender_goes_by_it(relay: Relay, writer: Writer) -> None:
    """One that took the right and was killed may have ended the run before it could note that."""
    add(writer, [row(1)])
    with RunDir(relay.path).uploading():
        pass
    assert relay.send() == ["RunLineCount", "UpsertBucket"]


def test_a_change_since_is_sent(relay: Relay, writer: Writer, wandb_server: LocalServer) -> None:
    """What the program has changed meanwhile, and the one before has not sent, goes once."""
    add(writer, [{"config": {"depth": 3}, "t": START + 1}])
    assert relay.send() == ["UpsertBucket"]
    assert wandb_server.run(relay.id).config["depth"] == 3
    add(writer, [row(1)])
    assert relay.send() == []


def test_a_run_that_goes_on_while_its_last_files_are_sent_has_not_ended(
    tmp_path: Path, wandb_server: LocalServer
) -> None:
    """A process that comes to it in that time ends it; the server hears of one end."""
    run_dir = make_run(tmp_path, [row(0), {"exit": 0, "t": START + 1}])
    run_id = run_dir.info.id
    come = run_dir.writer()
    sender = uploader(run_dir, wandb_server, before_end=lambda: add(come, [{"resume": True, "t": START + 2}, row(3)]))
    sender.drain()
    assert (wandb_server.run(run_id).state, numbers(wandb_server, run_id)) == ("running", [0, 3])
    assert not sender.complete
    sender.close()
    add(come, [{"exit": 3, "t": START + 4}])
    come.close()
    last = uploader(run_dir, wandb_server)
    last.drain()
    last.close()
    assert (wandb_server.run(run_id).state, wandb_server.run(run_id).exit_code) == ("failed", 3)
    told = [request.body for request in wandb_server.requests if f"/{run_id}/" in request.path]
    assert sum(b'"complete":true' in body for body in told) == 1


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"term": "1"},
        {"term": 1, "at": 1.0, "looked": "?", "boot": "", "told": {"config": "", "run": {}, "there": 0}},
        {"term": 1, "at": 1.0, "looked": None, "boot": "", "told": {"config": "", "run": [], "there": 0}},
        {"term": None, "at": 1.0, "looked": None, "boot": "", "told": {"config": "", "run": {}, "there": 0}},
    ],
)
def test_what_has_another_form_says_nothing(said: dict[str, Any]) -> None:
    """Another version may have written it."""
    assert handover.read(said) is None
