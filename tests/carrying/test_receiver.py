"""What the process of a run takes from workers elsewhere, and what it does not."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE, wait_until
from wandb_logging._carrying.carrier import Carrier
from wandb_logging._carrying.leftovers import carry_leftovers
from wandb_logging._carrying.receiver import Receiver
from wandb_logging._carrying.wire import Route, Wire
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.lost import is_gone
from wandb_logging._journal.members import HELPER, Standing
from wandb_logging._journal.seal import seal
from wandb_logging._values.plain import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wandb_logging._journal.rundir import RunDir

    Call = Callable[..., tuple[Wire, Any]]


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    """The directory of the run."""
    return create_run(tmp_path / "run", RunInfo("r", "p"))


@pytest.fixture
def receiver(run_dir: RunDir) -> Iterator[Receiver]:
    """The process of the run."""
    receiver = Receiver(
        "127.0.0.1", 0, run_dir.path, lambda source: run_dir.writer(Standing(helps=True, carries=source))
    )
    yield receiver
    receiver.let_go()


@pytest.fixture
def call(receiver: Receiver) -> Iterator[Call]:
    """Comes as a worker; gives how many of its lines the run says that it has."""
    wires: list[Wire] = []

    def call(source: str = "w") -> tuple[Wire, Any]:
        wires.append(wire := Wire(socket.create_connection((receiver.route.host, receiver.route.port))))
        wire.greet_run(receiver.route.token)
        wire.send({"source": source, "taken": 0})
        return wire, wire.receive()[0]["taken"]

    yield call
    for wire in wires:
        wire.close()


def lines(*numbers: int, **more: Any) -> bytes:
    return b"".join(seal(dumps({"metrics": {"i": number}, "t": 1.0, **more})) for number in numbers)


def events(run_dir: RunDir) -> list[Any]:
    """What is in the journal of the run."""
    with closing(run_dir.reader(None, record_order=False)) as reader:
        found: list[Any] = []
        while bodies := reader.read().bodies:
            found += map(loads, bodies)
        return found


def rows(run_dir: RunDir) -> list[int]:
    return [event["metrics"]["i"] for event in events(run_dir)]


def ask(wire: Wire, header: dict[str, Any], data: bytes = b"") -> str:
    """Send a frame; the name of the answer."""
    wire.send(header, data)
    return next(iter(wire.receive()[0]))


def is_refused(wire: Wire, header: dict[str, Any], data: bytes = b"") -> bool:
    wire.send(header, data)
    try:
        wire.receive()
    except OSError:
        return True
    return False


def test_what_is_acknowledged_is_in_the_journal(receiver: Receiver, call: Call, run_dir: RunDir) -> None:
    """As what a worker writes that sees the directory: with the number of a writer of its own."""
    wire, before = call()
    assert before == 0
    assert ask(wire, {"after": 0}, lines(1, 2, by=7, label="of the worker", carried=9)) == "taken"
    assert events(run_dir) == [{"metrics": {"i": at}, "t": 1.0, "carried": at, "by": 1} for at in (1, 2)]


def test_who_comes_again_is_told_how_far_it_was(receiver: Receiver, call: Call, run_dir: RunDir) -> None:
    """So a worker whose connection broke sends nothing twice, and goes on under the same number."""
    wire, _ = call()
    assert ask(wire, {"after": 0}, lines(1)) == "taken"
    wire.close()
    wire, before = call()
    assert before == 1
    ask(wire, {"after": 1}, lines(2))
    assert {event["by"] for event in events(run_dir)} == {1}
    assert call("another")[1] == 0


def test_a_half_open_connection_is_replaced(receiver: Receiver, call: Call, run_dir: RunDir) -> None:
    """Of two connections of one worker the later counts: the worker has given up the other."""
    old, _ = call()
    new, _ = call()
    assert is_refused(old, {"after": 0}, lines(1))
    assert ask(new, {"after": 0}, lines(1)) == "taken"
    assert rows(run_dir) == [1]


@pytest.mark.parametrize(
    "line",
    [
        b"\0\xff\n",
        b'{"t":1.0}\n',  # no checksum
        lines(1)[:-3] + b'0"}\n',
        seal(b"[1]"),
        seal(b'{"metrics":{}}'),  # no time
        seal(b'{"t":1.0,"metrics":3}'),
    ],
)
def test_a_damaged_line_is_not_written(receiver: Receiver, call: Call, run_dir: RunDir, line: bytes) -> None:
    """Nor is what comes with it: the connection is ended, and all of it can be sent again."""
    wire, _ = call()
    assert is_refused(wire, {"after": 0}, lines(1) + line)
    assert rows(run_dir) == []
    wire, before = call()
    assert before == 0


def test_a_worker_does_not_end_the_run(receiver: Receiver, call: Call, run_dir: RunDir) -> None:
    """Whatever it says of an end, or of going on, is left out."""
    wire, _ = call()
    ask(wire, {"after": 0}, lines(1, exit=3, resume=True, gathered="x"))
    assert events(run_dir) == [{"metrics": {"i": 1}, "t": 1.0, "carried": 1, "by": 1}]


@pytest.mark.parametrize(
    "header",
    [
        {"file": "run.json"},
        {"file": "files/../run.json"},
        {"file": "/etc/x"},
        {"file": "files/a\0b"},
        {"file": 3},
        {"file": "files/a", "of": "9"},
        {"after": "0"},
        {"after": 1},
        {"something": "else"},
    ],
)
def test_a_frame_leads_nowhere_else(receiver: Receiver, call: Call, run_dir: RunDir, header: dict[str, Any]) -> None:
    """A file is one of those that are kept for upload, and nothing outside of the directory is touched."""
    before = (run_dir.path / "run.json").read_bytes()
    wire, _ = call()
    assert is_refused(wire, {"from": 0, "of": 9, **header}, b"123456789")
    assert (run_dir.path / "run.json").read_bytes() == before
    assert rows(run_dir) == []


def test_a_stranger_leaves_no_trace(receiver: Receiver, call: Call, run_dir: RunDir) -> None:
    """Who proves nothing is let go of, and the next worker is served."""
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 5000, b'{"nonce":"","proof":""}\n', b'{"source":"w"}\n' * 9):
        with socket.create_connection((receiver.route.host, receiver.route.port)) as stranger:
            stranger.sendall(data)
            stranger.shutdown(socket.SHUT_WR)
            stranger.settimeout(PATIENCE)
            try:
                while stranger.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    wire, _ = call()
    assert ask(wire, {"after": 0}, lines(1)) == "taken"
    assert rows(run_dir) == [1]


def test_after_the_end_nothing_is_taken_until_it_goes_on(receiver: Receiver, call: Call, run_dir: RunDir) -> None:
    """A run that has ended says so; one that goes on, as after a second `dictConfig`, takes rows again."""
    wire, _ = call()
    ask(wire, {"after": 0}, lines(1))
    wire.close()
    receiver.look(0.0, last=True)
    wire, before = call()
    assert before == 1
    assert ask(wire, {"after": 1}, lines(2)) == "ended"
    receiver.look(0.0, last=False)
    assert ask(wire, {"after": 1}, lines(2)) == "taken"
    assert rows(run_dir) == [1, 2]


def carried(tmp_path: Path, receiver: Receiver, source: str = "w") -> tuple[RunDir, Carrier, Any]:
    """A worker with a directory of its own, that is carried."""
    theirs = create_run(tmp_path / "own", RunInfo("r", "p", client_label=source))
    writer = theirs.writer(HELPER, mark=b',"label":"w"')
    carrier = Carrier(theirs, source, receiver.route, lambda: writer.counts.journalled, print)
    carrier.start()
    return theirs, carrier, writer


def test_rows_and_files_are_carried(tmp_path: Path, receiver: Receiver, run_dir: RunDir) -> None:
    """A file is there before the row that names it; a large one comes in pieces. Then nothing is left on the disk."""
    theirs, carrier, writer = carried(tmp_path, receiver)
    content = os.urandom(600_000)
    kept = theirs.files.keep_media(content, ".bin")
    empty = theirs.files.keep(b"", "empty.txt")
    writer.append(dumps({"metrics": {"i": 1}, "t": 1.0, "media": [{"path": kept.path}]}))
    assert carrier.settle(PATIENCE)
    assert (run_dir.path / kept.path).read_bytes() == content
    assert (run_dir.path / empty).read_bytes() == b""
    assert [path.name for path in run_dir.path.rglob("*.tmp")] == []
    assert rows(run_dir) == [1]
    writer.close()
    assert carrier.finish(PATIENCE)
    assert not theirs.path.exists()


def test_a_directory_that_is_removed(
    tmp_path: Path, receiver: Receiver, run_dir: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for, without connecting again and again; when the worker has made it again, rows are carried on."""
    looks, connections = [0], [0]

    def counted(count: list[int], real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            count[0] += 1
            return real(*args)

        return call

    monkeypatch.setattr("wandb_logging._carrying.carrier.is_gone", counted(looks, is_gone))
    monkeypatch.setattr("socket.create_connection", counted(connections, socket.create_connection))
    theirs, carrier, writer = carried(tmp_path, receiver)
    for number in (1, 2):
        writer.append(dumps({"metrics": {"i": number}, "t": 1.0}))
    assert carrier.settle(PATIENCE)
    shutil.rmtree(theirs.path)
    before, known = looks[0], connections[0]
    wait_until(lambda: looks[0] > before + 3)
    assert connections[0] <= known + 1  # one, if it was reading just then
    writer.append(dumps({"metrics": {"i": 3}, "t": 1.0}))
    assert writer.look() == 0
    writer.append(dumps({"metrics": {"i": 4}, "t": 1.0}))
    assert carrier.settle(PATIENCE)
    assert rows(run_dir) == [1, 2, 3, 4]
    writer.close()
    assert carrier.finish(PATIENCE)
    assert not theirs.path.exists()


def test_the_end_of_the_run_waits_for_what_workers_have(tmp_path: Path, receiver: Receiver, run_dir: RunDir) -> None:
    """What a worker has written when the run ends is in the run."""
    theirs, _, writer = carried(tmp_path, receiver)
    wait_until(receiver._all)
    for number in range(2000):
        writer.append(dumps({"metrics": {"i": number}, "t": 1.0}))
    receiver.look(PATIENCE, last=True)
    assert rows(run_dir) == list(range(2000))
    assert theirs.path.exists()  # the worker goes on


def test_the_next_worker_carries_what_a_killed_one_left(tmp_path: Path, receiver: Receiver, run_dir: RunDir) -> None:
    """On the same machine, for the same run: behind what had been carried; then the directory is removed."""
    left = create_run(tmp_path / "own", RunInfo("r", "p", client_label="killed"))
    other = create_run(tmp_path / "own", RunInfo("s", "p", client_label="of another run"))
    writer = left.writer(HELPER)
    for number in (1, 2):
        writer.append(dumps({"metrics": {"i": number}, "t": 1.0}))
    writer.close()
    killed = Carrier(left, "killed", Route("127.0.0.1", 1, b""), int, print)  # nobody is there
    killed.start()
    assert not killed.finish(PATIENCE)
    own = create_run(tmp_path / "own", RunInfo("r", "p", client_label="own"))
    carry_leftovers(own.path, receiver.route)
    assert rows(run_dir) == [1, 2]
    assert not left.path.exists()
    assert other.path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_holds_nothing_open(receiver: Receiver, call: Call) -> None:
    """When the run's process is gone its children do not answer in its place, nor seem to."""
    wire, _ = call()
    child = os.fork()
    if not child:
        os._exit(0 if receiver._socket.fileno() < 0 and wire._socket.fileno() < 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
    wire.close()
