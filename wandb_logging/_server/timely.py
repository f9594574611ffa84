"""Gives each answer one deadline, for its head and body together.

The timeout of a socket is the time between two bytes. Without a deadline we would wait for ever for a server, or a
proxy, that sends a byte of the head now and then, repeats `100 Continue`, or never ends a trailer.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from http import HTTPStatus
from typing import Any

PATIENCE = 10  # a whole answer may take so many times the timeout
_ENDLESS = "the answer does not end"


class TimelyResponse(http.client.HTTPResponse):
    """An answer whose bytes are read until a deadline, which begins when the request is sent."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        timeout = sock.gettimeout()
        self.bytes = _Bytes(self.fp.detach(), sock, None if timeout is None else time.monotonic() + PATIENCE * timeout)
        self.fp = io.BufferedReader(self.bytes)

    def _read_status(self) -> Any:
        """The status of the answer itself, without those that may come before it, such as 103 (Early Hints)."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the stubs
            if not HTTPStatus.SWITCHING_PROTOCOLS < status < HTTPStatus.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Bytes(io.RawIOBase):
    """The bytes from a socket, until the deadline (monotonic time); None for no deadline."""

    def __init__(self, raw: io.RawIOBase, sock: Any, deadline: float | None) -> None:
        super().__init__()
        self.deadline = deadline
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.deadline is None:
            return self._raw.readinto(buffer)
        left, usual = self.deadline - time.monotonic(), self._sock.gettimeout()
        if left <= 0:
            raise OSError(_ENDLESS)
        if usual is not None and left < usual:
            self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        except socket.timeout as exc:  # TimeoutError from Python 3.10 on
            if time.monotonic() < self.deadline:
                raise
            raise OSError(_ENDLESS) from exc  # a timeout error would be reported as one between two bytes
        finally:
            if usual is not None and left < usual:
                self._sock.settimeout(usual)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def make_timely(manager: Any) -> None:
    """Have the connections of a urllib3 pool manager give timely answers."""
    manager.pool_classes_by_scheme = {
        scheme: _timely_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _timely_pool(pool: Any) -> Any:
    if pool.ConnectionCls.response_class is TimelyResponse:
        return pool
    connection = type("TimelyConnection", (pool.ConnectionCls,), {"response_class": TimelyResponse})
    return type("TimelyPool", (pool,), {"ConnectionCls": connection})


def take_all_day(answer: Any) -> None:
    """Remove the deadline of an answer, for a download: from here on only the time between two bytes counts."""
    original = getattr(answer.raw, "_original_response", None)
    if isinstance(original, TimelyResponse):
        original.bytes.deadline = None
