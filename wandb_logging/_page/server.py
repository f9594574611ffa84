"""The page's web server. `_page.guard` decides whether a request is answered, `_page.answers` makes the answer.

It sends the page itself while what knows of runs is still imported: see `Page.content`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import zlib
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from wandb_logging._errors import WandbLoggingError
from wandb_logging._page import assets, guard
from wandb_logging._page.guard import Answer, Refused
from wandb_logging._page.place import Place

if TYPE_CHECKING:
    from wandb_logging._page.live import Content

_CONNECTIONS = 64  # most at once
_LISTENERS = 16  # most pages that are updated live at once
_TIMEOUT = 60.0  # seconds that a connection may be silent
_LOOK_UP = 60.0 if sys.platform == "linux" else 1.0  # seconds between two looks whether to stop; see `Page.close`
_MAKE_ROOM = 1.0  # most seconds that a connection waits for the end of one that has to go
_HEARTBEAT = 15.0  # seconds without news after which a page that is updated live hears that all is well
_BEAT = b"event: beat\ndata: {}\n\n"  # a page that hears nothing for long takes its connection for dead
_LONGEST = 32_768  # most characters of an address
_PACK_FROM = 1024  # bytes of an answer from which on it is compressed
_PIECE = 2**18  # bytes of a file that are sent at once


class Page:
    """A web server for the page of runs.

    Args:
        root: folder that holds the runs.
        cache: folder where readings are kept.
        place: where it listens.
    """

    def __init__(self, root: Path, cache: Path, place: Place) -> None:
        self.place = place
        self.stopped = threading.Event()
        self._folders = root, cache
        self._content: Content | None = None
        self._making = threading.Lock()
        self._server = _Server(self)

    @property
    def content(self) -> Content:
        """What the page shows. Who asks first imports and makes it; others wait for that."""
        with self._making:
            if self._content is None:
                from wandb_logging._page.live import Content  # noqa: PLC0415  half of the time to the first chart

                self._content = Content(*self._folders)
            return self._content

    def serve(self) -> None:
        """Answer requests until another thread calls `close`, or Ctrl-C."""
        threading.Thread(target=self._get_ready, daemon=True).start()  # meanwhile the browser begins
        self._server.serve_forever(_LOOK_UP)

    def _get_ready(self) -> None:
        for name in (assets.SCRIPT, assets.STYLE):
            _packed_once(assets.content(name))
        self.content.watch(self.stopped)

    def expect(self) -> None:
        """Get ready for a browser that just came."""
        self.content.expect()

    def close(self) -> None:
        """Stop answering."""
        self.stopped.set()
        with contextlib.suppress(OSError):  # on Linux that ends the wait for connections at once
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.server_close()
        with self._making:
            if self._content is not None:
                self._content.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, page: Page) -> None:
        self.page = page
        self._room = threading.Semaphore(_CONNECTIONS)
        self._strangers: dict[Any, None] = {}  # connections that have not shown the cookie, the oldest first
        self.listeners = threading.Semaphore(_LISTENERS)
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = page.place.socket
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False) or (self._make_room() and self._room.acquire(timeout=_MAKE_ROOM)):
            self._strangers[request] = None
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.is_known(request)
            self._room.release()

    def is_known(self, request: Any) -> None:
        """Note that a connection has shown the cookie: it does not have to go for others."""
        self._strangers.pop(request, None)

    def _make_room(self) -> bool:
        """End the oldest connection of a stranger, else they could keep others out. Returns whether there is one."""
        oldest = next(iter(list(self._strangers)), None)
        if oldest is None:
            return False
        self.is_known(oldest)
        with contextlib.suppress(OSError):  # its thread reads the end, and closes it
            oldest.shutdown(socket.SHUT_RDWR)
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a browser that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits up to 40 ms until the one before is acknowledged
    wbufsize = 2**16
    timeout = _TIMEOUT
    server: _Server

    def version_string(self) -> str:
        return "wandb-logging"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Print nothing: the first address holds the token."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        page = self.server.page
        if page.stopped.is_set():  # on a connection that was open before
            self.close_connection = True
            return None
        if refused := self._refusal():
            return self._refuse(*refused)
        try:
            split = urlsplit(self.path)
            query = dict(parse_qsl(split.query, keep_blank_values=True, max_num_fields=50))
        except ValueError:
            return self._refuse(400, "The address is none.")
        if split.path == "/" and "token" in query:
            return self._let_in(query["token"])
        if not guard.has_cookie(self.headers.get("Cookie"), page.place.credentials):
            return self._refuse(401, "Open the address that `wandb-logging ui` printed: it has a token.")
        self.server.is_known(self.connection)
        return self._answer_friend(split.path, query)

    def _refusal(self) -> tuple[int, str] | None:
        """Status and words if the request is refused whoever sent it."""
        headers = {name: self._header(name) for name in ("Host", "Origin", "Sec-Fetch-Site")}
        if refused := guard.refusal(self.command, headers, self.server.page.place.hosts | self._own_host()):
            return refused
        if not self.path.startswith("/"):  # it may name another host than the header does
            return 400, "The address is none."
        return (414, "The address is too long.") if len(self.path) > _LONGEST else None

    def _header(self, name: str) -> str | None:
        """A header's value; of several they are one that fits nothing."""
        found = self.headers.get_all(name)
        return None if found is None else ", ".join(found)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse what is no request that can be read, with the headers of every answer, and say nothing of it back."""
        self._refuse(code, "This server does not understand the request.")

    def _answer_friend(self, path: str, query: dict[str, str]) -> None:
        """Answer somebody who has the cookie."""
        page = self.server.page
        if path == "/api/live":
            return self._live()
        if path == "/":
            threading.Thread(target=page.expect, daemon=True).start()
        outcome = _outcome(page, path, query)
        return self._refuse(outcome.status, str(outcome)) if isinstance(outcome, Refused) else self._send(outcome)

    def _own_host(self) -> set[str]:
        """The address at which this connection came in. It is no name, so nobody can make it point elsewhere."""
        if guard.is_loopback(self.server.page.place.host):
            return set()
        address, port = self.connection.getsockname()[:2]
        return {f"[{address}]:{port}" if ":" in address else f"{address}:{port}"}

    def _let_in(self, token: str) -> None:
        if not guard.has_token(token, self.server.page.place.credentials):
            return self._refuse(401, "This token is not, or not any more, that of this server.")
        self.send_response(303)
        self._common(guard.POLICY, 0)
        self.send_header("Location", "/")
        self.send_header("Set-Cookie", guard.set_cookie(self.server.page.place.credentials))
        self.end_headers()
        return self.wfile.flush()

    def _refuse(self, status: int, words: str) -> None:
        body = f"{words}\n".encode()
        self.close_connection = True  # a body that came with the request was not read
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Connection", "close")
        if status == 405:
            self.send_header("Allow", "GET")
        self._common(guard.POLICY, len(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _common(self, policy: str, length: int | None) -> None:
        self.send_header("Content-Security-Policy", policy)
        for name, value in guard.HEADERS:
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))

    def _send(self, answer: Answer) -> None:
        if isinstance(answer.body, Path):
            return self._send_file(answer, answer.body)
        if not isinstance(answer.body, bytes):
            return self._send_pieces(answer, answer.body)
        body = answer.body
        packs = len(body) >= _PACK_FROM and "gzip" in (self.headers.get("Accept-Encoding") or "")
        body = (_packed_once if answer.lasts else _packed)(body) if packs else body
        self._head(answer, len(body), (("Content-Encoding", "gzip"),) if packs else ())
        self.wfile.write(body)
        return self.wfile.flush()

    def _head(self, answer: Answer, length: int | None, more: tuple[tuple[str, str], ...] = ()) -> None:
        self.send_response(200)
        self.send_header("Content-Type", answer.type)
        for name, value in (*answer.headers, *more):
            self.send_header(name, value)
        self._common(answer.policy, length)
        self.end_headers()

    def _send_file(self, answer: Answer, path: Path) -> None:
        try:
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        except OSError:
            return self._refuse(404, "The run has no such file, or not any more.")
        with os.fdopen(fd, "rb") as file:
            left = os.fstat(fd).st_size
            self._head(answer, left)
            while left and (piece := file.read(min(_PIECE, left))):
                self.wfile.write(piece)
                left -= len(piece)
        self.close_connection = bool(left)  # the file became shorter meanwhile
        return self.wfile.flush()

    def _send_pieces(self, answer: Answer, pieces: Iterator[bytes]) -> None:
        self._head(answer, None, (("Transfer-Encoding", "chunked"),))
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _live(self) -> None:
        """Send news of changed runs as they come, until the browser goes away."""
        if not self.server.listeners.acquire(blocking=False):
            return self._refuse(503, "Too many pages are open.")
        content = self.server.page.content
        listener = content.hub.add()
        try:
            self._head(Answer("text/event-stream", b""), None)
            self.close_connection = True
            self.wfile.write(b"retry: 1000\n\n")
            self.wfile.flush()
            while not self.server.page.stopped.is_set():
                keys = listener.wait(_HEARTBEAT)
                self.wfile.write(event(keys, content.runs.left) if keys else _BEAT)
                self.wfile.flush()
        finally:
            content.hub.remove(listener)
            self.server.listeners.release()
        return None


def event(keys: set[int], left: int) -> bytes:
    """The message that tells the page which runs changed, and how many are still being read."""
    return b"data: " + json.dumps({"runs": sorted(keys - {0}), "list": 0 in keys, "left": left}).encode() + b"\n\n"


def _outcome(page: Page, path: str, query: dict[str, str]) -> Answer | Refused:
    """The answer to a request, or why there is none."""
    try:
        return _answer_of(page, path, query)
    except Refused as exc:
        return exc
    except ValueError:
        return Refused(400, "The query makes no sense.")
    except Exception as exc:  # a fault of ours: so the page reports it instead of "no connection"
        return Refused(500, f"This server made a mistake: {type(exc).__name__}: {exc}")


def _answer_of(page: Page, path: str, query: dict[str, str]) -> Answer:
    if path.startswith("/api/") and path in page.content.answers.routes:
        answers = page.content.answers
        answers.runs.begin()
        try:
            return answers.routes[path](query)
        except (WandbLoggingError, OSError) as exc:  # the run was removed meanwhile, or its disk is gone
            raise Refused(404, f"The run cannot be read: {exc}") from exc
    name = "index.html" if path == "/" else path.removeprefix("/assets/")
    if (path == "/" or path.startswith("/assets/")) and name in assets.names():
        return Answer(assets.type_of(name), assets.content(name), lasts=True)
    raise Refused(404, "There is nothing at this address.")


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


_packed_once = cache(_packed)
