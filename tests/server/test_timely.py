"""Promises of answers that never end: whatever the rhythm in which head and body come, a request has a deadline.

The study *rhythms* of `tests.robustness` tries all of them.
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.robustness.rhythms import DATA, ENDLESS, HEAD, OK, TIMEOUT, answering, for_ever
from wandb_logging._errors import ServerUnavailable, TransportError
from wandb_logging._server import timely
from wandb_logging._server.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def dribbled(data: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: (data[i : i + 1] for i in range(len(data)))


@pytest.mark.slow
def test_what_never_ends_is_given_up() -> None:
    """Whatever of an answer it is that goes on and on: after ten timeouts it is no answer. All at once."""
    with ThreadPoolExecutor(len(ENDLESS)) as pool:
        assert dict(zip(ENDLESS, pool.map(asked, ENDLESS.values()))) == dict.fromkeys(ENDLESS, "given up in time")


def asked(parts: Callable[[], Iterable[bytes]]) -> object:
    """What comes of asking a server that answers so."""
    with answering(parts, pause=0.02) as url, contextlib.closing(Client(url, "k" * 40, timeout=TIMEOUT)) as client:
        began = time.monotonic()
        try:
            return client.graphql("query Viewer { viewer { id } }", {})
        except (TransportError, ServerUnavailable):
            # The deadline is 3 s; the machine may be busy.
            return "given up in time" if time.monotonic() - began < 60 else "given up late"


@pytest.mark.not_quick
@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_what_comes_slowly_and_ends_is_an_answer(pause: float) -> None:
    """Byte by byte, a head before it: within the deadline it is taken."""
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: %d\r\n\r\n" % len(DATA) + DATA
    with answering(dribbled(answer), pause) as url, contextlib.closing(Client(url, "k" * 40, timeout=30)) as client:
        assert client.graphql("query Viewer { viewer { id } }", {}) == {"a": 1}


@pytest.mark.slow
def test_a_download_takes_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file only the time between two bytes counts."""
    monkeypatch.setattr(timely, "PATIENCE", 0.1)  # 3 s for an answer; 30 s between two bytes
    size = 40
    head = OK + b"Content-Length: %d\r\n\r\n" % size
    got: list[bytes] = []
    parts = for_ever(head, b"z")
    with answering(parts, pause=0.1) as url, contextlib.closing(Client(url, None, timeout=30)) as client:
        client.get(url + "/file", got.append, size)
    assert b"".join(got) == b"z" * size
