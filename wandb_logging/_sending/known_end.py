"""Finds out whether the server knows the end of a run although its directory does not: the disk was away at the end.

In that case the run's own process has sent all rows from memory, and the end. The directory has fewer rows, and nothing
of it is to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wandb_logging._errors import GraphQLError, RequestRejected, RunNotFound
from wandb_logging._events.event import event_of
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.rundir import RunDir
from wandb_logging._server import protocol
from wandb_logging._server.link import Link


class KnownEnd(NamedTuple):
    """The end of a run as the server knows it.

    Attributes:
        code: 0 if the run finished, 1 if it failed: the server does not give the exit code itself.
        rows: number of rows on the server.
    """

    code: int
    rows: int


def find_known_end(
    link: Link, run_dir: RunDir, info: RunInfo, position: Mapping[str, Any] | None, acknowledged: int
) -> KnownEnd | None:
    """The end of a run, if its own process has told the server, and has sent at least all rows of the directory.

    Args:
        link: the connection to the server.
        run_dir: the run directory.
        info: identity of the run, with what the server said of it.
        position: position up to which the journal was sent, as far as the directory knows.
        acknowledged: number of rows up to there.

    Raises:
        TransportError, HTTPStatusError: see `_errors`.
        OSError: the journal cannot be read.
    """
    remote = info.server
    if remote is None:
        return None
    rest = _Rest(run_dir, position, all_may_be_rows=bool(info.text_metrics))
    if rest.says_more_of_the_end:
        return None
    run = {"project": remote.project, "entity": remote.entity, "name": remote.name}
    try:
        answer = link.graphql(protocol.LINE_COUNT_AND_STATE, run)
    except (GraphQLError, RequestRejected, RunNotFound):
        return None
    rows, writers = protocol.rows_and_writers(answer)
    state, most = protocol.state_of(answer), remote.history + acknowledged + rest.rows
    if not writers <= {info.writer_id or info.id}:
        return None  # another process went on with the run
    if state == "finished" and rows >= most:  # only the run's own process says so: others say that it failed
        return KnownEnd(0, rows)
    return KnownEnd(1, rows) if state == "failed" and rows > most else None


class _Rest:
    """The part of a journal that was not sent.

    Attributes:
        rows: most rows that it can come to.
        says_more_of_the_end: whether it has an end of the run, or goes on with it.
    """

    def __init__(self, run_dir: RunDir, position: Mapping[str, Any] | None, *, all_may_be_rows: bool) -> None:
        self.rows = 0
        self.says_more_of_the_end = False
        words = (b'"metrics":', b'"exit":', b'"resume":')
        lines = run_dir.scan_after(dict(position) if position is not None else None, words, self._take)
        self.rows = lines if all_may_be_rows else self.rows

    def _take(self, body: bytes) -> None:
        self.rows += 1
        if b'"exit":' in body or b'"resume":' in body:
            event = event_of(body)
            self.says_more_of_the_end |= event is not None and (event.exit is not None or event.resume)
