"""A server that takes everything and looks at nothing: so that a client, and not its server, is measured.

`python -m benchmarks._sink` prints its address, and counts what it is sent, for who asks for `/count`. It answers
what a client needs to go on and nothing more; whether the client follows the rules is `wandb_logging.testing`'s to say.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import importlib
import json
import multiprocessing
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks._measure import environment_of

try:  # of the two processors this leaves more to who is measured
    _decompress: Callable[[bytes], bytes] = importlib.import_module("isal.igzip").decompress
except ImportError:
    _decompress = gzip.decompress

_LATENCY = "/latency/"
_PROJECT = {"id": "P1", "name": "bench", "entity": {"id": "E1", "name": "bench"}}
_BUCKET = {
    "id": "B1",
    "displayName": "bench",
    "description": None,
    "config": "{}",
    "sweepName": None,
    "historyLineCount": 0,
    "project": _PROJECT,
}


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    operation, variables = body.get("operationName") or "", body.get("variables") or {}
    query = body.get("query") or ""
    if "upsertBucket" in query:
        bucket = {**_BUCKET, "name": variables.get("name"), "displayName": variables.get("displayName") or "bench"}
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}
    if "createRunFiles" in query:
        files = [{"name": name, "uploadUrl": f"{_Handler.storage}/put/{name}"} for name in variables.get("files", [])]
        return {"createRunFiles": {"runID": "B1", "uploadHeaders": [], "files": files}}
    if "serverInfo" in query and "features" in query:
        return {"serverInfo": {"features": [{"name": "FILESTREAM_GZIP", "isEnabled": True}]}}
    if "viewer" in query:
        viewer = {
            "id": "U1",
            "entity": "bench",
            "username": "bench",
            "email": "",
            "flags": "{}",
            "teams": {"edges": []},
        }
        return {"viewer": viewer}
    return {operation: None}


class _Counter:
    """Counts what streams are sent, in a process that steps back for any other: it is nobody's to wait for."""

    def __init__(self) -> None:
        self._bodies: Any = multiprocessing.Queue()
        self._counts: Any = multiprocessing.Queue()
        self._asking = threading.Lock()
        multiprocessing.Process(target=_count, args=(self._bodies, self._counts), daemon=True).start()

    def add(self, body: bytes, *, compressed: bool) -> None:
        """A request's body."""
        self._bodies.put((body, compressed))

    def take(self) -> dict[str, int]:
        """What came since the last call."""
        with self._asking:
            self._bodies.put(None)
            counts: dict[str, int] = self._counts.get(timeout=120)
        return counts


def _count(bodies: Any, answers: Any) -> None:
    os.nice(19)
    counts: Counter[str] = Counter()
    sink = os.getppid()
    while os.getppid() == sink:
        try:
            item = bodies.get(timeout=1)
        except queue.Empty:
            continue
        if item is None:
            answers.put({name: counts[name] for name in ("sent", "rows", "posts", "largest")})
            counts.clear()
            continue
        body, compressed = item
        counts["posts"] += 1
        counts["sent"] += len(body)
        if compressed:
            body = _decompress(body)
        # The summary has one, too.
        counts["rows"] += body.count(b'\\"_runtime\\":') - (b'"wandb-summary.json"' in body)
        counts["largest"] = max(counts["largest"], len(body))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a body waits 40 ms for the headers' acknowledgement
    storage = ""
    requests = 0
    latency = 0.0
    counter: _Counter

    def _body(self) -> bytes:
        _Handler.requests += 1
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _reply(self, value: object) -> None:
        time.sleep(_Handler.latency)
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        body = self._body()
        if not self.path.endswith("file_stream"):
            self._reply({"data": _answer(json.loads(body))} if self.path.endswith("/graphql") else {})
            return
        _Handler.counter.add(body, compressed=self.headers.get("Content-Encoding") == "gzip")
        self._reply({})

    def do_PUT(self) -> None:
        self._body()
        self._reply({})

    def do_GET(self) -> None:
        if self.path.startswith(_LATENCY):
            _Handler.latency = float(self.path.removeprefix(_LATENCY))
            self._reply({})
            return
        self._reply({"requests": _Handler.requests, **_Handler.counter.take()})
        _Handler.requests = 0

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a client that is gone
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


class Sink:
    """A running sink, in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def take_counts(self) -> dict[str, int]:
        """What came since the last call: bytes and rows in streams, requests, posts to streams, largest of these."""
        with urllib.request.urlopen(f"{self.url}/count") as answer:
            counts: dict[str, int] = json.load(answer)
        return counts

    def answer_after(self, seconds: float) -> None:
        """Have each answer take so long from now on, as one from far away does."""
        urllib.request.urlopen(f"{self.url}{_LATENCY}{seconds}").close()

    def wait_for_rows(self) -> None:
        """Wait until a row has come since the last look.

        Raises:
            TimeoutError: none did in 20 seconds.
        """
        until = time.monotonic() + 20
        while not self.take_counts()["rows"]:
            if time.monotonic() > until:
                raise TimeoutError("no row has come")
            time.sleep(0.05)

    def round_trip(self) -> float:
        """Median seconds of a small request on a connection that is kept."""
        host, port = self.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port))
        taken = []
        for _ in range(50):
            begun = time.perf_counter()
            connection.request("POST", "/files/a/b/c/file_stream", b"{}")
            connection.getresponse().read()
            taken.append(time.perf_counter() - begun)
        connection.close()
        return statistics.median(taken)

    def environment(self) -> dict[str, str]:
        """The variables that send a client here."""
        return {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": "0" * 40,
            "WANDB_ENTITY": "bench",
            "WANDB_SILENT": "true",
            "WANDB_DISABLE_GIT": "true",
            "WANDB_DISABLE_CODE": "true",
            "WANDB_ERROR_REPORTING": "false",
        }


@contextmanager
def sink() -> Iterator[Sink]:
    """A sink for the length of a block.

    Raises:
        RuntimeError: it did not begin.
    """
    command = [sys.executable, "-m", "benchmarks._sink"]
    environment = environment_of({"BENCHMARKS_WITH_ISAL": "1"})
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError("the sink did not begin")
        yield Sink(address)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    _Handler.counter = _Counter()
    _Handler.storage = f"http://localhost:{server.server_address[1]}"  # with W&B it is another host than the API's
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
