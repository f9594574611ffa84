"""Carries the journal of a worker from its own disk to the process whose run it joined, as it grows.

The journal is a run directory as any other: the place up to which it was carried is in its `base.json`. So what is
left when that process is gone, `wandb-logging sync` sends from here. The lines are counted, in the order in which the
reader gives them, which a second reading repeats: so the run's process can say how many it has (`taken`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._carrying.wire import Refused, Route, Wire
from wandb_logging._errors import JournalError
from wandb_logging._fold.state import State
from wandb_logging._journal import safe_files
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.lost import is_gone
from wandb_logging._journal.position import Position, covers, position
from wandb_logging._journal.reader import Reader
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import seal

_POLL = 0.01  # seconds between two looks whether there is a new line: an engine may kill the worker after its last one
_LISTING = 0.5  # seconds between two looks at the directory: forked children write there, too
_PIECE = 2**18  # bytes sent at once
_LINES = 1000  # most lines sent at once
_CONNECTING = 10.0  # seconds to reach the run's process
_AGAIN = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds until it is tried again, after so many failures
_TELLING = 20.0  # seconds without that process until a person is told
_ENDED = 0.5  # seconds until a run that has ended is asked again: it may go on
_STEP = 0.005  # seconds between two looks whether everything is there


class Carrier:
    """Carries one run directory, on a thread of its own.

    Args:
        run_dir: the directory.
        source: an id of it that no other worker has.
        route: how it reaches the run's process.
        written: number of events that this process has written there.
        tell: called once, with a reason, when that process cannot be reached for long.
    """

    def __init__(
        self, run_dir: RunDir, source: str, route: Route, written: Callable[[], object], tell: Callable[[str], object]
    ) -> None:
        self._run_dir = run_dir
        self._source = source
        self._routes = deque([route])  # the first is the one that is used
        self._written = written
        self._tell = tell
        self._pid = os.getpid()
        self._position = run_dir.carried.position or position()
        self._lines = run_dir.carried.carried  # number of lines before the position
        self._taken = self._lines  # how many of the lines the run's process has
        self._sent: dict[str, tuple[int, int]] = {}  # size and time of the files that were carried
        self._leaving = False  # whether the worker ends: carry the rest, and go
        self._hurried = False  # whether the run ends, and its process waits for what there is
        self._gone = False  # whether the run's process did not answer when it was last asked
        self._failures = 0
        self._failing_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="wandb_logging join", daemon=True)

    def start(self) -> None:
        """Carry from now on.

        Raises:
            JournalLocked: another process sends this directory.
        """
        self._run_dir.lock_upload()
        if not self._run_dir.is_carried:
            self._has_come_to(position(), 0)
        self._thread.start()

    def knows(self, route: Route) -> None:
        """Take this route if the one that is used fails: another process may take the place of the run's process."""
        if route not in self._routes:
            self._routes.append(route)

    def settle(self, seconds: float) -> bool:
        """Wait until what is written by now is carried, as long as the run's process answers.

        Returns:
            Whether it is.
        """
        until = time.monotonic() + seconds
        ends = self._run_dir.reader(None, record_order=False).ends()
        while not covers(self._position, ends) and not self._gone and time.monotonic() < until:
            time.sleep(_STEP)
        return covers(self._position, ends)

    def finish(self, seconds: float) -> bool:
        """Carry the rest, in at most some seconds. If that is all, and nobody else writes, the directory is removed.

        Returns:
            Whether that is so.
        """
        if self._pid != os.getpid():  # a forked child, whose parent carries
            return True
        self._leaving = True
        self._thread.join(seconds)
        done = self.settle(0.0) and not self._run_dir.alive()
        if not self._thread.is_alive():
            self._run_dir.unlock_upload()
            if done:
                self._run_dir.discard()
        return done

    # --- on the thread ---

    def _work(self) -> None:
        while True:
            reason = "it has closed the connection"
            try:
                with self._connected() as wire:
                    if self._carry(wire):
                        return
            except Refused as exc:
                reason = f"what answers there is not it: {exc}"
            except (OSError, JournalError) as exc:
                reason = str(exc)
            if self._failed(reason):
                return

    def _failed(self, reason: str) -> bool:
        """Wait until the run's process is tried again. Returns whether it is not."""
        self._routes.rotate(-1)
        self._gone = self._failures >= len(self._routes)
        self._failures += 1
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > _TELLING:
            self._failing_since = float("inf")  # it is said once
            self._tell(reason)
        until = now + _AGAIN[min(self._failures, len(_AGAIN)) - 1]
        while time.monotonic() < until:
            if self._leaving and self._failures > len(self._routes):
                return True
            time.sleep(_POLL)
        return False

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Wire]:
        route = self._routes[0]
        with contextlib.closing(Wire(socket.create_connection((route.host, route.port), _CONNECTING))) as wire:
            wire.greet_run(route.token)
            yield wire

    def _carry(self, wire: Wire) -> bool:
        """Carry until the connection breaks, or this worker has nothing left and ends: then the result is True."""
        self._taken = _lines_in(self._ask(wire, {"source": self._source, "taken": self._lines}))
        self._gone, self._failures, self._failing_since = False, 0, None
        with contextlib.closing(self._run_dir.reader(self._position)) as reader:
            while True:
                written = self._written()
                leaves, hurried = self._leaving, self._hurried  # before reading: what was written by then is read
                chunk = reader.read(_LINES, _PIECE) if self._is_there(reader) else None
                if chunk is not None and chunk.bodies:
                    if not self._carried(wire, chunk.bodies):
                        reader.seek(self._position)
                        self._gone = True
                        if self._leaving:
                            return True
                        time.sleep(_ENDED)
                        continue
                    self._gone = False
                    self._has_come_to(chunk.position, self._lines + len(chunk.bodies))
                elif leaves:
                    self._ask(wire, {"bye": True})
                    return True
                elif hurried:
                    self._hurried = False
                    wire.send({"settled": True})
                else:
                    self._idle(wire, written)

    def _is_there(self, reader: Reader) -> bool:
        """Whether the directory is there. If it was removed, the worker makes it again, with what it had written."""
        if is_gone(self._run_dir.path):
            return False
        if reader.let_go_of_removed():
            self._run_dir.unlock_upload()  # of the file that was removed
            self._run_dir.lock_upload()
        return True

    def _carried(self, wire: Wire, bodies: list[bytes]) -> bool:
        """Carry the next lines, without those that the run's process has. Returns whether it has them all now."""
        missing = bodies[self._taken - self._lines :]
        if not missing:
            return True
        self._carry_files(wire)
        answer = self._ask(wire, {"after": self._taken}, b"".join(map(seal, missing)))
        if "ended" in answer:
            return False
        self._taken += len(missing)
        return True

    def _has_come_to(self, place: Position, lines: int) -> None:
        self._position, self._lines = place, lines
        with contextlib.suppress(OSError):  # the run's process also knows it
            self._run_dir.renew()
            self._run_dir.save_carried(Cursor(position=place, state=State().to_json(), carried=lines))

    def _idle(self, wire: Wire, written: object) -> None:
        """Wait until there may be a new line, or the run ends, or this worker."""
        until = time.monotonic() + _LISTING
        while time.monotonic() < until and self._written() == written and not (self._leaving or self._hurried):
            if wire.comes_within(_POLL):
                self._hear(wire)

    def _ask(self, wire: Wire, header: Mapping[str, Any], data: bytes = b"") -> dict[str, Any]:
        """Send a frame. Returns the answer."""
        wire.send(header, data)
        while (answer := self._hear(wire)) is None:
            pass
        return answer

    def _hear(self, wire: Wire) -> dict[str, Any] | None:
        """Take a frame: an answer, or None if it is a wish."""
        header, _ = wire.receive()
        if "hurry" not in header:
            return header
        self._hurried = True
        return None

    def _carry_files(self, wire: Wire) -> None:
        """Carry the kept copies that are new: those that a line names were made before it."""
        root = self._run_dir.path
        for folder, _, names in os.walk(root / "files"):
            for name in names:
                path = (Path(folder) / name).relative_to(root).as_posix()
                found = safe_files.status(root, path)
                if found is None or name.endswith(".tmp") or self._sent.get(path) == (found.st_size, found.st_mtime_ns):
                    continue
                if self._carry_file(wire, path):
                    self._sent[path] = (found.st_size, found.st_mtime_ns)

    def _carry_file(self, wire: Wire, path: str) -> bool:
        """Carry one file. Returns whether it was taken."""
        with safe_files.open_to_read(self._run_dir.path, path) as file:
            size, start = os.fstat(file.fileno()).st_size, 0
            while True:
                piece = file.read(_PIECE)
                if "ended" in self._ask(wire, {"file": path, "from": start, "of": size}, piece):
                    return False
                start += len(piece)
                if start >= size or not piece:
                    return start >= size


def _lines_in(answer: Mapping[str, Any]) -> int:
    """How many lines of this worker the run's process says that it has."""
    taken = answer.get("taken")
    if type(taken) is not int:
        raise Refused("an answer without a number")
    return taken
