"""Sends a run from its journal to the server: `Uploader.drain`.

For each batch: read whole lines, fold them, post them, and only after a 2xx save the cursor with the folded state.
After a crash at any point the same lines are sent again at the same offsets, which changes nothing on the server.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalError, WandbLoggingError
from wandb_logging._events.run_info import Remote
from wandb_logging._events.send_options import SendOptions
from wandb_logging._events.task import Task
from wandb_logging._fold import fold
from wandb_logging._journal.cache_folder import check_beside
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.small_files import SENT
from wandb_logging._report import Report
from wandb_logging._sending.batch import DAMAGED, Batch
from wandb_logging._sending.ending import end_journal, last_files
from wandb_logging._sending.handover import Handover, handed_to
from wandb_logging._sending.known_end import KnownEnd, find_known_end
from wandb_logging._sending.opened import Opened
from wandb_logging._sending.ports import Ports
from wandb_logging._sending.registration import Registration
from wandb_logging._sending.target import AS_IT_WAS, Target
from wandb_logging._sending.upload_pool import UploadPool
from wandb_logging._server.allowance import Allowance
from wandb_logging._server.body import StreamBody
from wandb_logging._server.link import Link, OutOfTime
from wandb_logging._server.stream import Stream
from wandb_logging._wording import counted

_LOOK_APART = 1.0  # seconds between two looks whether another directory has gone on with the run


class Uploader:
    """Sends one run. Used by one thread at a time, which holds the run's upload lock.

    Args:
        run_dir: the run directory.
        link: the connection to the server.
        options: how the run is sent: batches, compression, heartbeats.
        host: address of the server. Default: the one that the run was made for.
        target: changes to the run's identity on the server (`sync --project` and the like).
        ports: the attributes of `Ports`.

    Attributes:
        sent: number of events that were posted, acknowledged or not.
        preempting: whether the next request tells the server that the machine may vanish now.
        state: the folded state at the last acknowledgement.
        complete: whether the server has been told how the run ended.
    """

    def __init__(
        self,
        run_dir: RunDir,
        link: Link,
        options: SendOptions,
        *,
        host: str | None = None,
        target: Target = AS_IT_WAS,
        **ports: Any,
    ) -> None:
        self.run_dir = run_dir
        self.link = link
        self.sent = 0
        self.preempting = False
        self.state = fold.State()
        self._options = options
        self._host = host
        self._target = target
        self._ports = Ports(**ports)
        self._pool = UploadPool(link.beside(), self._meanwhile)
        self.complete = False
        self._opened: Opened | None = None

    # --- what a caller sees ---

    @property
    def remote(self) -> Remote | None:
        """The run as the server knows it; None until it does."""
        return self._opened.registration.remote if self._opened else None

    @property
    def name(self) -> str | None:
        """The name that people see there, with the changes that are acknowledged; None until the server has the run."""
        remote = self.remote
        return str(remote.instead.get("name") or self.state.run.get("name") or remote.display_name) if remote else None

    @property
    def target(self) -> Target:
        """The changes to the run's identity that the server does not know yet."""
        return self._opened.registration.target if self._opened else self._target

    @property
    def acknowledged(self) -> int:
        """Number of events whose rows and lines the server has; those of the open row do not count yet."""
        return self.state.events - self.state.open_events

    @property
    def position(self) -> dict[str, Any] | None:
        """The reading position at the last acknowledgement."""
        return self._opened.position if self._opened else None

    @property
    def stopped(self) -> bool:
        """Whether the server asked the run to stop."""
        return self._opened is not None and self._opened.stream is not None and self._opened.stream.stopped

    @property
    def url(self) -> str | None:
        """Address of the run's page; None until the server knows the run."""
        return self._opened.registration.url if self._opened else None

    def report(self, remaining: int, error: str | None = None, path: Path | None = None) -> Report:
        """Where the run stands."""
        remote, state = self.remote, self.state
        info = self._opened.registration.info if self._opened else self.run_dir.info
        return Report(
            run_id=remote.name if remote else info.id,
            project=remote.project if remote else info.project,
            entity=remote.entity if remote else info.entity,
            url=self.url,
            path=path,
            rows=state.rows,
            lines=state.lines,
            files=self._opened.queue.file_count if self._opened else 0,
            remaining=remaining,
            waiting=len(self._opened.queue.tasks) if self._opened else 0,
            set_aside=state.set_aside,
            finished=self.complete,
            exit_code=state.exit,
            error=error,
            label=info.client_label or None,
        )

    def drain(self, *, ending: int | None = None, live: bool = False, again: bool = False) -> None:
        """Send everything that is in the journal now.

        Args:
            ending: exit code to end the run with if its journal says none. It is not used if a process has come to
                the run meanwhile, which will end it.
            live: send a heartbeat if no request was made for the seconds that the options say.
            again: another drain follows at once. While the run goes on, files and changes of config go with that.

        Raises:
            TransportError, HTTPStatusError, GraphQLError: what was not acknowledged stays where it is.
            NotPossible: the server has a run of that id where there must be none, or has none.
            JournalError: the run directory is not usable.
        """
        run = self._open_directory()
        try:
            run.registration.rename()
            run.known_end = self._known_end(run) if ending is not None and not self.complete else None
            ending = ending if run.known_end is None else run.known_end.code
            self._send_rows(run)
            goes_on = self._ends_with(ending) is None
            if not (again and goes_on):
                run.registration.push(self.state)
                if goes_on:
                    self._perform_tasks(run)  # else with the last files, whose addresses are asked for together
                self._end(run, ending)
            if live:
                self._beat(run)
        except OSError as exc:
            raise JournalError(f"{self.run_dir.path}: {exc.strerror or exc}") from exc
        finally:
            run.rewind()

    def drain_from(self, stand_in: RunDir) -> None:
        """As `drain`, from an object that takes the place of the run directory while that cannot be read.

        Raises:
            TransportError, HTTPStatusError, GraphQLError, NotPossible, JournalError: as `drain`.
        """
        own, self.run_dir = self.run_dir, stand_in
        self.close()
        try:
            self.drain(live=True)
        finally:
            self.close()
            self.run_dir = own

    def glance(self) -> None:
        """Send new rows while `drain` is sending files.

        What cannot be sent now waits for the next drain, which also reports the error.
        """
        run = self._open_directory()
        try:
            with self.link.trying_once():
                self._send_rows(run)
                run.registration.push(self.state)
                self._beat(run)
        except (WandbLoggingError, OSError):
            pass
        finally:
            run.rewind()

    def hand_over(self) -> None:
        """Leave the run to other processes that write it: whoever sends it next need not ask what this one knows."""
        run = self._opened
        if run is None or run.is_closed or run.unsure or not run.registration.is_open:
            return
        said = Handover(self.run_dir.term, self.link.now(), run.looked, run.registration.told())
        with contextlib.suppress(JournalError, OSError):  # then the next one asks
            self.run_dir.check_right()
            self.run_dir.save_cursor(said.put_into(run.cursor(self.state, complete=False)))

    def handed_over(self) -> Handover | None:
        """What the process said that has sent the run until now, and has just left it to this one; None if none has."""
        return handed_to(self.run_dir.term, self.run_dir.cursor, self.link.now(), self._options.heartbeat)

    def look(self) -> None:
        """See how far another process has sent the run.

        Raises:
            JournalError: the run directory is not usable.
        """
        if self._opened is not None:
            self._opened.close()
        self._open_directory().close()

    def close(self) -> None:
        """Close connections and files."""
        self.link.close()
        self._pool.close()
        if self._opened is not None:
            self._opened.close()

    def _meanwhile(self) -> None:
        self.run_dir.renew()
        self._ports.meanwhile()

    # --- the way of a batch ---

    def _open_directory(self) -> Opened:
        if self._opened is None or self._opened.is_closed:
            registration = Registration(self.run_dir, self.link, self._host, self.target, self._ports.say)
            self.link.client_id = self._pool.link.client_id = registration.info.client_id
            self.link.allowance = self._pool.link.allowance = Allowance(registration.share, self._ports.allowance)
            cursor = self.run_dir.cursor if registration.remote else self.run_dir.carried
            try:
                state = _state_of(cursor, registration)
            except TypeError:  # from another version: as good as lost
                cursor = Cursor()
                state = _state_of(cursor, registration)
            if cursor == Cursor() and self.run_dir.has_base:  # other lines would come to the offsets of what is gone
                raise JournalError(
                    f"{self.run_dir.path}: what a server had acknowledged was removed (max_cache_bytes), and only "
                    f"that server, with a whole cursor.json or base.json, can get the rest"
                )
            self.state, self.complete = state, cursor.complete
            self._opened = Opened.at(
                cursor,
                self.run_dir,
                registration,
                link=self.link,
                pool=self._pool,
                options=self._options,
                ports=self._ports,
            )
        return self._opened

    def _send_rows(self, run: Opened) -> None:
        if self.preempting and not self.complete:
            self._open_run(run)
            self._deliver(run, self._new_batch(run))
        self._send_events(run)

    def _send_events(self, run: Opened) -> None:
        until = run.reader.ends()  # events logged from now on are left to the next round, or this one might never end
        if self._options.durable and run.known_end is None:
            run.reader.sync_ahead(until)
        while True:
            self.run_dir.check_right()
            batch = self._new_batch(run)
            # Offsets, steps and the form of text lines depend on what the server says of the run, so it is asked before
            # the first event is folded. For an empty journal it is not asked.
            if run.registration.remote is None:
                if not run.cutter.is_anything_there():
                    return
                self._open_run(run)
                batch = self._new_batch(run)
            run.cutter.fill(batch, run.registration.rules, until)
            run.registration.leave_out_slow(batch.state)
            if not batch.events and not batch.aside:
                return
            self._open_run(run)
            if batch.history.count and run.known_end is None:
                self._check_owner(run)
                run.unsure += batch.history.count
            self._deliver(run, batch)
            run.unsure = 0
            self._commit(run, batch)
            if self.link.pace.out_of_time():
                raise OutOfTime("out of time; the rest stays in the run directory")
            if run.reader.has_passed(until):
                return

    def _check_owner(self, run: Opened) -> None:
        """Make sure, before rows are sent, that no other directory has gone on with the run."""
        now = self.link.now()
        if run.looked is None or now - run.looked >= _LOOK_APART:
            if run.looked is not None:  # the first time, the server has just said so when the run was opened
                run.registration.check_owner(self.state, run.unsure)
            run.looked = now

    def _new_batch(self, run: Opened) -> Batch:
        return Batch.after(self.state, run.registration.remote, self.link.mask, gzip=self._options.gzip)

    def _deliver(self, run: Opened, batch: Batch, exit_code: int | None = None) -> None:
        if run.known_end is not None:
            return
        *edits, body = batch.bodies(run.queue.uploaded, exit_code)
        body.preempting = self.preempting
        if body.empty and not edits:
            return  # the events make no lines: a change of config, a part of an open row
        if exit_code is None and batch.is_of_end and not (self.preempting or self.complete):
            return  # the request that tells the end has the summary
        if self._options.durable and batch.events:
            run.reader.sync()  # else the server could have lines that the journal loses in a power cut
        stream = self._stream(run)
        refused = [line for each in (*edits, body) if not each.empty for line in stream.deliver(each)]
        if refused:
            lines = counted(len(refused), "line")
            self._ports.say("refused", f"the server refuses {lines}, kept in aside.jsonl: {refused[0][0]}")
            batch.aside += refused
            batch.state.set_aside += len(refused)
        self.sent += batch.events
        run.queue.uploaded.clear()
        self.preempting = self.preempting and not body.preempting

    def _stream(self, run: Opened) -> Stream:
        if run.stream is None:
            assert run.registration.remote is not None
            run.stream = Stream(self.link, run.registration.remote, gzip=self._options.gzip)
        return run.stream

    def _commit(self, run: Opened, batch: Batch, *, complete: bool = False) -> None:
        """Note that a batch was acknowledged. The cursor is moved only here."""
        self._set_aside(batch)
        run.output.keep(batch)
        self.state = batch.state
        run.position = run.reader.position
        run.queue.tasks += batch.tasks
        self.complete = complete
        self._save(run)
        for told in batch.told:
            self._ports.say(told, told)
        self._ports.progress()

    def _set_aside(self, batch: Batch) -> None:
        for reason, what in batch.aside:
            self.run_dir.set_aside(reason, what)
            if what is not None and reason != DAMAGED:  # None: the process that logged it has reported it already
                self._ports.say("set aside", f"set aside, kept in aside.jsonl: {reason}")
        damaged = sum(reason == DAMAGED for reason, _ in batch.aside)
        if damaged:
            told = counted(damaged, "damaged journal line set aside", "damaged journal lines set aside")
            self._ports.say("damaged", f"{self.run_dir.path}: {told} in aside.jsonl")

    def _save(self, run: Opened) -> None:
        try:
            self.run_dir.save_cursor(run.cursor(self.state, complete=self.complete))
        except OSError as exc:  # a full disk: the same lines may be sent again, which is harmless
            self._ports.say("cursor", f"{self.run_dir.path}: cannot save the cursor ({exc.strerror}); nothing is lost")
            if self.complete and self.run_dir.is_incomplete:  # the journal lacks the end: a sync would add another one
                self._withdraw()
        else:
            run.queue.let_go()

    def _withdraw(self) -> None:
        with contextlib.suppress(OSError):
            self.run_dir.withdraw()
            kept = f"its run.json is {SENT} now, so that it is not sent again"
            self._ports.say("withdrawn", f"{self.run_dir.path}: all is on the server, which cannot be noted: {kept}")

    # --- beside the streams ---

    def _open_run(self, run: Opened) -> None:
        """Make the run on the server, or tell the server that we go on with it."""
        registration = run.registration
        if registration.is_open or run.known_end is not None:
            return
        if registration.info.client_id is None and self.run_dir.on_disk:
            check_beside(self.run_dir, registration.info)
        if registration.remote is None:
            registration.create()
            self.state = fold.first_state(registration.info)
            run.begin_anew(self.run_dir.carried.position)
        elif (handed := self.handed_over()) is not None:
            run.looked = handed.looked
            registration.go_on(self.state, handed.told)
            return
        else:
            registration.reopen(self.state, self.run_dir.lines_after(run.position))
        registration.opened(self.state)
        run.queue.forget_captured()

    def _beat(self, run: Opened) -> None:
        silence = self.link.now() - self.link.last_request
        if run.registration.is_open and not self.complete and silence >= self._options.heartbeat:
            self._stream(run).post(StreamBody())

    def _known_end(self, run: Opened) -> KnownEnd | None:
        """The end of the run that the server knows although the directory does not; None if there is none."""
        info = run.registration.info
        if self.state.exit is not None or info.client_id is not None:
            return None
        return find_known_end(self.link, self.run_dir, info, run.position, self.state.rows)

    def _take_known_end(self, run: Opened, end: KnownEnd) -> None:
        """Note that the server has the whole run, and report rows that the directory lacks."""
        here = self.state.rows + (run.registration.remote.history if run.registration.remote is not None else 0)
        lost = f", {end.rows - here} of which are not in this directory" if end.rows > here else ""
        told = f"{self.run_dir.path}: the server has the whole run, and how it ended: {end.rows} rows{lost}"
        self._ports.say("heard", told)
        run.queue.tasks.clear()  # the run's own process has done them before it sent the end
        run.queue.uploaded.clear()
        self._commit(run, self._new_batch(run), complete=True)

    def _perform_tasks(self, run: Opened) -> None:
        if run.registration.is_open:
            run.queue.add_captured()
        if not run.queue.tasks:
            return
        self._open_run(run)
        assert run.registration.remote is not None
        try:
            run.queue.perform(run.registration.remote, self._count_aside, lambda: self._save(run))
        finally:
            self._save(run)

    def _count_aside(self, task: Task) -> None:
        self.state.set_aside += task.kind != "standard"  # standard files are ours, not the program's

    def _ends_with(self, ending: int | None) -> int | None:
        """The exit code to tell the server; None while the run goes on, and when the server knows it."""
        if self.complete:
            return None
        return self.state.exit if self.state.exit is not None else ending

    def _end(self, run: Opened, ending: int | None) -> None:
        """Tell the server how the run ended, if it has ended and the server does not know."""
        if self.complete:
            return
        code = self._ends_with(ending)
        if code is None:
            if run.queue.uploaded:
                self._deliver(run, self._new_batch(run))
                self._save(run)
            return
        registration = run.registration
        if self.state.exit is None or self.state.open is not None:
            base = registration.remote.runtime if registration.remote is not None else 0.0
            with self.run_dir.leaving():
                if self.state.exit is None and not self.run_dir.dead():
                    return  # a process has come to the run since the caller looked: that one will end it
                end_journal(self.run_dir, registration.info, self.state, code, base)
            self._send_events(run)
            if self.state.exit is None:
                return  # a process has just come to the run
        if run.known_end is not None:
            self._take_known_end(run, run.known_end)
            return
        self._ports.before_end()
        self._open_run(run)
        ended, _ = fold.finish(registration.rules, self.state)
        config, label = self.link.mask(registration.config_json(self.state)), registration.info.client_label
        run.queue.add(last_files(run.copies, run.queue.standard, config, ended, self._ports.say, label=label))
        self._perform_tasks(run)
        self._send_events(run)
        if self._ends_with(None) is None:
            return  # a process has come to the run while the files were sent: that one will end it
        # Later events have to open the run again, also if the answer to this request is lost.
        registration.is_open = False
        batch = self._new_batch(run)
        batch.summary = True
        self._deliver(run, batch, exit_code=None if registration.info.is_secondary else code)
        self._commit(run, batch, complete=True)


def _state_of(cursor: Cursor, registration: Registration) -> fold.State:
    return fold.State(**cursor.state) if cursor.state is not None else fold.first_state(registration.info)
