"""Makes a line of the journal of an event's JSON object, with a checksum as last member, and checks it. Pure."""

from __future__ import annotations

import re
import sys
from array import array
from binascii import hexlify
from collections.abc import Sequence
from operator import itemgetter

from wandb_logging._values.zlib import crc32

_BEGIN, _END = b',"crc":"', b'"}'
_SEAL = _BEGIN + b"%08x" + _END
_SEAL_SIZE = len(_SEAL % 0)
_bare_of, _seal_of = itemgetter(slice(-_SEAL_SIZE)), itemgetter(slice(-_SEAL_SIZE, None))
SEAL_LINE = _SEAL + b"\n"  # the end of a line, for its checksum
_ANY_SEAL = rb',"crc":"[0-9a-f]{8}"\}'
_SALVAGE_TRIES = 64  # beginnings of an event to try for each checksum: bounds the time of a hostile line


def seal(body: bytes) -> bytes:
    """A journal line: the event's JSON object with its checksum as last member, and a newline."""
    return body[:-1] + SEAL_LINE % crc32(body)


def unseal(line: bytes) -> bytes | None:
    """The event's JSON object from a line without its newline; None if the line is damaged."""
    body = line[:-_SEAL_SIZE] + b"}"
    return body if line[-_SEAL_SIZE:] == _SEAL % crc32(body) and len(body) > 1 else None


def unseal_all(lines: Sequence[bytes]) -> list[bytes] | None:
    """The events' JSON objects of many lines, in a third of the time of `unseal`; None if any line is damaged."""
    bodies = [bare + b"}" for bare in map(_bare_of, lines)]
    return bodies if b"".join(map(_seal_of, lines)) == _seals(bodies) and b"}" not in bodies else None


def _seals(bodies: Sequence[bytes]) -> bytes:
    """The ends of the lines of some events, one behind the other. All are of one length, so none can stand for two."""
    sums = array("I", map(crc32, bodies))
    if sys.byteorder == "little":
        sums.byteswap()
    return _BEGIN + hexlify(sums, "-", sums.itemsize).replace(b"-", _END + _BEGIN) + _END if bodies else b""


def salvage(line: bytes) -> tuple[list[bytes], bytes]:
    """The whole events inside a damaged line, and the bytes that belong to no event.

    Two events are in one line where a newline was lost, or where a write broke off and the next event follows half of
    the one before.
    """
    bodies: list[bytes] = []
    rest = b""
    at = 0
    for found in re.finditer(_ANY_SEAL, line):
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
