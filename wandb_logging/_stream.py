"""A run's file_stream: a body goes whole, or in parts without the lines the server refuses."""

from __future__ import annotations

from wandb_logging import _protocol
from wandb_logging._errors import RequestRejected
from wandb_logging._link import Link
from wandb_logging._protocol import LineBlock, Remote, StreamBody
from wandb_logging._values import dumps, loads


class Stream:
    """Posts to one run's file_stream.

    Args:
        link: the way to the server.
        remote: the run there.
        gzip: compress, if the server offers it.

    Attributes:
        stopped: whether an answer asked the run to stop.
    """

    def __init__(self, link: Link, remote: Remote, *, gzip: bool) -> None:
        self.stopped = False
        self._link = link
        self._gzip = gzip and remote.gzip
        self._path = _protocol.stream_path(remote.entity, remote.project, remote.name)

    def post(self, body: StreamBody) -> None:
        """Send a body as it is, and wait if the server says that the quota is used up.

        Raises:
            TransportError, HTTPStatusError: see `_errors`.
        """
        data = body.encode(gzip=self._gzip)
        stopped, wait = self._link.call(lambda client: client.file_stream(self._path, data, gzip=self._gzip))
        self.stopped |= stopped
        if wait:
            self._link.pace.sleep(wait)

    def deliver(self, body: StreamBody) -> list[tuple[str, str]]:
        """Send a body; lines the server refuses are left out and come back as (reason, line).

        An empty row, or a note, takes the place of each: otherwise all later offsets would depend on what this
        server refused.

        Raises:
            RequestRejected: it refuses even those: the fault is ours, not the lines'.
            TransportError, HTTPStatusError: see `_errors`.
        """
        try:
            self.post(body)
        except RequestRejected as exc:
            why = exc
        else:
            return []
        refused: list[tuple[str, str]] = []
        for name, block in body.blocks.items():
            lines = block.lines()
            if lines:
                self._deliver_lines(name, block.offset, lines, why, refused)
        if body.uploaded or body.exit_code is not None:
            self.post(StreamBody(uploaded=body.uploaded, exit_code=body.exit_code))
        return refused

    def _deliver_lines(
        self, name: str, offset: int, lines: list[str], why: RequestRejected, refused: list[tuple[str, str]]
    ) -> None:
        """Halve until the refused lines stand alone."""
        try:
            self.post(StreamBody({name: LineBlock(offset, lines)}))
        except RequestRejected as exc:
            why = exc
        else:
            return
        if len(lines) > 1:
            half = len(lines) // 2
            self._deliver_lines(name, offset, lines[:half], why, refused)
            self._deliver_lines(name, offset + half, lines[half:], why, refused)
            return
        refused.append((f"{name} line {offset}: {why}", lines[0]))
        if name != _protocol.SUMMARY:
            self.post(StreamBody({name: LineBlock(offset, [_placeholder(name, lines[0])])}))


def _placeholder(name: str, line: str) -> str:
    """What takes the place of a line the server refuses."""
    if name == _protocol.OUTPUT:
        return "(line set aside)"
    row = loads(line)
    return dumps({key: row[key] for key in ("_step", "_timestamp", "_runtime") if key in row}).decode()
