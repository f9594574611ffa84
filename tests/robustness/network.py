"""Network: the N-th request of a run fails in each way there is, for every N; and what makes all of them fail."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable
from unittest import mock
from urllib.parse import urlsplit

from tests.robustness import wire
from tests.robustness.ground import Outcome, rows_problems
from tests.runs import SENT_SO, Clock, add, make_run, row
from wandb_logging import new_run
from wandb_logging._errors import AuthError, TLSError, TransportError, WandbLoggingError
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.client import Client
from wandb_logging._server.link import Link
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging._journal.rundir import RunDir

ROWS = 10
PATIENCE = 0.25  # seconds of a timeout, where a real one is 30, of a server that may say nothing
_ANSWERED = 120.0  # the same of one that always answers, however busy this machine is
CERTIFICATE = Path(__file__).parent.parent / "testing" / "loopback.pem"

REFUSAL = {"errors": [{"message": "no"}]}
FAULTS: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (401, 403, 404, 408, 418, 425, 429, 500, 502, 503, 504, 599)},
    "429 with Retry-After": {"status": 429, "retry_after": 7},
    "503 with a date": {"status": 503, "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"},
    "503 with nonsense": {"status": 503, "retry_after": "soon", "body": "<html>"},
    "redirect to another host": {"status": 307, "headers": {"Location": "http://127.0.0.1:1/"}},
    "redirect to another path": {"status": 308, "headers": {"Location": "/graphql"}},
    "redirect to a login page": {"status": 302, "headers": {"Location": "/login"}, "body": "<html>"},
    "redirect to nowhere": {"status": 301},
    "reset before": {"close": "before"},
    "reset after": {"close": "after"},
    "no body": {"status": 200, "body": "", "where": "graphql"},
    "a login page": {"status": 200, "body": "<html>", "headers": {"Content-Type": "text/html; charset=utf-8"}},
    "half a JSON": {"status": 200, "body": '{"data": {"ups', "where": "graphql"},
    "a list": {"status": 200, "body": [], "where": "graphql"},
    "no data": {"status": 200, "body": {}, "where": "graphql"},
    "a text for data": {"status": 200, "body": {"data": "x"}, "where": "graphql"},
    "nulls": {"status": 200, "body": {"data": {"upsertBucket": None, "serverInfo": None}}, "where": "graphql"},
    "GraphQL errors": {"status": 200, "body": REFUSAL, "where": "graphql"},
}


def study(place: Path, *, full: bool) -> Outcome:
    """After the fault the run is sent whole: each row once, text, summary and end, and no rule broken."""
    outcome = Outcome()
    with LocalServer() as server:
        requests = _requests_of_one_run(place, server)
        for at, (name, fault) in enumerate(FAULTS.items()):
            every = itertools.product(range(requests), (1, 3, 40))
            sample = [*((number, 1) for number in range(at % 2, requests, 2)), (at % requests, 40)]
            for number, times in every if full else sample:
                what = f"request {number}: {times} x {name}"
                outcome.check(what, _answered_wrongly(place, server, number, times, fault))
    for name, problems in _other_cases(place, requests, full=full):
        with mock.patch.dict(os.environ):
            outcome.check(name, problems)
    return outcome


def _other_cases(place: Path, requests: int, *, full: bool) -> Iterator[tuple[str, Iterator[str]]]:
    for fault in wire.FAULTS:
        for number in range(0, requests, 1 if full else 4):
            for times in (1, 3) if full else (1,):
                yield f"request {number}: {times} x {fault.__name__}", _on_the_wire(place, number, times, fault)
    for sent in range(0, ROWS, 1 if full else 5):
        for status in (401, 403):
            yield f"{status} after {sent} rows", _new_key(place, sent, status)
        for way in (_wrong_certificate, _no_tls, _no_such_name, _refused):
            yield f"{way.__name__[1:]} after {sent} rows", _unreachable(place, sent, way)
    yield "black hole, shortened", _black_hole(place / "short", seconds=1, request_timeout=PATIENCE)
    if full:
        yield "black hole of 60 s", _black_hole(place / "long", seconds=60, request_timeout=30)


def _requests_of_one_run(place: Path, server: LocalServer) -> int:
    with _sender(_run(place), server.url, server.api_key) as sender:
        sender.drain(ending=1)
    return len(server.requests)


def _run(place: Path) -> RunDir:
    events = [row(number, text=f"line {number}", level="INFO") for number in range(ROWS)]
    return make_run(place, [*events, {"config": {"late": 1}, "t": 0}])


@contextlib.contextmanager
def _sender(run_dir: RunDir, url: str, *keys: str, patience: float = PATIENCE) -> Iterator[Uploader]:
    """An uploader on a clock that moves when it waits; asked for a key again, it takes the last."""
    clock = Clock()
    link = Link(lambda: Client(url, keys[-1], timeout=patience), clock.pace(), clock)
    sender = Uploader(run_dir, link, SENT_SO, host=url)
    try:
        yield sender
    finally:
        sender.close()


def _send_all(run_dir: RunDir, url: str, key: str, patience: float = PATIENCE) -> Iterator[str]:
    """Try as often as a program would."""
    for _ in range(100):
        with contextlib.suppress(WandbLoggingError), _sender(run_dir, url, key, patience=patience) as sender:
            sender.drain(ending=1)
            return
    yield "it never ends"


def _incomplete(server: LocalServer, run_dir: RunDir, config: set[int | None] | None = None) -> Iterator[str]:
    """What a server lacks of a run, and has too much."""
    run = server.run(run_dir.info.id)
    if [line["n"] for line in run.history] != list(range(ROWS)) or len(run.output) != ROWS:
        yield f"rows {[line['n'] for line in run.history]}, {len(run.output)} lines"
    if (run.state, run.summary.get("n")) != ("failed", ROWS - 1) or run.config.get("late") not in (config or {1}):
        yield f"state {run.state}, summary {run.summary}, config {run.config}"
    yield from map(str, server.violations)


# --- one request ---


def _answered_wrongly(
    place: Path, server: LocalServer, number: int, times: int, fault: dict[str, Any]
) -> Iterator[str]:
    run_dir = _run(place)
    if number:
        server.fail_next(number, status=None)
    server.fail_next(times, **fault)
    yield from _send_all(run_dir, server.url, server.api_key, _ANSWERED)
    server.clear_faults()
    # A config that the server refuses in so many words is not asked for again.
    refused = fault.get("body") == REFUSAL or 300 <= fault.get("status", 0) < 400
    yield from _incomplete(server, run_dir, {1, None} if refused else {1})
    server._requests.clear()


def _on_the_wire(place: Path, number: int, times: int, fault: wire.Fault) -> Iterator[str]:
    run_dir = _run(place)
    with LocalServer() as server, wire.Front(urlsplit(server.url).port or 0) as front:
        front.plan((number, None), (times, fault))
        yield from _send_all(run_dir, front.url, server.api_key)
        yield from _incomplete(server, run_dir)


# --- all requests ---


def _new_key(place: Path, sent: int, status: int) -> Iterator[str]:
    """The key is refused in mid-run: journalling goes on, and a new key is taken up."""
    run_dir = make_run(place, [row(number, text=f"line {number}", level="INFO") for number in range(sent)])
    new = "1" * 40
    writer = run_dir.writer()
    with LocalServer() as server, _sender(run_dir, server.url, new, server.api_key) as sender:
        sender.drain()
        server.revoke_key(server.api_key)
        if status == 403:
            server.fail_always(status=403)
        with contextlib.closing(writer):
            for number in range(sent, ROWS):
                add(writer, [row(number, text=f"line {number}", level="INFO")])
                with contextlib.suppress(AuthError):
                    sender.drain()
                    yield f"row {number} is sent with a key that is refused"
            add(writer, [{"config": {"late": 1}, "t": 0}])
        server.clear_faults()
        server.add_key(new)
        with _sender(run_dir, server.url, new) as later:
            later.drain(ending=1)
        yield from _incomplete(server, run_dir)


Way = Callable[[LocalServer], "contextlib.AbstractContextManager[object]"]


def _unreachable(place: Path, sent: int, way: Way) -> Iterator[str]:
    """The server cannot be reached any more, and then it can."""
    run_dir = make_run(place, [row(number, text=f"line {number}", level="INFO") for number in range(sent)])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    os.environ["REQUESTS_CA_BUNDLE"] = str(CERTIFICATE)
    with LocalServer(tls=context) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with _sender(run_dir, url, server.api_key) as sender:
            sender.drain()
            server.stop()  # so that no connection is open any more
            sender.link.close()  # nor anything believed that the environment said
            with contextlib.closing(run_dir.writer()) as writer, way(server):
                for number in range(sent, ROWS):
                    add(writer, [row(number, text=f"line {number}", level="INFO")])
                    with contextlib.suppress(TransportError, TLSError):
                        sender.drain()
                        yield f"row {number} arrives although nobody is there"
                add(writer, [{"config": {"late": 1}, "t": 0}])
            server.start()
            sender.drain(ending=1)
        yield from _incomplete(server, run_dir)


@contextlib.contextmanager
def _wrong_certificate(server: LocalServer) -> Iterator[None]:
    bundle = os.environ.pop("REQUESTS_CA_BUNDLE")
    with server:
        yield
    os.environ["REQUESTS_CA_BUNDLE"] = bundle


@contextlib.contextmanager
def _no_tls(server: LocalServer) -> Iterator[None]:
    with LocalServer(port=urlsplit(server.url).port or 0):
        yield


@contextlib.contextmanager
def _no_such_name(server: LocalServer) -> Iterator[None]:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    with server, mock.patch.object(socket, "getaddrinfo", side_effect=unknown):
        yield


@contextlib.contextmanager
def _refused(server: LocalServer) -> Iterator[None]:
    del server
    yield


# --- a program, in real time ---


def _black_hole(place: Path, *, seconds: float, request_timeout: float) -> Iterator[str]:
    """A program logs on while nobody answers; afterwards all of it is there."""
    with LocalServer() as server, wire.Front(urlsplit(server.url).port or 0) as front:
        run = new_run(
            "p",
            host=front.url,
            api_key=server.api_key,
            mode="online",
            cache_dir=str(place),
            flush_interval=0.05,
            request_timeout=request_timeout,
            quiet=True,
        )
        run.log({"n": 0})
        run.flush(30)
        front.plan((10**9, wire.black_hole))
        until, longest, rows = time.monotonic() + seconds, 0.0, 1
        while time.monotonic() < until:
            began = time.monotonic()
            run.log({"n": rows})
            longest = max(longest, time.monotonic() - began)
            rows += 1
            time.sleep(0.001)
        front.plan()
        report = run.finish(timeout=request_timeout + 60)
        if longest > 5:
            yield f"a call took {longest:.1f} s"
        if not report.ok:
            yield str(report)
        found = [line["n"] for line in server.runs[0].history]
        yield from rows_problems(found, range(rows), range(rows))
        yield from map(str, server.violations)
