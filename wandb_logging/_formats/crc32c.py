"""CRC-32C (Castagnoli), the checksum of TensorBoard's records, without a library for it. Pure.

Four bytes are taken at a time, with two tables of 65,536 numbers, which is twice as fast as one byte at a time. Short
messages are taken a byte at a time, so that a program with few of them never makes the large tables.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from functools import cache

_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8
_SHORT = 64  # most bytes of a message, such as a length, that is not worth the large tables


def masked(data: bytes) -> int:
    """The checksum in the form of a record: rotated, with a number added, so that it differs from the plain one."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The checksum of some bytes."""
    whole = len(data) & ~3 if len(data) > _SHORT else 0
    crc = _words(data[:whole]) if whole else 0xFFFFFFFF
    table = _bytes()
    for byte in data[whole:]:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _words(data: bytes) -> int:
    words = array("I", data)
    if sys.byteorder == "big":
        words.byteswap()
    low, high = _pairs()
    crc = 0xFFFFFFFF
    for word in words:
        crc ^= word
        crc = low[crc & 0xFFFF] ^ high[crc >> 16]
    return crc


@cache
def _bytes() -> tuple[int, ...]:
    """The table for one byte at a time."""
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


@cache
def _pairs() -> tuple[Sequence[int], Sequence[int]]:
    """The tables for the lower and the upper half of four bytes, which are first combined with the checksum so far."""
    table = _bytes()

    def further(crc: int, times: int) -> int:
        for _ in range(times):
            crc = table[crc & 0xFF] ^ crc >> 8
        return crc

    single = [[further(value, times) for value in range(256)] for times in (1, 2, 3, 4)]
    first, second, third, fourth = single
    low = array("I", [fourth[word & 0xFF] ^ third[word >> 8] for word in range(65_536)])
    high = array("I", [second[word & 0xFF] ^ first[word >> 8] for word in range(65_536)])
    return low, high
