"""Network: the N-th request of a run fails in each way there is, for every N."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.robustness.ground import Outcome
from tests.runs import Clock, drain, make_run, row
from wandb_logging._errors import WandbLoggingError
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 10
REFUSAL = {"errors": [{"message": "no"}]}
FAULTS: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (401, 403, 404, 408, 418, 425, 429, 500, 502, 503, 504, 599)},
    "429 with Retry-After": {"status": 429, "retry_after": 7},
    "503 with a date": {"status": 503, "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"},
    "503 with nonsense": {"status": 503, "retry_after": "soon", "body": "<html>"},
    "redirect": {"status": 307, "headers": {"Location": "http://127.0.0.1:1/"}},
    "reset before": {"close": "before"},
    "reset after": {"close": "after"},
    "html": {"status": 200, "body": "<html>", "where": "graphql"},
    "half a JSON": {"status": 200, "body": '{"data": {"ups', "where": "graphql"},
    "nulls": {"status": 200, "body": {"data": {"upsertBucket": None, "serverInfo": None}}, "where": "graphql"},
    "GraphQL errors": {"status": 200, "body": REFUSAL, "where": "graphql"},
}


def study(place: Path, *, full: bool) -> Outcome:
    """After the fault the run is sent whole: each row once, text, summary and end, and no rule broken."""
    outcome = Outcome()
    with LocalServer() as server:
        requests = _requests_of_one_run(place, server)
        for name, fault in FAULTS.items():
            for number in range(0, requests, 1 if full else 2):
                for times in (1, 3, 40) if full else (1, 40):
                    what = f"request {number}: {times} x {name}"
                    outcome.check(what, _problems(place, server, number, times, fault))
    return outcome


def _requests_of_one_run(place: Path, server: LocalServer) -> int:
    drain(_run(place), server)
    return len(server.requests)


def _run(place: Path) -> Any:
    events = [row(number, text=f"line {number}", level="INFO") for number in range(ROWS)]
    return make_run(place, [*events, {"config": {"late": 1}, "t": 0}])


def _problems(place: Path, server: LocalServer, number: int, times: int, fault: dict[str, Any]) -> Iterator[str]:
    run_dir = _run(place)
    before = len(server.violations)
    if number:
        server.fail_next(number, status=None)
    server.fail_next(times, **fault)
    clock = Clock()
    for _ in range(100):
        try:
            drain(run_dir, server, clock)
        except WandbLoggingError:
            continue
        break
    else:
        yield "it never ends"
    server.clear_faults()
    run = server.run(run_dir.info["id"])
    if [line["n"] for line in run.history] != list(range(ROWS)) or len(run.output) != ROWS:
        yield f"rows {[line['n'] for line in run.history]}, {len(run.output)} lines"
    # A config that the server refuses in so many words is not asked for again.
    config = {1, None} if fault.get("body") == REFUSAL or fault.get("status") == 307 else {1}
    if (run.state, run.summary.get("n")) != ("failed", ROWS - 1) or run.config.get("late") not in config:
        yield f"state {run.state}, summary {run.summary}, config {run.config}"
    yield from map(str, server.violations[before:])
    server._requests.clear()
