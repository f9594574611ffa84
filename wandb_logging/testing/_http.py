"""HTTP on a loopback socket: bytes in, bytes out. `_server` knows what they mean."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from email.message import Message


@dataclass(frozen=True)
class Request:
    """One request, completely read. `body` is None if there was no `Content-Length`."""

    method: str
    path: str
    headers: Message
    body: bytes | None


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class HTTPServer(ThreadingHTTPServer):
    """Serves each connection with a daemon thread of its own; `close()` also ends connections that are kept alive."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[Request], Reply | None], tls: ssl.SSLContext | None) -> None:
        self.answer = answer
        self._connections: set[Any] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        if tls:
            # The handshake is left to the connection's thread, or a silent client would stop all others.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def server_bind(self) -> None:
        """Bind without the base class's look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that hangs up, which is no error of this server."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop serving and end every connection."""
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HTTPServer

    def _serve(self) -> None:
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length is not None else None
        if body is not None and len(body) < int(length or 0):
            self.close_connection = True  # the client died within the request, so there is no request
            return
        if body is None and "Transfer-Encoding" in self.headers:
            # The rest of the connection would be read as a request.
            self.close_connection = True
        reply = self.server.answer(Request(self.command, self.path, self.headers, body))
        if reply is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names that the base class looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: requests are in `LocalServer.requests`."""
