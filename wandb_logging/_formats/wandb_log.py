"""Reads and writes the records of the official SDK's `.wandb` files: blocks, chunks, checksums (protocol 9).

A file is a head of 7 bytes, then chunks in blocks of 32 KiB that are counted from the file's start. A record is one
chunk, or a first, middle ones and a last. After damage, reading goes on in the next block with the first chunk that
begins a record. What the records say is not looked at here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from wandb_logging._dataclass import dataclass

BLOCK = 32_768
MAX_RECORD_BYTES = 2**28
_HEAD = b":W&B\xe1\xbe\x00"
_CHUNK = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class NotAWandbFile(ValueError):
    """The file does not begin like a `.wandb` file of version 0."""


@dataclass(frozen=True)
class Lost:
    """A stretch of bytes that holds no whole record.

    Attributes:
        at: where it begins, in bytes from the file's start.
        why: what is wrong with it.
        tail: whether nothing follows, because the file was cut off there, as by a kill.
    """

    at: int
    why: str
    tail: bool = False


def records(file: BinaryIO) -> Iterator[bytes | Lost]:
    """Each record of a file, with a `Lost` in the place of what cannot be read. Holds one record in memory at a time.

    Raises:
        NotAWandbFile: the file is no `.wandb` file.
    """
    head = file.read(len(_HEAD))
    if head != _HEAD:
        raise NotAWandbFile(_why_none(head))
    yield from _Joined().records(_chunks(file))


def _why_none(head: bytes) -> str:
    if not head:
        return "the file is empty"
    if _HEAD.startswith(head):
        return "cut off within its first 7 bytes"
    if head.startswith(_HEAD[:-1]):
        return f"of version {head[-1]} of its format, of which only 0 can be read here"
    return "not a .wandb file"


@dataclass(frozen=True)
class _Chunk:
    at: int
    kind: int
    data: bytes


def _chunks(file: BinaryIO) -> Iterator[_Chunk | Lost]:
    """The chunks of a file after its head. After damage the rest of the block is lost."""
    at = len(_HEAD)
    room = BLOCK - at
    while block := file.read(room):
        yield from _in_block(block, at, whole=len(block) == room)
        at += len(block)
        room = BLOCK


def _in_block(block: bytes, start: int, *, whole: bool) -> Iterator[_Chunk | Lost]:
    at = 0
    while at + _CHUNK.size <= len(block):
        checksum, length, kind = _CHUNK.unpack_from(block, at)
        begin = at + _CHUNK.size
        data = block[begin : begin + length]
        if not (checksum or length or kind):
            return  # zeros fill the end of a block, or of a file whose rest a disk has lost
        if len(data) < length and not whole:
            yield Lost(start + at, "cut off", tail=True)
            return
        if len(data) < length or not _FULL <= kind <= _LAST or zlib.crc32(data, _CRC_OF_KIND[kind]) != checksum:
            yield Lost(start + at, "damaged")
            return
        yield _Chunk(start + at, kind, data)
        at = begin + length
    if not whole and any(block[at:]):
        yield Lost(start + at, "cut off", tail=True)


class _Joined:
    """Joins chunks to records."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0
        self._size = 0

    def records(self, chunks: Iterator[_Chunk | Lost]) -> Iterator[bytes | Lost]:
        for chunk in chunks:
            if isinstance(chunk, Lost):
                self._parts = []
                yield chunk
            else:
                yield from self._take(chunk)
        if self._parts:
            yield Lost(self._at, "cut off", tail=True)

    def _take(self, chunk: _Chunk) -> Iterator[bytes | Lost]:
        begins = chunk.kind in {_FULL, _FIRST}
        if begins and self._parts:
            yield Lost(self._at, "a record without its end")
            self._parts = []
        if not begins and not self._parts:
            return  # the end of a record whose lost beginning was reported already
        if begins:
            self._at, self._size = chunk.at, 0
        self._parts.append(chunk.data)
        self._size += len(chunk.data)
        if self._size > MAX_RECORD_BYTES:
            self._parts = []
            yield Lost(self._at, f"a record of more than {MAX_RECORD_BYTES} bytes")
        elif chunk.kind in {_FULL, _LAST}:
            parts, self._parts = self._parts, []
            yield b"".join(parts)


class LogWriter:
    """Writes records as `records` reads them.

    Args:
        file: an empty file, open for writing. The head is written at once.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = file.write(_HEAD)

    def append(self, record: bytes) -> None:
        """Write a record, in several chunks if it crosses the borders of blocks.

        Raises:
            OSError: the file cannot be written.
        """
        kind, left = _FIRST, memoryview(record)
        while True:
            room = BLOCK - self._at % BLOCK
            if room < _CHUNK.size:
                self._at += self._file.write(bytes(room))
                room = BLOCK
            part, left = left[: room - _CHUNK.size], left[room - _CHUNK.size :]
            if not left:
                kind = _FULL if kind == _FIRST else _LAST
            self._at += self._file.write(_chunk(kind, part))
            if not left:
                return
            kind = _MIDDLE


def _chunk(kind: int, part: memoryview) -> bytes:
    return _CHUNK.pack(zlib.crc32(part, _CRC_OF_KIND[kind]), len(part), kind) + part


_CRC_OF_KIND = [zlib.crc32(bytes([kind])) for kind in range(_LAST + 1)]
