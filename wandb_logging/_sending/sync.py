"""Sends runs that wait on the disk: crashed, killed and offline ones. Finds run directories, and drains each."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from wandb_logging._errors import JournalError, WandbLoggingError
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.rundir import RunDir
from wandb_logging._keys.keys import Session
from wandb_logging._report import Report
from wandb_logging._sending.following import Following
from wandb_logging._sending.options import options_of
from wandb_logging._sending.parallel import side_by_side
from wandb_logging._sending.ranks import split
from wandb_logging._sending.sender import Plan, Sender, wait
from wandb_logging._sending.target import Target, filled, host_of
from wandb_logging._server.link import OutOfTime

FOLLOW_INTERVAL = 5.0  # seconds between two looks at runs that go on


def sync(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = "wandb_cache",
    *,
    host: str | None = None,
    entity: str | None = None,
    project: str | None = None,
    name: str | None = None,
    run_id: str | None = None,
    as_new: bool = False,
    session: Session | None = None,
    timeout: float | None = None,
    follow: bool = False,
    until_idle: float | None = None,
    jobs: int = 1,
    ranks: str = "zero",
    ask: bool = False,
    on_progress: Callable[[Report], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[Report]:
    """Send every run at or below a path. A second call sends nothing twice.

    A run whose process has ended is finished, with exit code 1 if its journal does not say how it ended. Of a run
    that goes on only the rows are sent; with `follow` until it ends. One that another process is sending, such as the
    run's own, is left to it.

    Args:
        path: run directories, or folders that hold some.
        host: API address to send to; default: the one it was sent to before, else the one it was made for.
        entity, project, name, run_id: what the run is to have on the server instead of what it was made with. That is
            remembered: the next `sync` goes on there. A run that was sent elsewhere before begins anew.
        as_new: send all of it as a new run, with an id of its own.
        session: key and host, as `login` gives them; default: found as always.
        timeout: most seconds altogether; None takes as long as it takes.
        follow: keep sending until every run has ended, or `stop()` is true; a server that is away is waited for, and so
            is the first run. Runs that begin meanwhile are sent, too.
        until_idle: with `follow`: go on until for so many seconds every run has ended and none has begun.
        jobs: most runs that are sent at once.
        ranks: what of a launch with several ranks is sent: zero, the run of rank 0, while what the others logged stays
            where it is (unless `path` is the directory of one of them); all, what they logged in that run; group, each
            in a run of one group; each, each in a run.
        ask: ask the server whether it still has a run that was sent before. One that was deleted there is an error;
            where the server cannot be asked, nothing is said.
        on_progress: called with a Report after each acknowledged batch; never twice at once.
        stop: asked between two batches whether to leave the rest for later.

    Returns:
        One Report a run, oldest run first. What went wrong is in its `error`; nothing is raised for it.

    Raises:
        JournalError: there is no file or directory at `path`, and it is not to be waited for.
        ValueError: `name` or `run_id` for several runs, `run_id` with `as_new`, no `jobs`, other `ranks`, or (a
            SettingsError) a value that the setting of that name cannot have.
    """
    if jobs < 1:
        raise ValueError(f"jobs={jobs}: expected 1 or more")
    # An empty text is what a script has of a variable that is not set.
    target = Target(entity or None, project or None, name or None, run_id or None, as_new=as_new)
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    deadline = None if timeout is None else time.monotonic() + timeout

    broken = threading.Event()

    def out_of_time() -> bool:
        return (
            broken.is_set() or (deadline is not None and time.monotonic() >= deadline) or (stop is not None and stop())
        )

    def look() -> tuple[int, list[RunDir]]:
        found = [run_dir for item in paths for run_dir in _found(Path(item), missing_ok=follow)]
        run_dirs, _ = split(found, ranks, [Path(item) for item in paths])
        if len(run_dirs) > 1 and (name or run_id):
            several = f"there are {len(run_dirs)} at {', '.join(map(str, paths))}"
            raise ValueError(f"name and run_id are one run's: {several}")
        return len(found), run_dirs

    count, run_dirs = look()
    following = Following(until_idle, count)
    plan = Plan(
        host=host or (session.host if session else None),
        key=session.api_key if session else None,
        out_of_time=out_of_time,
        on_progress=_one_at_a_time(on_progress),
        follow=follow,
        target=target,
        jobs=jobs,
        ask=ask,
        broken=broken,
    )
    while True:
        reports, go_on = _sync_all(run_dirs, plan)
        if not follow or out_of_time() or following.is_over(time.monotonic(), go_on=go_on):
            return reports
        wait(following.interval(FOLLOW_INTERVAL), out_of_time)
        count, run_dirs = look()
        following.saw(count)


def _one_at_a_time(call: Callable[[Report], object] | None) -> Callable[[Report], object] | None:
    lock = threading.Lock()

    def called(report: Report) -> object:
        assert call is not None
        with lock:
            return call(report)

    return called if call is not None else None


def _found(path: Path, *, missing_ok: bool) -> list[RunDir]:
    run_dirs = find_runs(path)
    if not run_dirs and not path.exists() and not missing_ok:
        raise JournalError(f"{path}: no such file or directory")
    return run_dirs


def _sync_all(run_dirs: list[RunDir], plan: Plan) -> tuple[list[Report], bool]:
    """A Report of each run, and whether more is to be expected of one."""
    away: dict[str, WandbLoggingError] = {}  # a host that failed once is not tried for each further run
    done: dict[int, tuple[Report, bool]] = {}

    def send(_: int, numbers: list[int]) -> None:
        for number in numbers:
            done[number] = _sync_one(run_dirs[number], plan, away, first=number == 0)

    together = _by_run(run_dirs) if plan.jobs > 1 else [[number] for number in range(len(run_dirs))]
    side_by_side(send, together, plan.jobs, plan.broken)
    plan.clients.close()
    plan.notices.say_all()
    results = [done[number] for number in range(len(run_dirs))]
    return [report for report, _ in results], any(go_on for _, go_on in results)


def _by_run(run_dirs: list[RunDir]) -> list[list[int]]:
    """The numbers of the directories, those of one run together: they are sent one after the other.

    Each begins on the server behind the lines that it finds there: at the same time they would overwrite each other's.
    Those of W&B's shared mode do not. With `project` runs of two projects may become one, so only the id counts.
    """
    found: dict[object, list[int]] = {}
    for number, run_dir in enumerate(run_dirs):
        run: object = number
        with contextlib.suppress(JournalError, OSError):
            info = run_dir.info
            if info.client_label is None:
                run = info.server.name if info.server else info.id
        found.setdefault(run, []).append(number)
    return list(found.values())


def _sync_one(run_dir: RunDir, plan: Plan, away: dict[str, WandbLoggingError], *, first: bool) -> tuple[Report, bool]:
    try:
        info = run_dir.info
    except JournalError as exc:
        return Report(run_dir.path.name, run_dir.path.parent.name, path=run_dir.path, error=str(exc)), False
    target = plan.targets.get(run_dir.path) or filled(plan.target, info, plan.settings.entity)
    options = info.send or options_of(plan.settings)
    sender = Sender(run_dir, plan.host or host_of(info) or plan.settings.host, target, options, plan)
    # Each `sync` gets something done, however little time it is given; the runs behind the first wait.
    late = OutOfTime("out of time; the run waits for the next sync") if not first and plan.out_of_time() else None
    return sender.send(away, late), sender.go_on
