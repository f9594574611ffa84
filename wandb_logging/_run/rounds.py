"""The rounds: what the listener does again and again beside the program, to sync the disk, send rows, print notices.

The rounds of an online run send rows; those of an offline run only sync the disk. `schedule` says when a round is due,
`delivery` whether it sends, and `background` asks for rounds.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from wandb_logging._errors import (
    AuthError,
    JournalError,
    JournalLocked,
    NotPossible,
    RunNotFound,
    WandbLoggingError,
)
from wandb_logging._events.send_options import SendOptions
from wandb_logging._journal.stand_in import stand_in_for
from wandb_logging._process.notices import Notices
from wandb_logging._run import messages, ranks
from wandb_logging._run.connection import Connection
from wandb_logging._run.delivery import Delivery
from wandb_logging._run.engines import Lookout
from wandb_logging._run.preemption import Wish
from wandb_logging._run.samples import Samples
from wandb_logging._run.save import SavedFiles
from wandb_logging._run.schedule import Schedule
from wandb_logging._run.start import Journal, anchored
from wandb_logging._sending import standard_files
from wandb_logging._sending.options import options_of
from wandb_logging._sending.recover import Recovery
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.link import Link, Pace, explain
from wandb_logging._settings.settings import Settings
from wandb_logging._values.secrets import Secrets

_CAPTURES = (standard_files.capture_environment, standard_files.capture_requirements)
_ASKED = 0.25  # seconds between two looks whether another process asks for a round
_EARLY = 0.001  # a wait may end so many seconds early without being interrupted
_BREATH = 0.0002  # seconds to sleep between two pieces of work, so that the program gets the interpreter


class Asker(Protocol):
    """Makes the rounds, and knows whether somebody waits for one. A `Listener` is one."""

    @property
    def asked(self) -> bool:
        """Whether somebody asked for the round that is being made."""

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until somebody asks for a round."""

    def out_of_time(self) -> bool:
        """Whether nobody waits any longer for the present work."""


class Rounds:
    """The rounds of one run. Nothing here starts a thread or waits for one.

    Args:
        settings: settings of the run.
        delivery: where rows go at the start.
        journal: the run's journal.
        asker: makes the rounds.
        samples: takes samples of system metrics in each round.
        saved: the files of `Run.save`, which are checked in each round.
        notices: shows messages to a person.
        secrets: masks secrets.
        on_stop: called once, when the server asks the run to stop.

    Attributes:
        delivery: where rows go now. Ask for a round after changing it.
        schedule: says when the next round is due.
        uploader: sends the run.
        samples: the given samples.
        saved: the given files; a forked child watches none of them.
        watched: functions to call in each round; their argument says whether it is the last one.
        wish: the wish of a signal handler that everything be sent now.
        error: why the latest sending failed, in words for a person; None if it did not fail.
        stopped: whether the server asked the run to stop.
        waited_for: whether the program only waits for the last round.
        takes_over: whether to send the run if the process that sends it is gone; False once this process has left it.
    """

    def __init__(  # noqa: PLR0917  each of them belongs to the run that makes it
        self,
        settings: Settings,
        delivery: Delivery,
        journal: Journal,
        asker: Asker,
        samples: Samples,
        saved: SavedFiles,
        notices: Notices,
        secrets: Secrets,
        on_stop: Callable[[], object],
    ) -> None:
        self.delivery = delivery
        self.schedule = Schedule(settings.flush_interval, settings.heartbeat_interval)
        self.samples = samples
        self.saved = saved
        self.watched: list[Callable[[bool], object]] = []
        self.wish = Wish()
        self.error: str | None = None
        self.stopped = False
        self.waited_for = False
        self.takes_over = True
        self._settings = settings
        self._journal = journal
        self._asker = asker
        self._notices = notices
        self._secrets = secrets
        self._on_stop = on_stop
        self._connection = Connection(settings, secrets, notices)
        self._without_key = delivery is Delivery.ON_DISK and settings.mode == "auto"  # True until that is reported
        self._url_is_said = False
        self._lookout = Lookout()
        # The first file is made quickly, and needed for the first request; the others come later, or at the run's end.
        self._to_capture = [] if journal.comes_later or journal.helps else list(_CAPTURES)
        self._is_new = journal.comes_later  # whether no round was made
        self._times_anew = 0
        self._shared = False  # whether other processes write in the directory, and may ask for a round
        self._asked: object = None
        self.uploader = Uploader(
            journal.run_dir,
            self.link(Pace(self._sleep, asker.out_of_time, self._breath)),
            options_of(settings),
            say=notices.add,
            before_end=self._capture_rest,
            copies=journal.copies,
            meanwhile=self.glance,
            allowance=ranks.common_folder(settings),
        )
        self._recovery = self._new_recovery() if settings.recover and delivery.has_rounds else None

    def link(self, pace: Pace) -> Link:
        """Make a new connection to the server."""
        return Link(self._connection.connect, pace)

    def seconds_left(self) -> float:
        """Seconds until the next round is due, or the next look whether another process asks for one."""
        due = (*self.samples.due, self._journal.run_dir.renewal_due())
        left = self.schedule.seconds_left(time.monotonic(), due)
        return min(left, _ASKED) if self._shared and self.delivery is Delivery.ONLINE else left

    def make(self) -> None:
        """Make one round. Never raises."""
        wished = self.wish.is_there
        try:
            self._make_unguarded()
        except Exception:
            self.error = "internal error"
            self._notices.add(*messages.internal(threads_replaced=self._notices.threads_replaced))
        if wished:
            self.wish.fulfil()  # before printing: the signal may have interrupted a thread that holds stderr's lock
        self._notices.say_all()

    def glance(self) -> None:
        """Take samples, sync the disk and send rows while files are being sent."""
        self._journal.run_dir.renew()
        self.samples.take()
        if not self.schedule.may_glance(time.monotonic(), asked=self._asker.asked):
            return
        self._begin()
        self._look_after_disk()
        self.uploader.glance()  # a signal handler's wish stays: only a round tells the server how the run ended

    def begin(self) -> None:
        """Make the first round when one is due, and not at once, if another process has just left the run to this one.

        The server knows the run then, and has what was logged before.
        """
        if self.delivery is Delivery.ONLINE and self._journal.comes_later and self.uploader.handed_over() is not None:
            self._shared, self._asked = True, self._journal.run_dir.asked()
            self.schedule.end(time.monotonic(), sending=True)

    def go_on(self) -> None:
        """Go on after the end of the run."""
        self.samples.resume()
        self.waited_for = False
        self.schedule.round_due = 0.0

    def release(self) -> None:
        """Close connections and locks after the last round. A thread that is stuck in a request does so afterwards."""
        if self._is_left:
            self.uploader.hand_over()
        self.uploader.close()
        self._journal.run_dir.unlock_upload()
        if self._recovery is not None:
            self._recovery.close()

    def after_fork_in_child(self) -> None:
        """In a forked child: leave sending, and the watched files and functions, to the parent."""
        self.delivery = Delivery.BY_PARENT
        self.saved.after_fork_in_child()
        if self.watched:
            self.watched = []
        self._journal.run_dir.forget_locks()
        if self._recovery is not None:
            self._recovery.after_fork_in_child()

    # --- one round ---

    def _make_unguarded(self) -> None:
        self._journal.run_dir.renew()
        if self._recovery is not None:
            self._recovery.renew()
        self.samples.take()
        if not (self._asker.asked or self.schedule.is_due(time.monotonic()) or self._is_asked_by_others()):
            return
        self._begin()
        try:
            self._look_after_disk()
            self._send_or_say()
            self.look_for_engines()
        finally:
            self.schedule.end(time.monotonic(), sending=self.delivery.is_meant_to_send)
        if self._recovery is not None and self.delivery is Delivery.ONLINE and not self.error:
            self._recovery.step(self._is_own_turn)

    def _is_asked_by_others(self) -> bool:
        """Whether another process that writes in the directory wants its rows sent now."""
        return self._shared and self._journal.run_dir.asked() != self._asked

    def _begin(self) -> None:
        self.schedule.begin(time.monotonic(), sending=self.delivery.is_meant_to_send)

    def _look_after_disk(self) -> None:
        writer = self._journal.writer
        self._look_after_directory()
        if self._settings.fsync != "never":
            writer.sync()
        else:
            writer.retry()
        if writer.trouble:
            self._notices.add(*messages.disk(self._journal.run_dir.path, writer.trouble))
        if not writer.closed:
            self.saved.look()
            self.look_at_watched()

    def look_at_watched(self, *, last: bool = False) -> None:
        """Call the functions of `watched`."""
        for look in list(self.watched):
            look(last)

    def _look_after_directory(self) -> bool:
        """If the run directory was removed, make it again. Returns whether it was removed."""
        lost, run_dir = self._journal.writer.look(), self._journal.run_dir
        if lost is not None:
            self._notices.add(*messages.gone(run_dir.path, lost))
        run_dir.keep_identity()
        if self._times_anew == run_dir.times_anew:
            return False
        self._times_anew = run_dir.times_anew
        self.uploader.close()  # the next drain reads the new directory, beginning after what the server has
        if run_dir.times_anew == 1 and self._journal.notice is not None:
            self._notices.add(*messages.late(run_dir.path))
        self._to_capture = list(_CAPTURES)
        return True

    def _send_or_say(self) -> None:
        if self.delivery is Delivery.BY_ANOTHER:
            self._take_over()
        self._asked = self._journal.run_dir.asked()
        self._shared = self._journal.run_dir.has_several_writers()
        # This is changed before sending, because somebody may ask for one more sending meanwhile.
        sends, self.delivery = self.delivery.sends, self.delivery.after_sending()
        while True:
            self._capture_next()
            if sends:
                # The next round, or another rank's, sends changes of config with those that come meanwhile.
                is_first = self._is_new and not self._asker.asked
                self._drain(again=bool(self._to_capture) or self._is_left or is_first)
                self._is_new = False
            elif self._without_key:
                self._say_why_offline()
            if not self._to_capture or (sends and self.error):
                break

    @property
    def _is_left(self) -> bool:
        """Whether this rank has left its launch's run, and leaves the sending to other ranks."""
        return not self.takes_over and self._journal.info.ranks is not None

    def _take_over(self) -> None:
        """Send from now on if the process that has sent so far is gone; else find out how far it has sent."""
        try:
            if self.takes_over:
                self._journal.run_dir.lock_upload()
                self.delivery = Delivery.ONLINE
                with contextlib.suppress(JournalError):  # the process before has said it if the server knew the run
                    self._url_is_said |= self._journal.run_dir.info.server is not None
                return
        except JournalLocked:
            pass
        with contextlib.suppress(JournalError):
            self.uploader.look()

    def _drain(self, *, again: bool) -> None:
        try:
            self._drain_or_retry(again=again)
        except JournalLocked as exc:  # another host sends now, because this process failed to renew its lease in time
            self._leave_to_another(exc)
        except WandbLoggingError as exc:
            self._fail(exc)
        else:
            self.error = None
        self._say_url()
        self._look_for_stop()

    def _drain_or_retry(self, *, again: bool) -> None:
        """Drain, a second time if the directory was removed meanwhile, or from memory if it cannot be made again."""
        if self._journal.writer.is_homeless:
            self._drain_from_memory()
            return
        try:
            self.uploader.drain(live=True, again=again)
        except JournalError:
            if self._look_after_directory():
                self.uploader.drain(live=True)
            elif not self._drain_from_memory():
                raise

    def _drain_from_memory(self) -> bool:
        """Send the lines that are only in the writer's memory. Returns whether that was possible."""
        stand_in = stand_in_for(self._journal.run_dir, self._journal.writer)
        if stand_in is not None:
            self.uploader.drain_from(stand_in)
        return stand_in is not None

    def _leave_to_another(self, error: JournalLocked) -> None:
        self.uploader.close()
        if self.delivery is Delivery.ONLINE:
            self.delivery = Delivery.BY_ANOTHER
        self._notices.add(*messages.locked(error))

    def _fail(self, error: WandbLoggingError) -> None:
        if isinstance(error, AuthError):
            self._connection.refuse()
        if isinstance(error, JournalError):
            with contextlib.suppress(OSError):  # the program may have closed our descriptors, as daemons do
                self.uploader.close()  # the disk was away, so its open files may be unusable
        if isinstance(error, (NotPossible, RunNotFound)):  # the run was deleted, or there is no such entity
            self.delivery = self.delivery.after_sending(refused=True)
        self.error = explain(error, self._settings.host, on_disk=self._journal.are_rows_on_disk)
        self._notices.add(*messages.failed(type(error).__name__, self.error))

    def _look_for_stop(self) -> None:
        if not self.uploader.stopped or self.stopped:
            return
        self.stopped = True
        self._notices.add(*messages.stopped(self._journal.info.id))
        try:
            self._on_stop()
        except Exception:  # on our thread the user's own code may raise anything
            self._notices.add(*messages.on_stop_failed())

    # --- messages to a person ---

    def _say_url(self) -> None:
        if self._journal.info.is_told_by_another:
            return
        if not self._url_is_said and self.uploader.url and self.uploader.name:
            self._url_is_said = True
            self._notices.add(*messages.at(self.uploader.name, self.uploader.url))

    def _say_why_offline(self) -> None:
        self._without_key = False
        if self._journal.joined:  # a process that is there has said it
            return
        path = self._journal.run_dir.path if self._journal.run_dir.on_disk else None
        self._notices.add(*messages.without_key(self._journal.info.id, self._settings.host, path))

    def look_for_engines(self, *, last: bool = False) -> None:
        """Report an engine if its workers' records may be lost."""
        engine = self._lookout.look(time.monotonic(), last=last)
        if engine is not None:
            self._notices.add(*messages.unjoined(*engine))

    # --- beside the rows ---

    def _breath(self) -> float:
        """Seconds to sleep between two pieces of work; 0 if the program only waits for us."""
        return 0.0 if self.waited_for else _BREATH

    def _sleep(self, seconds: float) -> None:
        """Wait as `Asker.sleep` does; meanwhile renew the lease, and write what the disk has refused before."""
        self._journal.writer.retry()
        run_dir, until = self._journal.run_dir, time.monotonic() + seconds
        while True:
            run_dir.renew()
            began = time.monotonic()
            wanted = min(until, run_dir.renewal_due()) - began
            self._asker.sleep(max(0.0, wanted))
            now = time.monotonic()
            if now >= until or now - began < wanted - _EARLY:  # it returned early: somebody asked for a round
                return

    def _is_own_turn(self) -> bool:
        """Whether it is time to send the run's own rows."""
        return self._asker.asked or self._asker.out_of_time() or not self.seconds_left()

    def _new_recovery(self) -> Recovery:
        def link(options: SendOptions) -> Link:
            connect = partial(self._connection.connect, options.timeout)
            return Link(connect, Pace(self._asker.sleep, self._is_own_turn, self._breath))

        own, cache_dir = self._journal.run_dir.path, anchored(self._settings).cache_dir
        return Recovery(
            cache_dir,
            own,
            self._journal.info,
            options=options_of(self._settings),
            link=link,
            notices=self._notices,
            meanwhile=self.glance,
        )

    def _capture_rest(self) -> None:
        while self._to_capture:
            self._capture_next()

    def _capture_next(self) -> None:
        if self._to_capture:
            with contextlib.suppress(OSError):  # no run directory, or a full disk, which is reported elsewhere
                capture = self._to_capture.pop(0)
                capture(self._journal.copies, self._journal.info, self._secrets, self._settings, self._breath)
