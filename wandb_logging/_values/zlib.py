"""Checksums and compression: by ISA-L where it is installed (the extra `fast`), else by the standard library.

Both give the same checksums. Their compressed bytes differ, but decompress to the same.
"""

from __future__ import annotations

import zlib
from typing import Any

try:
    from isal.isal_zlib import Z_SYNC_FLUSH, compressobj, crc32
except ImportError:
    from zlib import Z_SYNC_FLUSH, compressobj, crc32  # type: ignore[assignment]

__all__ = ["Z_SYNC_FLUSH", "crc32", "gzip_compressor"]


def gzip_compressor() -> Any:
    """A compressor for a gzip stream, at level 1: zlib saves four fifths of what it can, in a quarter of the time."""
    return compressobj(1, zlib.DEFLATED, 31)  # 31: the gzip container
