"""Whether the server has heard the end of a run whose directory does not know of it: its disk was away by then.

Then its own process sent all there was, from memory, and the end last. The directory, which has less, adds nothing.
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


class Heard(NamedTuple):
    """What the server has heard.

    Attributes:
        code: how the run ended; of one that failed 1, for the server does not tell more.
        rows: that it has.
    """

    code: int
    rows: int


def heard(
    link: Link, run_dir: RunDir, info: RunInfo, position: Mapping[str, Any] | None, acknowledged: int
) -> Heard | None:
    """The end that the server has heard from the run's own process; None if it has heard none from that, or not of all.

    Args:
        info: who the run is, with what the server said of it.
        position: up to which the journal was sent, as far as the directory knows.
        acknowledged: rows up to there.

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
        return None  # it went on elsewhere
    if state == "finished" and rows >= most:  # who sends a dead process's run says that it failed
        return Heard(0, rows)
    return Heard(1, rows) if state == "failed" and rows > most else None


class _Rest:
    """The part of a journal that was not sent.

    Attributes:
        rows: that it makes at most.
        says_more_of_the_end: whether it ends the run, or goes on with it.
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
