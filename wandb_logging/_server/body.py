"""The body of one file_stream request (protocol 4.1), encoded and compressed line by line as lines come. No I/O.

Encoding a whole request in one go would hold the interpreter lock for milliseconds; a few hundred rows take
microseconds (docs/why.md, "Pitfalls"). And only the compressed bytes have to be kept until they are sent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._server.beside import Beside
from wandb_logging._values import zlib as _zlib
from wandb_logging._values.plain import dumps, dumps_texts, loads

HISTORY = "wandb-history.jsonl"
EVENTS = "wandb-events.jsonl"
SUMMARY = "wandb-summary.json"
OUTPUT = "output.log"

_LARGE = 2**16  # bytes from which on a piece is given out, or worth a thread


class Pieces:
    """The bytes of a request in pieces, for `requests` to stream: joined, they would be in memory twice.

    Args:
        parts: the bytes, in order.
    """

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __iter__(self) -> Iterator[bytes]:
        some: list[bytes] = []
        size = 0
        for part in self._parts:  # small ones are joined, so that each send fills a packet
            some.append(part)
            size += len(part)
            if size >= _LARGE:
                yield b"".join(some)
                some, size = [], 0
        if some:
            yield b"".join(some)

    def __bytes__(self) -> bytes:
        return b"".join(self._parts)


class Packer:
    """A gzip stream that is filled piece by piece, and can be decompressed again.

    Attributes:
        ended: whether the stream has ended; then nothing can be added.
    """

    def __init__(self) -> None:
        self._deflate = _zlib.gzip_compressor()
        self._parts: list[bytes] = []
        self._beside: Beside[bytes] | None = None
        self.ended = False

    def add(self, piece: bytes, *, beside: bool = False) -> None:
        """Append bytes.

        Args:
            piece: the bytes.
            beside: whether a thread may compress large ones, while the caller makes the next.
        """
        if beside and self._beside is None and len(piece) >= _LARGE:
            with contextlib.suppress(RuntimeError):
                self._beside = Beside(partial(_pack, self._deflate, self._parts))
        if self._beside is not None:
            self._beside.do(piece)
        else:
            _pack(self._deflate, self._parts, piece)

    def _catch_up(self) -> None:
        """Wait until all that was added is compressed."""
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.end()

    def end(self) -> Pieces:
        """End the stream and give it as a whole; nothing can be added afterwards."""
        self._catch_up()
        if not self.ended:
            self.ended = True
            self._parts.append(self._deflate.flush())
        return Pieces(self._parts)

    def text(self) -> bytes:
        """The bytes that were added, decompressed."""
        self._catch_up()
        if not self.ended:
            self._parts.append(self._deflate.flush(_zlib.Z_SYNC_FLUSH))
        return zlib.decompressobj(31).decompress(b"".join(self._parts))


def _pack(deflate: Any, parts: list[bytes], piece: bytes) -> None:
    packed = deflate.compress(piece)
    if packed:
        parts.append(packed)


class LineBlock:
    """Consecutive lines of one stream.

    Args:
        offset: number of the first line in the stream.
        lines: the first lines.

    Attributes:
        offset: as given.
        count: number of lines.
        size: bytes of the lines, as JSON.
    """

    def __init__(self, offset: int, lines: Sequence[str] = ()) -> None:
        self.offset = offset
        self.count = 0
        self.size = 0
        self._parts: list[tuple[int, bytes]] = []  # how many lines, and their JSON
        self.add(lines)

    def add(self, lines: Sequence[str], *, beside: bool = False) -> None:
        """Append lines. `beside` is for `PackedBlock`: here nothing is compressed."""
        del beside
        if lines:
            part = dumps_texts(lines)[1:-1]
            self._parts.append((len(lines), part))
            self.count += len(lines)
            self.size += len(part)

    def extend(self, other: LineBlock) -> None:
        """Append the lines of another block."""
        self._parts += other._parts
        self.count += other.count
        self.size += other.size

    def edit(self, edits: Mapping[int, str]) -> None:
        """Replace the texts of lines, by their numbers. Numbers of lines that are not in this block are ignored."""
        number = self.offset
        for i, (count, part) in enumerate(self._parts):
            mine = edits.keys() & range(number, number + count)
            if mine:
                lines = loads(b"[" + part + b"]")
                for each in mine:
                    lines[each - number] = edits[each]
                self._parts[i] = (count, dumps_texts(lines)[1:-1])
                self.size += len(self._parts[i][1]) - len(part)
            number += count

    def pieces(self) -> Iterable[bytes]:
        """This block as JSON: `{"offset": n, "content": [...]}`, in pieces."""
        yield b'{"offset":%d,"content":[' % self.offset
        for i, (_, part) in enumerate(self._parts):
            if i:
                yield b","
            yield part
        yield b"]}"

    def parts(self) -> Iterator[list[str]]:
        """The lines again, those together that were added together."""
        return (loads(b"[" + part + b"]") for _, part in self._parts)

    def lines(self) -> list[str]:
        """The lines again, for sending fewer at a time."""
        return [line for part in self.parts() for line in part]


class PackedBlock:
    """The lines that a compressed request begins with. Only their compressed bytes are kept.

    Args:
        name: name of the stream.
        offset: number of the first line in the stream.

    Attributes:
        offset, count, size: as of `LineBlock`.
        packer: the beginning of the request, up to the last of these lines.
    """

    def __init__(self, name: str, offset: int) -> None:
        self.offset = offset
        self.count = 0
        self.size = 0
        self._head = b'{"files":{%b:{"offset":%d,"content":[' % (dumps(name), offset)
        self._end = len(self._head)

    def add(self, lines: Sequence[str], *, beside: bool = False) -> None:
        """Append lines; with `beside`, a thread may compress them."""
        if not lines:
            return
        if not self.count:
            self.packer = Packer()
            self.packer.add(self._head)
        else:
            self.packer.add(b",")
            self._end += 1
        part = dumps_texts(lines)[1:-1]
        self.packer.add(part, beside=beside)
        self.count += len(lines)
        self.size += len(part)
        self._end += len(part)

    def lines(self) -> list[str]:
        """The lines again, for sending fewer at a time."""
        if not self.count:
            return []
        lines: list[str] = loads(b"[" + self.packer.text()[len(self._head) : self._end] + b"]")
        return lines


@dataclass
class StreamBody:
    """One file_stream request. Empty, it is a heartbeat.

    Attributes:
        blocks: lines by stream name.
        uploaded: names of files that were just uploaded.
        preempting: whether the machine may vanish now, so that the run is not to be called crashed.
        exit_code: ends the run; only in its last request.
    """

    blocks: dict[str, LineBlock | PackedBlock] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    preempting: bool = False
    exit_code: int | None = None

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        lines = any(block.count for block in self.blocks.values())
        return not (lines or self.uploaded or self.preempting) and self.exit_code is None

    @property
    def size(self) -> int:
        """Bytes of its lines, as JSON."""
        return sum(block.size for block in self.blocks.values())

    def split(self, most: int) -> Iterable[StreamBody]:
        """Split it into requests with at most `most` bytes of lines each; a longer line goes alone (protocol 4.4).

        The last request has all that is no line, so that the run ends only when all lines are there.
        """
        body, size = StreamBody(), 0
        for name, block in self.blocks.items():
            for number, line in enumerate(block.lines(), block.offset):
                length = len(dumps(line)) + 1
                if size and size + length > most:
                    yield body
                    body, size = StreamBody(), 0
                body.blocks.setdefault(name, LineBlock(number)).add([line])
                size += length
        yield dataclasses.replace(body, uploaded=self.uploaded, preempting=self.preempting, exit_code=self.exit_code)

    def encode(self, *, gzip: bool) -> Pieces:
        """The request's body: JSON, compressed if asked for (protocol 4.5)."""
        if not gzip:
            return Pieces(list(self._pieces()))
        first = next(iter(self._filled.values()), None)
        begun = first if isinstance(first, PackedBlock) else None
        packer = begun.packer if begun is not None else Packer()
        if not packer.ended:
            for piece in self._pieces(begun):
                packer.add(piece)
        return packer.end()

    @property
    def _filled(self) -> dict[str, LineBlock | PackedBlock]:
        return {name: block for name, block in self.blocks.items() if block.count}

    def _pieces(self, begun: PackedBlock | None = None) -> Iterable[bytes]:
        """The request's JSON, in pieces; if `begun` is given, only what follows that block."""
        if begun is None:
            yield b"{"
        for i, (name, block) in enumerate(self._filled.items()):
            if block is begun:
                yield b"]}"
            else:
                yield b"," if i else b'"files":{'
                yield dumps(name) + b":"
                yield from (block if isinstance(block, LineBlock) else LineBlock(block.offset, block.lines())).pieces()
        comma = b""
        if self._filled:
            yield b"}"
            comma = b","
        if self.uploaded:
            yield comma + b'"uploaded":' + dumps(self.uploaded)
            comma = b","
        if self.preempting:
            yield comma + b'"preempting":true'
            comma = b","
        if self.exit_code is not None:
            yield comma + b'"complete":true,"exitcode":%d' % self.exit_code
        yield b"}"
