"""`LocalServer`: W&B's server on loopback. The public face: life, faults, looking in."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import urlsplit

from wandb_logging.testing import _graphql, _routes
from wandb_logging.testing._faults import Fault, Faults, body_bytes
from wandb_logging.testing._http import HTTPServer, Reply, Request
from wandb_logging.testing._routes import Routes
from wandb_logging.testing._rules import EVENTS, HISTORY, OUTPUT, Violation
from wandb_logging.testing._store import Store
from wandb_logging.testing._stored import StoredRun

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from wandb_logging.testing._faults import Close, Where

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
        self._store = Store(entity, set(features))
        self._routes = Routes(self._store, {self.api_key}, secrets.token_bytes(16))
        self._faults = Faults()
        self._requests: list[RecordedRequest] = []
        self._allowed: set[str] | None = set()
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
            self._routes.url = self.url
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
        """The base URL, with scheme and port, on 127.0.0.1.

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
        self._routes.keys.add(key)

    def revoke_key(self, key: str) -> None:
        """Answer 401 to `key` from now on."""
        self._routes.keys.discard(key)

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
        call = _routes.read(request)
        fault = self._faults.take(call.where, call.operation)
        self._stopping.wait(self.latency + (fault.latency if fault else 0.0))
        reply: Reply | None = None
        with self._changed:
            if fault is None or fault.close == "after" or (fault.close is None and fault.status is None):
                reply = self._routes.handle(call)
            if fault and fault.close:
                reply = None
            elif fault and fault.status is not None:
                reply = Reply(fault.status, fault.body, fault.headers)
            self._requests.append(
                RecordedRequest(
                    method=request.method,
                    path=request.path,
                    headers=dict(request.headers.items()),
                    body=call.body or b"",
                    status=reply.status if reply else None,
                    operation=call.operation,
                    time=arrived,
                )
            )
            self._changed.notify_all()
        return reply
