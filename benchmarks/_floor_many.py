"""The least that a `sync` of many small runs takes: each journal read and checked, and the requests that ours makes.

Eight threads with connections of their own, as ours has. Nothing else is done: no settings, locks or rate limit, no
second try, and nothing is written on the disk. A goal for `sync` of many runs is held against it.

`python -m benchmarks._floor_many FOLDER ADDRESS DOCUMENTS` sends all runs of a folder; DOCUMENTS is a file with the
GraphQL documents to use, as JSON by name.
"""

from __future__ import annotations

import http.client
import sys
import threading
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orjson import dumps, loads

from benchmarks._floor import HEADERS, row_of

_AT_ONCE = 8
_STREAM = "/files/bench/bench/%s/file_stream"


def send_runs(folder: str, address: str, documents: str) -> int:
    """Send the runs; how many there were.

    Raises:
        ValueError: a line is not as it was written, or the server does not take something.
    """
    asked = loads(Path(documents).read_bytes())
    paths = sorted(path.parent for path in Path(folder).rglob("run.json"))
    waiting, errors = deque(paths), list[BaseException]()
    with closing(_Server(address)) as server:
        server.ask(asked["features"], {})

    def work() -> None:
        with closing(_Server(address)) as server:
            try:
                while waiting:
                    _send_run(server, waiting.popleft(), asked)
            except IndexError:
                pass
            except BaseException as exc:
                errors.append(exc)

    threads = [threading.Thread(target=work) for _ in range(_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return len(paths)


class _Server:
    """Connections to the server and to its storage, for one thread."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()

    def ask(self, document: str, variables: Mapping[str, Any]) -> Any:
        """The data of a GraphQL answer."""
        body = dumps({"query": document, "variables": variables})
        return loads(self.send("POST", f"{self._address}/graphql", body, {"Content-Type": "application/json"}))["data"]

    def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The content of an answer."""
        parts = urlsplit(url)
        if parts.netloc not in self._connections:
            self._connections[parts.netloc] = http.client.HTTPConnection(parts.netloc)
        connection = self._connections[parts.netloc]
        connection.request(method, parts.path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != http.client.OK:
            raise ValueError(f"answer {answer.status} to {url}")
        return content

    def post(self, run: str, address: str, body: bytes) -> None:
        """Post to a run's stream."""
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        self.send("POST", address + _STREAM % run, packer.compress(body) + packer.flush(), HEADERS)


def _send_run(server: _Server, path: Path, asked: Mapping[str, str]) -> None:
    info = loads((path / "run.json").read_bytes())
    run = {"entity": "bench", "project": info["project"], "name": info["id"]}
    server.ask(asked["line_count"], run)
    server.ask(asked["upsert"], {**run, "config": dumps(info["config"]).decode(), "host": info["host_name"]})
    lines = [line for journal in path.glob("journal-*.jsonl") for line in journal.read_bytes().split(b"\n")]
    rows = [row_of(number, line) for number, line in enumerate(lines) if b'"metrics":' in line]
    server.post(info["id"], info["host"], b'{"files":{"wandb-history.jsonl":{"offset":0,"content":%b}}}' % dumps(rows))
    summary = rows[-1].encode()
    files = {"config.yaml": dumps(info["config"]), "wandb-summary.json": summary}
    files.update({file.name: file.read_bytes() for file in (path / "files").rglob("*") if file.is_file()})
    answer = server.ask(asked["files"], {**run, "run": info["id"], "files": list(files)})
    for file in answer["createRunFiles"]["files"]:
        server.send("PUT", file["uploadUrl"], files[file["name"]], {})
    ending = {
        "files": {"wandb-summary.json": {"offset": 0, "content": [rows[-1]]}},
        "uploaded": list(files),
        "complete": True,
        "exitcode": 0,
    }
    server.post(info["id"], info["host"], dumps(ending))


if __name__ == "__main__":
    send_runs(*sys.argv[1:])
