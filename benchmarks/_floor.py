"""The least that a run of rows takes with the same means: read back what is on the disk, check, number, pack, post.

Nothing else is done: no settings, no text, no other processes' rows, no steps or definitions, no second try, no note of
how far the server is. It is what goals that are missed are held against: a program of this kind cannot be below it.

`python -m benchmarks._floor FILE ADDRESS` sends one file of lines, as a `sync` of one run does.
"""

from __future__ import annotations

import http.client
import sys
import zlib

from orjson import dumps, loads

_PIECE = 2**18  # bytes of the file that are read at once
_POST = 2**23  # bytes of rows in one request
_SEAL = len(b',"crc":"%08x"}' % 0)
_HEAD = b'{"files":{"wandb-history.jsonl":{"offset":%d,"content":['
# Of a request to a stream.
HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


def send(path: str, address: str) -> int:
    """Send the rows of a file, each an object with `metrics` and `t`; how many there were.

    Raises:
        ValueError: a line is not as it was written, or the server does not take it.
    """
    connection = http.client.HTTPConnection(*address.removeprefix("http://").split(":"))  # type: ignore[arg-type]
    count, size, rest = 0, 0, b""
    parts: list[bytes] = []
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  the least
        while data := file.read(_PIECE):
            *lines, rest = (rest + data).split(b"\n")
            part = dumps([row_of(number, line) for number, line in enumerate(lines, count)])[1:-1]
            if not size:
                packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            parts.append(packer.compress((b"," if size else _HEAD % count) + part))
            count += len(lines)
            size += len(part)
            if size >= _POST or len(data) < _PIECE:
                parts.append(packer.compress(b"]}}}") + packer.flush())
                _post(connection, b"".join(parts))
                size = 0
                parts.clear()
    connection.close()
    return count


def row_of(number: int, line: bytes) -> str:
    """A line's row as the server gets it, with its number.

    Raises:
        ValueError: the line is not as it was written.
    """
    body = line[:-_SEAL] + b"}"
    if line[-10:-2] != b"%08x" % zlib.crc32(body):
        raise ValueError(f"line {number} is not what was written")
    event = loads(body)
    row = event["metrics"]
    row["_step"], row["_timestamp"], row["_runtime"] = number, event["t"], event["t"]
    return dumps(row).decode()


def _post(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/files/bench/bench/floor/file_stream", body, HEADERS)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise ValueError(f"answer {answer.status}")


if __name__ == "__main__":
    send(*sys.argv[1:])
