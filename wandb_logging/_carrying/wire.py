"""A connection between a worker elsewhere and the process whose run it joined.

Both sides first prove that they know the token that the worker was handed with `join`, without saying it: each sends a
random number, and the HMAC of both numbers under the token. So nobody else can write into the run, and a worker hands
its rows to no stranger who has got the port after the run's process is gone. What follows is not encrypted.

After that each side sends frames: a line of JSON, and as many bytes behind it as its member `size` says.

    worker                                        process of the run
    {"source": "<id of its journal>",
     "taken": <lines of it that were taken>}      {"taken": 9}         how many lines of that journal it has
    {"file": "files/...", "from": 0, "of": 9}     {"taken": 9}         a piece of a kept copy
    {"after": 9}, the lines behind that many      {"taken": 12}        or {"ended": true}: not taken, the run has ended
    {"settled": true}                             {"hurry": true}      before the run ends: send what you have
    {"bye": true}                                 {"taken": 12}
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import socket
import threading
import weakref
from collections.abc import Mapping
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._values.plain import dumps, loads

PATIENCE = 30.0  # seconds that one side waits for the other where an answer is due
_MOST_HEADER = 2**20  # bytes of a frame's line of JSON
_MOST_DATA = 2**28 + 2**20  # bytes behind it: one line of a journal, at most, or a piece of many
_MOST_GREETING = 1024  # bytes of a line of one who has not proved anything yet
_BLOCK = 2**18  # most bytes that are received at once
_NONCE = 32  # hexadecimal digits

Frame = tuple[dict[str, Any], bytes]


class Refused(ConnectionError):
    """The other side does not know the token, or does not speak this protocol."""


@dataclass(frozen=True)
class Route:
    """How a worker elsewhere reaches the process whose run it joins.

    Attributes:
        host, port: where that process listens.
        token: what proves that the worker was invited.
    """

    host: str
    port: int
    token: bytes

    def __repr__(self) -> str:
        return f"Route({self.host!r}, {self.port})"


class Wire:
    """One end of a connection. One thread receives; several may send.

    Args:
        connected: the socket.
    """

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(PATIENCE)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._buffer = bytearray()
        self._sending = threading.Lock()
        _wires.add(self)

    def send(self, header: Mapping[str, Any], data: bytes = b"") -> None:
        """Send a frame.

        Raises:
            OSError: the connection is broken.
        """
        with self._sending:
            self._socket.sendall(dumps({**header, "size": len(data)}) + b"\n" + data)

    def receive(self) -> Frame:
        """The next frame.

        Raises:
            OSError: the connection is broken, nothing comes in time, or what comes is no frame.
        """
        header = self._object(_MOST_HEADER)
        size = header.get("size")
        if type(size) is not int or not 0 <= size <= _MOST_DATA:
            raise Refused("a frame without a size")
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return header, data

    def comes_within(self, seconds: float) -> bool:
        """Whether the other side begins to send within some seconds.

        Raises:
            OSError: the connection is broken.
        """
        if not self._buffer:
            self._socket.settimeout(seconds)
            try:
                self._fill()
            except socket.timeout:
                return False
            finally:
                self._socket.settimeout(PATIENCE)
        return True

    def wait_without_limit(self) -> None:
        """Wait for the next frame however long that takes: a worker may log nothing for hours."""
        self._socket.settimeout(None)

    def close(self) -> None:
        """Close the connection. A thread that waits for it gets an OSError."""
        with contextlib.suppress(OSError):  # it is closed
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def abandon(self) -> None:
        """In a forked child: let go of the connection, which goes on in the parent."""
        self._socket.close()

    # --- the proofs ---

    def greet_worker(self, token: bytes) -> None:
        """Have a worker prove that it knows the token, and prove it in turn.

        Raises:
            Refused: it does not know it.
            OSError: the connection is broken.
        """
        ours = secrets.token_hex(_NONCE // 2)
        self._socket.sendall(dumps({"nonce": ours}) + b"\n")
        said = self._object(_MOST_GREETING)
        _check(said.get("proof"), _proof(token, "worker", ours, _nonce(said)))
        self._socket.sendall(dumps({"proof": _proof(token, "run", ours, _nonce(said))}) + b"\n")

    def greet_run(self, token: bytes) -> None:
        """Prove to the run's process that this worker knows the token, and have it proved in turn.

        Raises:
            Refused: the other side does not know it.
            OSError: the connection is broken.
        """
        theirs, ours = _nonce(self._object(_MOST_GREETING)), secrets.token_hex(_NONCE // 2)
        self._socket.sendall(dumps({"nonce": ours, "proof": _proof(token, "worker", theirs, ours)}) + b"\n")
        _check(self._object(_MOST_GREETING).get("proof"), _proof(token, "run", theirs, ours))

    def _object(self, most: int) -> dict[str, Any]:
        """The next line of JSON."""
        while (end := self._buffer.find(b"\n", 0, most)) < 0:
            if len(self._buffer) >= most:
                raise Refused("a line that does not end")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            said = loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise Refused("what is no JSON object")
        return said

    def _fill(self) -> None:
        data = self._socket.recv(_BLOCK)
        if not data:
            raise ConnectionResetError("the other side has closed the connection")
        self._buffer += data


_wires: weakref.WeakSet[Wire] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for wire in list(_wires):
        wire.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _nonce(said: Mapping[str, Any]) -> str:
    nonce = said.get("nonce")
    if not isinstance(nonce, str) or len(nonce) != _NONCE:
        raise Refused("a greeting without a number")
    return nonce


def _proof(token: bytes, who: str, of_run: str, of_worker: str) -> str:
    words = f"wandb_logging {who} {of_run} {of_worker}".encode("utf-8", "surrogatepass")
    return hmac.new(token, words, "sha256").hexdigest()


def _check(given: object, right: str) -> None:
    """Compare a proof, in a time that tells nothing of it."""
    if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode()):
        raise Refused("a wrong proof: it does not know the token")
