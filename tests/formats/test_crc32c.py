from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from wandb_logging._formats.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_known_checksums(data: bytes, checksum: int) -> None:
    """The catalogue's check value, and the examples of RFC 3720 (iSCSI), appendix B.4."""
    assert crc32c(data) == checksum


@given(st.binary(max_size=400))
def test_it_is_a_remainder(data: bytes) -> None:
    """Long messages, four bytes at a time, come to what the polynomial says bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF
