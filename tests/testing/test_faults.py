"""Each fault does what its name says, once, and to the requests it is meant for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import requests

from tests.patience import PATIENCE
from tests.testing.client import row

if TYPE_CHECKING:
    from tests.testing.client import Client

VIEWER = "query Viewer { viewer { id } }"


def test_status(client: Client) -> None:
    """The next request fails with the status, stores nothing, and the one after is served."""
    client.server.fail_next(status=500)
    assert client.stream(history=(0, [row(0)])).status_code == 500
    assert client.stored.history == []
    assert client.stream(history=(0, [row(0)])).status_code == 200
    assert (len(client.stored.history), client.rules()) == (1, [])


def test_default(client: Client) -> None:
    """Without more words a request fails with 503 and an error body as W&B writes it."""
    client.server.fail_next()
    answer = client.stream({})
    assert (answer.status_code, answer.json()) == (503, {"error": "injected fault 503"})
    assert "Retry-After" not in answer.headers


def test_count(client: Client) -> None:
    """Several requests may fail, and faults queue up."""
    client.server.fail_next(2, status=500)
    client.server.fail_next(status=429, retry_after=1.5)
    answers = [client.stream({}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [500, 500, 429, 200]
    assert answers[2].headers["Retry-After"] == "1.5"


def test_where(client: Client) -> None:
    """A fault waits for a request at its place, and lets others pass."""
    url, headers = client.upload_url("a")
    client.server.fail_next(status=501, where="storage")
    client.server.fail_next(status=502, where="file_stream")
    client.server.fail_next(status=503, where="graphql", operation="Other")
    client.server.fail_next(status=504, where="graphql", operation="Viewer")
    assert client.post("/graphql", json={"query": VIEWER}).status_code == 504
    assert client.stream({}).status_code == 502
    assert requests.put(url, headers=headers, timeout=PATIENCE).status_code == 501
    assert client.post("/graphql", json={"query": VIEWER}).status_code == 200
    assert client.post("/graphql", json={"query": "query Other { viewer { id } }"}).status_code == 503


@pytest.mark.parametrize(
    ("body", "text"),
    [("half a {", "half a {"), (b"\x00", "\x00"), ({"errors": ["no"]}, '{"errors": ["no"]}')],
)
def test_body(client: Client, body: object, text: str) -> None:
    """An answer may have any body, also with a good status."""
    client.server.fail_next(status=200, body=body)
    answer = client.stream({})
    assert (answer.status_code, answer.text) == (200, text)


def test_redirect(client: Client) -> None:
    """An answer may have any header, so it may send a client elsewhere."""
    client.server.fail_next(status=307, headers={"Location": "http://127.0.0.1:9/other"})
    answer = client.post(client.path(), json={}, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://127.0.0.1:9/other")


def test_close_before(client: Client) -> None:
    """The connection breaks and nothing is stored."""
    client.server.fail_next(close="before")
    with pytest.raises(requests.ConnectionError):
        client.stream(history=(0, [row(0)]))
    assert client.stored.history == []
    assert client.server.requests[-1].status is None


def test_close_after(client: Client) -> None:
    """The connection breaks although the request was stored: a lost answer."""
    client.server.fail_next(close="after")
    with pytest.raises(requests.ConnectionError):
        client.stream(history=(0, [row(0)]))
    assert len(client.stored.history) == 1
    assert client.stream(history=(0, [row(0)])).status_code == 200
    assert client.rules() == []


def test_lost_answer_of_the_last_request(client: Client) -> None:
    """The last request may be sent again when its answer was lost."""
    client.server.fail_next(close="after")
    with pytest.raises(requests.ConnectionError):
        client.stream({"complete": True, "exitcode": 0})
    client.stream({"complete": True, "exitcode": 0})
    assert (client.rules(), client.stored.state) == ([], "finished")


def test_latency(client: Client) -> None:
    """An answer may come late, and be good."""
    client.server.fail_next(status=None, latency=0.2)
    begin = time.monotonic()
    assert client.stream(history=(0, [row(0)])).status_code == 200
    assert time.monotonic() - begin >= 0.2
    assert len(client.stored.history) == 1


def test_latency_of_all(client: Client) -> None:
    """All answers may come late."""
    client.server.latency = 0.2
    with pytest.raises(requests.ReadTimeout):
        requests.post(client.server.url + "/graphql", timeout=0.05)


def test_always(client: Client) -> None:
    """A fault may last until it is cleared."""
    client.server.fail_always(status=500, where="file_stream")
    assert [client.stream({}).status_code for _ in range(3)] == [500] * 3
    client.server.clear_faults()
    assert client.stream({}).status_code == 200


def test_stop_does_not_wait_for_late_answers(client: Client) -> None:
    """A server that answers late still stops at once."""
    client.server.latency = 300
    with pytest.raises(requests.ReadTimeout):
        requests.post(client.server.url + "/graphql", timeout=0.05)
    begin = time.monotonic()
    client.server.stop()
    assert time.monotonic() - begin < 100
