from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging._server.body import HISTORY, OUTPUT, LineBlock, PackedBlock, Pieces, StreamBody
from wandb_logging._values import zlib as _zlib

lines_of = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=20)


@pytest.fixture(autouse=True, params=["isal.isal_zlib", "zlib"], scope="module")
def _compressor(request: pytest.FixtureRequest) -> Iterator[None]:
    """With and without the extra `fast`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("Z_SYNC_FLUSH", "compressobj"):
            patch.setattr(_zlib, name, getattr(pytest.importorskip(request.param), name))
        yield


def expected(history: list[str], output: list[str], uploaded: list[str], code: int | None) -> dict[str, Any]:
    """The request as protocol 4.1 has it: what is empty is left out, `{}` is a heartbeat."""
    body: dict[str, Any] = {}
    if history:
        body["files"] = {HISTORY: {"offset": 3, "content": history}}
    if output:
        body.setdefault("files", {})[OUTPUT] = {"offset": 0, "content": output}
    if uploaded:
        body["uploaded"] = uploaded
    if code is not None:
        body.update(complete=True, exitcode=code)
    return body


@given(
    lines_of,
    lines_of,
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=2),
    st.none() | st.integers(0, 255),
    st.sampled_from(["plain", "compressed", "compressed as it comes", "packed but sent plain"]),
)
def test_whatever_way_it_is_packed_it_is_the_same_request(
    history: list[str], output: list[str], uploaded: list[str], code: int | None, way: str
) -> None:
    """Line by line or at once, compressed at the end or as it comes; encoded again it is the same."""
    first: LineBlock | PackedBlock = LineBlock(3) if way in {"plain", "compressed"} else PackedBlock(HISTORY, 3)
    for line in history:
        first.add([line])
    compressed = way.startswith("compressed")
    body = StreamBody({HISTORY: first, OUTPUT: LineBlock(0, output)}, uploaded, exit_code=code)
    data = bytes(body.encode(gzip=compressed))
    assert json.loads(gzip.decompress(data) if compressed else data) == expected(history, output, uploaded, code)
    assert (first.lines(), first.count) == (history, len(history))
    assert bytes(body.encode(gzip=compressed)) == data


@given(st.lists(lines_of, max_size=5), st.integers(0, 5))
def test_packed_lines_can_be_had_again_at_any_time(parts: list[list[str]], look: int) -> None:
    """Before and after the request is encoded, and what is added after a look is in it, too."""
    packed, plain = PackedBlock(HISTORY, 7), LineBlock(7)
    for i, part in enumerate(parts):
        packed.add(part)
        plain.add(part)
        if i == look:
            assert packed.lines() == plain.lines()
    data = bytes(StreamBody({HISTORY: packed}).encode(gzip=True))
    lines = [line for part in parts for line in part]
    assert json.loads(gzip.decompress(data)) == ({"files": {HISTORY: {"offset": 7, "content": lines}}} if lines else {})
    assert (packed.lines(), packed.count, packed.size) == (lines, plain.count, plain.size)


@given(st.binary(max_size=2000))
def test_checksums_are_zlibs(data: bytes) -> None:
    """Whoever wrote a journal, another machine can read it."""
    assert _zlib.crc32(data) == zlib.crc32(data)


@given(st.lists(st.integers(0, 200_000), max_size=8))
def test_pieces_go_out_in_few_sends(sizes: list[int]) -> None:
    """In order and whole, each time that they are asked for; small ones together, so that each is worth a packet."""
    parts = [bytes([i]) * size for i, size in enumerate(sizes)]
    pieces = Pieces(parts)
    for _ in range(2):
        sent = list(pieces)
        assert b"".join(sent) == bytes(pieces) == b"".join(parts)
        assert all(len(piece) >= 2**16 for piece in sent[:-1])
    assert len(pieces) == sum(sizes)


def test_only_what_is_compressed_is_kept() -> None:
    """A packed block of many lines holds a small part of their bytes."""
    packed = PackedBlock(HISTORY, 0)
    for _ in range(100):
        packed.add(['{"loss":0.5,"_step":1}'] * 1000)
    kept = sum(map(len, packed.packer._parts))
    assert packed.size > 2_000_000
    assert kept < packed.size / 50


@given(lines_of, lines_of, st.integers(1, 200), st.booleans())
def test_split(history: list[str], output: list[str], most: int, packed: bool) -> None:
    """Split, the same lines go at the same offsets in order, no part larger than asked but a single line."""
    first: LineBlock | PackedBlock = PackedBlock(HISTORY, 5) if packed else LineBlock(5)
    first.add(history)
    body = StreamBody({HISTORY: first, OUTPUT: LineBlock(2, output)}, ["f"], exit_code=0)
    parts = list(body.split(most))
    for name, lines in ((HISTORY, history), (OUTPUT, output)):
        placed = [
            (part.blocks[name].offset + i, line)
            for part in parts
            if name in part.blocks
            for i, line in enumerate(part.blocks[name].lines())
        ]
        assert placed == list(enumerate(lines, body.blocks[name].offset))
    assert all(part.size <= most or sum(block.count for block in part.blocks.values()) == 1 for part in parts)
    assert [part.exit_code for part in parts] == [None] * (len(parts) - 1) + [0]
    assert [part.uploaded for part in parts] == [[]] * (len(parts) - 1) + [["f"]]
