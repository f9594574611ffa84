"""The meaning of each path: parse a request, check the key, and call GraphQL or the store."""

from __future__ import annotations

import base64
import binascii
import gzip
import hmac
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from wandb_logging.testing import _artifact_resolvers, _collection_resolvers, _graphql, _resolvers, _rules
from wandb_logging.testing._context import UPLOAD_HEADER, Context
from wandb_logging.testing._http import Reply, Request
from wandb_logging.testing._shared_mode import client_of
from wandb_logging.testing._store import Refusal

if TYPE_CHECKING:
    from wandb_logging.testing._store import Store

_RESOLVERS = {**_resolvers.RESOLVERS, **_artifact_resolvers.RESOLVERS, **_collection_resolvers.RESOLVERS}
_TELEMETRY = "/sdk/otel/"
_BINARY = {"Content-Type": "application/octet-stream"}
# /artifactsV2/{region}/{entity}/{project}/{collection}/{artifact id}/{hex md5}/{name}
_ARTIFACT_URL_PARTS = 9


class Call(NamedTuple):
    """A request, as far as it can be read without checking the key.

    `body` is decompressed; None if that is impossible. `operation` is the name of the GraphQL operation, if any.
    """

    request: Request
    where: str
    body: bytes | None
    operation: str | None


def read(request: Request) -> Call:
    """Find out what a request is for."""
    where, body = _where(request), _decompressed(request)
    return Call(request, where, body, _operation(body) if where == "graphql" else None)


@dataclass
class Routes:
    """Answers requests from the store, whose lock the caller holds.

    Attributes:
        store: everything the server keeps.
        keys: the API keys that are accepted.
        secret: the key that signs storage URLs.
        url: the server's base URL, once known.
    """

    store: Store
    keys: set[str]
    secret: bytes
    url: str = field(default="")

    def handle(self, call: Call) -> Reply:
        """Answer a request; each breach is reported to the store."""
        request, where, body, _ = call
        try:
            if where == "storage":
                return self._storage(request) if "signature=" in request.path else self._unsigned(request)
            if where in ("graphql", "file_stream"):
                self._check_key(request)
                self._check_form(request, body)
                return _json(
                    *(self._graphql(request, body) if where == "graphql" else self._file_stream(request, body))
                )
            if not request.path.startswith(_TELEMETRY):
                self.store.report("unknown-path", f"{request.method} {request.path}")
            return _json(404, {"error": "not found"})
        except Refusal as refusal:
            return _json(refusal.status, {"error": str(refusal), "errors": [{"message": str(refusal)}]})
        except Exception as error:
            # A fault of this server must fail the test that meets it, rather than be hidden by the client's retries.
            self.store.report("server-error", f"{request.method} {request.path}: {error!r}")
            raise

    def _check_key(self, request: Request) -> None:
        if not _has_key(request, self.keys):
            raise Refusal("user is not logged in", 401)

    def _check_form(self, request: Request, body: bytes | None) -> None:
        kind = str(request.headers.get("Content-Type", "")).split(";")[0].strip()
        if kind != "application/json":
            self.store.report("content-type", f"{request.method} {request.path}: {kind or 'none'}")
        if request.body is None or body is None:
            self.store.report("body", f"{request.method} {request.path}: no Content-Length, or gzip that is none")
            raise Refusal("body cannot be read", 400)

    def _graphql(self, request: Request, body: bytes | None) -> tuple[int, dict[str, Any]]:
        try:
            value = _rules.parse((body or b"").decode(), strict=True)
            query, variables, operation = value["query"], value.get("variables"), value.get("operationName")
        except (ValueError, TypeError, LookupError) as error:
            self.store.report("strict-json", f"GraphQL body: {error!r}")
            raise Refusal(f"body is no GraphQL request: {error!r}", 400) from error
        context = replace(self._context, client_id=client_of(request.headers))
        return _graphql.execute(_RESOLVERS, context, query, variables, operation)

    def _file_stream(self, request: Request, body: bytes | None) -> tuple[int, dict[str, Any]]:
        entity, project, run_id = (unquote(part) for part in urlsplit(request.path).path.split("/")[2:5])
        run = self.store.require(entity, project, run_id, status=404)
        if request.headers.get("Content-Encoding") == "gzip" and "FILESTREAM_GZIP" not in self.store.features:
            self.store.report("gzip", f"{run.path}: gzip body, but the server does not offer FILESTREAM_GZIP")
            raise Refusal("cannot read gzip", 500)
        return 200, self.store.stream(run, body or b"", client_of(request.headers))

    @property
    def _context(self) -> Context:
        return Context(self.store, self.url, self.secret)

    def _storage(self, request: Request) -> Reply:
        parts = urlsplit(request.path)
        given = parse_qs(parts.query).get("signature", [""])[0]
        method = "GET" if request.method == "HEAD" else request.method
        if not hmac.compare_digest(given, self._context.signature(method, parts.path)):
            self.store.report("signature", f"{request.method} {parts.path}: not a URL that the server handed out")
            raise Refusal("signature does not match", 403)
        place = tuple(unquote(part) for part in parts.path.split("/")[2:])
        if method == "PUT" and place[0] == "parts":
            self._check_put(request, parts.path, of_a_part=True)
            md5, data = request.headers.get("Content-MD5"), request.body or b""
            return Reply(200, headers={"ETag": self.store.artifacts.put_part(place[1], int(place[2]), data, md5)})
        if method == "PUT":
            self._check_put(request, parts.path)
            self.store.put(place, request.body or b"")
            return Reply(200)
        return Reply(200, self.store.get(place), _BINARY)

    def _unsigned(self, request: Request) -> Reply:
        """The bytes of an artifact's file by their digest. The API key takes the place of a signature."""
        parts = [unquote(part) for part in urlsplit(request.path).path.split("/")]
        if parts[1] != "artifactsV2" or request.method != "GET" or len(parts) < _ARTIFACT_URL_PARTS:
            self.store.report("signature", f"{request.method} {request.path}: lacks its signature")
            raise Refusal("signature does not match", 403)
        self._check_key(request)
        return Reply(200, self.store.get(("artifacts", parts[7])), _BINARY)

    def _check_put(self, request: Request, path: str, *, of_a_part: bool = False) -> None:
        name, value = UPLOAD_HEADER
        for rule, wrong, detail in (
            ("put-authorization", "Authorization" in request.headers, "carries the key (Authorization)"),
            ("put-length", request.body is None, "has no Content-Length"),
            (
                "put-headers",
                not of_a_part and request.headers.get(name, "").strip() != value,
                f"lacks the upload header {name}:{value}",
            ),
            (
                "put-content-type",
                request.headers.get("Content-Type", "") != "" or ("Content-Type" in request.headers and not of_a_part),
                "has a Content-Type that nobody asked for",
            ),
        ):
            if wrong:
                self.store.report(rule, f"PUT {path} {detail}")
                raise Refusal(f"PUT {detail}", 411 if rule == "put-length" else 400)


def _json(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value, allow_nan=False).encode())


def _where(request: Request) -> str:
    path = urlsplit(request.path).path
    if path == "/graphql":
        return "graphql"
    if path.startswith("/files/") and path.endswith("/file_stream"):
        return "file_stream"
    return "storage" if path.startswith(("/storage/", "/artifactsV2/")) else "other"


def _decompressed(request: Request) -> bytes | None:
    """The decompressed body; None if it cannot be decompressed."""
    if request.headers.get("Content-Encoding") != "gzip":
        return request.body
    try:
        return gzip.decompress(request.body or b"")
    except (OSError, EOFError):
        return None


def _operation(body: bytes | None) -> str | None:
    try:
        value = json.loads(body or b"")
    except ValueError:
        return None
    return _graphql.operation_name(value) if isinstance(value, dict) else None


def _has_key(request: Request, keys: set[str]) -> bool:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, key = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return scheme == "Basic" and user == "api" and key in keys
