"""`LocalServer`: W&B's server on loopback. Takes requests apart, checks the key, hands on."""

from __future__ import annotations

import base64
import binascii
import contextlib
import gzip
import hmac
import json
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import parse_qs, unquote, urlsplit

from wandb_logging.testing import _artifact_resolvers, _graphql, _resolvers, _rules
from wandb_logging.testing._context import UPLOAD_HEADER, Context
from wandb_logging.testing._faults import Fault, Faults, body_bytes
from wandb_logging.testing._http import HTTPServer, Reply, Request
from wandb_logging.testing._rules import EVENTS, HISTORY, OUTPUT, Violation
from wandb_logging.testing._store import Refusal, Store, StoredRun

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from wandb_logging.testing._faults import Close, Where

_RESOLVERS = {**_resolvers.RESOLVERS, **_artifact_resolvers.RESOLVERS}
_TELEMETRY = "/sdk/otel/"
_BINARY = {"Content-Type": "application/octet-stream"}
# /artifactsV2/{region}/{entity}/{project}/{collection}/{artifact id}/{hex md5}/{name}
_ARTIFACT_URL_PARTS = 9
_POLL_SECONDS = 0.05
_STOP_SECONDS = 0.01


@dataclass(frozen=True)
class RecordedRequest:
    """One request that came.

    Attributes:
        method: e.g. `"POST"`.
        path: with the query.
        headers: names as sent; of repeated ones the last.
        body: decompressed.
        status: of the answer; None when the connection was dropped instead.
        operation: name of the GraphQL operation, or None.
        time: seconds of `time.monotonic()` when it came.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None
    operation: str | None
    time: float

    def json(self) -> Any:
        """The body, parsed.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


class LocalServer:
    """A W&B server on loopback that follows the rules of the protocol and records each breach.

    A context manager; `start()` and `stop()` do the same by hand. A stopped server keeps its port and its
    data, and may be started again.

    Args:
        api_key: the key that is accepted; 40 hex digits are made up when None.
        entity: the default entity. Others must be added to `entities` before a client names them.
        features: names of enabled server features, e.g. `"FILESTREAM_GZIP"`.
        tls: serve https with this server-side context.
        port: the port to listen on; 0 takes a free one.

    Attributes:
        api_key: the first accepted key.
        latency: seconds to wait before each answer, default 0.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        entity: str = "local-team",
        features: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.api_key = api_key or secrets.token_hex(20)
        self.latency = 0.0
        self._keys = {self.api_key}
        self._store = Store(entity, set(features))
        self._faults = Faults()
        self._requests: list[RecordedRequest] = []
        self._allowed: set[str] | None = set()
        self._secret = secrets.token_bytes(16)
        self._tls = tls
        self._port = port
        self._http: HTTPServer | None = None
        self._stopping = threading.Event()
        # One lock around everything stored; `wait_for` waits on it.
        self._changed = threading.Condition(threading.RLock())

    def start(self) -> Self:
        """Listen; does nothing when already started.

        Raises:
            ImportError: graphql-core is not installed.
            OSError: the port is taken.
        """
        if self._http is None:
            _graphql.require()
            self._stopping.clear()
            self._http = HTTPServer(self._port, self._answer, self._tls)
            self._port = self._http.server_port
            threading.Thread(
                target=self._http.serve_forever, args=(_STOP_SECONDS,), name="wandb-local-server", daemon=True
            ).start()
        return self

    def stop(self) -> None:
        """Refuse new connections and break off the open ones; does nothing when already stopped."""
        if self._http is not None:
            self._stopping.set()
            self._http.close()
            self._http = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, e.g. `"http://127.0.0.1:49152"`.

        Raises:
            RuntimeError: the server was never started.
        """
        if not self._port:
            raise RuntimeError("LocalServer has no URL before start()")
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def entity(self) -> str:
        """The default entity."""
        return self._store.entity

    @property
    def entities(self) -> set[str]:
        """Names of all entities; add to it what clients may name."""
        return self._store.entities

    @property
    def features(self) -> set[str]:
        """Names of enabled server features; change it at any time."""
        return self._store.features

    @features.setter
    def features(self, names: Iterable[str]) -> None:
        self._store.features = set(names)

    @property
    def check_rate(self) -> bool:
        """Whether a run may not send more than 2 file_stream requests a second (burst 10); False first."""
        return self._store.check_rate

    @check_rate.setter
    def check_rate(self, value: bool) -> None:
        self._store.check_rate = value

    def env(self) -> dict[str, str]:
        """Environment variables that point a client here."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": self.api_key, "WANDB_ERROR_REPORTING": "false"}

    def add_key(self, key: str) -> None:
        """Accept `key` from now on."""
        self._keys.add(key)

    def revoke_key(self, key: str) -> None:
        """Answer 401 to `key` from now on."""
        self._keys.discard(key)

    @property
    def runs(self) -> list[StoredRun]:
        """All runs, oldest first."""
        with self._changed:
            return list(self._store.runs)

    def run(self, run_id: str, project: str | None = None, entity: str | None = None) -> StoredRun:
        """The run with that id; project and entity narrow the search.

        Raises:
            KeyError: there is none; the message lists the runs there are.
        """
        with self._changed:
            for run in self._store.runs:
                if run.id == run_id and project in (None, run.project) and entity in (None, run.entity):
                    return run
            known = ", ".join(run.path for run in self._store.runs) or "none"
        wanted = "/".join(part for part in (entity, project, run_id) if part)
        raise KeyError(f"no run {wanted}; runs here: {known}")

    @property
    def violations(self) -> list[Violation]:
        """Every breach of the protocol so far."""
        with self._changed:
            return list(self._store.violations)

    def allow_violations(self, *rules: str) -> None:
        """Let the pytest fixture accept breaches: of these rules, or of all when none is named."""
        self._allowed = self._allowed | set(rules) if rules and self._allowed is not None else None

    @property
    def unexpected_violations(self) -> list[Violation]:
        """Breaches that `allow_violations` did not announce."""
        allowed = self._allowed
        return [] if allowed is None else [item for item in self.violations if item.rule not in allowed]

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request so far."""
        with self._changed:
            return list(self._requests)

    def wait_for(self, predicate: Callable[[], Any], timeout: float = 10) -> Any:
        """Block until `predicate()` is true; it is asked after each request.

        A `KeyError` in it counts as false, so that it may name a run that does not exist yet.

        Args:
            predicate: asked with the store locked, so it sees no half of a request.
            timeout: seconds.

        Returns:
            What `predicate` gave.

        Raises:
            TimeoutError: it stayed false; the message sums up what came.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                with contextlib.suppress(KeyError):
                    value = predicate()
                    if value:
                        return value
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"not so after {timeout:g} s; {self._seen()}")
                # A predicate may look at the client too, which moves on after our answer: ask now and then.
                self._changed.wait(min(left, _POLL_SECONDS))

    def _seen(self) -> str:
        counts = Counter(
            f"{item.operation or item.method + ' ' + urlsplit(item.path).path} {item.status or 'dropped'}"
            for item in self._requests
        )
        requests = ", ".join(f"{count} x {name}" for name, count in counts.items()) or "none"
        runs = ", ".join(f"{run.path} ({run.state}, {len(run.history_lines)} rows)" for run in self._store.runs)
        violations = "; ".join(map(str, self._store.violations))
        return f"requests: {requests}; runs: {runs or 'none'}; violations: {violations or 'none'}"

    def fail_next(
        self,
        n: float = 1,
        *,
        status: int | None = 503,
        where: Where = "any",
        operation: str | None = None,
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        close: Close | None = None,
        latency: float = 0.0,
    ) -> None:
        """Let the next requests fail. Faults queue up: each request meets the first that is meant for it.

        Args:
            n: how many requests.
            status: answer this and store nothing; None to answer as usual (after `latency`).
            where: `"graphql"`, `"file_stream"`, `"storage"` (bytes of files), or `"any"`.
            operation: only GraphQL operations of this name.
            retry_after: value of the `Retry-After` header.
            headers: more headers of the answer, e.g. `Location`.
            body: of the answer: bytes, text, or a value sent as JSON; a W&B error body when None.
            close: drop the connection instead of answering, `"before"` or `"after"` (a lost answer) storing.
            latency: seconds to wait first.
        """
        extra = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._faults.add(
            Fault(
                n,
                status,
                where,
                operation,
                {**extra, **(headers or {})},
                body_bytes(body, status),
                close,
                latency,
            )
        )

    def fail_always(self, **fault: Any) -> None:
        """Like `fail_next`, until `clear_faults()`."""
        self.fail_next(float("inf"), **fault)

    def clear_faults(self) -> None:
        """Answer as usual again."""
        self._faults.clear()

    def stop_run(self, run_id: str, project: str | None = None, entity: str | None = None) -> None:
        """Ask the run to stop, as the button on its web page does: file_stream answers now say `stopped`.

        Raises:
            KeyError: there is no such run.
        """
        self.run(run_id, project, entity).stopped = True

    def create_run(
        self,
        run_id: str | None = None,
        project: str = "uncategorized",
        *,
        entity: str | None = None,
        config: Mapping[str, Any] | None = None,
        wandb_config: Mapping[str, Any] | None = None,
        history: Iterable[Mapping[str, Any]] = (),
        events: Iterable[Mapping[str, Any]] = (),
        output: Iterable[str] = (),
        summary: Mapping[str, Any] | None = None,
        exit_code: int | None = 0,
        **fields: Any,
    ) -> StoredRun:
        """Make a run that existed before, for tests of resuming.

        Args:
            run_id: made up when None.
            project: its project, made when missing.
            entity: its entity, made when missing; the default one when None.
            config: user's config, not wrapped.
            wandb_config: `_wandb` in the config; `{"t": {}}` when None, which marks a run that was started.
            history: rows; `_step` is the row's number where missing, `_timestamp` and `_runtime` likewise.
            events: system rows.
            output: lines of `output.log`.
            summary: the summary.
            exit_code: 0 finished, other failed, None still running.
            **fields: other attributes of `StoredRun`, e.g. `tags`, `notes`, `display_name`.
        """
        entity = entity or self.entity
        wrapped = {**(config or {}), "_wandb": {"t": {}} if wandb_config is None else dict(wandb_config)}
        rows = [{"_step": n, "_timestamp": 1.7e9 + n, "_runtime": float(n), **row} for n, row in enumerate(history)]
        with self._changed:
            self._store.entities.add(entity)
            run = self._store.new_run(entity, project, run_id or secrets.token_hex(4))
            run.config_json = json.dumps({key: {"value": value} for key, value in wrapped.items()})
            run.summary_json = json.dumps(dict(summary or {}))
            run.lines[HISTORY] = [json.dumps(row) for row in rows]
            run.lines[EVENTS] = [json.dumps(dict(row)) for row in events]
            run.lines[OUTPUT] = list(output)
            for name, value in fields.items():
                setattr(run, name, value)
            if exit_code is not None:
                self._store.complete(run, exit_code, b"")
        return run

    def delete_run(self, run_id: str, project: str | None = None, entity: str | None = None) -> None:
        """Forget a run, as when a person deletes it on the web page.

        Raises:
            KeyError: there is no such run.
        """
        with self._changed:
            self._store.runs.remove(self.run(run_id, project, entity))

    def _answer(self, request: Request) -> Reply | None:
        arrived = time.monotonic()
        where, body = _where(request), _decompressed(request)
        operation = _operation(body) if where == "graphql" else None
        fault = self._faults.take(where, operation)
        self._stopping.wait(self.latency + (fault.latency if fault else 0.0))
        reply: Reply | None = None
        with self._changed:
            if fault is None or fault.close == "after" or (fault.close is None and fault.status is None):
                reply = self._handle(request, where, body)
            if fault and fault.close:
                reply = None
            elif fault and fault.status is not None:
                reply = Reply(fault.status, fault.body, fault.headers)
            status = reply.status if reply else None
            headers = dict(request.headers.items())
            self._requests.append(
                RecordedRequest(request.method, request.path, headers, body or b"", status, operation, arrived)
            )
            self._changed.notify_all()
        return reply

    def _handle(self, request: Request, where: str, body: bytes | None) -> Reply:
        try:
            if where == "storage":
                return self._storage(request) if "signature=" in request.path else self._unsigned(request)
            if where in ("graphql", "file_stream"):
                self._check_key(request)
                self._check_form(request, body)
                return _json(*(self._graphql(body) if where == "graphql" else self._file_stream(request, body)))
            if not request.path.startswith(_TELEMETRY):
                self._store.report("unknown-path", f"{request.method} {request.path}")
            return _json(404, {"error": "not found"})
        except Refusal as refusal:
            return _json(refusal.status, {"error": str(refusal), "errors": [{"message": str(refusal)}]})
        except Exception as error:
            # A fault of ours must fail the test that met it, not hide behind the client's retries.
            self._store.report("server-error", f"{request.method} {request.path}: {error!r}")
            raise

    def _check_key(self, request: Request) -> None:
        if not _has_key(request, self._keys):
            raise Refusal("user is not logged in", 401)

    def _check_form(self, request: Request, body: bytes | None) -> None:
        kind = str(request.headers.get("Content-Type", "")).split(";")[0].strip()
        if kind != "application/json":
            self._store.report("content-type", f"{request.method} {request.path}: {kind or 'none'}")
        if request.body is None or body is None:
            self._store.report("body", f"{request.method} {request.path}: no Content-Length, or gzip that is none")
            raise Refusal("body cannot be read", 400)

    def _graphql(self, body: bytes | None) -> tuple[int, dict[str, Any]]:
        try:
            value = _rules.parse((body or b"").decode(), strict=True)
            query, variables, operation = value["query"], value.get("variables"), value.get("operationName")
        except (ValueError, TypeError, LookupError) as error:
            self._store.report("strict-json", f"GraphQL body: {error!r}")
            raise Refusal(f"body is no GraphQL request: {error!r}", 400) from error
        return _graphql.execute(_RESOLVERS, self._context, query, variables, operation)

    def _file_stream(self, request: Request, body: bytes | None) -> tuple[int, dict[str, Any]]:
        entity, project, run_id = (unquote(part) for part in urlsplit(request.path).path.split("/")[2:5])
        run = self._store.require(entity, project, run_id, status=404)
        if request.headers.get("Content-Encoding") == "gzip" and "FILESTREAM_GZIP" not in self.features:
            self._store.report("gzip", f"{run.path}: gzip body, but the server does not offer FILESTREAM_GZIP")
            raise Refusal("cannot read gzip", 500)
        return 200, self._store.stream(run, body or b"")

    @property
    def _context(self) -> Context:
        return Context(self._store, self.url, self._secret)

    def _storage(self, request: Request) -> Reply:
        parts = urlsplit(request.path)
        given = parse_qs(parts.query).get("signature", [""])[0]
        method = "GET" if request.method == "HEAD" else request.method
        if not hmac.compare_digest(given, self._context.signature(method, parts.path)):
            self._store.report("signature", f"{request.method} {parts.path}: not a URL that the server handed out")
            raise Refusal("signature does not match", 403)
        place = tuple(unquote(part) for part in parts.path.split("/")[2:])
        if method == "PUT":
            self._check_put(request, parts.path)
            self._store.put(place, request.body or b"")
            return Reply(200)
        return Reply(200, self._store.get(place), _BINARY)

    def _unsigned(self, request: Request) -> Reply:
        """Bytes of an artifact's file, by their digest and with the key instead of a signature."""
        parts = [unquote(part) for part in urlsplit(request.path).path.split("/")]
        if parts[1] != "artifactsV2" or request.method != "GET" or len(parts) < _ARTIFACT_URL_PARTS:
            self._store.report("signature", f"{request.method} {request.path}: lacks its signature")
            raise Refusal("signature does not match", 403)
        self._check_key(request)
        return Reply(200, self._store.get(("artifacts", parts[7])), _BINARY)

    def _check_put(self, request: Request, path: str) -> None:
        name, value = UPLOAD_HEADER
        for rule, wrong, detail in (
            ("put-authorization", "Authorization" in request.headers, "carries the key (Authorization)"),
            ("put-length", request.body is None, "has no Content-Length"),
            (
                "put-headers",
                request.headers.get(name, "").strip() != value,
                f"lacks the upload header {name}:{value}",
            ),
            (
                "put-content-type",
                "Content-Type" in request.headers,
                "has a Content-Type that nobody asked for",
            ),
        ):
            if wrong:
                self._store.report(rule, f"PUT {path} {detail}")
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
    """The body, unpacked; None when it cannot be."""
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
