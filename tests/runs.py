"""Run directories made by hand, uploaders that never sleep, and what a server must hold in the end."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._events.run_info import RunInfo
from wandb_logging._events.send_options import SendOptions
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import seal
from wandb_logging._journal.writer import Writer
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.client import Client
from wandb_logging._server.link import Link, Pace
from wandb_logging._values.plain import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandb_logging.testing import LocalServer

START = 1_700_000_000.0
SENT_SO = SendOptions(50_000, 4 * 2**20, gzip=True, durable=True, heartbeat=30.0, timeout=10.0)
_ids = itertools.count(1)


class Clock:
    """A monotonic clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self.over = False

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def pace(self) -> Pace:
        return Pace(self.sleep, lambda: self.over)


def row(number: int, **more: Any) -> dict[str, Any]:
    """The event of a row, and of its text if `more` has some."""
    return {"metrics": {"n": number}, "t": START + number, **more}


def make_run(cache: Path, events: Iterable[dict[str, Any]] = (), *, closed: bool = True, **info: Any) -> RunDir:
    """A run directory whose process has ended, with these events in its journal."""
    info = {"id": f"run{next(_ids)}", "project": "p", "start": START, "config": {"lr": 0.1}, **info}
    run_dir = create_run(cache, RunInfo.from_json(info))
    writer = run_dir.writer()
    add(writer, events)
    if closed:
        writer.close()
    return run_dir


def add(writer: Writer, events: Iterable[dict[str, Any]]) -> None:
    """Append events as the package does."""
    for event in events:
        writer.append(json.dumps(event, separators=(",", ":")).encode())


def bodies(server: LocalServer, run_id: str) -> list[tuple[int, bool]]:
    """Rows in each request that had some, and whether it was compressed."""
    found = []
    for request in server.requests:
        if request.path.endswith(f"/{run_id}/file_stream"):
            block = request.json().get("files", {}).get("wandb-history.jsonl")
            if block:
                found.append((len(block["content"]), request.headers.get("Content-Encoding") == "gzip"))
    return found


def put_cursor(run_dir: RunDir, content: object) -> None:
    """Have cursor.json hold any JSON, whole: as another version may have written it."""
    (run_dir.path / "cursor.json").write_bytes(seal(dumps(content)))


def taken_out(options: dict[str, Any]) -> SendOptions:
    """The send options among the keyword arguments of an uploader, which are left without them."""
    given = {name: options.pop(name) for name in list(options) if hasattr(SENT_SO, name)}
    return dataclasses.replace(SENT_SO, **given)


def uploader(run_dir: RunDir, server: LocalServer, clock: Clock | None = None, **options: Any) -> Uploader:
    """An uploader as a new process has it."""
    clock = clock or Clock()
    link = Link(lambda: Client(server.url, server.api_key, timeout=10), clock.pace(), clock)
    return Uploader(run_dir, link, taken_out(options), host=server.url, **options)


def drain(run_dir: RunDir, server: LocalServer, clock: Clock | None = None, ending: int | None = 1) -> Uploader:
    """Send all of a run as `sync` does for a dead one."""
    sender = uploader(run_dir, server, clock)
    try:
        sender.drain(ending=ending)
    finally:
        sender.close()
    return sender


def numbers(server: LocalServer, run_id: str) -> list[Any]:
    """The `n` of each row the server has."""
    return [line.get("n") for line in server.run(run_id).history]
