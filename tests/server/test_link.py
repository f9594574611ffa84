from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from tests.runs import Clock
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    HTTPStatusError,
    JournalError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._server import protocol
from wandb_logging._server.link import Link, OutOfTime, explain


class Server:
    """A client whose requests fail as they are told to, then succeed."""

    def __init__(self, *failures: WandbLoggingError) -> None:
        self.failures = list(failures)
        self.asked = 0
        self.connected = 0
        self.closed = 0

    def connect(self) -> Any:
        self.connected += 1
        return self

    def request(self, client: Any) -> str:
        assert client is self
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def close(self) -> None:
        self.closed += 1


def link(server: Server, clock: Clock) -> Link:
    return Link(server.connect, clock.pace(), clock)


def test_a_request_that_works() -> None:
    """It is made once, and its time is kept for the heartbeat."""
    server, clock = Server(), Clock()
    way = link(server, clock)
    clock.time += 5
    assert way.call(server.request) == "done"
    assert (server.asked, way.last_request, clock.slept) == (1, clock(), [])


def test_backoff() -> None:
    """2, 4, 8, 16 seconds and up to one more each (protocol 1.2)."""
    server, clock = Server(*[TransportError("refused")] * 4), Clock()
    assert link(server, clock).call(server.request) == "done"
    assert len(clock.slept) == 4
    for slept, least in zip(clock.slept, (2, 4, 8, 16)):
        assert least <= slept <= least + 1


def test_retry_after_wins() -> None:
    """What the server asks for is waited, neither less nor more; without it, the backoff."""
    failures = [ServerUnavailable("429", 429, wait) for wait in (1.5, 30.0)]
    server, clock = Server(*failures), Clock()
    link(server, clock).call(server.request)
    assert clock.slept == [1.5, 30.0]


class Hurried(Clock):
    """A clock whose sleepers are woken after a tenth of a second: somebody asks all the time."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.1))


def test_whoever_hurries_keeps_to_retry_after() -> None:
    """A flush in a loop, or the end of the program, does not ask a server again that asked for time."""
    server, clock = Server(*[ServerUnavailable("429", 429, 15.0)] * 3), Hurried()
    began = clock()
    assert link(server, clock).call(server.request) == "done"
    assert server.asked == 4
    assert clock() - began >= 45


def test_nor_does_the_next_call() -> None:
    """A round later the server is still left alone until its time has come."""
    server, clock = Server(ServerUnavailable("429", 429, 30.0)), Clock()
    way = link(server, clock)
    with pytest.raises(ServerUnavailable):
        way.call(server.request, attempts=1)
    began = clock()
    assert way.call(server.request) == "done"
    assert clock() - began == 30


def test_there_is_a_second_between_two_tries() -> None:
    """Whoever hurries, and whatever it was that failed."""
    server, clock = Server(*[TransportError("refused")] * 20), Hurried()
    began = clock()
    assert link(server, clock).call(server.request) == "done"
    assert server.asked == 21
    assert 20 <= clock() - began < 25


def test_out_of_time_the_server_is_left_alone() -> None:
    """At the deadline the latest failure is told again, at once, and nothing is sent."""
    server, clock = Server(ServerUnavailable("429", 429, 3600.0)), Clock()
    way = link(server, clock)
    with pytest.raises(ServerUnavailable):
        way.call(server.request, attempts=1)
    clock.over = True
    with pytest.raises(ServerUnavailable, match="429"):
        way.call(server.request)
    assert (server.asked, clock.slept) == (1, [])


def test_a_storm_of_429() -> None:
    """A minute is tried; then the caller is told, who has everything on disk."""
    server, clock = Server(*[ServerUnavailable("429", 429)] * 1000), Clock()
    with pytest.raises(ServerUnavailable):
        link(server, clock).call(server.request)
    assert 60 <= sum(clock.slept) < 125
    assert server.asked < 10


def test_a_retry_after_of_an_hour() -> None:
    """It is kept to, also when that is longer than a request is tried."""
    server, clock = Server(*[ServerUnavailable("429", 429, 3600.0)] * 2), Clock()
    with pytest.raises(ServerUnavailable):
        link(server, clock).call(server.request)
    assert clock.slept == [3600.0]


@pytest.mark.parametrize(
    "error",
    [
        TLSError("expired"),
        AuthError("no", 401),
        RunNotFound("no", 404),
        RequestRejected("no", 400),
        GraphQLError("no"),
    ],
)
def test_what_cannot_help_is_not_repeated(error: WandbLoggingError) -> None:
    """A certificate, a key, a run or a request that is wrong stays wrong."""
    server, clock = Server(error), Clock()
    way = link(server, clock)
    with pytest.raises(type(error)):
        way.call(server.request)
    assert (server.asked, clock.slept) == (1, [])
    assert (type(way.trouble), str(way.trouble)) == (type(error), str(error))


def test_a_new_key_is_looked_for() -> None:
    """After 401 the next call connects anew; after anything else the connection stays."""
    server, clock = Server(AuthError("no", 401)), Clock()
    way = link(server, clock)
    with pytest.raises(AuthError):
        way.call(server.request)
    assert way.call(server.request) == "done"
    server.failures = [RunNotFound("no", 404)]
    with pytest.raises(RunNotFound):
        way.call(server.request)
    assert (server.connected, server.closed) == (2, 1)


def test_what_failed_is_let_go() -> None:
    """A body of megabytes is gone with the call that failed to send it, not whenever garbage is collected."""

    class Body:
        pass

    def send(client: Any, body: Body) -> None:
        assert isinstance(body, Body)
        server.request(client)

    def deliver(body: Body) -> None:
        way.call(lambda client: send(client, body))

    server = Server(*[TransportError("refused") for _ in range(100)])
    way = link(server, Clock())
    body = Body()
    alive = weakref.ref(body)
    gc.disable()
    try:
        with pytest.raises(TransportError) as raised:
            deliver(body)
        del raised, body
        assert alive() is None
    finally:
        gc.enable()


def test_attempts() -> None:
    """Where an address expires, trying it a minute long makes no sense."""
    server, clock = Server(*[TransportError("refused")] * 5), Clock()
    with pytest.raises(TransportError):
        link(server, clock).call(server.request, attempts=2)
    assert server.asked == 2


def test_out_of_time() -> None:
    """Who is told to stop does not wait for another try."""
    server, clock = Server(TransportError("refused")), Clock()
    clock.over = True
    with pytest.raises(TransportError):
        link(server, clock).call(server.request)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (AuthError("HTTP 401", 401), "wandb-logging login"),
        (TLSError("self-signed"), "REQUESTS_CA_BUNDLE"),
        (RunNotFound("HTTP 404", 404), "Check entity and project"),
        (TransportError("refused"), "cannot be reached"),
        (ServerUnavailable("HTTP 503", 503), "cannot be reached"),
        (RequestRejected("HTTP 400", 400), "check entity, project and settings"),
        (GraphQLError("no"), "check entity, project and settings"),
        (RequestRejected("HTTP 302", 302), "the login of this network"),
        (protocol.NoAnswerError("is host the address of an API?"), "API? Rows are kept on disk. Check host"),
    ],
)
def test_each_error_says_what_to_do(error: WandbLoggingError, advice: str) -> None:
    """One line names the host, the reason and the way out, and that nothing is lost."""
    line = explain(error, "https://api.example")
    assert line.startswith("https://api.example")
    assert advice in line
    assert "Rows are kept on disk" in line
    assert str(error) in line
    assert "\n" not in line
    assert isinstance(error, (HTTPStatusError, TransportError, GraphQLError))


@pytest.mark.parametrize(
    ("error", "live", "synced"),
    [
        (AuthError("HTTP 401", 401), "picked up while the program runs", "then sync again"),
        (TransportError("refused"), "trying again", "Sync again later"),
        (ServerUnavailable("HTTP 503", 503), "trying again", "Sync again later"),
    ],
)
def test_who_tries_again(error: WandbLoggingError, live: str, synced: str) -> None:
    """A run tries again by itself; after `sync` that is up to the person, and the line says so."""
    running, ended = (explain(error, "https://api.example", live=state) for state in (True, False))
    assert live in running
    assert synced not in running
    assert synced in ended
    assert live not in ended


@pytest.mark.parametrize("live", [True, False])
def test_a_key_for_the_host_that_refuses(*, live: bool) -> None:
    """The command that is shown sets the key of the host in question."""
    refused = AuthError("HTTP 401", 401)
    assert "`wandb-logging login --relogin --host https://x.example`" in explain(
        refused, "https://x.example", live=live
    )
    assert "`wandb-logging login --relogin`" in explain(refused, "https://api.wandb.ai", live=live)


def test_what_helps_depends_on_what_is_there() -> None:
    """Where there is no key, nobody is asked to replace one; where a login changes nothing, none is advised."""
    assert "`wandb-logging login`" in explain(AuthError("no API key was found"), "https://api.wandb.ai")
    wrong = AuthError("the key from WANDB_API_KEY is malformed.", cure="Correct WANDB_API_KEY.")
    assert explain(wrong, "https://api.wandb.ai").endswith("Rows are kept on disk. Correct WANDB_API_KEY.")


def test_out_of_time_is_no_fault_of_the_server() -> None:
    """Who stops for lack of time does not hear that the server cannot be reached."""
    assert explain(OutOfTime("out of time; the rest stays"), "https://api.example") == "out of time; the rest stays"


def test_a_directory_that_fails() -> None:
    """What is wrong with the disk is not said of the server."""
    error = JournalError("cache/r: No space left on device")
    assert explain(error, "https://api.example") == "cache/r: No space left on device. Rows are kept on disk."
