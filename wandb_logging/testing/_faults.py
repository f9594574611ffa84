"""Faults on demand: what goes wrong with which of the next requests. Imports nothing of this package."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    Where = Literal["any", "graphql", "file_stream", "storage"]
    Close = Literal["before", "after"]


@dataclass
class Fault:
    """One thing that goes wrong, `remaining` times. See `LocalServer.fail_next` for the fields."""

    remaining: float
    status: int | None
    where: Where
    operation: str | None
    headers: Mapping[str, str]
    body: bytes
    close: Close | None
    latency: float

    def hits(self, where: str, operation: str | None) -> bool:
        """Whether the fault is for such a request."""
        return self.where in ("any", where) and self.operation in (None, operation)


def body_bytes(body: Any, status: int | None) -> bytes:
    """The bytes of an answer's body: bytes and text unchanged, other values as JSON, W&B's error form for None."""
    if body is None:
        body = {"error": f"injected fault {status}"}
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@dataclass
class Faults:
    """The coming faults, in the order of `add`. A request takes the first fault that is meant for it."""

    _queue: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        with self._lock:
            self._queue.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._queue.clear()

    def take(self, where: str, operation: str | None) -> Fault | None:
        """The fault for this request, whose count is reduced by one; None if there is none."""
        with self._lock:
            fault = next((fault for fault in self._queue if fault.hits(where, operation)), None)
            if fault:
                fault.remaining -= 1
                if fault.remaining <= 0:
                    self._queue.remove(fault)
            return fault
