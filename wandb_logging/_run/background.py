"""The work of a run beside the program: puts events into the journal, asks for rounds, and waits for them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import JournalError, JournalLocked, LogError
from wandb_logging._events.event import Event
from wandb_logging._events.run_info import Remote
from wandb_logging._journal.lost import is_gone
from wandb_logging._journal.position import covers
from wandb_logging._process.at_exit import patience_left, waited_in_vain
from wandb_logging._process.exit_code import is_exiting
from wandb_logging._process.listener import Listener, as_own_thread, on_own_thread
from wandb_logging._process.notices import Notices, Outcry
from wandb_logging._records.encoding import change_event, now
from wandb_logging._report import Report
from wandb_logging._run import messages
from wandb_logging._run.delivery import Delivery
from wandb_logging._run.latecomers import Latecomers, seconds_since_start, wait_for
from wandb_logging._run.preemption import pursue
from wandb_logging._run.prepare import prepare
from wandb_logging._run.rounds import Rounds
from wandb_logging._run.samples import Samples
from wandb_logging._run.save import SavedFiles
from wandb_logging._run.start import ALONE, Membership, open_journal
from wandb_logging._run.tally import Tally
from wandb_logging._server.link import Link, Pace
from wandb_logging._server.protocol import app_url, run_url
from wandb_logging._settings.settings import Settings
from wandb_logging._values.plain import dumps
from wandb_logging._values.reentrant import new_lock, of_child
from wandb_logging._values.secrets import Secrets

if TYPE_CHECKING:
    from wandb_logging._process.sampling import Sampler

_COLLECTED = ("config", "define", "run")  # changes that wait for more, as each is sent whole (protocol 3.1)
_GRACE = 2.0  # seconds to wait for the listener of a run that could not begin
_LOOK = 0.05  # seconds between two looks whether another process has sent more
_PART = 0.5  # part of the time for the end in which ranks of the launch may come that have not begun
_QUIETLY = 0.5  # seconds of waiting before a person is told of it
_AT_FIRST = {"disabled": Delivery.DISABLED, "offline": Delivery.ON_DISK, "online": Delivery.ONLINE}


class Background:
    """One run's journal, and the thread that syncs and sends it.

    Args:
        settings: the run's settings.
        mode: online, offline or disabled. A disabled run has no rounds.
        config: the part of the settings' config that can be sent.
        notices: shows messages to a person.
        secrets: masks secrets.
        samplers: give samples of metrics until the run ends.
        on_stop: called once, on the listener's thread, when the server asks the run to stop.
        undo: gets callbacks that undo what was made, in case of an exception before the run has begun.
        stall: seconds after which the run's end stops waiting for a server that does not answer. Default: it waits for
            its whole timeout.
        membership: how this process takes part in the run.

    Attributes:
        mode: the given mode; `go_online` and `go_offline` change it.
        journal: where events go.
        notices: the given notices; a forked child begins with none.
        ended: the report of the run's end; None while it goes on.
        uploader: sends the run.
        tally: counts and reports what is logged and sent.
    """

    def __init__(  # noqa: PLR0917  each of them belongs to the run that makes it
        self,
        settings: Settings,
        mode: str,
        config: dict[str, Any],
        notices: Notices,
        secrets: Secrets,
        samplers: list[Sampler],
        on_stop: Callable[[], object],
        undo: contextlib.ExitStack,
        stall: float | None = None,
        membership: Membership = ALONE,
    ) -> None:
        self.mode = mode
        self.notices = notices
        self.ended: Report | None = None
        self._settings = settings
        self._secrets = secrets
        self._stall = stall
        self._told: Remote | None = None  # for a joined run: what the process that sends it knows from the server
        self._told_lost: dict[str, int] = {}  # number of lost events of which a person was told, by reason
        self._others = 0  # number of members that still took part when this one left
        self._children = 0  # number of forked processes that still logged then
        self._ending = new_lock()
        self._listener = Listener(self._round, self._seconds_left, self._release)
        self.journal = open_journal(settings, mode, config, secrets, self._hurry, undo, membership)
        age = seconds_since_start() if membership.rank else None
        of = (membership.ranks or {}).get("of", 0)
        self._latecomers = Latecomers(of, membership.rank, age, time.monotonic())
        samples = Samples(samplers, lambda metrics: self.append_change("system", metrics), notices)
        self._rounds = Rounds(
            settings,
            _AT_FIRST[mode],
            self.journal,
            self._listener,
            samples,
            SavedFiles(self._keep_file, self.report_aside),
            notices,
            secrets,
            on_stop,
        )
        self.uploader = self._rounds.uploader
        self.tally = Tally(settings, self.journal, self._rounds, secrets)
        writer, path = self.journal.writer, self.journal.run_dir.path
        writer.many_came = self._send_early
        self._outcry = Outcry(lambda: messages.waits_in_child(path, writer.trouble), quiet=settings.quiet)
        undo.callback(lambda: self._listener.finish(time.monotonic() + _GRACE))

    def start(self) -> None:
        """Start the rounds."""
        if self.journal.notice is not None:
            self.notices.add(*self.journal.notice)
        if self.mode == "online":
            self._begin_sending()
            self._rounds.begin()
        if self._has_rounds:
            self._listener.start()
            if not self._listener.running:
                self.notices.add(*messages.without_thread())
                self.notices.say_all()  # without a thread, the next round may be far away

    @property
    def in_child(self) -> bool:
        """Whether this is a forked child, whose rows the parent sends."""
        return self._rounds.delivery is Delivery.BY_PARENT

    @property
    def stopped(self) -> bool:
        """Whether the server asked the run to stop."""
        return self._rounds.stopped

    # --- what goes into the journal ---

    def append(self, body: bytes) -> None:
        """Add an event.

        Raises:
            LogError: the run is finished.
        """
        if self.ended is not None:
            raise LogError(f"run {self.journal.info.id} is finished")
        if self.mode != "disabled":
            self.journal.writer.append(body)

    def append_change(self, kind: str, value: object) -> None:
        """Add the event of a change.

        Raises:
            LogError: the run is finished.
        """
        self.append(change_event(kind, value, now(), self.report_aside, self._secrets))
        if kind in _COLLECTED and self._rounds.delivery.is_meant_to_send:
            self._rounds.schedule.change(time.monotonic())
            self._listener.reconsider()

    def report_aside(self, name: str, reason: str) -> None:
        """Report a value that cannot be sent. Safe inside a logging call."""
        self.tally.set_aside += 1
        notice = messages.aside(name, reason)
        self.notices.add(notice.kind, self._secrets.text(notice.text))

    def save_file(self, source: Path, name: str, policy: str) -> None:
        """Keep a file of the run, as its policy says.

        Raises:
            LogError: the run is finished.
            OSError: the file cannot be copied.
        """
        # A forked child has no listener that could look after a file.
        self._rounds.saved.save(source, name, "now" if self.in_child else policy)

    def watch(self, look: Callable[[bool], object]) -> None:
        """Have a function called in each round, and one last time before the run ends.

        Args:
            look: the argument says whether it is the last time. It is never called if the run has no rounds.
        """
        if self._has_rounds:
            self._rounds.watched.append(look)
            self._listener.reconsider()

    def _keep_file(self, source: Path, name: str) -> None:
        kept = self.journal.copies.file(source, name)
        self.append_change("file", {"name": name, "path": kept})

    # --- sending ---

    def flush(self, timeout: float | None, *, aloud: bool = False) -> Report:
        """Have a round made and wait for it.

        Args:
            timeout: most seconds to wait; None waits for as long as it takes.
            aloud: whether a person is told of the wait.

        Returns:
            The state of the run afterwards.
        """
        began = time.monotonic()
        until = math.inf if timeout is None else began + timeout
        if self._has_rounds and self.ended is None:
            # At its end a process need not wait: another living process sends its rows, too.
            if aloud and is_exiting() and self._rounds.delivery is Delivery.BY_ANOTHER:
                self.journal.writer.sync()
                return self.tally.report(until)
            left = None if timeout is None else patience_left(timeout, self._settings.host)
            self._ask(left, self._patience(left) if aloud else None)
            if self._rounds.delivery is Delivery.BY_ANOTHER:
                self._wait_for_another(left)
        else:
            self.journal.writer.look()
            self.journal.writer.sync()
            if aloud and self.ended is not None:
                self._say_lost_since()
        return self._report(until, began)

    def _wait_for_another(self, timeout: float | None) -> None:
        """Have the process that sends the run send everything. If that process is gone, this one sends it."""
        run_dir = self.journal.run_dir
        ends = run_dir.reader(None, record_order=False).ends()
        run_dir.ask()
        self._until(lambda: covers(self.uploader.position, ends), timeout)

    def _until(self, is_done: Callable[[], bool], timeout: float | None) -> None:
        """Make rounds until `is_done`, until this process has become the one that sends, or until the time is over."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while self._rounds.delivery is Delivery.BY_ANOTHER and time.monotonic() < deadline:
            self._ask(None if timeout is None else max(0.0, deadline - time.monotonic()))
            if is_done() or self._rounds.delivery is not Delivery.BY_ANOTHER:
                return
            time.sleep(min(_LOOK, max(0.0, deadline - time.monotonic())))

    def go_offline(self, flush_interval: float | None) -> None:
        """Stop sending as rows come. With an interval (seconds), send that often instead."""
        if flush_interval is not None:
            prepare(sending=True, measuring=False)
            self._rounds.schedule.interval = flush_interval
        self._change_delivery(Delivery.ON_DISK if flush_interval is None else self._locked())
        self.mode = "offline"

    def go_online(self) -> None:
        """Send from now on, beginning with everything that is unsent."""
        prepare(sending=True, measuring=False)
        self._rounds.schedule.interval = self._settings.flush_interval
        self.mode = "online"
        self._begin_sending()
        self._listener.wake()

    def send_now(self, timeout: float | None) -> Report:
        """Send everything that is unsent, whatever the mode."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        prepare(sending=True, measuring=False)
        if self._has_rounds and self._locked() is Delivery.ONLINE:
            self._change_delivery(self._rounds.delivery.once())
            self._ask(timeout)
        return self.tally.report(until)

    def finish(self, exit_code: int, timeout: float) -> Report:
        """End the run in at most `timeout` seconds. Calling it again does nothing."""
        with self._ending:
            if self.ended is not None:
                self._say_lost_since()
                return self.ended
            left = patience_left(timeout, self._settings.host)
            deadline = time.monotonic() + left
            self._rounds.samples.stop()
            if self._has_rounds:
                if not self.journal.helps:
                    self._rounds.saved.look(last=True)
                    self._rounds.look_at_watched(last=True)
                    try:
                        if exit_code == 0:  # where a rank has failed, its launcher ends the others
                            # What is there is sent meanwhile, so that the rest of the time is enough for the end.
                            wait_for(self._latecomers, self.journal.others, left * _PART, self._listener.wake)
                    finally:
                        self._leave(exit_code)
                self._rounds.waited_for = True
            asked = time.monotonic()
            try:
                if self._has_rounds:
                    self._listener.ask(deadline, patience := self._patience(left))
                    if not (self._others or self.journal.helps):
                        self._until(lambda: self._is_sent() or self._do_others_go_on(), deadline - time.monotonic())
                        self._do_others_go_on()
                    self._listener.finish(time.monotonic() if patience() else deadline)
            except KeyboardInterrupt:  # the person does not want to wait any longer
                self._listener.finish(time.monotonic())
                raise
            finally:
                self.journal.writer.close()
                self.journal.run_dir.note_end()  # the listener's thread may be in a request that takes longer
                self.ended = self._report(deadline, asked)
                if self._has_rounds and not self.journal.helps:
                    self._say_goodbye(self.ended)
                else:  # the run goes on without this process
                    self._say_lost_since()
            return self.ended

    def _report(self, until: float, asked: float) -> Report:
        # A server that answers, though there is more than it takes in time, is not waited for in vain.
        silent = time.monotonic() - max(asked, self.uploader.link.last_request)
        report = self.tally.report(until)
        # Of an offline run all is left, and of lost rows there is an error: the server has nothing to do with either.
        if self._rounds.delivery.is_meant_to_send and not replace(report, error=None).ok:
            waited_in_vain(silent, self._settings.host)
        return report

    def _is_sent(self) -> bool:
        """Whether the server has everything, and knows how the run ended.

        If another process sends the run, it may have sent the end before this process wrote its last events.
        """
        by_another = self._rounds.delivery is Delivery.BY_ANOTHER
        return self.uploader.complete and not (by_another and self.tally.queue_length)

    def _leave(self, exit_code: int) -> None:
        """Note how this process ended. If no other member takes part any more, this ends the run.

        May be called in a signal handler.
        """
        run_dir, writer = self.journal.run_dir, self.journal.writer
        with run_dir.leaving():
            writer.leave(exit_code)  # before looking: of two hosts that leave at once, one sees that it is last
            others = self.journal.others()
            self._others = len(others.living()) if others is not None and run_dir.has_several_writers() else 0
            self._children = others.children() if others is not None else 0
            if not self._others:
                codes = others.exit_codes(writer.since) if others is not None else []
                self.append_change("exit", max([exit_code, *codes], key=abs))
            self._rounds.takes_over = not self._others

    def _do_others_go_on(self) -> bool:
        """Note and say whether others go on with the run after all: they came after this one had left as the last."""
        if not self.uploader.complete and self.journal.info.ranks is not None:
            others = self.journal.others()
            self._others = len(others.living()) if others is not None else 0
            self._rounds.takes_over = not self._others
        return self._others > 0

    def go_on(self) -> None:
        """Take events again after the end, for the same run in the same directory."""
        with self._ending:
            if self.ended is None and not self.journal.writer.closed:  # closed: a child, forked while the run ended
                return
            self.tally.went_on, self._others = True, 0
            self._rounds.takes_over = True
            self.journal.writer.reopen()
            self.ended = None
            if not self._has_rounds:
                return
            if not self.journal.helps and not self.journal.run_dir.members():
                self.append(dumps(Event(now(), resume=True).to_json()))
            self.notices.add(*messages.goes_on(self.journal.info.id))
            self._rounds.go_on()
            if self.mode == "online":
                self._begin_sending()
            self._listener.restart()

    def _patience(self, timeout: float | None) -> Callable[[], bool]:
        """Make a function that says whether to stop waiting. It also tells a person, once, what is waited for."""
        began, told = time.monotonic(), False

        def enough() -> bool:
            nonlocal told
            waited = time.monotonic() - began
            if not told and waited > _QUIETLY and self._rounds.delivery.is_meant_to_send:
                told = True
                self._say_waiting(timeout if self._stall is None else None)
            link = self.uploader.link
            silent = min(waited, time.monotonic() - link.last_request)
            # A server that has answered and knows the run may be silent for long while it gets a large file.
            is_stuck = link.trouble is not None or self.uploader.remote is None
            return self._stall is not None and is_stuck and silent > self._stall

        return enough

    def _say_waiting(self, seconds: float | None) -> None:
        host, run_id, run_dir = self._settings.host, self.journal.info.id, self.journal.run_dir
        writer = self.journal.writer
        path = run_dir.path if run_dir.on_disk and writer.number and not writer.unsent else None
        left, estimated = self.tally.left(time.monotonic())
        self.notices.add(*messages.waiting(host, run_id, left, seconds, path, estimated=estimated))
        self.notices.say_all()

    def wake(self) -> None:
        """Have a round made soon, without waiting for it."""
        if self._has_rounds and self.ended is None:
            self._listener.wake()

    def mark_preempting(self) -> None:
        """Tell the server at once that the machine may vanish."""
        if self._has_rounds and self.ended is None:
            self.uploader.preempting = True
            self._listener.wake()

    def preempt(self, exit_code: int | None) -> Callable[[], bool]:
        """Have everything sent at once. Called in a signal handler.

        Args:
            exit_code: the exit code with which the run ends; None if it goes on.

        Returns:
            A function that says whether to stop waiting.
        """
        if self.ended is not None or not self._has_rounds:
            return lambda: True
        self.uploader.preempting = True  # before the exit event, which a round may send at once
        self._listener.wake()  # to leave takes a while where many leave at once, and SIGKILL may follow in a second
        if exit_code is not None and not self.journal.helps:
            self._leave(exit_code)
        at_last = None if exit_code is None else self.journal.note_end
        return pursue(self._rounds.wish, self._listener, self._settings.close_timeout, at_last)

    @contextlib.contextmanager
    def reach(self) -> Iterator[Link]:
        """Give the caller a connection to the server besides the uploader's."""
        link = self._rounds.link(Pace())
        with as_own_thread():
            try:
                yield link
            finally:
                link.close()

    # --- state ---

    @property
    def remote(self) -> Remote | None:
        """What the server answered about the run, in a joined run to the process that sends it; None before that."""
        if self.uploader.remote is None and self.journal.continued and self._told is None:
            with contextlib.suppress(JournalError):
                self._told = self.journal.run_dir.info.server
        return self.uploader.remote or self._told

    @property
    def name(self) -> str | None:
        """The name that people see on the server; None until the server knows the run."""
        return self.uploader.name or (self.remote.display_name if self.remote else None)

    @property
    def url(self) -> str | None:
        """Address of the run's page; None until the server knows the run."""
        remote = self.remote
        if self.uploader.remote is not None or remote is None:
            return self.uploader.url
        app = self._settings.app_url or app_url(self._settings.host)
        return run_url(app, remote.entity, remote.project, remote.name)

    def after_fork_in_child(self) -> None:
        """In a forked child: leave rounds, notices and locks to the parent."""
        self._ending = of_child(self._ending)
        self.notices.after_fork_in_child()
        if self.mode != "disabled":
            self._rounds.after_fork_in_child()
            self.journal.writer.refused = self._outcry
        self._listener.after_fork_in_child()

    # --- the rounds ---

    @property
    def _has_rounds(self) -> bool:
        return self._rounds.delivery.has_rounds

    def _round(self) -> None:
        self._rounds.make()

    def _seconds_left(self) -> float:
        return self._rounds.seconds_left()

    def _release(self) -> None:
        self._rounds.release()

    def _hurry(self) -> bool:
        """Ask for a round, if rows are sent. Returns whether this thread may wait for the acknowledgements."""
        if not self._listener.running or self._rounds.delivery is not Delivery.ONLINE or on_own_thread():
            return False
        self._listener.wake()
        return True

    def _send_early(self) -> bool:
        """Ask for a round because many children write: at the end one core would send all that they have logged."""
        return self._rounds.schedule.may_glance(time.monotonic(), asked=True) and self._hurry()

    def _ask(self, timeout: float | None, enough: Callable[[], bool] | None = None) -> bool:
        return self._listener.ask(None if timeout is None else time.monotonic() + timeout, enough)

    def _begin_sending(self) -> None:
        self._change_delivery(self._locked())

    def _change_delivery(self, delivery: Delivery) -> None:
        if self._has_rounds:
            self._rounds.delivery = delivery

    def _locked(self) -> Delivery:
        """Try to take the right to send. Returns where rows go now that this process has it or not."""
        try:
            self.journal.run_dir.lock_upload()
        except JournalLocked as exc:
            told = self.journal.joined or (exc.holder and self.journal.info.ranks)  # ranks know of each other
            if not told:
                self.notices.add(*messages.locked(exc))
            return Delivery.BY_ANOTHER if exc.holder else Delivery.ON_DISK
        return Delivery.ONLINE

    def _say_lost_since(self) -> None:
        """Report records that were lost after the end. A handler may still log to a run that was ended by hand."""
        dropped = self.journal.writer.counts.dropped
        since = {reason: more for reason, count in dropped.items() if (more := count - self._told_lost.get(reason, 0))}
        self._told_lost = dict(dropped)
        if since:
            self.notices.add(*messages.lost_records("lost late", self.journal.info.id, since))
            self.notices.say_all()

    def _say_goodbye(self, report: Report) -> None:
        late = self.uploader.state.late if self._settings.late_steps == "shift" else 0
        self._rounds.look_for_engines(last=True)
        for notice in messages.totals(self.notices.numbers(), late, self._settings.late_step_metric):
            self.notices.add(*notice)
        if report.path is not None and is_gone(report.path):  # the directory was removed, and could not be made again
            report = replace(report, path=None)
        lost, meant = dict(self.journal.writer.counts.dropped), self._rounds.delivery.is_meant_to_send
        self._told_lost = lost
        info = self.journal.info
        if self._others:
            notices = messages.left_to_others(report, lost, self.name, info, self._others)
        else:
            notices = messages.goodbye(report, lost, self.name, info, was_to_be_sent=meant)
        for notice in notices:
            self.notices.add(*notice)
        if self._children and meant and not self._others and report.path is not None:
            self.notices.add(*messages.outlived(self._children, report.path))
        self.notices.say_all()
