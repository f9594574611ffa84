"""Promises of the upload pool: what the work gives comes back, other things go on beside it, a thread is no must."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest

from tests.patience import PATIENCE
from tests.runs import Clock
from wandb_logging._errors import TransportError
from wandb_logging._process.listener import own_threads
from wandb_logging._sending.upload_pool import AT_ONCE, UploadPool
from wandb_logging._server.link import Link


class Client:
    """Takes note of being closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def link_to(client: Any) -> Link:
    clock = Clock()
    return Link(lambda: client, clock.pace(), clock)


@pytest.fixture
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """None can be started, as where the interpreter ends."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("without_threads")
class TestWithoutAThread:
    def test_the_work_is_done_here(self) -> None:
        """By the caller's thread, over the pool's own link; and nothing else meanwhile."""
        link, meanwhile = link_to(Client()), []
        found = UploadPool(link, lambda: meanwhile.append(1)).do(lambda given: (given, threading.current_thread()))
        assert found == (link, threading.current_thread())
        assert meanwhile == []

    @pytest.mark.parametrize("error", [TransportError("away"), KeyError("a"), KeyboardInterrupt()])
    def test_what_it_raises_is_raised(self, error: BaseException) -> None:
        """The very exception, whatever it is."""

        def work(_link: Link) -> None:
            raise error

        with pytest.raises(type(error)) as raised:
            UploadPool(link_to(Client()), lambda: None).do(work)
        assert raised.value is error

    def test_it_counts_as_ours_while_it_lasts(self) -> None:
        """What requests log there is told apart from what the program logs; afterwards the thread is the program's."""
        own: list[bool] = []
        UploadPool(link_to(Client()), lambda: None).do(lambda _: own.append(threading.get_ident() in own_threads))
        assert own == [True]
        assert threading.get_ident() not in own_threads

    def test_one_after_the_other(self) -> None:
        """A pool goes on after work that failed."""
        pool = UploadPool(link_to(Client()), lambda: None)
        with pytest.raises(ZeroDivisionError):
            pool.do(lambda _: 1 / 0)
        assert pool.do(lambda _: None) is None
        assert pool.do(lambda _: 5) == 5


def test_something_else_goes_on_beside_it() -> None:
    """On the caller's thread, again and again until the work is done."""
    threads: list[threading.Thread] = []
    went_on = threading.Event()

    def meanwhile() -> None:
        threads.append(threading.current_thread())
        if len(threads) == 2:
            went_on.set()

    assert UploadPool(link_to(Client()), meanwhile).do(lambda _: went_on.wait(PATIENCE))
    assert set(threads) == {threading.current_thread()}


def test_what_goes_wrong_meanwhile_is_raised() -> None:
    """It is not kept for the end of work that may take hours."""
    done = threading.Event()
    try:
        with pytest.raises(OSError, match="no room"):
            UploadPool(link_to(Client()), fail).do(lambda _: done.wait(PATIENCE))
    finally:
        done.set()


def fail() -> None:
    raise OSError("no room")


def test_it_closes_its_connections() -> None:
    client = Client()
    link = link_to(client)
    pool = UploadPool(link, lambda: None)
    pool.do(lambda given: given.call(lambda _: None))
    pool.close()
    assert client.closed


def test_several_things_are_done_at_once() -> None:
    """Each over a way of its own; what comes of them is told apart, and the last are done by who is free first."""
    gate = threading.Barrier(AT_ONCE, timeout=PATIENCE)
    links: list[Link] = []

    def together(number: int, link: Link) -> int:
        links.append(link)
        if number < AT_ONCE:
            gate.wait()
        if number == 1:
            raise TransportError("away")
        return number

    pool = UploadPool(link_to(Client()), lambda: None)
    pool.link.client_id = "me"
    outcomes = pool.each([partial(together, number) for number in range(AT_ONCE + 2)])
    with pytest.raises(TransportError):
        outcomes.pop(1)()
    assert [outcome() for outcome in outcomes] == [0, *range(2, AT_ONCE + 2)]
    assert len(set(map(id, links))) == AT_ONCE
    assert {link.client_id for link in links} == {"me"}


@pytest.mark.usefixtures("without_threads")
def test_several_things_without_a_thread() -> None:
    """One after the other, also behind one that failed."""
    pool = UploadPool(link_to(Client()), lambda: None)
    outcomes = pool.each([lambda _: 1 / 0, lambda _: 2])
    assert outcomes[1]() == 2
    with pytest.raises(ZeroDivisionError):
        outcomes[0]()


def test_it_closes_all_connections() -> None:
    """Those of what was done at once, too."""
    clients: list[Any] = []
    clock = Clock()

    def connect() -> Any:
        clients.append(Client())
        return clients[-1]

    pool = UploadPool(Link(connect, clock.pace(), clock), lambda: None)
    gate = threading.Barrier(3, timeout=PATIENCE)
    pool.each([lambda given: given.call(lambda _: gate.wait())] * 3)
    pool.close()
    assert [client.closed for client in clients] == [True] * 3
