"""PNG files of photographs and noise, by numpy and zlib: in a quarter of Pillow's time, and few more bytes.

Pillow spends most of its time on searching for repetitions, and such pictures have none. So here a byte is only encoded
by how often it occurs, and by how often it comes in a row; noise, which nothing makes smaller, is not encoded at all.
Some sample rows show of which sort a picture is. Pure: no I/O.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_SMALL = 2**15  # bytes of pixels; Pillow is as fast with fewer
_COLOURS = {1: 0, 3: 2, 4: 6}  # channels -> colour type
_BAND = 2**15  # bytes filtered at once, so that the results stay in the processor's cache
_SAMPLES = 4  # parts of some rows each, by which a picture is judged
_SAMPLE = 2**12  # bytes of each part
_MOST_MEMORY = 9  # zlib's: fewer blocks
_THOROUGH = 4  # zlib's level that finds most repetitions, in half the time of the usual one
_WORTH = 0.98  # it is Pillow's if repetitions leave less than this of it: Pillow takes four times as long
_PLAIN = 1 / 3  # what packing leaves of a picture that is plain enough for Pillow to be quick


class Way(Enum):
    """How a picture is best made a file."""

    BY_PILLOW = "it has repetitions, which make the file smaller, or is plain or small"
    PACKED = "it has none"
    STORED = "nothing makes it smaller"


def way_of(pixels: Bytes) -> Way:
    """How a picture is best made a file.

    Args:
        pixels: as of `png`.
    """
    if pixels.size < _SMALL:
        return Way.BY_PILLOW
    rows, channels = _rows(pixels)
    count = max(2, _SAMPLE // rows.shape[1])
    begins = range(0, len(rows), max(count, -(-len(rows) // _SAMPLES)))
    sample = b"".join(_filtered(rows, channels, begin, begin + count) for begin in begins)
    packed = len(_packed([sample]))
    if packed < _PLAIN * len(sample) or len(zlib.compress(sample, _THOROUGH)) < _WORTH * packed:
        return Way.BY_PILLOW
    return Way.PACKED if packed < len(sample) else Way.STORED


def png(pixels: Bytes, way: Way = Way.PACKED) -> bytes:
    """Encode a picture as a PNG file.

    Args:
        pixels: height x width, or these with 3 (RGB) or 4 (RGBA) channels as third dimension; eight bits, not empty.
        way: how; not `BY_PILLOW`.
    """
    rows, channels = _rows(pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], len(pixels), 8, _COLOURS[channels], 0, 0, 0)
    content = zlib.compress(_unfiltered(rows), 0) if way is Way.STORED else _packed(_bands(rows, channels))
    chunks = _chunk(b"IHDR", header), _chunk(b"IDAT", content), _chunk(b"IEND", b"")
    return b"".join([b"\x89PNG\r\n\x1a\n", *(part for chunk in chunks for part in chunk)])


def _rows(pixels: Bytes) -> tuple[Bytes, int]:
    return pixels.reshape(len(pixels), -1), 1 if pixels.ndim == 2 else pixels.shape[2]


def _packed(parts: Iterable[bytes]) -> bytes:
    packer = zlib.compressobj(1, memLevel=_MOST_MEMORY, strategy=zlib.Z_RLE)
    return b"".join([*map(packer.compress, parts), packer.flush()])


def _chunk(kind: bytes, content: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)


def _bands(rows: Bytes, channels: int) -> Iterator[bytes]:
    count = max(1, _BAND // rows.shape[1])
    return (_filtered(rows, channels, begin, begin + count) for begin in range(0, len(rows), count))


def _unfiltered(rows: Bytes) -> bytes:
    """All rows as they are, each with the number of the filter that does nothing before it."""
    import numpy as np  # noqa: PLC0415  an array of pixels needs it anyway

    found = np.zeros((len(rows), 1 + rows.shape[1]), np.uint8)
    found[:, 1:] = rows
    return found.tobytes()


def _filtered(rows: Bytes, channels: int, begin: int, end: int) -> bytes:
    """Filter some rows. Each gets the filter whose bytes are nearest to zero, and that filter's number before it.

    These are the filters of the PNG specification, except Paeth's, which is slow in numpy.
    """
    import numpy as np  # noqa: PLC0415  an array of pixels needs it anyway

    here = rows[begin:end]
    left, above = np.zeros_like(here), np.zeros_like(here)
    left[:, channels:] = here[:, :-channels]
    above[begin == 0 :] = rows[max(begin - 1, 0) : begin + len(here) - 1]
    mean = (left & above) + ((left ^ above) >> 1)
    ways = np.stack([here, here - left, here - above, here - mean])
    best = np.minimum(ways, -ways).sum(axis=2, dtype=np.uint32).argmin(axis=0)
    found = np.empty((len(here), 1 + here.shape[1]), np.uint8)
    found[:, 0] = best
    found[:, 1:] = ways[best, np.arange(len(here))]
    return found.tobytes()
