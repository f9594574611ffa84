"""Makes a line of the journal of an event's JSON object, with a checksum as last member, and checks it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._values.zlib import crc32

_SEAL = b',"crc":"%08x"}'
_SEAL_SIZE = len(_SEAL % 0)
SEAL_LINE = _SEAL + b"\n"  # the end of a line, for its checksum
_ANY_SEAL = re.compile(rb',"crc":"[0-9a-f]{8}"\}')
_SALVAGE_TRIES = 64  # beginnings of an event to try for each checksum: bounds the time of a hostile line


def seal(body: bytes) -> bytes:
    """A journal line: the event's JSON object with its checksum as last member, and a newline."""
    return body[:-1] + SEAL_LINE % crc32(body)


def unseal(line: bytes) -> bytes | None:
    """The event's JSON object from a line without its newline; None if the line is damaged."""
    body = line[:-_SEAL_SIZE] + b"}"
    return body if line[-_SEAL_SIZE:] == _SEAL % crc32(body) and len(body) > 1 else None


def unseal_all(lines: Sequence[bytes]) -> list[bytes] | None:
    """The events' JSON objects of many lines, in half the time that `unseal` takes; None if any line is damaged."""
    bodies = [line[:-_SEAL_SIZE] + b"}" for line in lines]
    seals = map(_SEAL.__mod__, map(crc32, bodies))
    return bodies if all(map(bytes.endswith, lines, seals)) and b"}" not in bodies else None


def salvage(line: bytes) -> tuple[list[bytes], bytes]:
    """The whole events inside a damaged line, and the bytes that belong to no event.

    Two events are in one line where a newline was lost, or where a write broke off and the next event follows half of
    the one before.
    """
    bodies: list[bytes] = []
    rest = b""
    at = 0
    for found in _ANY_SEAL.finditer(line):
        start = at - 1
        for _ in range(_SALVAGE_TRIES):
            start = line.find(b'{"', start + 1, found.end())
            body = unseal(line[start : found.end()]) if start >= 0 else None
            if body is not None:
                bodies.append(body)
                rest += line[at:start]
                at = found.end()
            if body is not None or start < 0:
                break
    return bodies, rest + line[at:]
