"""A server before the server, which passes requests on and does to some of them what a network does."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from io import BufferedIOBase

    from typing_extensions import Self

Ask = Callable[[], bytes]
"""Passes the request on; the server's answer."""

Fault = Callable[[socket.socket, Ask], None]
"""What becomes of a request instead; the connection is closed afterwards."""

_FLOOD = 100 * 2**20


class Front:
    """Listens on loopback before a server. A context manager.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._plan: list[tuple[int, Fault | None]] = []
        self._server = _Server(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def plan(self, *steps: tuple[int, Fault | None]) -> None:
        """What becomes of the next requests: so many of this, then so many of that, then all are passed on."""
        with self._lock:
            self._plan = [step for step in steps if step[0]]

    def next(self) -> Fault | None:
        """What becomes of this request."""
        with self._lock:
            if not self._plan:
                return None
            left, fault = self._plan.pop(0)
            if left > 1:
                self._plan.insert(0, (left - 1, fault))
            return fault

    def ask(self, request: bytes) -> bytes:
        """The server's answer to a request."""
        with socket.create_connection(("127.0.0.1", self._port)) as server, server.makefile("rb") as file:
            server.sendall(request)
            head, length = _head(file)
            return head + file.read(length)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, front: Front) -> None:
        self.front = front
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        front = self.server.front
        with contextlib.suppress(OSError):
            while (found := _head(self.rfile))[0]:
                head, length = found

                def ask(head: bytes = head, length: int = length) -> bytes:
                    return front.ask(head + self.rfile.read(length))

                fault = front.next()
                if fault is not None:
                    fault(self.connection, ask)
                    return
                self.connection.sendall(ask())


def _head(file: BufferedIOBase) -> tuple[bytes, int]:
    """The head of a request or answer, and the length of its body; an empty head at the end."""
    head, length = b"", 0
    for line in iter(file.readline, b""):
        head += line
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        if line == b"\r\n":
            break
    return head, length


# --- what a network does ---


def black_hole(connection: socket.socket, ask: Ask) -> None:
    """Nobody answers."""
    del ask
    _wait_for_the_end(connection)


def lost_answer(connection: socket.socket, ask: Ask) -> None:
    """The request is applied, and nobody answers."""
    ask()
    _wait_for_the_end(connection)


def dribble(connection: socket.socket, ask: Ask) -> None:
    """The answer comes a byte at a time."""
    for byte in ask():
        connection.sendall(bytes([byte]))


def endless_dribble(connection: socket.socket, ask: Ask) -> None:
    """The answer comes a byte now and then, and never ends."""
    ask()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    connection.settimeout(0.02)
    while True:
        connection.sendall(b" ")
        with contextlib.suppress(socket.timeout):
            if not connection.recv(1):
                return


def broken_off(connection: socket.socket, ask: Ask) -> None:
    """The answer ends in the middle of its body."""
    connection.sendall(ask()[:-1])


def broken_off_in_its_head(connection: socket.socket, ask: Ask) -> None:
    """The answer ends before its body."""
    connection.sendall(ask()[:40])


def reset_in_the_request(connection: socket.socket, ask: Ask) -> None:
    """The connection breaks while the request is still coming."""
    del ask
    _reset(connection)


def reset_in_the_answer(connection: socket.socket, ask: Ask) -> None:
    """The connection breaks in the middle of the answer."""
    connection.sendall(ask()[:-5])
    _reset(connection)


def another_protocol(connection: socket.socket, ask: Ask) -> None:
    """Whoever listens there speaks something else."""
    del ask
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def flood(connection: socket.socket, ask: Ask) -> None:
    """The answer is a hundred megabytes long."""
    ask()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % _FLOOD)
    for _ in range(_FLOOD // 2**20):
        connection.sendall(b" " * 2**20)


FAULTS: list[Fault] = [
    black_hole,
    lost_answer,
    dribble,
    endless_dribble,
    broken_off,
    broken_off_in_its_head,
    reset_in_the_request,
    reset_in_the_answer,
    another_protocol,
    flood,
]


def _wait_for_the_end(connection: socket.socket) -> None:
    while connection.recv(2**16):
        pass


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
