from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings, strategies as st

from tests.examples import at_most
from wandb_logging._formats.wandb_log import BLOCK, Lost, NotAWandbFile, records

HEAD = b":W&B\xe1\xbe\x00"


def log_of(payloads: list[bytes]) -> bytes:
    """A `.wandb` file, written as the format's description says: what `wandb sync` read back in full."""
    data = bytearray(HEAD)
    for whole in payloads:
        payload, first = whole, True
        while True:
            room = BLOCK - len(data) % BLOCK
            if room < 7:
                data += bytes(room)
                room = BLOCK
            part, payload = payload[: room - 7], payload[room - 7 :]
            last = not payload
            kind = 1 if first and last else 2 if first else 4 if last else 3
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            first = False
            if last:
                break
    return bytes(data)


def read(data: bytes) -> tuple[list[bytes], list[Lost]]:
    found = list(records(io.BytesIO(data)))
    return [each for each in found if isinstance(each, bytes)], [each for each in found if isinstance(each, Lost)]


# Sizes that meet the borders of blocks: with 0 to 8 bytes left, and longer than two blocks.
SIZES = st.one_of(
    st.integers(1, 60),
    st.integers(BLOCK - 30, BLOCK + 30),
    st.integers(2 * BLOCK, 2 * BLOCK + 9),
)


class TestWhole:
    @given(st.lists(SIZES, max_size=6))
    @settings(max_examples=at_most(60), deadline=None)
    def test_what_was_written_is_read(self, sizes: list[int]) -> None:
        """Records come back as they went in, wherever the borders of blocks fall."""
        payloads = [bytes([number % 251 + 1]) * size for number, size in enumerate(sizes)]
        assert read(log_of(payloads)) == (payloads, [])

    def test_zeros_at_the_end(self) -> None:
        """A disk that lost the end of a file leaves zeros: no damage."""
        assert read(log_of([b"one"]) + bytes(100)) == ([b"one"], [])

    @pytest.mark.parametrize("data", [b"", b":W&", b"{}", b":W&B\xe1\xbe\x01", b"\x00" * 50])
    def test_other_files(self, data: bytes) -> None:
        """What does not begin as such a file is refused."""
        with pytest.raises(NotAWandbFile):
            read(data)


class TestDamage:
    @given(st.data())
    @settings(max_examples=at_most(80), deadline=None)
    def test_cut_anywhere(self, data: st.DataObject) -> None:
        """A file that is cut off gives each record that was whole by then, and tells of the rest."""
        payloads = [bytes([number + 1]) * size for number, size in enumerate((5, 40, BLOCK, 9))]
        log = log_of(payloads)
        ends = [len(log_of(payloads[:number])) for number in range(1, len(payloads) + 1)]
        cut = data.draw(st.integers(len(HEAD), len(log)))
        found, lost = read(log[:cut])
        assert found == payloads[: sum(end <= cut for end in ends)]
        assert all(each.tail for each in lost)
        assert bool(lost) == (cut not in {len(HEAD), *ends} and any(log[max(e for e in [7, *ends] if e <= cut) : cut]))

    @given(st.integers(0, 200), st.integers(1, 255))
    @settings(max_examples=at_most(60), deadline=None)
    def test_a_changed_byte(self, at: int, other: int) -> None:
        """Damage costs what stands in that block behind it; from the next block on all is read again."""
        payloads = [bytes([number % 200 + 1]) * 1000 for number in range(70)]
        log = bytearray(log_of(payloads))
        log[len(HEAD) + at * 5] ^= other
        found, lost = read(bytes(log))
        assert set(found) <= set(payloads)
        assert lost
        assert found[-30:] == payloads[-30:]

    @given(st.binary(max_size=300))
    @settings(max_examples=at_most(80), deadline=None)
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever follows the head, it is read or told as lost; zeros fill a block."""
        found, lost = read(HEAD + data)
        assert found or lost or not data.strip(b"\0")
        assert sum(map(len, found)) <= len(data)
