"""Forks processes that log, and kills them: `python -m tests.robustness.victim`, told by lines of JSON on stdin.

One process per kill would spend its time on starting Python; this one imports all once, has no thread, and forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import sys
import threading
import time
from typing import Any, Callable
from unittest import mock

from urllib3.connection import HTTPConnection

from tests.robustness.calls import watched
from wandb_logging import new_run
from wandb_logging._server import client  # noqa: F401  the client is imported once, not by each victim

ROW = struct.Struct("<I")

# request: its bytes go out; answer: it is waited for. Before the answer the server may have applied the request.
REQUESTS = {"request": "request", "answer": "getresponse"}


def main() -> None:
    """One victim a line; the answer says when it is dead."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException), _dying_at(order["point"]):
                _work(order)
            os._exit(0)
        if order["after"] is not None:
            time.sleep(order["after"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"killed": os.WIFSIGNALED(status)}), flush=True)


def _work(order: dict[str, Any]) -> None:
    """Log flat out or at a pace; write down each row whose call is about to be made, and has returned."""
    begun, returned = (os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND) for name in ("begun", "returned"))
    run = new_run("p", cache_dir=order["cache"], quiet=True, close_timeout=5, **order["settings"])

    def log(first: int) -> None:
        for number in range(first, first + order["rows"]):
            WRITE(begun, ROW.pack(number))
            run.log({"n": number, "more": order["more"]})
            WRITE(returned, ROW.pack(number))
            if order["pause"]:
                time.sleep(order["pause"])

    threads = [threading.Thread(target=log, args=(i * 1_000_000,)) for i in range(1, order["threads"])]
    for thread in threads:
        thread.start()
    log(0)
    for thread in threads:
        thread.join()
    run.finish(0)


WRITE = os.write


def _dying_at(point: list[Any] | None) -> contextlib.AbstractContextManager[object]:
    """Have the process killed before or after the N-th call of a kind."""
    if point is None:
        return contextlib.nullcontext()
    kind, when, number = point
    left = number
    lock = threading.Lock()

    def deadly(this: str, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        nonlocal left
        with lock:
            left -= this == kind
            last = left == 0 and this == kind
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **options)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    if kind not in REQUESTS:
        return watched(deadly)
    real = getattr(HTTPConnection, REQUESTS[kind])
    return mock.patch.object(
        HTTPConnection, REQUESTS[kind], lambda *args, **options: deadly(kind, real, *args, **options)
    )


if __name__ == "__main__":
    main()
