"""Posts to a run's file_stream: a body as a whole, or in parts without the lines that the server refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_logging._errors import RequestRejected
from wandb_logging._events.run_info import Remote
from wandb_logging._server import protocol
from wandb_logging._server.body import EVENTS, HISTORY, SUMMARY, LineBlock, StreamBody
from wandb_logging._server.bucket import Bucket
from wandb_logging._server.link import Link
from wandb_logging._values.plain import dumps, loads

if TYPE_CHECKING:
    from wandb_logging._server.client import Client

# W&B takes 2 requests a second from a run, and 10 at once after a rest. We send a little less: they may bunch up.
POSTS = Bucket(rate=1.9, burst=9.0)

_A_LINES_FAULT = frozenset({400, 413, 422})  # statuses that can be about one line; others are about the whole request
_HOPELESS = 10  # so many lines refused and none taken: the fault is not in the lines
_NOTE = "(line set aside)"


class Stream:
    """Posts to one run's file_stream, no faster than W&B allows.

    Args:
        link: the connection to the server.
        remote: the run on the server.
        gzip: whether to compress requests if the server offers it.

    Attributes:
        stopped: whether an answer asked the run to stop.
    """

    def __init__(self, link: Link, remote: Remote, *, gzip: bool) -> None:
        self.stopped = False
        self._link = link
        self._gzip = gzip and remote.gzip
        self._path = protocol.stream_path(remote.entity, remote.project, remote.name)
        self._full = link.now()  # when the bucket of this run's posts is full

    def post(self, body: StreamBody) -> None:
        """Send a body as it is, and wait if the server says that the quota is used up.

        Raises:
            TransportError, HTTPStatusError: see `_errors`.
        """
        data = body.encode(gzip=self._gzip)

        def request(client: Client) -> tuple[bool, float]:
            if not body.preempting:  # which goes at once, outside the rate limit (protocol 4.1)
                self._full, wait = POSTS.take(self._full, self._link.now(), 1)
                self._link.wait(wait)
            return client.file_stream(self._path, data, gzip=self._gzip)

        stopped, wait = self._link.call(request, size=len(data))
        self.stopped |= stopped
        if wait:
            self._link.pace.sleep(wait)

    def deliver(self, body: StreamBody) -> list[tuple[str, str]]:
        """Send a body without the lines that the server refuses. Returns those, as (reason, line).

        An empty row, or a note, takes the place of each refused line: otherwise all later offsets would depend on what
        this server refused.

        Raises:
            RequestRejected: the server refuses even those, or every line: the fault is not in the lines.
            TransportError, HTTPStatusError: see `_errors`.
        """
        refused = _RefusedLines()
        bodies = [body] if body.size <= protocol.MAX_REQUEST_BYTES else body.split(protocol.MAX_REQUEST_BYTES)
        for part in bodies:
            self._deliver(part, refused)
        return refused.lines

    def _deliver(self, body: StreamBody, refused: _RefusedLines) -> None:
        if self._refusal(body) is None:
            return
        for name, block in body.blocks.items():
            lines = block.lines()
            if lines:
                self._deliver_lines(name, block.offset, lines, refused)
        rest = StreamBody(uploaded=body.uploaded, preempting=body.preempting, exit_code=body.exit_code)
        if not rest.empty:
            self.post(rest)

    def _refusal(self, body: StreamBody) -> RequestRejected | None:
        """Post a body. Returns how the server refused it, if one of its lines may be the reason; None if it took it."""
        try:
            self.post(body)
        except RequestRejected as exc:
            if exc.status not in _A_LINES_FAULT:
                raise
            return exc
        return None

    def _deliver_lines(self, name: str, offset: int, lines: list[str], refused: _RefusedLines) -> None:
        """Send lines in halves, and those again in halves, until each refused line is alone."""
        why = self._refusal(StreamBody({name: LineBlock(offset, lines)}))
        if why is None:
            refused.taken += len(lines)
            return
        if len(lines) > 1:
            half = len(lines) // 2
            self._deliver_lines(name, offset, lines[:half], refused)
            self._deliver_lines(name, offset + half, lines[half:], refused)
            return
        refused.lines.append((f"{name} line {offset}: {why}", lines[0]))
        if len(refused.lines) >= _HOPELESS and not refused.taken:
            raise why
        if name != SUMMARY:
            self.post(StreamBody({name: LineBlock(offset, [_placeholder(name, lines[0])])}))


class _RefusedLines:
    """The lines of a body that the server refused, and how many it took one by one."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.taken = 0


def _placeholder(name: str, line: str) -> str:
    """What takes the place of a refused line: a row with only its step and time, or a note with the text's time."""
    if name in {HISTORY, EVENTS}:
        row = loads(line)
        return dumps({key: row[key] for key in ("_wandb", "_step", "_timestamp", "_runtime") if key in row}).decode()
    if line.startswith("{"):
        return dumps({**loads(line), "content": _NOTE}).decode()
    head = 2 if line.startswith("ERROR ") else 1
    return " ".join([*line.split(" ", head)[:head], _NOTE])
