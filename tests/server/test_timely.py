"""Promises of answers that never end: whatever the rhythm in which head and body come, a request has a deadline."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from wandb_logging._errors import ServerUnavailable, TransportError, WandbLoggingError
from wandb_logging._server.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TIMEOUT = 0.3  # so that the deadline of a whole answer is 3 seconds
OK = b"HTTP/1.1 200 OK\r\n"
HEAD = OK + b"Content-Type: application/json\r\n"
DATA = b'{"data": {"a": 1}}'


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
                    stop.wait(60)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def dribbled(data: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: (data[i : i + 1] for i in range(len(data)))


def for_ever(begin: bytes, more: bytes) -> Callable[[], Iterable[bytes]]:
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


def test_what_never_ends_is_given_up() -> None:
    """Whatever of an answer it is that goes on and on: after ten timeouts it is no answer. All at once."""
    with ThreadPoolExecutor(len(ENDLESS)) as pool:
        assert dict(zip(ENDLESS, pool.map(asked, ENDLESS.values()))) == dict.fromkeys(ENDLESS, "given up in time")


def asked(parts: Callable[[], Iterable[bytes]]) -> object:
    """What comes of asking a server that answers so."""
    with answering(parts, pause=0.02) as url, contextlib.closing(Client(url, "k" * 40, timeout=TIMEOUT)) as client:
        began = time.monotonic()
        try:
            return client.graphql("query Viewer { viewer { id } }", {})
        except (TransportError, ServerUnavailable):
            # The deadline is 3 s; the machine may be busy.
            return "given up in time" if time.monotonic() - began < 60 else "given up late"


@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_what_comes_slowly_and_ends_is_an_answer(pause: float) -> None:
    """Byte by byte, a head before it: within the deadline it is taken."""
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: %d\r\n\r\n" % len(DATA) + DATA
    with answering(dribbled(answer), pause) as url, contextlib.closing(Client(url, "k" * 40, timeout=30)) as client:
        assert client.graphql("query Viewer { viewer { id } }", {}) == {"a": 1}


# An answer as parts: what may come before it, how its end is known, and how the bytes come. All of them are combined.
BEFORE = [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2]
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
RHYTHMS: dict[str, Callable[[bytes], list[bytes]]] = {
    "at once": lambda data: [data],
    "by bytes": lambda data: [data[i : i + 1] for i in range(len(data))],
    "by lines": lambda data: data.splitlines(keepends=True),
    "head, body": lambda data: list(data.partition(b"\r\n\r\n")),
    "by sevens": lambda data: [data[i : i + 7] for i in range(0, len(data), 7)],
}


def parts_of(framed: str, before: bytes, rhythm: str, part: float = 1.0) -> Callable[[], Iterable[bytes]]:
    """The pieces in which a part of an answer comes."""
    data = before + FRAMED[framed]
    pieces = RHYTHMS[rhythm](data[: int(len(data) * part)])
    return lambda: (piece for piece in pieces if piece)


def outcome(parts: Callable[[], Iterable[bytes]], *, closes: bool, timeout: float) -> object:
    """What comes of asking a server that sends these pieces, and then closes or says nothing more."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(answering(parts, 0.0005, closes=closes))
        client = stack.enter_context(contextlib.closing(Client(url, "k" * 40, timeout=timeout)))
        try:
            return client.graphql("query Viewer { viewer { id } }", {})
        except WandbLoggingError:
            return "an error of ours"


def test_a_whole_answer_is_taken_in_any_rhythm() -> None:
    """Whatever comes before it, however its end is known, in whatever pieces."""
    kinds = list(itertools.product(FRAMED, BEFORE, RHYTHMS))

    def answer(kind: tuple[str, bytes, str]) -> object:
        return outcome(parts_of(*kind), closes=kind[0] == "close", timeout=30)

    with ThreadPoolExecutor(16) as pool:
        assert [kind for kind, got in zip(kinds, pool.map(answer, kinds)) if got != {"a": 1}] == []


def test_a_part_of_an_answer_is_an_error_in_any_rhythm() -> None:
    """Broken off, or followed by nothing, at any place: it ends with an error of ours, and is no answer."""
    places = [0, 0.1, 0.3, 0.5, 0.7, 0.9]
    kinds = list(itertools.product(FRAMED, BEFORE[:2], RHYTHMS, places, [True, False]))

    def answer(kind: tuple[str, bytes, str, float, bool]) -> object:
        *what, closes = kind
        return outcome(parts_of(*what), closes=closes, timeout=TIMEOUT)  # type: ignore[arg-type]  # as listed

    with ThreadPoolExecutor(32) as pool:
        assert [kind for kind, got in zip(kinds, pool.map(answer, kinds)) if got != "an error of ours"] == []


@pytest.mark.slow
def test_a_download_takes_as_long_as_it_takes() -> None:
    """Of a file only the time between two bytes counts."""
    size = 60
    head = OK + b"Content-Length: %d\r\n\r\n" % size
    got: list[bytes] = []
    parts = for_ever(head, b"z")
    with answering(parts, pause=0.1) as url, contextlib.closing(Client(url, None, timeout=0.5)) as client:
        client.get(url + "/file", got.append, size)
    assert b"".join(got) == b"z" * size
