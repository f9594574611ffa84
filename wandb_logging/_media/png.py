"""PNG files of photographs and noise, by numpy and zlib: a third of Pillow's time, in no more bytes.

Pillow spends most of its time on looking for repetitions. Such pictures have none: each byte goes by how often it
comes. Which pictures are such ones, some of their rows tell. Pure: no I/O.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_SMALL = 2**15  # bytes of pixels: with fewer Pillow is as fast
_COLOURS = {1: 0, 3: 2, 4: 6}  # channels -> colour type
_BAND = 2**14  # bytes that are filtered at once: what is made of them stays in the cache of the processor
_SAMPLES = 4  # parts of a picture, some rows each, by which it is judged
_SAMPLE = 2**12  # bytes of each


def has_repetitions(pixels: Bytes) -> bool:
    """Whether `png` is not the way for a picture: looking for repetitions makes it smaller, or it is a small one.

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
    """The file.

    Args:
        pixels: height x width, or these with 3 (RGB) or 4 (RGBA) channels; of eight bits, not empty.
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
    """Some rows, each by the filter whose bytes are nearest to zero, with the filter's number before it.

    The filters are those of the PNG specification, but for Paeth's, which numpy is slow at.
    """
    import numpy as np  # noqa: PLC0415  where there are pixels it is there

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
