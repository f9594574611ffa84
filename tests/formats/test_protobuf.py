from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from wandb_logging._formats import protobuf


class TestFields:
    def test_the_example_of_the_format(self) -> None:
        """The first example of protobuf's own description of the format: field 1 is 150."""
        assert list(protobuf.fields(b"\x08\x96\x01")) == [(1, 150)]

    def test_text_and_nested_bytes(self) -> None:
        """The second example: field 2 is the text `testing`."""
        assert [(n, protobuf.text(v)) for n, v in protobuf.fields(b"\x12\x07testing")] == [(2, "testing")]

    def test_negative_numbers(self) -> None:
        """-2 as an int64 has ten bytes, as the format's description says."""
        ((number, value),) = protobuf.fields(b"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")
        assert (number, protobuf.signed(value)) == (1, -2)

    @given(st.binary(max_size=60))
    def test_any_bytes(self, data: bytes) -> None:
        """Bytes are a list of fields, or refused as no message: nothing else happens."""
        try:
            found = list(protobuf.fields(data))
        except protobuf.BrokenMessage:
            return
        assert all(number >= 0 for number, _ in found)

    @pytest.mark.parametrize("data", [b"\x08", b"\x08" + b"\xff" * 11, b"\x12\x05abc", b"\x0b", b"\x09\x00"])
    def test_what_ends_too_early(self, data: bytes) -> None:
        """A number without an end, text that is cut off, groups of long ago: refused."""
        with pytest.raises(protobuf.BrokenMessage):
            list(protobuf.fields(data))
