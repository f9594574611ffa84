"""A connection between a worker elsewhere and the process of its run: what both prove, and what neither takes."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from wandb_logging._carrying import wire as protocol
from wandb_logging._carrying.wire import Refused, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = b"a token of thirty-two bytes, say"


@contextlib.contextmanager
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection over the loopback device."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Such a connection."""
    with connection() as found:
        yield found


def both(one: Callable[[], object], other: Callable[[], object]) -> list[BaseException | None]:
    """What two sides that talk to each other raise."""
    raised: list[BaseException | None] = [None, None]

    def call(place: int, side: Callable[[], object]) -> None:
        try:
            side()
        except OSError as exc:
            raised[place] = exc

    thread = threading.Thread(target=call, args=(0, one))
    thread.start()
    call(1, other)
    thread.join()
    return raised


def greeting(ends: tuple[socket.socket, socket.socket], run: bytes, worker: bytes) -> list[BaseException | None]:
    at_run, at_worker = map(Wire, ends)

    def greet_run() -> None:
        try:
            at_run.greet_worker(run)
        except Refused:
            at_run.close()  # as the process of the run does
            raise

    return both(greet_run, lambda: at_worker.greet_run(worker))


def test_who_knows_the_token_is_let_in(ends: tuple[socket.socket, socket.socket]) -> None:
    """Both prove it, and frames go both ways."""
    assert greeting(ends, TOKEN, TOKEN) == [None, None]
    at_run, at_worker = map(Wire, ends)
    at_worker.send({"position": {}}, b"lines\n")
    assert at_run.receive() == ({"position": {}, "size": 6}, b"lines\n")


def test_a_wrong_token_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    """The run lets nobody in, and the worker hands nothing over."""
    at_run, at_worker = greeting(ends, TOKEN, TOKEN[:-1])
    assert isinstance(at_run, Refused)
    assert isinstance(at_worker, OSError)


def test_a_stranger_on_the_port_gets_no_rows(ends: tuple[socket.socket, socket.socket]) -> None:
    """Who listens where the run's process listened, and sends back what it was sent, is no run."""
    stranger, worker = ends

    def mirror() -> None:
        stranger.sendall(b'{"nonce":"' + b"0" * 32 + b'"}\n')
        stranger.sendall(stranger.recv(4096))

    assert isinstance(both(mirror, lambda: Wire(worker).greet_run(TOKEN))[1], Refused)


def test_the_token_is_not_said(ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that goes over the network has it in it."""
    said: list[bytes] = []
    fill = Wire._fill

    def listen(self: Wire) -> None:
        before = len(self._buffer)
        fill(self)
        said.append(bytes(self._buffer[before:]))

    monkeypatch.setattr(Wire, "_fill", listen)
    assert greeting(ends, TOKEN, TOKEN) == [None, None]
    assert len(b"".join(said)) > 200
    assert all(TOKEN not in piece and TOKEN.hex().encode() not in piece for piece in said)


@given(st.one_of(st.binary(max_size=300), st.just(b"{}\n"), st.just(b"[" * 3000 + b"\n"), st.just(b"x" * 2000)))
def test_hostile_bytes_are_refused(data: bytes) -> None:
    """Whatever comes first: it is let in by nobody, and nothing but an OSError is raised."""
    with connection() as (ours, theirs):
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match=r".*"):
            Wire(ours).greet_worker(TOKEN)


@pytest.mark.parametrize(
    "data",
    [b"\n", b"[]\n", b"{}\n", b'{"size":-1}\n', b'{"size":true}\n', b'{"size":1e9}\n', b'{"size":999999999999}\n'],
)
def test_what_is_no_frame_is_refused(ends: tuple[socket.socket, socket.socket], data: bytes) -> None:
    """A frame says its size, and it is a whole number within bounds."""
    sender, receiver = ends
    sender.sendall(data)
    with pytest.raises(Refused):
        Wire(receiver).receive()


def test_a_line_without_an_end_takes_no_memory(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused as soon as it is longer than a header may be."""
    monkeypatch.setattr(protocol, "_MOST_HEADER", 1000)
    sender, receiver = ends
    sender.sendall(b"x" * 2000)
    with pytest.raises(Refused):
        Wire(receiver).receive()


def test_a_broken_connection_is_no_frame(ends: tuple[socket.socket, socket.socket]) -> None:
    """Half a frame is not given out."""
    sender, receiver = ends
    sender.sendall(b'{"size":10}\nhalf')
    sender.close()
    with pytest.raises(ConnectionResetError):
        Wire(receiver).receive()
