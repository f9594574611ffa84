from __future__ import annotations

import errno
import gc
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest
from hypothesis import given, strategies as st

from wandb_logging._journal.locks import lock_is_taken
from wandb_logging._journal.seal import salvage, seal, unseal, unseal_all
from wandb_logging._journal.segments import segments
from wandb_logging._journal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def body(number: int) -> bytes:
    return b'{"n":%d}' % number


def text_of(path: Path) -> bytes:
    """All segments of a run directory, one after the other."""
    return b"".join(file.read_bytes() for file in sorted(path.glob("journal-*.jsonl")))


def numbers(path: Path) -> list[int]:
    """What is journalled, read with no code of ours but the format's description: JSON lines with a checksum."""
    found = []
    for line in text_of(path).splitlines():
        event = json.loads(line)
        crc = event.pop("crc")
        assert crc == f"{zlib.crc32(json.dumps(event, separators=(',', ':')).encode()):08x}"
        found.append(event["n"])
    return found


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path)
    yield writer
    writer.close()


class Disk:
    """`os.write` that can be full: takes `room` bytes, then refuses. `room` None takes all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int = errno.ENOSPC) -> None:
        self.room: int | None = None
        self._code = code
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, fd: int, data: bytes) -> int:
        if self.room is not None:
            data = data[: self.room]
            self.room -= len(data)
            if not data:
                raise OSError(self._code, os.strerror(self._code))
        return self._write(fd, data)


class TestLines:
    @given(st.dictionaries(st.text(), st.integers() | st.text(), min_size=1))
    def test_a_line_is_json_with_its_checksum_last(self, event: dict[str, Any]) -> None:
        """Any JSON reader reads a line; its last member is the CRC-32 of the object without it."""
        event.pop("crc", None)
        data = json.dumps({"t": 1, **event}).encode()
        line = seal(data)
        read = json.loads(line)
        assert list(read)[-1] == "crc"
        assert read.pop("crc") == f"{zlib.crc32(data):08x}"
        assert read == {"t": 1, **event}
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert unseal(line[:-1]) == data

    @given(st.data())
    def test_any_change_is_noticed(self, data: st.DataObject) -> None:
        """A line in which a byte is another, missing or added is damaged."""
        line = seal(b'{"metrics":{"loss":0.25},"t":1.5}')[:-1]
        at = data.draw(st.integers(0, len(line) - 1))
        byte = data.draw(st.binary(max_size=2).filter(lambda byte: byte != line[at : at + 1]))
        assert unseal(line[:at] + byte + line[at + 1 :]) is None

    @given(st.binary(max_size=200))
    def test_noise_is_no_event(self, noise: bytes) -> None:
        """Nothing that is not sealed is taken for an event, whatever it is."""
        assert unseal(noise) is None
        assert salvage(noise) == ([], noise)

    def test_a_seal_without_an_event_is_none(self) -> None:
        """Its checksum is right, and there is nothing it could be of."""
        line = b',"crc":"%08x"}' % zlib.crc32(b"}")
        assert unseal(line) is None
        assert unseal_all([line]) is None

    @given(st.lists(st.binary(max_size=60).map(lambda body: seal(b'{"k":1' + body + b"}")[:-1])), st.data())
    def test_many_at_once_are_each(self, lines: list[bytes], data: st.DataObject) -> None:
        """Many lines are unsealed as one by one; if one of them is damaged, all are given back to be looked at."""
        assert unseal_all(lines) == list(map(unseal, lines))
        at = data.draw(st.integers(0, len(lines)))
        noise = data.draw(st.binary(max_size=30) | st.sampled_from(lines or [b""]).map(lambda line: line[1:]))
        assert unseal_all([*lines[:at], noise, *lines[at:]]) is None
        whole = data.draw(st.sampled_from(lines or [seal(b'{"k":1}')[:-1]]))
        place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
        flipped = whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]
        assert unseal_all([*lines[:at], flipped, *lines[at:]]) is None

    @given(st.binary(max_size=50), st.binary(max_size=5), st.integers(0, 30))
    def test_whole_events_in_a_damaged_line_are_found(self, before: bytes, between: bytes, cut: int) -> None:
        """Lines whose newline was lost, and one after half of another, are given back; the rest is the rest."""
        one, two = b'{"metrics":{"loss":1},"t":1}', b'{"text":"{\\"a\\"","t":2}'
        half = seal(one)[:cut]
        found, rest = salvage(before + seal(one)[:-1] + between + half + seal(two)[:-1])
        assert found == [one, two]
        assert rest == before + between + half

    def test_a_hostile_line_ends(self) -> None:
        """A line made of beginnings and seals alone is given up soon."""
        line = b'{"' * 2**16 + b',"crc":"00000000"}' * 100
        assert salvage(line) == ([], line)


class TestAppending:
    def test_events_are_there_when_append_returns(self, tmp_path: Path, writer: Writer) -> None:
        """What was appended can be read by anybody at once, in order."""
        for number in range(3):
            writer.append(body(number))
            assert numbers(tmp_path) == list(range(number + 1))
        assert writer.counts.journalled == 3
        assert writer.trouble is None

    def test_segments_roll(self, tmp_path: Path) -> None:
        """A segment that is large enough is closed and the next begun; none holds half a line."""
        writer = Writer(tmp_path, segment_bytes=100)
        for number in range(50):
            writer.append(body(number))
        writer.close()
        assert segments(tmp_path) == [(1, part) for part in range(1, 14)]
        assert numbers(tmp_path) == list(range(50))
        assert all(file.stat().st_size <= 125 for file in tmp_path.glob("journal-*.jsonl"))

    def test_a_segment_that_cannot_be_begun_is_no_loss(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The old segment goes on where the next cannot be made."""
        writer = Writer(tmp_path, segment_bytes=100)

        def refuse(*_args: object) -> int:
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            for number in range(10):
                writer.append(body(number))
        assert segments(tmp_path) == [(1, 1)]
        for number in range(10, 20):
            writer.append(body(number))
        writer.close()
        assert len(segments(tmp_path)) > 1
        assert numbers(tmp_path) == list(range(20))

    def test_each_writer_has_files_of_its_own(self, tmp_path: Path, writer: Writer) -> None:
        """A second writer in the directory, of the same process or a later one, takes the next number."""
        writer.append(body(1))
        second = Writer(tmp_path)
        second.append(body(2))
        second.close()
        third = Writer(tmp_path)
        third.append(body(3))
        third.close()
        assert [writer.number, second.number, third.number] == [1, 2, 3]
        assert numbers(tmp_path) == [1, 2, 3]

    def test_threads(self, tmp_path: Path) -> None:
        """Lines of several threads never mix; each thread's own order stays."""
        writer = Writer(tmp_path, segment_bytes=5000)

        def work(thread: int) -> None:
            for number in range(500):
                writer.append(body(thread * 1000 + number))

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.close()
        found = numbers(tmp_path)
        for own in range(4):
            assert [n for n in found if n // 1000 == own] == [own * 1000 + n for n in range(500)]
        assert writer.counts.journalled == 2000

    def test_closed(self, tmp_path: Path) -> None:
        """After `close` events are counted as dropped, with the reason; closing again does nothing."""
        writer = Writer(tmp_path)
        writer.close()
        writer.close()
        writer.append(body(1))
        writer.sync()
        writer.retry()
        assert writer.counts.dropped == {"logged after the run was closed": 1}
        assert numbers(tmp_path) == []

    def test_alive_while_open(self, tmp_path: Path) -> None:
        """The writer's lock says that it lives, and who it is."""
        writer = Writer(tmp_path)
        lock = tmp_path / "journal-0001.lock"
        assert lock_is_taken(lock)
        said = json.loads(lock.read_text())
        assert (said["pid"], said["host"], said["since"]) == (os.getpid(), socket.gethostname(), 1)
        writer.close()
        assert not lock_is_taken(lock)

    def test_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        """The constructor raises where no journal can be begun."""
        with pytest.raises(OSError, match="No such file"):
            Writer(tmp_path / "missing")


class TestDiskTrouble:
    def test_a_full_disk_costs_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Wherever in a line the disk becomes full, all is written when there is room again, once and in order."""
        disk = Disk(monkeypatch)
        for room in range(60):
            path = tmp_path / str(room)
            path.mkdir()
            disk.room = None
            writer = Writer(path)
            disk.room = room
            for number in range(5):
                writer.append(body(number))
            assert str(writer.trouble) == f"{os.strerror(errno.ENOSPC)}; rows wait in memory"
            assert writer.waiting + writer.counts.journalled == 5
            disk.room = None
            writer.retry()
            assert writer.trouble is None
            assert numbers(path) == list(range(5))
            assert (writer.counts.journalled, writer.counts.dropped) == (5, {})
            writer.close()

    @pytest.mark.parametrize("code", [errno.EIO, errno.EDQUOT, errno.EROFS, errno.EFBIG])
    def test_whatever_the_disk_says(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
        """Any error keeps the lines in memory, and the next append writes them first."""
        writer, disk = Writer(tmp_path), Disk(monkeypatch, code)
        writer.append(body(0))
        disk.room = 0
        writer.append(body(1))
        assert os.strerror(code) in str(writer.trouble)
        disk.room = None
        writer.append(body(2))
        assert numbers(tmp_path) == [0, 1, 2]
        writer.close()

    def test_memory_is_bounded_and_losses_are_counted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Beyond `memory_bytes` events are dropped and counted; the earlier ones are kept."""
        writer, disk = Writer(tmp_path, memory_bytes=100), Disk(monkeypatch)
        disk.room = 0
        for number in range(10):
            writer.append(body(number))
        assert writer.waiting == 100 // len(seal(body(0)))
        assert writer.counts.dropped == {"disk: No space left on device": 10 - writer.waiting}
        disk.room = None
        writer.close()
        assert numbers(tmp_path) == list(range(writer.counts.journalled))
        assert writer.counts.journalled + sum(writer.counts.dropped.values()) == 10

    def test_what_is_left_at_the_end_is_counted_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`close` with the disk still full drops what waits: accepted is journalled + dropped."""
        writer, disk = Writer(tmp_path), Disk(monkeypatch)
        disk.room = 70
        for number in range(5):
            writer.append(body(number))
        writer.close()
        assert (writer.counts.journalled, writer.waiting) == (2, 0)
        assert writer.counts.dropped == {"disk: No space left on device": 3}

    def test_a_write_of_nothing_is_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A `write` that takes no bytes and reports no error does not make a loop."""
        writer = Writer(tmp_path)
        monkeypatch.setattr(os, "write", lambda _fd, _data: 0)
        writer.append(body(1))
        assert writer.waiting == 1
        monkeypatch.undo()
        writer.close()
        assert numbers(tmp_path) == [1]

    def test_fsync_that_fails_is_reported(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rows are written all the same, and what it means is said until it works again."""
        writer = Writer(tmp_path, durable=True)

        def refuse(_fd: int) -> None:
            raise OSError(errno.EIO, "")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            writer.append(body(1))
            assert str(writer.trouble) == "fsync: Input/output error; a power cut could cost rows"
        writer.sync()
        assert writer.trouble is None
        assert numbers(tmp_path) == [1]
        writer.close()

    def test_durable_syncs_each_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """With fsync: always each line is on the disk before `append` returns, also one that had to wait."""
        synced: list[bytes] = []
        fsync = os.fsync

        def watched(fd: int) -> None:
            synced.append(text_of(tmp_path))
            fsync(fd)

        writer, disk = Writer(tmp_path, durable=True), Disk(monkeypatch)
        monkeypatch.setattr(os, "fsync", watched)
        writer.append(body(0))
        assert synced[-1] == text_of(tmp_path)
        disk.room = 10
        writer.append(body(1))
        disk.room = None
        writer.append(body(2))
        assert synced[-1] == text_of(tmp_path)
        assert numbers(tmp_path) == [0, 1, 2]
        writer.close()

    @posix
    @pytest.mark.parametrize("size", [77, 78, 100])
    def test_a_real_limit(self, tmp_path: Path, size: int) -> None:
        """With RLIMIT_FSIZE (`ulimit -f`), which breaks off a write for real, the next segment goes on."""
        code = """
import resource, signal, sys
from pathlib import Path
from wandb_logging._journal.writer import Writer
path, size = Path(sys.argv[1]), int(sys.argv[2])
writer = Writer(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
for number in range(10):
    writer.append(b'{"n":%d}' % number)
assert not writer.waiting, writer.trouble
writer.close()
assert writer.counts.journalled == 10
"""
        subprocess.run([sys.executable, "-c", code, tmp_path, str(size)], cwd=ROOT, check=True)
        assert numbers(tmp_path) == list(range(10))
        assert all(0 < file.stat().st_size <= size for file in tmp_path.glob("journal-*.jsonl"))
        assert len(segments(tmp_path)) > 1

    @posix
    def test_a_line_larger_than_the_limit(self, tmp_path: Path) -> None:
        """No number of segments helps: it waits, as do those after it, and comes whole when the limit is gone."""
        code = """
import resource, sys
from pathlib import Path
from wandb_logging._journal.writer import Writer
writer = Writer(Path(sys.argv[1]))
unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
writer.append(b'{"n":0}')
writer.append(b'{"n":1%s}' % (b"0" * 200))
writer.append(b'{"n":2}')
assert writer.waiting == 2, writer.trouble
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
writer.close()
assert writer.counts.journalled == 3
"""
        subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, check=True)
        assert numbers(tmp_path) == [0, 10**200, 2]
        assert len(segments(tmp_path)) == 2


class TestInterruptions:
    """Code that runs inside `append`: signal handlers and finalisers log too."""

    @pytest.mark.not_quick
    @posix
    def test_a_signal_handler_logs(self, tmp_path: Path) -> None:
        """Real signals, as fast as they come: no deadlock, no broken line, every event once."""
        writer = Writer(tmp_path, segment_bytes=2**16)
        numbers_of_nested = itertools.count(100_000)  # one step of the interpreter: this handler interrupts itself
        nested: list[int] = []

        def handler(_signum: int, _frame: object) -> None:
            number = next(numbers_of_nested)
            writer.append(body(number))
            nested.append(number)

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        number = 0
        try:
            while len(nested) < 200:
                writer.append(body(number))
                number += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        writer.close()
        found = numbers(tmp_path)
        assert [n for n in found if n < 100_000] == list(range(number))
        assert sorted(n for n in found if n >= 100_000) == sorted(nested)

    @pytest.mark.parametrize("step", ["write", "fsync", "open"])
    def test_nested_at_each_system_call(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        """An event logged while `append` waits for the system is neither lost nor doubled, disk full or not."""
        writer, disk = Writer(tmp_path, segment_bytes=100, durable=True), Disk(monkeypatch)
        real: Callable[..., Any] = getattr(os, step)
        numbered = iter(range(1000, 2000))
        due = [False]

        def call(*args: Any, **options: Any) -> Any:
            result = real(*args, **options)
            if due[0]:
                due[0] = False
                writer.append(body(next(numbered)))
            return result

        monkeypatch.setattr(os, step, call)
        for number in range(30):
            if number == 10:
                disk.room = 50
            if number == 20:
                disk.room = None
            due[0] = True
            writer.append(body(number))
        monkeypatch.undo()
        writer.close()
        counted = Counter(numbers(tmp_path))
        assert set(counted.values()) == {1}
        assert [n for n in numbers(tmp_path) if n < 1000] == list(range(30))
        assert len(counted) == 30 + next(numbered) - 1000

    def test_a_finaliser_logs(self, tmp_path: Path) -> None:
        """Garbage collected inside `append` may log."""
        writer = Writer(tmp_path)

        class Dying:
            def __init__(self, number: int) -> None:
                self.number, self.me = number, self

            def __del__(self) -> None:
                writer.append(body(self.number))

        threshold = gc.get_threshold()
        gc.set_threshold(1)
        try:
            for number in range(100):
                Dying(1000 + number)
                writer.append(body(number))
        finally:
            gc.set_threshold(*threshold)
        gc.collect()
        writer.close()
        found = numbers(tmp_path)
        assert [n for n in found if n < 1000] == list(range(100))
        assert sorted(n for n in found if n >= 1000) == list(range(1000, 1100))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
class TestFork:
    def in_child(self, work: Callable[[], object]) -> None:
        child = os.fork()
        if not child:
            code = 1
            try:
                work()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0

    def test_the_child_has_a_journal_of_its_own(self, tmp_path: Path, writer: Writer) -> None:
        """A forked child never writes into its parent's file, nor counts what the parent counted; it says who it is."""
        writer.append(body(1))

        def work() -> None:
            writer.append(body(2))
            assert (writer.number, writer.counts.journalled) == (2, 1)

        self.in_child(work)
        writer.append(body(3))
        assert (tmp_path / "journal-0001-0001.jsonl").read_bytes() == seal(body(1)) + seal(body(3))
        assert (tmp_path / "journal-0002-0001.jsonl").read_bytes() == seal(body(2)[:-1] + b',"by":2}')

    def test_a_child_that_logs_nothing_makes_nothing(self, tmp_path: Path, writer: Writer) -> None:
        """Only a child's first line begins its journal; closing is no line."""
        before = sorted(tmp_path.iterdir())
        self.in_child(writer.close)
        assert sorted(tmp_path.iterdir()) == before

    def test_the_parents_lock_stays_the_parents(self, tmp_path: Path, writer: Writer) -> None:
        """The parent looks alive after a child has come and gone, and the child's own lock dies with it."""
        self.in_child(lambda: writer.append(body(1)))
        assert lock_is_taken(tmp_path / "journal-0001.lock")
        assert not lock_is_taken(tmp_path / "journal-0002.lock")

    def test_what_the_parent_could_not_write_stays_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Writer
    ) -> None:
        """Lines in memory are written by the parent only, so that they are there once."""
        disk = Disk(monkeypatch)
        disk.room = 0
        writer.append(body(1))
        disk.room = None
        self.in_child(lambda: writer.append(body(2)))
        writer.retry()
        assert numbers(tmp_path) == [1, 2]

    def test_a_child_whose_journal_cannot_be_begun_yet(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Writer
    ) -> None:
        """It keeps its lines like any writer and makes no heap of lock files meanwhile."""

        def work() -> None:
            with monkeypatch.context() as patch:
                patch.setattr(Writer, "_next_segment", lambda _self: os.open(tmp_path / "no" / "file", 0))
                for number in range(3):
                    writer.append(body(number))
                assert writer.waiting == 3
            writer.append(body(3))
            assert numbers(tmp_path) == [0, 1, 2, 3]

        self.in_child(work)
        assert len(list(tmp_path.glob("*.lock"))) == 2

    @pytest.mark.slow
    def test_forks_while_threads_append(self, tmp_path: Path) -> None:
        """Forking while another thread holds the writer's lock does not stop the child."""
        writer = Writer(tmp_path)
        over = threading.Event()

        def work() -> None:
            number = 0
            while not over.is_set():
                writer.append(body(number))
                number += 1

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for number in range(15):
                self.in_child(lambda number=number: writer.append(body(10_000_000 + number)))  # type: ignore[misc]
        finally:
            over.set()
            thread.join()
        writer.close()
        found = numbers(tmp_path)
        assert sorted(n for n in found if n >= 10_000_000) == [10_000_000 + number for number in range(15)]
        assert [n for n in found if n < 10_000_000] == list(range(writer.counts.journalled))


@posix
def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL at any instant: each event whose `append` had returned is in the journal, whole."""
    code = """
import os, sys
from pathlib import Path
from wandb_logging._journal.writer import Writer
writer = Writer(Path(sys.argv[1]), segment_bytes=8192)
number = 0
while True:
    writer.append(b'{"n":%d}' % number)
    os.write(1, b"%d\\n" % number)
    number += 1
"""
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        for _ in range(2000):
            process.stdout.readline()
        process.kill()
        rest = process.stdout.read()
    logged = 2000 + len(re.findall(rb"\d+\n", rest))
    found = numbers(tmp_path)
    assert found == list(range(len(found)))
    assert len(found) in {logged, logged + 1}
