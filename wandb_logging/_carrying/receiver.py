"""Takes what workers elsewhere log into the run directory of this process, with a writer of its own for each worker.

From there on it is as what a worker writes that sees the directory. A piece is acknowledged once it is in the journal,
each line with its number in the worker's journal. A worker that comes, to this process or to one that takes its place,
is told how many of its lines are there, and those are not written again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from wandb_logging._carrying.taken import Taken
from wandb_logging._carrying.wire import Refused, Route, Wire
from wandb_logging._events.event import is_time, problems
from wandb_logging._journal import safe_files
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.writer import Writer
from wandb_logging._values.plain import dumps, loads

MOST_CONNECTIONS = 1000  # at once; further workers keep their rows on their disks until there is room
_MOST_AWAY = 64  # workers whose connection broke, and whose journals here stay open for them
_GREETING = 30.0  # seconds that one may take to prove that it knows the token
_AGAIN = 0.1  # seconds until a refused disk, or a system that opens no more sockets, is tried again
_NOT_THEIRS = ("by", "label", "exit", "resume", "gathered", "carried")  # said by the process of the run alone


class _Guest:
    """One worker: its writer here, and how many lines of its journal were taken."""

    def __init__(self, source: str, writer: Writer, lines: int) -> None:
        self.source = source
        self.writer = writer
        self.lines = lines
        self.wire: Wire | None = None  # None: its connection broke
        self.lock = threading.Lock()  # held while a piece is taken
        self.settled = threading.Event()

    def put_down(self) -> None:
        """Force to the disk what came, and close the journal. If more comes, that begins one under another number."""
        with self.lock:
            before = self.writer.counts.lost
            self.writer.close()
            self.lines -= self.writer.counts.lost - before  # the last ones, which a full disk did not take
            self.writer.reopen()

    def take(self, after: int, events: Sequence[dict[str, Any]]) -> None:
        """Append the events that follow the first `after` of its journal, without those that are here.

        Raises:
            Refused: events in between are missing.
        """
        if after > self.lines:
            raise Refused("a gap")
        for event in events[self.lines - after :]:
            self.writer.append(dumps({**event, "carried": self.lines + 1}))
            self.lines += 1


class Receiver:
    """Listens for workers, on threads of its own.

    Args:
        host: name or address of this machine by which the workers reach it; listened on is this address alone.
        port: 0: any that is free.
        run_dir: path of the run directory.
        new_writer: begins a journal there for the worker of an id.

    Attributes:
        route: how workers reach it, and what they have to know.

    Raises:
        OSError: nothing can listen there.
    """

    def __init__(self, host: str, port: int, run_dir: Path, new_writer: Callable[[str], Writer]) -> None:
        self._run_dir = run_dir
        self._new_writer = new_writer
        self._guests: dict[str, _Guest] = {}
        self._taken = Taken(run_dir)
        self._coming = threading.Lock()  # held while workers are looked up
        self._ended = False
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._socket = socket.create_server(place[:2], family=family, backlog=128)
        self.route = Route(host, self._socket.getsockname()[1], secrets.token_bytes(32))
        _receivers.add(self)
        threading.Thread(target=self._listen, name="wandb_logging join", daemon=True).start()

    def look(self, wait: float, *, last: bool) -> None:
        """Take workers' rows, or, before the run ends, have the workers send what they have, and take no more then.

        Args:
            wait: most seconds that it waits for them.
            last: whether the run ends.
        """
        if last:
            until = time.monotonic() + wait
            here = [guest for guest in self._all() if guest.wire is not None]
            for guest in here:
                _hurry(guest)
            for guest in here:
                guest.settled.wait(max(0.0, until - time.monotonic()))
        self._ended = last
        for guest in self._all() if last else ():
            guest.put_down()

    def let_go(self) -> None:
        """Listen no more; connections go on. A forked child does so, for nobody would answer there."""
        self._socket.close()

    def _all(self) -> list[_Guest]:
        with self._coming:
            return list(self._guests.values())

    # --- on threads of its own ---

    def _listen(self) -> None:
        while True:
            try:
                connected, _ = self._socket.accept()
            except OSError:
                if self._socket.fileno() < 0:
                    return
                time.sleep(_AGAIN)  # no more files may be open
                continue
            try:
                wire = Wire(connected)
                if len(self._wires) >= MOST_CONNECTIONS:
                    raise OSError("too many")  # noqa: TRY301  as where no thread can be started
                self._wires.add(wire)
                threading.Thread(target=self._serve, args=(wire, connected), daemon=True).start()
            except (OSError, RuntimeError):
                connected.close()

    def _serve(self, wire: Wire, connected: socket.socket) -> None:
        """Serve one connection until it breaks. What was not acknowledged the worker sends again."""
        guest = None
        with contextlib.suppress(OSError, ValueError, RecursionError), contextlib.closing(wire):
            connected.settimeout(_GREETING)
            wire.greet_worker(self.route.token)
            wire.wait_without_limit()
            guest = self._guest_of(wire, wire.receive()[0])
            while self._took(guest, wire, *wire.receive()):
                pass
        self._wires.discard(wire)
        if guest is not None:
            self._has_gone(guest, wire)

    def _guest_of(self, wire: Wire, said: Mapping[str, Any]) -> _Guest:
        """Who this is; a worker that comes again goes on with the writer that it had."""
        source, known = said.get("source"), said.get("taken")
        if not isinstance(source, str) or not 0 < len(source) <= 100 or type(known) is not int:
            raise Refused("a worker without an id")
        with self._coming:
            guest = self._guests.get(source)
            if guest is None:
                guest = self._guests[source] = self._begun(source)
        former, guest.wire = guest.wire, wire
        if former is not None:  # it has not noticed that its connection is broken
            former.close()
        with guest.lock:
            guest.lines = max(guest.lines, known)  # more, where the run went on in another directory
            wire.send({"taken": guest.lines})
        return guest

    def _begun(self, source: str) -> _Guest:
        lines = self._taken.lines(source)
        if lines is None:
            raise Refused("another process of the run takes them")
        return _Guest(source, self._new_writer(source), lines)

    def _took(self, guest: _Guest, wire: Wire, header: Mapping[str, Any], data: bytes) -> bool:
        """Take a frame and answer it. Returns whether more may come."""
        with guest.lock:
            if guest.wire is not wire:
                raise Refused("another connection of the same worker")
            if "settled" in header:
                guest.settled.set()
                return True
            if self._ended and "bye" not in header:
                wire.send({"ended": True})
                return True
            if "file" in header:
                self._take_piece(guest, header, data)
            elif "after" in header:
                self._take_lines(guest, header["after"], data)
            elif "bye" in header:
                self._forget(guest)
            else:
                raise Refused("a frame of no known kind")
            wire.send({"taken": guest.lines})
        return "bye" not in header

    def _take_lines(self, guest: _Guest, after: object, data: bytes) -> None:
        """Append lines of a worker's journal. Returns when the disk has them."""
        if type(after) is not int:
            raise Refused("lines without a place")
        guest.take(after, [_event(line) for line in data.split(b"\n") if line])
        while guest.writer.waiting:  # the disk refuses them: no more are taken
            if self._ended:
                raise Refused("the disk has not taken them")
            time.sleep(_AGAIN)

    def _take_piece(self, guest: _Guest, header: Mapping[str, Any], data: bytes) -> None:
        """Write a piece of a file; with the last one the file gets its name."""
        name, start, size = header["file"], header.get("from"), header.get("of")
        if (
            not isinstance(name, str)
            or not name.startswith("files/")
            or type(start) is not int
            or type(size) is not int
        ):
            raise Refused("a file of no known form")
        part = f"{name}.{id(guest)}.tmp"
        safe_files.make_folder(self._run_dir, PurePosixPath(name).parent.as_posix())
        if start == 0:
            safe_files.replace(self._run_dir, part, b"", durable=False)
        with safe_files.open_to_append(self._run_dir, part) as file:
            file.write(data)
        if start + len(data) >= size:
            safe_files.move(self._run_dir, part, name)

    def _has_gone(self, guest: _Guest, wire: Wire) -> None:
        """Keep the journal open for a worker whose connection broke, unless many are gone."""
        with guest.lock:
            if guest.wire is not wire:
                return
            guest.wire = None
            guest.settled.set()
        away = [other for other in self._all() if other.wire is None]
        for other in away[: max(0, len(away) - _MOST_AWAY)]:
            other.put_down()

    def _forget(self, guest: _Guest) -> None:
        guest.writer.close()
        guest.settled.set()
        with self._coming:
            self._guests.pop(guest.source, None)


_receivers: weakref.WeakSet[Receiver] = weakref.WeakSet()


def _hurry(guest: _Guest) -> None:
    guest.settled.clear()
    wire = guest.wire
    try:
        if wire is not None:
            wire.send({"hurry": True})
            return
    except OSError:
        pass
    guest.settled.set()


def _event(line: bytes) -> dict[str, Any]:
    """The event of a line, without what only the run's own process says."""
    try:
        event = loads(unseal(line) or b"")
    except ValueError:
        event = None
    if not isinstance(event, dict) or not is_time(event.get("t")) or problems(event):
        raise Refused("a line that is no event")
    return {name: value for name, value in event.items() if name not in _NOT_THEIRS}


def _after_fork_in_child() -> None:
    for receiver in list(_receivers):
        receiver.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
