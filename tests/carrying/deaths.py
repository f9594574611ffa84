"""A process of a run and a worker elsewhere that are killed at chosen points, and what the run's directory has then."""

from __future__ import annotations

import functools
import os
import pickle
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.patience import PATIENCE
from wandb_logging._carrying import carrier as carrying
from wandb_logging._carrying.carrier import Carrier
from wandb_logging._carrying.leftovers import carry_leftovers
from wandb_logging._carrying.receiver import Receiver, _Guest
from wandb_logging._carrying.wire import Wire
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold.state import State
from wandb_logging._journal.cache_folder import create_run, find_runs
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.members import HELPER, Standing
from wandb_logging._journal.position import position
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.writer import Writer
from wandb_logging._values.plain import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_logging._carrying.wire import Route


class Point(NamedTuple):
    """Where a process is killed: before, after or in the middle (half) of the `nth` call of a method."""

    owner: Any
    method: str
    when: str
    nth: int

    def arm(self, note: Path) -> None:
        """Have this process killed there. It makes a file before."""
        calls = iter(range(1, 10**9))
        real = getattr(self.owner, self.method)

        @functools.wraps(real)
        def dying(*args: Any, **options: Any) -> Any:
            is_last = next(calls) == self.nth
            result = real(*args, **options) if not is_last or self.when == "after" else None
            if is_last:
                if self.when == "half":  # of a line
                    os.write(args[0]._fd, args[1][:9])
                note.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(self.owner, self.method, dying)


RUN_POINTS = {
    "as the worker comes": Point(Receiver, "_begun", "before", 1),
    "with a journal for it": Point(Receiver, "_begun", "after", 1),
    "before it writes": Point(_Guest, "take", "before", 2),
    "within a piece": Point(Writer, "append", "before", 7),
    "within a line": Point(Writer, "append", "half", 7),
    "before it answers": Point(_Guest, "take", "after", 2),
    "after it has answered": Point(Wire, "send", "after", 3),
    "before the farewell": Point(Receiver, "_forget", "before", 1),
    "after the farewell": Point(Receiver, "_forget", "after", 1),
}
WORKER_POINTS = {
    "before it sends": Point(Wire, "send", "before", 3),
    "after it has sent": Point(Wire, "send", "after", 3),
    "before it notes the answer": Point(Carrier, "_has_come_to", "before", 2),
    "after it has noted the answer": Point(Carrier, "_has_come_to", "after", 2),
    "before it removes its directory": Point(RunDir, "discard", "before", 1),
    "as it removes its directory": Point(Path, "unlink", "before", 1),
    "in the middle of removing": Point(Path, "unlink", "after", 3),
}


class Scene:
    """A run's directory, and one of a worker elsewhere with rows that were written before anybody carries them.

    Args:
        folder: an empty folder.
        rows: how many rows.
        piece: how many lines are carried at once.
    """

    def __init__(self, folder: Path, rows: int = 14, piece: int = 4) -> None:
        self._folder = folder
        self._piece = piece
        self.run_dir = create_run(folder / "run", RunInfo("r", "p"))
        self._theirs = create_run(folder / "own", RunInfo("r", "p", client_label="w", writer_id="w"))
        self._beside = create_run(folder / "own", RunInfo("r", "p", client_label="next", writer_id="next"))
        self._theirs.save_carried(Cursor(position(), State().to_json()))  # before the worker's first row
        writer = self._theirs.writer(HELPER)
        for number in range(rows):
            writer.append(dumps({"metrics": {"i": number}, "t": 1.0}))
        writer.close()

    def lose(self, run: Point | None = None, worker: Point | None = None) -> list[Point]:
        """Let a process of the run and a worker go on until each is killed or has nothing to do.

        Returns:
            The points at which one was killed.
        """
        ours, theirs = os.pipe()
        process = self._forked(functools.partial(self._run, theirs), run, "run")
        os.close(theirs)
        route = pickle.loads(os.read(ours, 9999))
        os.waitpid(self._forked(functools.partial(self._work, route), worker, "worker"), 0)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ours)
        killed = {name for name in ("run", "worker") if (self._folder / f"{name}.killed").exists()}
        for name in killed:
            (self._folder / f"{name}.killed").unlink()
        return [point for name, point in (("run", run), ("worker", worker)) if point is not None and name in killed]

    def recover(self) -> None:
        """Let another process of the run and another worker on the same machine take over."""
        os.waitpid(self._forked(self._take_over, None, ""), 0)

    def _take_over(self) -> None:
        receiver = self._receiver()
        carry_leftovers(self._beside.path, receiver.route)
        receiver.look(0.0, last=True)

    def rows(self) -> list[int]:
        """The rows that the run has."""
        with closing(self.run_dir.reader(None, record_order=False)) as reader:
            found: list[int] = []
            while bodies := reader.read().bodies:
                found += [loads(body)["metrics"]["i"] for body in bodies]
            return found

    def left(self) -> list[str]:
        """The directories beside that of the next worker which `sync` would send."""
        return [
            run_dir.path.name for run_dir in find_runs(self._beside.path.parent) if run_dir.path != self._beside.path
        ]

    def _receiver(self) -> Receiver:
        return Receiver(
            "127.0.0.1", 0, self.run_dir.path, lambda source: self.run_dir.writer(Standing(helps=True, carries=source))
        )

    def _forked(self, work: Callable[[], object], point: Point | None, name: str) -> int:
        child = os.fork()
        if child:
            return child
        try:
            if point is not None:
                point.arm(self._folder / f"{name}.killed")
            work()
        finally:
            os._exit(0)

    def _run(self, pipe: int) -> None:
        os.write(pipe, pickle.dumps(self._receiver().route))
        time.sleep(PATIENCE)

    def _work(self, route: Route) -> None:
        if not (self._theirs.path / "run.json").exists():
            return
        carrying._LINES = self._piece
        carrying._AGAIN = (0.01, 0.01, 0.01, 0.01, 0.01)
        carrier = Carrier(RunDir(self._theirs.path), "w", route, int, id)
        carrier.start()
        carrier.finish(PATIENCE)
