"""Checksums and compression: ISA-L's where it is installed (the extra `fast`), else the standard library's.

The checksums are the same ones. Compressed bytes differ, but not what they unpack to.
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
    """What makes a gzip stream. Level 1: of zlib four fifths of the gain at a quarter of the time."""
    return compressobj(1, zlib.DEFLATED, 31)  # 31: the gzip container
