"""PNG files of photographs and noise, by numpy and zlib: a third of Pillow's time, in no more bytes.

Pillow spends most of its time on searching for repetitions, and such pictures have none. So here each byte is encoded
only by how often it occurs. Some sample rows show whether a picture is of this sort. Pure: no I/O.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_SMALL = 2**15  # bytes of pixels; Pillow is as fast with fewer
_COLOURS = {1: 0, 3: 2, 4: 6}  # channels -> colour type
_BAND = 2**14  # bytes filtered at once, so that the results stay in the processor's cache
_SAMPLES = 4  # parts of some rows each, by which a picture is judged
_SAMPLE = 2**12  # bytes of each part


def has_repetitions(pixels: Bytes) -> bool:
    """Whether a picture is better left to Pillow: it has repetitions, which make the file smaller, or it is small.

    Args:
        pixels: as of `png`.
    """
    if pixels.size < _SMALL:
        return True
    rows, channels = _rows(pixels)
    count = max(2, _SAMPLE // rows.shape[1])
    begins = range(0, len(rows), max(count, -(-len(rows) // _SAMPLES)))
    sample = b"".join(_filtered(rows, channels, begin, begin + count) for begin in begins)
    usual, plain = (_packed([sample], strategy) for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY))
    return len(usual) < len(plain)


def png(pixels: Bytes) -> bytes:
    """Encode a picture as a PNG file.

    Args:
        pixels: height x width, or these with 3 (RGB) or 4 (RGBA) channels as third dimension; eight bits, not empty.
    """
    rows, channels = _rows(pixels)
    count = max(1, _BAND // rows.shape[1])
    bands = (_filtered(rows, channels, begin, begin + count) for begin in range(0, len(rows), count))
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", pixels.shape[1], len(pixels), 8, _COLOURS[channels], 0, 0, 0),
        b"IDAT": _packed(bands, zlib.Z_HUFFMAN_ONLY),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks.items())


def _rows(pixels: Bytes) -> tuple[Bytes, int]:
    return pixels.reshape(len(pixels), -1), 1 if pixels.ndim == 2 else pixels.shape[2]


def _packed(parts: Iterable[bytes], strategy: int) -> bytes:
    packer = zlib.compressobj(strategy=strategy)
    return b"".join([*map(packer.compress, parts), packer.flush()])


def _chunk(kind: bytes, content: bytes) -> bytes:
    size, checksum = (struct.pack(">I", number) for number in (len(content), zlib.crc32(kind + content)))
    return b"".join((size, kind, content, checksum))


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
