from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given, settings, strategies as st

from tests.examples import at_most
from wandb_logging._errors import JournalError
from wandb_logging._journal import reader as _reader, safe_files
from wandb_logging._journal.position import Position
from wandb_logging._journal.reader import Chunk, Reader
from wandb_logging._journal.seal import seal
from wandb_logging._journal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator


def body(number: int, size: int = 0) -> bytes:
    return b'{"n":%d,"pad":"%s"}' % (number, b"x" * size)


def number(event: bytes) -> int:
    return int(event[5:].partition(b",")[0])


def segment(path: Path, writer: int, part: int, data: bytes) -> None:
    (path / f"journal-{writer:04d}-{part:04d}.jsonl").write_bytes(data)


def chunks(reader: Reader, max_lines: int = 1000, max_bytes: int = 2**20) -> Iterator[Chunk]:
    while True:
        chunk = reader.read(max_lines, max_bytes)
        if not chunk.bodies and not chunk.damaged:
            return
        yield chunk


def everything(
    path: Path,
    position: Position | None = None,
    max_lines: int = 1000,
    max_bytes: int = 2**20,
    *,
    record_order: bool = True,
) -> list[int]:
    reader = Reader(path, position, record_order=record_order)
    try:
        return [number(event) for chunk in chunks(reader, max_lines, max_bytes) for event in chunk.bodies]
    finally:
        reader.close()


class TestOneWriter:
    def test_how_far_to_read_can_be_said_before(self, tmp_path: Path) -> None:
        """What is added later does not count, in this segment or in the next."""
        writer = Writer(tmp_path, segment_bytes=200)
        reader = Reader(tmp_path)
        assert reader.has_passed(reader.ends())
        for i in range(7):
            writer.append(body(i, 30))
        ends = reader.ends()
        found: list[int] = []
        while not reader.has_passed(ends):
            found += [number(event) for event in reader.read(2).bodies]
            writer.append(body(100, 30))
        assert [event for event in found if event < 100] == [*range(7)]
        assert found.count(100) <= 1
        assert not reader.has_passed(reader.ends())
        reader.close()
        writer.close()

    @settings(max_examples=at_most(30))
    @given(st.data())
    def test_from_any_position_in_any_pieces(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        """However it is cut into pieces and wherever it is taken up again, each line is read once, in order."""
        path = tmp_path_factory.mktemp("run")
        sizes = data.draw(st.lists(st.integers(0, 300), max_size=30))
        writer = Writer(path, segment_bytes=data.draw(st.integers(50, 1000)))
        for i, size in enumerate(sizes):
            writer.append(body(i, size))
        writer.close()
        found: list[int] = []
        position: Position | None = None
        while True:
            reader = Reader(path, position)
            chunk = reader.read(data.draw(st.integers(1, 10)), data.draw(st.integers(1, 500)))
            reader.close()
            if not chunk.bodies:
                break
            found += map(number, chunk.bodies)
            position = chunk.position
        assert found == list(range(len(sizes)))

    def test_an_empty_directory(self, tmp_path: Path) -> None:
        """No journal is an empty one."""
        assert everything(tmp_path) == []

    def test_lines_appear_while_reading(self, tmp_path: Path) -> None:
        """A reader that found nothing finds what is appended later, across segments."""
        writer, reader = Writer(tmp_path, segment_bytes=100), Reader(tmp_path)
        for i in range(40):
            assert reader.read().bodies == []
            writer.append(body(i))
            assert [number(event) for event in reader.read().bodies] == [i]
        writer.close()
        reader.close()

    def test_a_line_larger_than_a_piece(self, tmp_path: Path) -> None:
        """A line longer than `max_bytes` is read whole."""
        writer = Writer(tmp_path)
        for i, size in enumerate((10, 300_000, 10)):
            writer.append(body(i, size))
        writer.close()
        assert everything(tmp_path, max_bytes=100) == [0, 1, 2]

    def test_a_segment_is_left_only_when_the_next_has_a_line(self, tmp_path: Path) -> None:
        """The next segment is made a moment before the old one is left: what a signal handler logs then is read."""
        segment(tmp_path, 1, 1, seal(body(0)))
        segment(tmp_path, 1, 2, b"")
        reader = Reader(tmp_path)
        assert len(reader.read().bodies) == 1
        assert reader.read().bodies == []
        segment(tmp_path, 1, 1, seal(body(0)) + seal(body(1)))
        segment(tmp_path, 1, 2, seal(body(2)))
        assert [number(event) for chunk in chunks(reader) for event in chunk.bodies] == [1, 2]
        reader.close()


class TestDamage:
    def lines(self, count: int) -> list[bytes]:
        return [seal(body(i)) for i in range(count)]

    def test_cut_at_every_byte(self, tmp_path: Path) -> None:
        """A journal of a dead process, cut anywhere, gives each line that is whole, and says what is not."""
        lines = self.lines(4)
        data = b"".join(lines)
        for cut in range(len(data) + 1):
            segment(tmp_path, 1, 1, data[:cut])
            reader = Reader(tmp_path)
            found = list(chunks(reader))
            reader.close()
            # A line whose newline alone is missing is whole.
            whole = [i for i in range(4) if cut >= sum(map(len, lines[: i + 1])) - 1]
            assert [number(event) for chunk in found for event in chunk.bodies] == whole
            torn = cut - sum(len(lines[i]) for i in whole)
            assert b"".join(part for chunk in found for part in chunk.damaged) == data[cut - max(torn, 0) : cut]

    def test_each_byte_flipped(self, tmp_path: Path) -> None:
        """A flipped byte costs the line it is in, a flipped newline none; neither costs the lines around it."""
        lines = self.lines(3)
        data = b"".join(lines)
        random_byte = random.Random(1)
        for at in range(len(data)):
            for flipped in (data[at] ^ 1 << random_byte.randrange(8), ord("\n"), ord("{")):
                if flipped == data[at]:
                    continue
                segment(tmp_path, 1, 1, data[:at] + bytes([flipped]) + data[at + 1 :])
                line = data.count(b"\n", 0, at)
                hit = [] if data[at : at + 1] == b"\n" else [line]
                assert everything(tmp_path) == [i for i in range(3) if i not in hit], (at, flipped)

    def test_the_tail_of_a_living_writer_is_left_alone(self, tmp_path: Path) -> None:
        """Half a line is damage only when nobody can complete it any more."""
        writer = Writer(tmp_path)
        writer.append(body(0))
        file = tmp_path / "journal-0001-0001.jsonl"
        with file.open("ab") as begun:
            begun.write(seal(body(1))[:10])
        reader = Reader(tmp_path)
        assert len(reader.read().bodies) == 1
        assert reader.read() == Chunk([], [], reader.position)
        with file.open("ab") as begun:
            begun.write(seal(body(1))[10:])
        assert [number(event) for event in reader.read().bodies] == [1]
        with file.open("ab") as begun:
            begun.write(b'{"torn')
        writer.close()
        assert reader.read().damaged == [b'{"torn']
        assert reader.read().damaged == []
        reader.close()

    @pytest.mark.not_quick
    @pytest.mark.parametrize("several", [True, False])
    def test_a_copy_may_be_followed_by_a_newer_copy(self, tmp_path: Path, several: bool) -> None:
        """A torn tail is told of once and not passed: cut at any byte, the whole file then gives the rest."""
        data = b"".join(self.lines(3))
        for cut in range(len(data) + 1):
            place = tmp_path / f"{cut}"
            place.mkdir()
            segment(place, 1, 1, data[:cut])
            if several:
                segment(place, 2, 1, seal(body(9)))
            reader = Reader(place)
            found = [number(event) for chunk in chunks(reader) for event in chunk.bodies]
            reader.close()
            again = Reader(place, reader.position)
            assert again.read() == Chunk([], [], reader.position)
            segment(place, 1, 1, data)
            found += [number(event) for chunk in chunks(again) for event in chunk.bodies]
            again.close()
            assert sorted(found) == [0, 1, 2, 9] if several else found == [0, 1, 2], cut

    def test_a_torn_tail_before_another_segment(self, tmp_path: Path) -> None:
        """What was broken off in one segment is set aside, and the next is read."""
        segment(tmp_path, 1, 1, seal(body(0)) + b'{"torn')
        segment(tmp_path, 1, 2, seal(body(1)))
        reader = Reader(tmp_path)
        found = list(chunks(reader))
        reader.close()
        assert [number(event) for chunk in found for event in chunk.bodies] == [0, 1]
        assert [part for chunk in found for part in chunk.damaged] == [b'{"torn']

    def test_zeros_after_a_power_cut(self, tmp_path: Path) -> None:
        """A region the disk never got is set aside."""
        segment(tmp_path, 1, 1, seal(body(0)) + bytes(5000) + seal(body(1)) + bytes(100))
        assert everything(tmp_path) == [0, 1]

    @given(st.binary(max_size=400))
    def test_noise_ends(self, tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
        """Any bytes at all: reading ends, and what is not an event is set aside."""
        path = tmp_path_factory.mktemp("run")
        segment(path, 1, 1, noise)
        reader = Reader(path)
        found = list(chunks(reader, 3, 7))
        reader.close()
        assert [event for chunk in found for event in chunk.bodies] == []
        assert sum(len(part) for chunk in found for part in chunk.damaged) == len(noise) - noise.count(b"\n")


class TestSeveralWriters:
    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(25))
    def test_the_order_is_repeated(self, tmp_path: Path, seed: int, request: pytest.FixtureRequest) -> None:
        """Whatever was read in which order, a reader that lost its position, or has an earlier one, reads the same."""
        rng = random.Random(seed)
        first = Writer(tmp_path, segment_bytes=400)
        writers = [first]
        logged = 0
        positions: list[tuple[int, Position | None]] = [(0, None)]
        seen: list[int] = []
        reader = Reader(tmp_path)
        request.addfinalizer(lambda: [close() for close in (*(writer.close for writer in writers), reader.close)])
        for _ in range(120):
            action = rng.random()
            if action < 0.05 and len(writers) < 4:
                writers.append(Writer(tmp_path, segment_bytes=400))
            elif action < 0.7:
                for _ in range(rng.randrange(1, 6)):
                    rng.choice(writers).append(body(logged, rng.choice((0, 0, 30, 600))))
                    logged += 1
            elif action < 0.95:
                chunk = reader.read(rng.randrange(1, 20), rng.choice((10, 300, 2**20)))
                seen += map(number, chunk.bodies)
                positions.append((len(seen), chunk.position))
            else:  # a crash: on from a position that was saved some time
                at, position = rng.choice(positions)
                reader.close()
                reader = Reader(tmp_path, position)
                positions = [(count, saved) for count, saved in positions if count <= at]
                again: list[int] = []
                while len(again) < len(seen) - at:
                    chunk = reader.read(rng.randrange(1, 20), rng.choice((10, 300, 2**20)))
                    again += map(number, chunk.bodies)
                assert again[: len(seen) - at] == seen[at:]
                seen[at:] = again
                positions.append((len(seen), chunk.position if again else position))
        seen += [number(event) for chunk in chunks(reader) for event in chunk.bodies]
        reader.close()
        assert sorted(seen) == list(range(logged))
        assert everything(tmp_path, max_lines=7, max_bytes=50) == seen
        assert everything(tmp_path, record_order=False) == seen

    def two(self, path: Path) -> None:
        """Two journals, the second begun when the first had been read."""
        segment(path, 1, 1, b"".join(seal(body(i)) for i in range(3)))
        reader = Reader(path)
        assert len(reader.read().bodies) == 3
        segment(path, 2, 1, seal(body(10)))
        segment(path, 1, 1, b"".join(seal(body(i)) for i in range(5)))
        self.seen = [0, 1, 2, *(number(event) for chunk in chunks(reader) for event in chunk.bodies)]
        reader.close()

    def test_what_was_read_before_the_second_came(self, tmp_path: Path) -> None:
        """With the position lost, the first writer's lines come first, as they did."""
        self.two(tmp_path)
        assert everything(tmp_path) == self.seen
        assert everything(tmp_path, max_lines=1) == self.seen

    def test_a_torn_entry_was_never_followed(self, tmp_path: Path) -> None:
        """An entry that a crash broke off is cut away; what comes next is read and recorded all the same."""
        self.two(tmp_path)
        order = tmp_path / "order.jsonl"
        whole = order.read_bytes()
        order.write_bytes(whole + b'{"writer":1,"seg')
        segment(tmp_path, 2, 1, seal(body(10)) + seal(body(11)))
        assert everything(tmp_path) == [*self.seen, 11]
        assert order.read_bytes().startswith(whole)
        assert everything(tmp_path) == [*self.seen, 11]

    def test_a_damaged_entry_costs_only_the_order(self, tmp_path: Path) -> None:
        """A flipped byte in order.jsonl loses no line, and no later entry its place."""
        self.two(tmp_path)
        order = tmp_path / "order.jsonl"
        data = order.read_bytes()
        for at in range(len(data)):
            order.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert sorted(everything(tmp_path)) == sorted(self.seen)

    def test_looking_changes_nothing(self, tmp_path: Path) -> None:
        """A reader that only looks never writes, not even where there is no order yet."""
        segment(tmp_path, 1, 1, seal(body(0)))
        segment(tmp_path, 2, 1, seal(body(1)))
        assert everything(tmp_path, record_order=False) == [0, 1]
        assert not (tmp_path / "order.jsonl").exists()

    def test_they_take_turns(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who logs without end does not keep the others waiting."""
        self.two(tmp_path)
        monkeypatch.setattr(_reader, "_PLAN_BYTES", 50)
        segment(tmp_path, 1, 2, b"".join(seal(body(i)) for i in range(100)))
        segment(tmp_path, 2, 1, seal(body(10)) + seal(body(1000)))
        assert everything(tmp_path).index(1000) < len(self.seen) + 10

    def test_many_cost_one_fsync(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What many have written is planned at once, and read with few files open at a time."""
        for writer in range(1, 101):
            segment(tmp_path, writer, 1, b"".join(seal(body(3 * writer + i)) for i in range(3)))
        forced: list[int] = []
        files = Path("/proc/self/fd")
        opened = len(list(files.iterdir())) if sys.platform == "linux" else 0
        monkeypatch.setattr(os, "fsync", forced.append)
        monkeypatch.setattr(_reader, "_MOST_OPEN", 5)
        reader = Reader(tmp_path)
        seen = [number(event) for chunk in chunks(reader) for event in chunk.bodies]
        assert seen == list(range(3, 303))
        assert len(forced) == 2  # the first writer's, which may have been alone, and all others'
        if sys.platform == "linux":
            assert len(list(files.iterdir())) < opened + 50
        reader.close()
        assert everything(tmp_path) == seen

    def test_each_file_is_opened_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """However many pieces are planned: those who have no more to say are not opened to find that out."""
        for writer in range(1, 351):
            segment(tmp_path, writer, 1, seal(body(writer)) + seal(body(1000 + writer)))
        opened: list[str] = []
        open_to_read = safe_files.open_to_read

        def count(root: Path, name: str) -> BinaryIO:
            opened.append(name)
            return open_to_read(root, name)

        monkeypatch.setattr(safe_files, "open_to_read", count)
        reader = Reader(tmp_path)
        seen = [number(event) for chunk in chunks(reader) for event in chunk.bodies]
        assert sorted(seen) == [*range(1, 351), *range(1001, 1351)]
        assert sorted(name for name in opened if name.startswith("journal-")) == sorted(
            file.name for file in tmp_path.glob("journal-*.jsonl")
        )
        segment(tmp_path, 200, 1, seal(body(200)) + seal(body(1200)) + seal(body(7)))
        segment(tmp_path, 201, 2, seal(body(8)))
        assert [number(event) for chunk in chunks(reader) for event in chunk.bodies] == [7, 8]
        reader.close()

    def test_an_order_that_cannot_be_recorded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is read then, and all of it later."""
        segment(tmp_path, 1, 1, seal(body(0)))
        segment(tmp_path, 2, 1, seal(body(1)))
        reader = Reader(tmp_path)

        def refuse(_fd: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            with pytest.raises(JournalError, match=r"order\.jsonl cannot be written: No space"):
                reader.read()
        assert sorted(number(event) for chunk in chunks(reader) for event in chunk.bodies) == [0, 1]
        reader.close()

    def test_lines_that_are_gone(self, tmp_path: Path) -> None:
        """A journal shorter than its order says, as after a power cut, does not stop the rest."""
        self.two(tmp_path)
        segment(tmp_path, 1, 1, seal(body(0)))
        assert sorted(everything(tmp_path)) == [0, 10]
