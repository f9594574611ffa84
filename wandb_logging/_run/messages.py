"""The texts of all messages of a run to people. `_process.notices` decides when and how often each is printed."""

from __future__ import annotations

import os
import shlex
import socket
import traceback
from collections.abc import Iterator, Mapping
from logging import ERROR, INFO
from pathlib import Path

from wandb_logging._errors import JournalLocked
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.access_errors import why_unread
from wandb_logging._process.notices import Notice
from wandb_logging._report import Report
from wandb_logging._wording import counted

_NAMED = 10  # most names in one message


def shown(path: Path) -> str:
    """A path as a person would type it in the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def typed(path: Path) -> str:
    """The same, quoted as an argument of a command that can be pasted into a shell."""
    return shlex.quote(shown(path))


# --- where the rows go ------------------------------------------------------------------------------


def at(name: str, url: str) -> Notice:
    """The server knows the run, and this is its address."""
    return Notice("url", f"run {name}: {url}", INFO)


def without_key(run_id: object, host: str, path: Path | None) -> Notice:
    """No key was found, so nothing is sent."""
    if path is None:
        text = f"no API key for {host}: run {run_id} is in memory alone; `wandb-logging login` sets a key."
        return Notice("offline", text, INFO)
    place = shown(path)
    text = (
        f"no API key for {host}: run {run_id} is only written to {place}. "
        f"Send it with `wandb-logging sync {typed(path)}`; `wandb-logging login` sets a key."
    )
    return Notice("offline", text, INFO)


def locked(error: JournalLocked) -> Notice:
    """Another process sends the run, or it cannot be known whether one does."""
    alone = "rows are only written. Set cache_dir to a disk that has locks"
    return Notice("locked", f"{error}: {'rows are kept for it to send' if error.holder else alone}")


def without_directory(cache_dir: Path, error: OSError, *, online: bool) -> Notice:
    """No run directory can be made: in the cache folder, or in the project's, which another user may have made."""
    refused = Path(error.filename).parent if isinstance(error.filename, str) else cache_dir
    place = refused if cache_dir in refused.parents else cache_dir
    kept = "are sent from memory" if online else "stay in memory, and are lost at exit if it cannot be written then"
    what = f"{place} cannot be written ({why_unread(place, error)}): rows {kept}"
    return Notice("memory", f"{what}. Set cache_dir to a folder that can be written.")


def late(path: Path) -> Notice:
    """The run directory could be made after all."""
    return Notice("late", f"the disk has room again: rows are on it from now on, in {path}")


def gone(path: Path, lost: int) -> Notice:
    """The run directory was removed, moved or replaced."""
    unsent = counted(lost, "row or line that was not sent yet is", "rows and lines that were not sent yet are")
    what = f"{unsent} lost" if lost else "nothing is lost"
    return Notice("gone", f"{path}: what was in it is gone, removed or moved; it begins anew there, and {what}")


def disk(path: Path, trouble: str) -> Notice:
    """The disk refuses something, or has no room."""
    return Notice("disk", f"{path}: {trouble}")


def waits_in_child(path: Path, trouble: str | None) -> str:
    """The disk refuses what a forked child logs, which has nobody who tries again later; "" if it took it after all."""
    what = f"{trouble}, of process {os.getpid()}, and are lost if it ends before there is room"
    return f"{path}: {what}" if trouble else ""


def held(rank: int, of: int, cache_dir: Path) -> str:
    """The rows of ranks other than the one that sends stay on the disk."""
    place = shown(cache_dir)
    return (
        f"rank {rank} of {of}: rank 0 is the run. What the other ranks log waits in {place}: `wandb-logging sync "
        f"--ranks all {place}` sends it into that run, --ranks each as a run for each rank. The setting ranks: all, or "
        f"group, does so at once."
    )


def not_joined(error: Exception) -> Notice:
    """A worker cannot join the run of its parent."""
    return Notice("join", f"this process does not join its parent's run: {error}", ERROR)


def not_carried(run_id: object, path: Path, address: str, whose: str, reason: str) -> Notice:
    """A worker without the run's disk does not reach the process of the run."""
    text = (
        f"run {run_id}: its process ({whose}) cannot be reached at {address}: {reason}. What this one logs waits in "
        f"{path}, and is carried there when that is possible"
    )
    return Notice("carry", text)


def left_here(run_id: object, path: Path) -> Notice:
    """Rows of a worker without the run's disk were not carried to the process of the run."""
    text = (
        f"run {run_id}: its process has not taken all that this one, or a child of it, logged. The rest is on "
        f"{socket.gethostname()} in {path}; `wandb-logging sync {shlex.quote(str(path))}` there sends it into the run"
    )
    return Notice("carry", text, ERROR)


def unjoined(engine: str, how: str) -> Notice:
    """What an engine's workers log may be lost."""
    text = (
        f"this program uses {engine}: what its workers log is in this run only if they join it, as with {how}, and "
        f"in no run if they do not configure logging either"
    )
    return Notice("engine", text)


# --- what becomes of values -------------------------------------------------------------------------


def aside(name: str, reason: str) -> Notice:
    """A value cannot be sent."""
    return Notice(f"aside {name}", f"{name} is set aside: {reason}")


def masked(name: str) -> Notice:
    """A value is sent masked."""
    return Notice(f"masked {name}", f"{name} is masked: it looks like a secret (mask_secrets)")


def totals(numbers: Mapping[str, int], late: int, late_step_metric: str) -> Iterator[Notice]:
    """Total numbers of affected values and rows, where they are more than the single lines said.

    Args:
        numbers: number of notices of each kind.
        late: number of rows whose step was lower than the current one and that are sent.
        late_step_metric: the metric that holds the step they were given.
    """
    for what in ("aside", "masked"):
        often = {kind[len(what) + 1 :]: number for kind, number in numbers.items() if kind.startswith(f"{what} ")}
        if any(number > 1 for number in often.values()):
            first = sorted(often, key=lambda name: -often[name])[:_NAMED]
            named = ", ".join(f"{name} ({often[name]})" for name in first)
            more = f" and {len(often) - len(first)} more names" if len(often) > len(first) else ""
            yield Notice(f"all {what}", f"{'set aside' if what == 'aside' else what} in all: {named}{more}")
    if late:
        row = counted(late, "row")
        text = f"{row} came with a step below the current one: see the metric {late_step_metric} (late_steps: shift)"
        yield Notice("all late", text)


def no_file(pattern: str) -> Notice:
    """`save` found no file."""
    return Notice(f"save {pattern}", f"save: there is no file {pattern}")


# --- what goes wrong --------------------------------------------------------------------------------


def internal(*, threads_replaced: bool = False) -> Notice:
    """An exception that is being handled shows a fault of this package, or threads that were replaced within a run."""
    if threads_replaced:
        text = (
            "cannot send: gevent or eventlet has replaced Python's threads and sockets after the run began. "
            "Let it patch before the first record, best as the program's first lines; rows are kept on disk"
        )
        return Notice("replaced", text, ERROR)
    return Notice("internal", "internal error; rows are kept on disk\n" + traceback.format_exc(), ERROR)


def failed(kind: str, explanation: str) -> Notice:
    """The server does not take the rows now."""
    return Notice(kind, explanation)


def nothing_measured() -> Notice:
    """There is an interval for metrics that nobody asked for."""
    return Notice("interval", "system_interval has no effect without system_metrics: true or log_stats: true")


def without_psutil() -> Notice:
    """System metrics cannot be measured."""
    install = "pip install 'wandb-logging[system]'"
    return Notice("system", f"system_metrics needs psutil, which is not installed: {install}")


def not_captured(error: ValueError) -> Notice:
    """The output of a stream cannot be captured."""
    return Notice("capture", f"capture_output: {error}")


def not_watched(names: tuple[str, ...], error: ValueError) -> Notice:
    """The handler of a signal cannot be set."""
    return Notice("signals", f"signals: {', '.join(names)} are not watched: {error}")


def stopped(run_id: object) -> Notice:
    """Somebody pressed the run's stop button."""
    return Notice("stopped", f"the server asks run {run_id} to stop")


def on_stop_failed() -> Notice:
    """The user's `on_stop` raised the exception that is being handled."""
    return Notice("on_stop", "on_stop failed\n" + traceback.format_exc(), ERROR)


def without_thread() -> Notice:
    """The listener's thread cannot be started."""
    return Notice("thread", "no thread can be started: rows are kept, and sent at flush and at exit")


def goes_on(run_id: object) -> Notice:
    """The handler was closed, and now takes records again."""
    return Notice(
        "goes on", f"run {run_id} goes on: its handler was closed (by dictConfig or the like), not removed", INFO
    )


# --- the end ----------------------------------------------------------------------------------------


def behind(run_id: object) -> Notice:
    """Step or summary of a continued run were asked for, and its journal is too long to be read at once."""
    text = f"run {run_id}: its journal is long and not read to its end yet; step and summary are as of what is read"
    return Notice("behind", f"{text}. Asked again, it is read on.")


def waiting(
    host: str, run_id: object, left: int, seconds: float | None, path: Path | None, *, estimated: bool = False
) -> Notice:
    """The end of the program, or of the run, waits for the server.

    Args:
        left: number of unsent lines. If it is 0, files or the end of the run are still unsent.
        seconds: most seconds that it waits; None if that depends on whether the server answers.
        path: directory of the lines; None if they are in memory alone.
        estimated: whether `left` is an estimate.
    """
    limit = "as long as it answers" if seconds is None else f"at most {seconds:.0f} s"
    what = counted(left, "line", estimated=estimated) if left else "the rest"
    then = "gives it up" if path is None else f"leaves it in {shown(path)} for `wandb-logging sync`"
    text = f"waiting for {host}, {limit}, to send {what} of run {run_id}. Ctrl-C {then}."
    return Notice("waiting", text, INFO)


TOO_LATE = "a row is lost: it was logged after logging was shut down at the program's end, which has finished the run"

LOST_IN_CHILD = "what this forked process logs is lost: its run has been finished by hand, in the parent or here"


def lost(count: int) -> str | None:
    """Why a run is incomplete if lines were lost; None if none were."""
    nobody, it = "neither the disk nor the server has", "it" if count == 1 else "them"
    return f"{_lost_records(count)}: {nobody} {it}" if count else None


def lost_records(kind: str, run_id: object, dropped: Mapping[str, int]) -> Notice:
    """Records were lost, by reason."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    return Notice(kind, f"run {run_id}: {_lost_records(sum(dropped.values()))} ({reasons})")


def _lost_records(count: int) -> str:
    return counted(count, "record was lost", "records were lost")


def left_to_others(
    report: Report, dropped: Mapping[str, int], name: str | None, info: RunInfo, others: int
) -> Iterator[Notice]:
    """A writer leaves a run in which others go on. Of those of one launch only the last says an end."""
    if dropped:
        yield lost_records("dropped", report.run_id, dropped)
    if info.ranks is None:
        where = f": {report.url}" if report.url else ""
        writers = counted(others, "other writer, which sends", "other writers, which send")
        text = f"run {name or report.run_id} goes on in {writers} what this one logged{where}"
        yield Notice("left to others", text, INFO)


def outlived(children: int, path: Path) -> Notice:
    """A run has ended, and processes that its own has forked or spawned go on."""
    who = counted(children, "child process goes on: what it logs", "child processes go on: what they log")
    text = f"{who} from now on stays on the disk. `wandb-logging sync {typed(path)}` sends it"
    return Notice("outlived", text, INFO)


def goodbye(
    report: Report, dropped: Mapping[str, int], name: str | None, info: RunInfo, *, was_to_be_sent: bool
) -> Iterator[Notice]:
    """How a run ended.

    Args:
        report: the state of the run.
        dropped: number of lost lines, by reason.
        name: the run's name on the server; None if the server does not know the run.
        info: its identity.
        was_to_be_sent: whether the run was online.
    """
    if dropped:
        yield lost_records("dropped", report.run_id, dropped)
    if report.finished:
        if report.url and name and not info.is_told_by_another:
            how = f" failed (exit code {report.exit_code})" if report.exit_code else " finished"
            what = f": what {info.client_label} logged is sent" if info.is_secondary else how
            yield Notice("finished", f"run {name}{what}: {report.url}", INFO)
        return
    untold = f"the server does not know how run {report.run_id} ended"
    if report.path is not None and not info.is_held:  # that of a rank which waits was said at its start
        place = shown(report.path)
        left = f"run {report.run_id} is saved"
        if was_to_be_sent:
            unsent = "line is not sent yet", "lines are not sent yet"
            left = counted(report.remaining, *unsent, estimated=report.estimated) if report.remaining else untold
        text = f"{left}: {place}. Send with `wandb-logging sync {typed(report.path)}`."
        yield Notice("left", text, ERROR if was_to_be_sent else INFO)
    elif report.remaining and report.path is None:
        lines = counted(report.remaining, "line could not be sent and is", "lines could not be sent and are")
        yield Notice("left", f"run {report.run_id}: {lines} lost", ERROR)
    elif was_to_be_sent and report.path is None:
        yield Notice("left", untold, ERROR)
