"""Makes one request to the server, by a method for each kind; the only room that knows `requests`. No retries, no logs.

Failures are raised as our own errors (`_errors`). The key is sent to the API's own address and nowhere else: not to
upload addresses, not across a redirect, and no netrc entry replaces it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from wandb_logging._errors import GraphQLError, RequestRejected, TLSError, TransportError
from wandb_logging._server import protocol
from wandb_logging._server.body import Pieces
from wandb_logging._server.timely import PATIENCE, make_timely, take_all_day
from wandb_logging._values.secrets import Secrets

MAX_ANSWER_BYTES = 16 * 2**20  # more than any answer to us holds; the rest of a longer one is not read
_BLOCK = 2**16

# What urllib3 puts first: `<....HTTPConnection object at 0x...>: ` or, newer, `HTTPConnection(host='x', port=80): `.
_CONNECTION = re.compile(r"^(?:<[^>]*>|\w+\(host=[^)]*\)): ")

# The request itself is wrong, for instance because an upload address is no address: trying again does not help.
_HOPELESS = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)


# Proxies, stream, verify and cert of a request as `Client` makes it.
_NOTHING_GIVEN: tuple[Any, ...] = ({}, True, None, None)
_BELIEVED = 60.0  # seconds until the environment is read again, unless a request fails
_LEAST_PIECE = 4  # characters of a password: fewer are part of any text
_USER = re.compile(r"(?<=://)[^/\s]*(?=@)")
_NO_TLS = re.compile("wrong[ _]version[ _]number|http[ _]request|unknown[ _]protocol|record layer fail", re.IGNORECASE)


class _KeyAuth(AuthBase):
    """The key for the API's address, nothing for any other.

    Given as `Session.auth`, because `requests` overwrites an Authorization header with a netrc entry
    (psf/requests#3929), and asks netrc only where there is no auth object.
    """

    def __init__(self, host: str, key: str | None) -> None:
        self._host = host
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key and protocol.belongs_to(request.url or "", self._host):
            HTTPBasicAuth("api", self._key)(request)
        return request


class _Adapter(HTTPAdapter):
    """An adapter whose answers have a deadline (`timely`)."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        make_timely(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        make_timely(manager)
        return manager


class _Session(requests.Session):
    """A session that sends credentials only from its auth object, also when it is redirected."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())
        self._environment: dict[str, tuple[float, Any]] = {}  # by host: until when to use the settings read from it

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """Proxies and certificates from the environment, remembered: reading them is a fifth of a request's work."""
        if given != _NOTHING_GIVEN:
            return super().merge_environment_settings(url, *given)
        origin, now = "/".join(str(url).split("/", 3)[:3]), time.monotonic()
        until, found = self._environment.get(origin, (0.0, None))
        if now >= until:
            found = super().merge_environment_settings(url, *given)
            self._environment[origin] = now + _BELIEVED, found
        return {**found, "proxies": dict(found["proxies"])}

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """As `requests` does it for one that brings only headers, a body and perhaps auth: there is less to merge."""
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method,
            url=request.url,
            headers={**self.headers, **request.headers},
            data=request.data,
            auth=request.auth or self.auth,
            cookies=self.cookies.copy(),
            hooks=self.hooks,
        )
        return prepared

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request. After one that fails the environment is read again: perhaps somebody has mended it."""
        try:
            return super().send(request, **options)
        except requests.exceptions.RequestException:
            self._environment.clear()
            raise

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        del response
        prepared_request.headers.pop("Authorization", None)


class Client:
    """The requests of one run to one server. Used by one thread at a time.

    Args:
        host: address of the API, without a slash at its end.
        key: API key, or None.
        timeout: seconds to connect, and between two bytes of an answer; a whole answer may take ten times as long.
        session: a `requests.Session` to use instead of one of our own (a seam for tests and odd proxies).

    Attributes:
        host: as given.
        client_id: id of this writer in W&B's shared mode, where several write one run; None elsewhere.
        server_date: the Date header of the latest answer, whatever its status; "" if there was none.
    """

    def __init__(
        self, host: str, key: str | None, *, timeout: float = 30.0, session: requests.Session | None = None
    ) -> None:
        self.host = host
        self.client_id: str | None = None
        self.server_date = ""
        self._timeout = timeout
        self._session = session or _Session()
        self._session.auth = _KeyAuth(host, key)
        self._session.headers["User-Agent"] = protocol.USER_AGENT
        self._secrets = Secrets(lambda _name: None, enabled=False)
        self._secrets.know(key or "")

    def mask(self, text: str) -> str:
        """A text with this client's own key masked: the process that logged it may not have known the key."""
        return self._secrets.text(text)

    def graphql(self, document: str, variables: Mapping[str, Any], *, conflict_retries: bool = False) -> dict[str, Any]:
        """The `data` of a GraphQL answer.

        Raises:
            TransportError, HTTPStatusError, GraphQLError: see `_errors`.
        """
        asked = {"query": document, "variables": dict(variables), "operationName": _operation(document)}
        body = json.dumps(asked).encode()
        if not document.startswith("query"):  # a query stores nothing
            body = self._secrets.line(body)
        headers = {"Content-Type": "application/json", **protocol.client_headers(self.client_id)}
        options: Any = {"data": body, "headers": headers}
        with self._request("POST", f"{self.host}/graphql", conflict_retries=conflict_retries, **options) as answer:
            content = self._content(answer)
        if content is None:
            raise GraphQLError(f"the server's answer is larger than {MAX_ANSWER_BYTES} bytes")
        return protocol.graphql_data(content)

    def file_stream(self, path: str, body: bytes | Pieces, *, gzip: bool) -> tuple[bool, float]:
        """Post to a run's file stream.

        Returns:
            Whether the server asks the run to stop, and the seconds to wait before the next request.

        Raises:
            TransportError, HTTPStatusError: see `_errors`.
        """
        headers = {"Content-Type": "application/json", **protocol.client_headers(self.client_id, stream=True)}
        if gzip:
            headers["Content-Encoding"] = "gzip"
        with self._request("POST", self.host + path, data=body, headers=headers) as answer:
            content = self._content(answer)
        if content and protocol.is_page(answer.headers):
            raise TransportError("a web page answers instead of the API: a proxy's or a network's login?")
        return protocol.asks_to_stop(content or b""), protocol.rate_limit_wait(answer.headers)

    def put(
        self,
        url: str,
        source: Path | BinaryIO,
        headers: Mapping[str, str],
        part: tuple[int, int] | None = None,
    ) -> str:
        """Stream a file to an upload address.

        Args:
            source: path of the file, or an open file, which is not closed.
            part: the byte at which to begin, and how many bytes to send at most; default: the whole file.

        Returns:
            The ETag that the storage gave; "" if it gave none.

        Raises:
            OSError: the file cannot be read.
            TransportError, HTTPStatusError: see `_errors`.
        """
        if url.startswith("/"):
            url = self.host + url
        with source.open("rb") if isinstance(source, Path) else contextlib.nullcontext(source) as file:
            body = _Body(file, *(part or (0, os.fstat(file.fileno()).st_size)))
            # An empty file object would be sent chunked, without the Content-Length that storage asks for.
            data: Any = body if len(body) else b""
            # Own auth, doing nothing: a signed address refuses any Authorization header.
            options: Any = {"data": data, "headers": dict(headers), "auth": lambda request: request}
            with self._request("PUT", url, redirects=True, **options) as answer:
                self._content(answer)
                return str(answer.headers.get("ETag", ""))

    def get(self, url: str, sink: Callable[[bytes], object], most: int) -> None:
        """Stream what is at a download address into `sink`, block by block.

        The key goes along only if the address is the API's own.

        Args:
            most: bytes that `sink` gets at most, decompressed: a server may send without end, or send a few bytes that
                decompress to gigabytes.

        Raises:
            TransportError: see `_errors`; or more bytes come.
            HTTPStatusError: see `_errors`.
        """
        left = most
        if url.startswith("/"):
            url = self.host + url
        # identity: the digest to compare with is of the bytes as they are stored.
        headers = {"Accept-Encoding": "identity"}
        with self._request("GET", url, headers=headers, redirects=True) as answer:
            take_all_day(answer)
            for block in _blocks(answer):
                left -= len(block)
                if left < 0:
                    raise TransportError(f"more bytes come than the {most} that there can be")
                sink(block)

    def close(self) -> None:
        """Close the connections."""
        # urllib3 closes connections in a finaliser of their pool; at the program's exit that has run already.
        for adapter in self._session.adapters.values():
            for manager in (getattr(adapter, "poolmanager", None), *getattr(adapter, "proxy_manager", {}).values()):
                for key in manager.pools.keys() if manager is not None else ():
                    with contextlib.suppress(OSError):  # the program has closed all descriptors, as daemons do
                        manager.pools[key].close()
        self._session.close()

    def _request(
        self,
        method: str,
        url: str,
        *,
        conflict_retries: bool = False,
        redirects: bool = False,
        **options: Any,
    ) -> requests.Response:
        try:
            answer = self._session.request(
                method, url, timeout=self._timeout, allow_redirects=redirects, stream=True, **options
            )
        except requests.exceptions.RequestException as exc:
            raise _told(exc, self._proxy_of(url)) from exc
        except (TypeError, ValueError) as exc:  # `requests` raises these for a wrong address, also a proxy's
            if not _is_address(url):
                raise _told(requests.exceptions.InvalidURL(str(exc)), None) from exc
            proxy = self._proxy_of(url)
            if proxy is None or _is_address(proxy):
                raise
            raise _told(exc, proxy) from exc
        except OSError as exc:  # `requests` raises it for certificates that are not there; or a file to send fails
            bundle = self._merged(url)["verify"]
            if not isinstance(bundle, str) or os.path.exists(bundle):  # noqa: PTH110  as `requests` asks
                raise
            told = f"the file of certificates {bundle} does not exist: see REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"
            raise TLSError(told) from exc
        self.server_date = answer.headers.get("Date", "")
        if not 200 <= answer.status_code < 300:
            with answer:
                content = self._content(answer) or b""
            raise protocol.status_error(
                answer.status_code, content, answer.headers, time.time(), conflict_retries=conflict_retries
            )
        return answer

    def _proxy_of(self, url: str) -> str | None:
        """The proxy that requests for this address go through."""
        with contextlib.suppress(ValueError):  # it is no address
            return requests.utils.select_proxy(url, self._merged(url)["proxies"])
        return None

    def _merged(self, url: str) -> Any:
        return self._session.merge_environment_settings(url, {}, None, None, None)

    def _content(self, answer: requests.Response) -> bytes | None:
        """The body of an answer; None if it is too large to be one of ours."""
        deadline = time.monotonic() + PATIENCE * self._timeout
        parts: list[bytes] = []
        size = 0
        for block in _blocks(answer):
            size += len(block)
            if size > MAX_ANSWER_BYTES:
                return None
            if time.monotonic() > deadline:
                raise TransportError("the answer does not end")
            parts.append(block)
        return b"".join(parts)


class _Body:
    """Bytes of a file, with the methods that `requests` needs to stream them."""

    def __init__(self, file: IO[bytes], start: int, most: int) -> None:
        self._file = file
        self._start = start
        self._size = max(0, min(most, file.seek(0, 2) - start))
        file.seek(start)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return iter(partial(self.read, _BLOCK), b"")

    def read(self, size: int = -1) -> bytes:
        left = self._size - self.tell()
        return self._file.read(left if size < 0 else min(size, left))

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seek(self, place: int) -> None:
        """Begin anew, as a redirect does."""
        self._file.seek(self._start + place)


def _blocks(answer: requests.Response) -> Iterator[bytes]:
    """The bytes of an answer as they come."""
    # iter_content waits until a block is full: for a server that sends a byte now and then, for hours.
    read = getattr(answer.raw, "read1", None)  # new in urllib3 2.1
    blocks = iter(lambda: read(_BLOCK, decode_content=True), b"") if read else answer.iter_content(_BLOCK)
    while True:
        try:
            block = next(blocks, b"")
        except Exception as exc:  # urllib3's own, which requests would have turned into its own
            raise TransportError(_root(exc)) from exc
        if not block:
            return
        yield block


def _told(exc: Exception, proxy: str | None) -> Exception:
    """Our error for an exception of `requests`, without the password in the proxy's address."""
    reason = _without_password(_root(exc), proxy)
    if proxy is not None and (not _is_address(proxy) or "SOCKS" in reason):
        return TransportError(f"the address of the proxy cannot be used ({reason}); see HTTPS_PROXY and HTTP_PROXY")
    if isinstance(exc, requests.exceptions.SSLError):
        if _NO_TLS.search(reason):
            return TransportError(f"what answers there speaks no TLS: is its address http://? ({reason})")
        return TLSError(f"the server's certificate was not accepted: {reason}")
    if isinstance(exc, _HOPELESS):
        return RequestRejected(f"{type(exc).__name__}: {reason}")
    return TransportError(reason)


def _is_address(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _without_password(text: str, proxy: str | None) -> str:
    """A text without users and passwords of addresses, nor parts of the proxy's password, which errors may cut."""
    text = _USER.sub("***", text)
    user, at, _ = (proxy or "").rpartition("@")
    _, _, password = user.rpartition("://")[2].partition(":")
    for secret in (password, *re.split(r"[/?#:@]", password)) if at else ():
        text = text.replace(secret, "***") if len(secret) >= _LEAST_PIECE else text
    return text


def _root(exc: BaseException) -> str:
    """The innermost reason, without the connection that urllib3 names before it."""
    reason = exc
    while True:
        inner = [getattr(reason, "reason", None), *reason.args[:1]]  # an SSLError's reason is a word
        deeper = next((item for item in inner if isinstance(item, BaseException)), None)
        if deeper is None:
            break
        reason = deeper
    return _CONNECTION.sub("", str(reason))


def _operation(document: str) -> str:
    return document.split("(", maxsplit=1)[0].split("{", maxsplit=1)[0].split()[1]
