from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.runs import Clock
from wandb_logging._errors import RequestRejected
from wandb_logging._events.run_info import Remote
from wandb_logging._server.body import HISTORY, OUTPUT, SUMMARY, LineBlock, Pieces, StreamBody
from wandb_logging._server.link import Link
from wandb_logging._server.stream import Stream

REMOTE = Remote("id", "e", "p", "r", "name")


class Server:
    """Keeps lines by offset; refuses, with 400, a body that holds one of `bad`."""

    def __init__(self, bad: frozenset[str] = frozenset()) -> None:
        self.bad = bad
        self.lines: dict[str, dict[int, str]] = {}
        self.ends: list[Any] = []
        self.posts = 0

    def file_stream(self, path: str, data: Pieces, *, gzip: bool) -> tuple[bool, float]:
        assert (path, gzip) == ("/files/e/p/r/file_stream", False)
        self.posts += 1
        body = json.loads(bytes(data))
        sent = body.get("files", {})
        for block in sent.values():
            if self.bad.intersection(block["content"]):
                raise RequestRejected("HTTP 400", 400)
        for name, block in sent.items():
            stored = self.lines.setdefault(name, {})
            for number, line in enumerate(block["content"], block["offset"]):
                assert number == 0 or number - 1 in stored or number in stored, "a gap"
                stored[number] = line
        if "exitcode" in body:
            self.ends.append((body["exitcode"], body.get("uploaded")))
        return False, 0.0

    def close(self) -> None:
        pass


def stream(server: Any) -> Stream:
    clock = Clock()
    return Stream(Link(lambda: server, clock.pace(), clock), REMOTE, gzip=True)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.lists(st.booleans(), max_size=20))
def test_exactly_the_bad_lines_are_refused(rows: list[bool], texts: list[bool]) -> None:
    """Whichever lines are bad, all others are stored at their place, and the end is told once."""
    history = [json.dumps({"_step": i, "n": i}) for i in range(len(rows))]
    output = [f"2026-01-02T03:04:05.123456 text {i}" for i in range(len(texts))]
    bad = {line for line, good in zip(history + output, rows + texts) if not good}
    server = Server(frozenset(bad))
    body = StreamBody({HISTORY: LineBlock(0, history), OUTPUT: LineBlock(0, output)}, ["f"], exit_code=0)
    try:
        refused = stream(server).deliver(body)
    except RequestRejected:
        assert not any(rows[:10])  # nothing but refusals: not the lines' fault
        return
    assert {line for _, line in refused} == bad
    for name, lines in ((HISTORY, history), (OUTPUT, output)):
        stored = server.lines.get(name, {})
        assert sorted(stored) == list(range(len(lines)))
        for number, line in enumerate(lines):
            if line not in bad:
                assert stored[number] == line
            elif name == HISTORY:
                assert json.loads(stored[number]) == {"_step": number}
            else:
                assert stored[number] == "2026-01-02T03:04:05.123456 (line set aside)"
    assert server.ends == [(0, ["f"])]


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("ERROR 2026-01-02T03:04:05.1 a b", "ERROR 2026-01-02T03:04:05.1 (line set aside)"),
        ('{"ts": "x", "content": "a", "level": "error"}', '{"ts":"x","content":"(line set aside)","level":"error"}'),
    ],
)
def test_a_note_keeps_the_form_of_its_line(line: str, instead: str) -> None:
    """What stands for a text line is one itself, plain or structured (protocol 4.6)."""
    server = Server(frozenset({line}))
    stream(server).deliver(StreamBody({OUTPUT: LineBlock(0, [line])}))
    assert server.lines[OUTPUT] == {0: instead}


def test_a_summary_that_is_refused_has_no_substitute() -> None:
    """An old summary is better than an empty one."""
    server = Server(frozenset({'{"a":1}'}))
    assert len(stream(server).deliver(StreamBody({SUMMARY: LineBlock(0, ['{"a":1}'])}))) == 1
    assert server.lines == {}


def test_one_bad_line_in_many_is_found_soon() -> None:
    """Ten thousand lines take some thirty requests."""
    history = [json.dumps({"_step": i}) for i in range(10_000)]
    server = Server(frozenset({history[7777]}))
    stream(server).deliver(StreamBody({HISTORY: LineBlock(0, history)}))
    assert server.posts < 40


@given(st.lists(st.floats(0, 3), max_size=100))
def test_never_faster_than_the_server_allows(pauses: list[float]) -> None:
    """Whenever requests are made: never more than 10 at once and 2 a second after."""
    clock = Clock()
    server = Server()
    way = Stream(Link(lambda: server, clock.pace(), clock), REMOTE, gzip=False)  # type: ignore[arg-type, return-value]
    tokens, last = 10.0, clock()
    for pause in [*pauses, *[0.0] * 20]:
        clock.time += pause
        way.post(StreamBody())
        tokens, last = min(10.0, tokens + (clock() - last) * 2.0) - 1.0, clock()
        assert tokens >= 0


def test_no_wait_for_who_has_no_time() -> None:
    """At the end of its time a request goes at once or not at all; it is not slept for."""
    clock = Clock()
    server = Server()
    way = Stream(Link(lambda: server, clock.pace(), clock), REMOTE, gzip=False)  # type: ignore[arg-type, return-value]
    clock.over = True
    for _ in range(30):
        way.post(StreamBody())
    assert clock.slept == []
