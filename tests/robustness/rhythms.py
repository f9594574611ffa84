"""Rhythms: answers whose head and body come in any pieces, end in any way, break off at any byte, or never end."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from tests.patience import PATIENCE
from tests.robustness.ground import Outcome
from wandb_logging._errors import WandbLoggingError
from wandb_logging._server.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

TIMEOUT = 0.3  # so that the deadline of a whole answer is 3 seconds
OK = b"HTTP/1.1 200 OK\r\n"
HEAD = OK + b"Content-Type: application/json\r\n"
DATA = b'{"data": {"a": 1}}'
ANSWER = {"a": 1}
ERROR = "an error of ours"
_SAMPLE = 40
_AT_ONCE = 16

# An answer as parts: what may come before it, how its end is known, and how the bytes come. All of them are combined.
BEFORE = (b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2)
FRAMED = {
    "length": HEAD + b"Content-Length: %d\r\n\r\n" % len(DATA) + DATA,
    "chunks": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"1\r\n%c\r\n" % one for one in DATA)
    + b"0\r\n\r\n",
    "trailer": HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(DATA) + DATA + b"\r\n0\r\nX: y\r\n\r\n",
    "folded": OK + b"X: a\r\n b\r\nContent-Length: %d\r\n\r\n" % len(DATA) + DATA,
    "close": HEAD + b"Connection: close\r\n\r\n" + DATA,
}
CHUNKED = ("chunks", "trailer")
RHYTHMS: dict[str, Callable[[bytes], list[bytes]]] = {
    "at once": lambda data: [data],
    "by bytes": lambda data: [data[i : i + 1] for i in range(len(data))],
    "by lines": lambda data: data.splitlines(keepends=True),
    "head, body": lambda data: list(data.partition(b"\r\n\r\n")),
    "by sevens": lambda data: [data[i : i + 7] for i in range(0, len(data), 7)],
}


def for_ever(begin: bytes, more: bytes) -> Callable[[], Iterable[bytes]]:
    """An answer that goes on and on."""
    return lambda: itertools.chain([begin], itertools.repeat(more))


ENDLESS = {
    "status line": for_ever(b"", b"H"),
    "a header": for_ever(OK + b"X-Long: ", b"y"),
    "headers": for_ever(OK, b"X: y\r\n"),
    "100 Continue": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "102 Processing": for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "body": for_ever(HEAD + b"Content-Length: 100000\r\n\r\n", b"z"),
    "size of a chunk": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1"),
    "chunks": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nz\r\n"),
    "trailers": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "body without length": for_ever(HEAD + b"\r\n", b"z"),
}


class Case(NamedTuple):
    """One way in which an answer comes.

    Attributes:
        name: for whoever reads of a failure.
        parts: gives the pieces.
        pause: seconds behind each.
        closes: whether the server closes behind the last; else it says nothing more.
        expected: the answer, or that it is an error; any of them.
        timeout: of the client.
    """

    name: str
    parts: Callable[[], Iterable[bytes]]
    pause: float
    closes: bool
    expected: tuple[object, ...]
    timeout: float


def study(place: Path, *, full: bool) -> Outcome:
    """Whole answers are taken, all others end in time with an error of ours; a sample of them if not `full`."""
    del place
    cases = [*whole(), *broken_off(step=1 if full else 20), *silent(), *endless()]
    if not full:
        cases = random.Random(len(cases)).sample(cases, _SAMPLE)
    outcome = Outcome()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for case, problems in zip(cases, pool.map(lambda case: list(_problems(case)), cases)):
            outcome.check(case.name, problems)
    return outcome


def whole() -> Iterator[Case]:
    """Answers that are all there."""
    for (framed, data), before, (rhythm, cut) in itertools.product(FRAMED.items(), BEFORE, RHYTHMS.items()):
        name = f"whole, {framed}, {len(before)} bytes before, {rhythm}"
        yield Case(name, _given(cut, before + data), 0.0005, framed == "close", (ANSWER,), PATIENCE)


def broken_off(step: int) -> Iterator[Case]:
    """Answers after each byte of which the connection ends, or after each so many.

    Where the whole body has come, and of chunks the end that says so has not, it may be taken.
    """
    for (framed, data), before, (rhythm, cut) in itertools.product(FRAMED.items(), BEFORE, RHYTHMS.items()):
        for at in range(0, len(before) + len(data) - 1, step):
            has_all = framed in CHUNKED and at >= len(before) + data.rindex(b"}") + 1
            name = f"broken off at {at}, {framed}, {len(before)} bytes before, {rhythm}"
            expected = (ERROR, ANSWER) if has_all else (ERROR,)
            yield Case(name, _given(cut, (before + data)[:at]), 0.0, closes=True, expected=expected, timeout=PATIENCE)


def silent() -> Iterator[Case]:
    """Answers behind a part of which nothing more comes."""
    parts = (0, 0.1, 0.3, 0.5, 0.7, 0.9)
    for (framed, data), before, (rhythm, cut), part in itertools.product(
        FRAMED.items(), BEFORE, RHYTHMS.items(), parts
    ):
        sent = (before + data)[: int((len(before) + len(data)) * part)]
        name = f"silent after {len(sent)}, {framed}, {len(before)} bytes before, {rhythm}"
        yield Case(name, _given(cut, sent), 0.0005, closes=False, expected=(ERROR,), timeout=TIMEOUT)


def endless() -> Iterator[Case]:
    """Answers that go on and on."""
    for name, parts in ENDLESS.items():
        yield Case(f"endless {name}", parts, 0.02, closes=False, expected=(ERROR,), timeout=TIMEOUT)


def _given(cut: Callable[[bytes], list[bytes]], data: bytes) -> Callable[[], Iterable[bytes]]:
    pieces = [piece for piece in cut(data) if piece]
    return lambda: pieces


def _problems(case: Case) -> Iterator[str]:
    began = time.monotonic()
    got = outcome_of(case.parts, case.pause, closes=case.closes, timeout=case.timeout)
    if got not in case.expected:
        yield f"gives {got!r}"
    if time.monotonic() - began > PATIENCE:
        yield "takes too long"


def outcome_of(parts: Callable[[], Iterable[bytes]], pause: float, *, closes: bool, timeout: float) -> object:
    """What comes of asking a server that sends these pieces, and then closes or says nothing more."""
    with contextlib.ExitStack() as stack, contextlib.suppress(WandbLoggingError):
        url = stack.enter_context(answering(parts, pause, closes=closes))
        client = stack.enter_context(contextlib.closing(Client(url, "k" * 40, timeout=timeout)))
        return client.graphql("query Viewer { viewer { id } }", {})
    return ERROR


@contextlib.contextmanager
def answering(parts: Callable[[], Iterable[bytes]], pause: float = 0.0, *, closes: bool = False) -> Iterator[str]:
    """A server that sends these pieces, with a pause behind each, and then nothing more, or the end."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    connection, _ = listener.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.recv(65536)
                for part in parts():
                    connection.sendall(part)
                    if stop.wait(pause):
                        return
                if closes:  # what is not read yet of the request would make a reset of it
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                else:
                    stop.wait(PATIENCE)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
