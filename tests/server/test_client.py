from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import re
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest
import requests

from tests.patience import PATIENCE
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._server import protocol, timely
from wandb_logging._server.client import Client
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "k" * 40
BASIC = "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()


class Seen:
    """A bare HTTP server that answers as a test says, and keeps what came."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: self.say(handler, b"{}")
        seen = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen.requests.append((self.command, self.path, dict(self.headers), body))
                seen.answer(self)

            do_GET = do_POST = do_PUT = handle_one  # noqa: N815

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def say(
        self, handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None, **headers: str
    ) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        if length is not None:
            handler.close_connection = True

    def will_say(self, body: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.answer = lambda handler: self.say(handler, body, status, length, **headers)


@pytest.fixture
def seen() -> Iterator[Seen]:
    server = Seen()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def other() -> Iterator[Seen]:
    server = Seen()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def client(seen: Seen) -> Iterator[Client]:
    client = Client(seen.url, KEY, timeout=5)
    yield client
    client.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


class TestRequests:
    def test_graphql(self, seen: Seen, client: Client) -> None:
        """One POST with query, variables and operation name, and the key by Basic auth (protocol 1)."""
        seen.will_say(b'{"data": {"viewer": {"entity": "e"}}}')
        assert client.graphql(protocol.VIEWER, {"a": 1}) == {"viewer": {"entity": "e"}}
        ((method, path, headers, body),) = seen.requests
        assert (method, path) == ("POST", "/graphql")
        assert json.loads(body) == {"query": protocol.VIEWER, "variables": {"a": 1}, "operationName": "Viewer"}
        assert headers["Authorization"] == BASIC
        assert headers["Content-Type"] == "application/json"
        assert headers["User-Agent"] == protocol.USER_AGENT

    def test_server_date(self, seen: Seen, client: Client) -> None:
        """The server's clock is known from any answer, also from one that is an error."""
        assert client.server_date == ""
        seen.will_say(b"{}", status=404)
        with pytest.raises(RunNotFound):
            client.graphql(protocol.VIEWER, {})
        assert client.server_date.endswith(" GMT")

    @pytest.mark.parametrize("packed", [True, False])
    def test_file_stream(self, seen: Seen, client: Client, *, packed: bool) -> None:
        """The body goes as it is, and says whether it is compressed (protocol 4.5)."""
        seen.will_say(b'{"stopped": true}', RateLimit_Remaining="0", RateLimit_Reset="3")
        assert client.file_stream("/files/e/p/r/file_stream", b"body", gzip=packed) == (True, 3.0)
        ((_, path, headers, body),) = seen.requests
        assert (path, body) == ("/files/e/p/r/file_stream", b"body")
        assert headers.get("Content-Encoding") == ("gzip" if packed else None)
        assert headers["Authorization"] == BASIC

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"stopped": "yes"}', b"{" * 9999])
    def test_a_stream_answer_that_is_no_json_is_not_fatal(self, seen: Seen, client: Client, body: bytes) -> None:
        """The status is what counts (protocol 4.7)."""
        seen.will_say(body)
        assert client.file_stream("/x", b"", gzip=False) == (False, 0.0)

    def test_a_login_page_has_not_taken_our_lines(self, seen: Seen, client: Client) -> None:
        """Wireless networks and proxies answer for the server, with status 200."""
        seen.will_say(b"<html>Log in</html>", Content_Type="Text/HTML; charset=utf-8")
        with pytest.raises(TransportError, match="web page"):
            client.file_stream("/x", b"", gzip=False)

    def test_put(self, seen: Seen, other: Seen, client: Client, file: Path) -> None:
        """A file goes as it is with the headers asked for: no key, no Content-Type, always a Content-Length (6.1)."""
        client.put(other.url + "/bucket?signature=1", file, {"X-Want": "this"})
        file.write_bytes(b"")
        client.put(other.url + "/bucket?signature=2", file, {})
        client.put("/relative", file, {})
        for (method, path, headers, body), length in zip(other.requests + seen.requests, ("7", "0", "0")):
            assert method == "PUT"
            assert headers["Content-Length"] == length
            assert "Authorization" not in headers
            assert "Content-Type" not in headers
            assert body == (b"content" if path.endswith("=1") else b"")
        assert other.requests[0][2]["X-Want"] == "this"
        assert seen.requests[0][1] == "/relative"

    def test_put_a_part(self, seen: Seen, other: Seen, client: Client, file: Path) -> None:
        """So many bytes from a place on, also after a redirect; the storage's ETag comes back."""
        seen.will_say(b"", 307, Location=other.url + "/elsewhere")
        other.will_say(b"", ETag='"tag"')
        assert client.put(seen.url + "/storage", file, {}, part=(2, 3)) == '"tag"'
        other.will_say(b"")
        assert client.put(other.url + "/storage", file, {}, part=(5, 3)) == ""
        assert [body for _, _, _, body in other.requests] == [b"nte", b"nt"]

    def test_get(self, seen: Seen, other: Seen, client: Client) -> None:
        """A download comes in blocks, with the key only from the API's own address."""
        for server in (seen, other):
            server.will_say(b"x" * 200_000)
            blocks: list[bytes] = []
            client.get(server.url + "/file", blocks.append, 200_000)
            assert b"".join(blocks) == b"x" * 200_000
            assert len(blocks) > 1
        assert seen.requests[0][2]["Authorization"] == BASIC
        assert "Authorization" not in other.requests[0][2]

    @pytest.mark.parametrize("packed", [True, False])
    @pytest.mark.parametrize("most", [0, 5, 100_000])
    def test_get_no_more_than_there_can_be(self, seen: Seen, client: Client, most: int, packed: bool) -> None:
        """Whether bytes come as they are or unpack to more: what is over is not taken."""
        text = b"x" * 300_000
        if packed:
            seen.will_say(gzip.compress(text), 200, None, **{"Content-Encoding": "gzip"})
        else:
            seen.will_say(text)
        blocks: list[bytes] = []
        with pytest.raises(TransportError, match=f"more bytes come than the {most} that there can be"):
            client.get(seen.url + "/file", blocks.append, most)
        assert sum(map(len, blocks)) <= most


class TestTheKey:
    def test_netrc_does_not_replace_it(self, seen: Seen, client: Client, tmp_path: Path) -> None:
        """`requests` would take a netrc entry for the host over any header (psf/requests#3929)."""
        (tmp_path / "home" / ".netrc").write_text("machine 127.0.0.1 login user password from-netrc\n")
        with pytest.raises(GraphQLError):
            client.graphql(protocol.VIEWER, {})
        assert seen.requests[0][2]["Authorization"] == BASIC

    def test_nor_does_it_stand_in(self, seen: Seen, file: Path, tmp_path: Path) -> None:
        """Without a key, and to an upload address, no netrc entry is sent."""
        (tmp_path / "home" / ".netrc").write_text("default login user password from-netrc\n")
        client = Client(seen.url, None)
        client.file_stream("/x", b"", gzip=False)
        client.put(seen.url + "/y", file, {})
        client.close()
        assert all("Authorization" not in headers for _, _, headers, _ in seen.requests)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_said_and_not_followed(self, seen: Seen, other: Seen, client: Client, status: int) -> None:
        """A POST that is sent elsewhere goes nowhere; the message says where it would have gone."""
        seen.will_say(b"", status, Location=other.url + "/graphql")
        with pytest.raises(RequestRejected, match=f"redirect to {other.url}/graphql; set host to that"):
            client.graphql(protocol.VIEWER, {})
        assert other.requests == []

    @pytest.mark.parametrize("method", ["put", "get"])
    def test_a_redirect_that_is_followed_leaves_it_behind(
        self, seen: Seen, other: Seen, client: Client, file: Path, method: str
    ) -> None:
        """A download that the API hands on goes without the key, and without a netrc entry for the new host."""
        (file.parent / "home" / ".netrc").write_text("default login user password from-netrc\n")
        seen.will_say(b"", 307, Location=other.url + "/elsewhere")
        if method == "put":
            client.put(seen.url + "/storage", file, {})
            assert other.requests[0][3] == b"content"
        else:
            client.get(seen.url + "/file", lambda _block: None, 100)
        assert "Authorization" not in other.requests[0][2]

    def test_a_malicious_address(self, client: Client, other: Seen, file: Path) -> None:
        """An upload address with our host as its user name gets nothing."""
        address = other.url.replace("http://", "http://" + client.host.removeprefix("http://") + "@")
        client.put(address, file, {})
        assert KEY not in str(other.requests)
        assert BASIC not in str(other.requests)

    def test_it_is_in_no_error(self, seen: Seen, client: Client) -> None:
        """No message of an error and no repr names the key."""
        seen.will_say(b'{"error": "no"}', 401)
        with pytest.raises(AuthError) as error:
            client.graphql(protocol.VIEWER, {})
        assert KEY not in f"{error.value!r} {client!r} {vars(client)!r}"


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [(401, AuthError), (403, AuthError), (404, RunNotFound), (400, RequestRejected), (503, ServerUnavailable)],
    )
    def test_statuses(self, seen: Seen, client: Client, status: int, kind: type[WandbLoggingError]) -> None:
        """An answer that is not 2xx comes out as our error, with the server's words."""
        seen.will_say(b'{"error": "its words"}', status, Retry_After="7")
        with pytest.raises(kind, match=f"HTTP {status}: its words") as error:
            client.file_stream("/x", b"", gzip=False)
        assert getattr(error.value, "retry_after", 7.0) == 7.0

    @pytest.mark.parametrize("host", ["http://[::1", "http://a b:port", "http://[31mx]y", "http://\x1b]0;x\x07[31m"])
    def test_an_address_that_is_none(self, host: str) -> None:
        """Trying again helps as little as after a refusal; no status is invented."""
        with pytest.raises(RequestRejected) as error:
            Client(host, KEY).graphql(protocol.VIEWER, {})
        assert error.value.status is None

    def test_refused(self) -> None:
        """Nobody listens."""
        server = LocalServer().start()
        server.stop()
        client = Client(server.url, KEY)
        with pytest.raises(TransportError, match=r"^Failed to .*refused") as error:
            client.graphql(protocol.VIEWER, {})
        client.close()
        assert "0x" not in str(error.value)

    def test_no_such_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that cannot be looked up."""
        import socket

        def fail(*_args: object, **_options: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        client = Client("http://nowhere.invalid", KEY)
        with pytest.raises(TransportError, match="Name or service not known"):
            client.graphql(protocol.VIEWER, {})
        client.close()

    def test_silence(self, seen: Seen) -> None:
        """A black hole costs one timeout."""
        over = threading.Event()
        seen.answer = lambda _handler: (over.wait(PATIENCE), None)[1]
        client = Client(seen.url, KEY, timeout=0.2)
        with pytest.raises(TransportError, match="timed out"):
            client.file_stream("/x", b"", gzip=False)
        over.set()
        client.close()

    def test_half_an_answer(self, seen: Seen, client: Client) -> None:
        """An answer that breaks off is none, whatever its status."""
        seen.will_say(b'{"data"', length=100)
        with pytest.raises(TransportError):
            client.graphql(protocol.VIEWER, {})
        with pytest.raises(TransportError):
            client.file_stream("/x", b"", gzip=False)

    def test_a_closed_connection(self, seen: Seen, client: Client) -> None:
        """The server hangs up instead of answering."""

        def hang_up(handler: BaseHTTPRequestHandler) -> None:
            handler.close_connection = True

        seen.answer = hang_up
        with pytest.raises(TransportError):
            client.graphql(protocol.VIEWER, {})

    @pytest.mark.not_quick
    def test_an_answer_that_dribbles(self, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who sends a byte now and then is given up after some timeouts, however long the answer is to be."""
        over = threading.Event()

        def dribble(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            with contextlib.suppress(OSError):
                while not over.wait(0.01):
                    handler.wfile.write(b" ")
            handler.close_connection = True

        monkeypatch.setattr(timely, "PATIENCE", 0.1)
        seen.answer = dribble
        client = Client(seen.url, KEY, timeout=5)
        with pytest.raises(TransportError, match="does not end"):
            client.graphql(protocol.VIEWER, {})
        over.set()
        client.close()

    def test_an_answer_without_end(self, seen: Seen, client: Client) -> None:
        """Of a hundred megabytes no more is read than an answer of ours could have."""
        sent = [0]

        def flood(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(100 * 2**20))
            handler.end_headers()
            block = b" " * 2**20
            try:
                for _ in range(100):
                    handler.wfile.write(block)
                    sent[0] += len(block)
            except OSError:
                handler.close_connection = True

        seen.answer = flood
        with pytest.raises(GraphQLError, match="larger than"):
            client.graphql(protocol.VIEWER, {})
        assert client.file_stream("/x", b"", gzip=False) == (False, 0.0)
        assert sent[0] < 2 * 40 * 2**20

    @pytest.mark.parametrize("url", ["ftp://x/y", "nonsense", "http://", "http://[", "file:///etc/x", ""])
    def test_an_upload_address_that_is_none(self, client: Client, file: Path, url: str) -> None:
        """It is refused for good, not tried again."""
        with pytest.raises(RequestRejected):
            client.put(url, file, {})

    def test_upload_headers_that_are_none(self, seen: Seen, client: Client, file: Path) -> None:
        """Headers from the server cannot smuggle others in."""
        with pytest.raises(RequestRejected):
            client.put(seen.url, file, {"X": "a\r\nAuthorization: b"})

    def test_a_file_that_is_gone(self, client: Client, tmp_path: Path) -> None:
        """What cannot be read is the caller's to know."""
        with pytest.raises(FileNotFoundError):
            client.put(client.host, tmp_path / "missing", {})

    def test_a_certificate_nobody_signed(self) -> None:
        """A self-signed server is not talked to, and the error says why."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(__file__).parents[1] / "testing" / "loopback.pem")
        with LocalServer(tls=context) as server:
            client = Client(server.url, server.api_key)
            with pytest.raises(TLSError, match="certificate"):
                client.graphql(protocol.VIEWER, {})
            client.close()
            assert server.requests == []

    def test_certificates_that_are_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The error names the file and the variable: `requests` raises an OSError without a word of either."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
        client = Client("https://127.0.0.1:9", "k" * 40)
        with pytest.raises(TLSError, match=r"/no/such\.pem does not exist: see REQUESTS_CA_BUNDLE"):
            client.graphql(protocol.VIEWER, {})
        client.close()

    def test_the_certificate_of_ones_own_ca(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """REQUESTS_CA_BUNDLE names it, as for any program that uses requests."""
        pem = Path(__file__).parents[1] / "testing" / "loopback.pem"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        with LocalServer(tls=context) as server:
            client = Client(server.url, server.api_key)
            assert client.graphql(protocol.VIEWER, {})["viewer"]["entity"] == server.entity
            client.close()

    def test_the_certificate_is_named_after_it_was_missed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the environment says is asked again once a request has failed, by the same client."""
        pem = Path(__file__).parents[1] / "testing" / "loopback.pem"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        with LocalServer(tls=context) as server, contextlib.closing(Client(server.url, server.api_key)) as client:
            with pytest.raises(TLSError):
                client.graphql(protocol.VIEWER, {})
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
            assert client.graphql(protocol.VIEWER, {})["viewer"]["entity"] == server.entity

    def test_a_proxy(self, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
        """HTTP_PROXY is asked for an address that this machine cannot even look up."""
        monkeypatch.setenv("HTTP_PROXY", seen.url)
        client = Client("http://api.wandb.invalid", KEY)
        client.file_stream("/files/e/p/r/file_stream", b"{}", gzip=False)
        client.close()
        assert seen.requests[0][1] == "http://api.wandb.invalid/files/e/p/r/file_stream"

    @pytest.mark.parametrize(
        "proxy",
        [
            "http://user:sword9fish@127.0.0.1:99999",
            "http://user:sword9fish@",
            "http://user:sword9fish@[::1",
            "user:sword9fish@127.0.0.1:x",
            "http://user:swor/d9fish@127.0.0.1:1",
            "http://user:swor#d9fish@127.0.0.1:1",
            "http://user:sword9fish@127.0.0.1:1",
            "https://user:sword9fish@127.0.0.1:1",
            "socks5://user:sword9fish@127.0.0.1:1",
            "http://:sword9fish@:80:90",
        ],
    )
    def test_a_wrong_proxy_is_told_without_its_password(self, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is as a server that cannot be reached, whatever `requests` makes of the address."""
        monkeypatch.setenv("HTTP_PROXY", proxy)
        client = Client("http://api.wandb.invalid", KEY)
        with pytest.raises(TransportError) as caught:
            client.file_stream("/files/e/p/r/file_stream", b"{}", gzip=False)
        client.close()
        assert not re.search("swor|9fish", str(caught.value))

    def test_an_upload_address_that_is_none_beside_a_proxy(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Is not the proxy's fault: trying again does not help."""
        monkeypatch.setenv("HTTP_PROXY", "http://user:sword9fish@127.0.0.1:1")
        (tmp_path / "file").write_bytes(b"x")
        client = Client("http://api.wandb.invalid", KEY)
        with pytest.raises(RequestRejected):
            client.put("http://[half", tmp_path / "file", {})
        client.close()

    def test_https_of_a_server_without(self, seen: Seen) -> None:
        """No advice about certificates, of which there is none."""
        client = Client(seen.url.replace("http:", "https:"), KEY)
        with pytest.raises(TransportError, match="http://") as caught:
            client.graphql(protocol.VIEWER, {})
        client.close()
        assert not isinstance(caught.value, TLSError)
        assert "certificate" not in str(caught.value)

    @pytest.mark.not_quick
    def test_a_clean_exit_leaves_no_socket(self, wandb_server: LocalServer, tmp_path: Path) -> None:
        """Also where the last requests are made as the program ends: nothing is said under `-X dev`."""
        code = (
            "import logging, wandb_logging\n"
            "handler = wandb_logging.WandbHandler(project='p', mode='online', quiet=True)\n"
            "log = logging.getLogger('x'); log.setLevel('INFO'); log.addHandler(handler)\n"
            "log.info('m', extra={'metrics': {'a': 1}}); handler.flush(300)\n"
            "log.info('m', extra={'metrics': {'a': 2}})"
        )
        command = [sys.executable, "-X", "dev", "-c", code]
        env = {**os.environ, **wandb_server.env()}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=600)
        assert "ResourceWarning" not in done.stderr
        assert len(wandb_server.runs[0].history) == 2

    def test_a_session_of_the_users(self, seen: Seen) -> None:
        """A session given for odd proxies is used, with our auth."""
        session = requests.Session()
        session.headers["X-Odd"] = "proxy"
        client = Client(seen.url, KEY, session=session)
        client.file_stream("/x", b"", gzip=False)
        client.close()
        headers: dict[str, Any] = seen.requests[0][2]
        assert (headers["X-Odd"], headers["Authorization"]) == ("proxy", BASIC)
