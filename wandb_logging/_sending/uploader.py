"""From the cursor to the acknowledgement: `Uploader.drain`.

One batch goes: read whole lines, fold them, post, and only after a 2xx save the cursor with the folded state. A crash
at any point repeats the same lines at the same offsets, which the server takes as the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from wandb_logging._errors import GraphQLError, JournalError, RequestRejected, RunNotFound, WandbLoggingError
from wandb_logging._fold import fold
from wandb_logging._journal.reader import Ends, Position, Reader
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.send_options import SendOptions
from wandb_logging._report import Report
from wandb_logging._sending import standard_files
from wandb_logging._sending.batch import DAMAGED, Batch
from wandb_logging._sending.files import RunFiles, ignored
from wandb_logging._sending.lane import Lane
from wandb_logging._sending.register import create_run, upsert_run
from wandb_logging._sending.target import AS_IT_WAS, INSTEAD, Target, aimed, rename
from wandb_logging._sending.tasks import FILES, describe, perform
from wandb_logging._server import protocol
from wandb_logging._server.body import HISTORY, LineBlock, PackedBlock, StreamBody
from wandb_logging._server.link import Link, OutOfTime
from wandb_logging._server.protocol import Remote
from wandb_logging._server.stream import Stream
from wandb_logging._values.plain import dumps

# Of who writes the end for a dead process: far from the numbers that a run's own processes get, because this directory
# may be a copy, and the next copy may bring another writer's files.
_ENDING_WRITER = 1_000_000
# Lines and bytes folded and packed in one go: beside a program more would hold the interpreter lock for too long.
_PIECE = (100, 2**15)
_PIECE_ALONE = (500, 2**18)
_MOST_BYTES = protocol.MAX_REQUEST_BYTES - 2**20  # what one piece, or the summary, may add to a batch
_TASKS = 100  # done after the addresses of all their files were asked for at once
_TASK_TRIES = 3  # of one that is answered with no sense
_TASK_PAUSE = 2.0  # seconds between them
_SAVE_APART = 1.0  # seconds between two cursors while files are sent


class Uploader:
    """Sends one run. Used by one thread at a time, which holds the run's upload lock.

    Args:
        run_dir: the run.
        link: the way to the server.
        options: how it is sent.
        host: address of that server. Default: the one the run was made for.
        target: what is to be different about the run there; as an attribute, what of that the server does not know yet.
        say: told of what a person should know: (kind, text).
        progress: called after each acknowledged batch.
        before_end: called before the server is told that the run ended: the last moment for a file to come.
        meanwhile: called every now and then while files are sent, which may take hours: the moment for a `glance`.

    Attributes:
        remote: the run as the server knows it; None until it does.
        sent: events that went out, acknowledged or not.
        preempting: whether the next request is to tell the server that the machine may vanish now.
    """

    def __init__(
        self,
        run_dir: RunDir,
        link: Link,
        options: SendOptions,
        *,
        host: str | None = None,
        target: Target = AS_IT_WAS,
        say: Callable[[str, str], object] = lambda _kind, _text: None,
        progress: Callable[[], object] = lambda: None,
        before_end: Callable[[], object] = lambda: None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        self.run_dir = run_dir
        self.link = link
        self.remote: Remote | None = None
        self.sent = 0
        self.preempting = False
        self._options = options
        self._batch_bytes = min(options.batch_bytes, _MOST_BYTES)
        self._host = host
        self.target = target
        self._say = say
        self._progress = progress
        self._before_end = before_end
        self._lane = Lane(link.beside(), meanwhile)
        self._open = False
        self._stream: Stream | None = None
        self._info: dict[str, Any] = {}
        self._reader: Reader | None = None
        self._position: Position | None = None
        self._state = fold.State()
        self._tasks: list[dict[str, Any]] = []
        self._uploaded: list[str] = []
        self._file_count = 0
        self._uploads: dict[str, str] = {}  # MD5 of what was uploaded, by name
        self._through: list[str] = []  # files of tasks that the cursor on the disk does not know to be done
        self._output_size = 0
        self._environment: dict[str, Any] = {}
        self._complete = False
        self._captured: set[str] = set()  # names of standard files that were added since the run was opened
        self._saved = 0.0  # when the cursor was, by the link's clock
        self._pushed_config: str | None = None
        self._pushed_run: dict[str, Any] = {}

    # --- what a caller sees ---

    @property
    def acknowledged(self) -> int:
        """Events whose rows and lines the server has; those in an open row do not count yet."""
        return self._state.events - self._state.open_events

    @property
    def state(self) -> fold.State:
        """The folded state at the last acknowledgement."""
        return self._state

    @property
    def position(self) -> dict[str, Any] | None:
        """The reading position at the last acknowledgement."""
        return self._position

    def report(self, remaining: int, error: str | None = None, path: Path | None = None) -> Report:
        """Where the run stands."""
        remote, state, info = self.remote, self._state, self._info or self.run_dir.info
        return Report(
            run_id=remote.name if remote else str(info["id"]),
            project=remote.project if remote else str(info["project"]),
            entity=remote.entity if remote else info.get("entity"),
            url=self.url,
            path=path,
            rows=state.rows,
            lines=state.lines,
            files=self._file_count,
            remaining=remaining,
            set_aside=state.set_aside,
            finished=self._complete,
            exit_code=state.exit,
            error=error,
        )

    @property
    def stopped(self) -> bool:
        """Whether the server asked the run to stop."""
        return self._stream is not None and self._stream.stopped

    @property
    def url(self) -> str | None:
        """Address of the run's page; None until the server knows the run."""
        if self.remote is None:
            return None
        app = self._info.get("app_url") or protocol.app_url(str(self._info.get("host", "")))
        return protocol.run_url(app, self.remote.entity, self.remote.project, self.remote.name)

    def drain(self, *, ending: int | None = None, live: bool = False) -> None:
        """Send everything that is in the journal now.

        Args:
            ending: exit code to end the run with if its journal says none: nobody will add to it any more.
            live: send a heartbeat when there was nothing to send for so long.

        Raises:
            TransportError, HTTPStatusError, GraphQLError: what was not acknowledged stays where it is.
            JournalError: the run directory is not usable.
        """
        self._load()
        try:
            self._drain(ending=ending, live=live)
        except OSError as exc:
            raise JournalError(f"{self.run_dir.path}: {exc.strerror or exc}") from exc
        finally:
            if self._reader is not None:
                self._reader.seek(self._position)

    def glance(self) -> None:
        """Send what has come since, while files are being sent: `drain` would be at it only after that.

        What cannot be sent waits for the next drain, which also says why.
        """
        try:
            with self.link.trying_once():
                self._send_rows()
                self._beat()
        except (WandbLoggingError, OSError):
            pass
        finally:
            if self._reader is not None:
                self._reader.seek(self._position)

    def close(self) -> None:
        """Close connections and files."""
        self.link.close()
        self._lane.close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # --- the way of a batch ---

    def _drain(self, *, ending: int | None, live: bool) -> None:
        self._rename()
        self._send_rows()
        self._perform_tasks()
        self._end(ending)
        if live:
            self._beat()

    def _send_rows(self) -> None:
        if self.preempting and not self._complete:
            self._open_run()
            self._deliver(self._new_batch())
        self._send_events()
        self._push_changes()

    def _beat(self) -> None:
        if self._open and not self._complete and self.link.now() - self.link.last_request >= self._options.heartbeat:
            self._into_stream.post(StreamBody())

    def _send_events(self) -> None:
        assert self._reader is not None
        until = self._reader.ends()  # what the program logs meanwhile is the next round's: this one would have no end
        while True:
            batch = self._collect(until)
            if not batch.events and not batch.aside:
                break
            self._open_run()
            self._deliver(batch)
            self._commit(batch)
            if self.link.pace.out_of_time():
                raise OutOfTime("out of time; the rest stays in the run directory")
            if self._reader.has_passed(until):
                break

    def _load(self) -> None:
        if self._reader is not None:
            return
        self._info = aimed(self.run_dir.info, self._host, self.target)
        server = self._info["server"]
        self.remote = Remote.of(server) if server else None
        cursor = self.run_dir.cursor if server else {}
        try:
            self._take_over(cursor)
        except (AttributeError, KeyError, TypeError, ValueError):  # from another version: as good as lost
            cursor = {}
            self._take_over(cursor)
        if not cursor and self.run_dir.has_base:  # other lines would come to the offsets of those that are gone
            raise JournalError(
                f"{self.run_dir.path}: what a server had acknowledged was removed (max_cache_bytes), and only that "
                f"server, with a whole cursor.json or base.json, can get the rest"
            )
        self._environment = standard_files.captured_environment(self.run_dir)
        self._reader = self.run_dir.reader(self._position)

    def _take_over(self, cursor: dict[str, Any]) -> None:
        """Go on from a cursor; an empty one is the beginning."""
        saved = cursor.get("state")
        self._state = fold.State(**saved) if saved is not None else fold.first_state(self._info)
        self._position = cursor.get("position")
        self._tasks = list(cursor.get("tasks", []))
        self._uploaded = list(cursor.get("uploaded", []))
        self._file_count = int(cursor.get("file_count", 0))
        self._uploads = dict(cursor.get("uploads", {}))
        self._output_size = int(cursor.get("output_size", 0))
        self._complete = bool(cursor.get("complete", False))

    def _rules(self) -> fold.Rules:
        return fold.rules_of(self._info, structured=self.remote is not None and self.remote.structured)

    def _collect(self, until: Ends) -> Batch:
        """The next batch, read and folded, up to there; empty when there is nothing new."""
        assert self._reader is not None
        if not self._is_known():
            return self._new_batch()  # without another look, which may find more than the first
        batch = self._new_batch()
        rules = self._rules()
        alone = not self.link.pace.breath()
        most_lines, most_bytes = _PIECE_ALONE if alone else _PIECE
        # Nobody needs the memory where the program only waits, and fewer requests wait for W&B's rate.
        enough = min(2 * self._batch_bytes, _MOST_BYTES) if alone else self._batch_bytes
        while batch.events < self._options.batch_size and batch.size < enough:
            before = self._reader.position
            chunk = self._reader.read(min(most_lines, self._options.batch_size - batch.events), most_bytes)
            if not chunk.bodies and not chunk.damaged:
                break
            too_much = batch.size and batch.size + sum(map(len, chunk.bodies)) > _MOST_BYTES
            if too_much or (batch.events and self._crosses(before)):
                self._reader.seek(before)
                break
            batch.add(*fold.fold(rules, batch.state, chunk.bodies))
            batch.events += len(chunk.bodies)
            batch.add_damaged(chunk.damaged)
            if self._reader.has_passed(until):
                break
            self.link.pace.breathe()
        return batch

    def _crosses(self, before: Position) -> bool:
        """Whether another segment was begun, in a run that may yet lose those that nobody has begun to send."""
        assert self._reader is not None
        if self._info.get("cache_policy") != "drop_oldest":
            return False
        earlier, now = before["writers"], self._reader.position["writers"]
        return any(writer in earlier and earlier[writer][0] != now[writer][0] for writer in now)

    def _new_batch(self) -> Batch:
        state, remote = dataclasses.replace(self._state), self.remote
        history, output, events = (remote.history, remote.output, remote.events) if remote else (0, 0, 0)
        number = history + state.rows
        packed = self._options.gzip and remote is not None and remote.gzip
        return Batch(
            state,
            history=PackedBlock(HISTORY, number) if packed else LineBlock(number),
            output=LineBlock(output + state.lines),
            samples=LineBlock(events + state.samples),
            first_line=output,
        )

    def _is_known(self) -> bool:
        """Whether the server knows the run, or does now: it is made there with its first event."""
        # Offsets, steps and the form of text lines depend on what the server says of the run: before the first
        # event is folded it has to be asked. An empty journal asks nothing.
        if self.remote is None and self._reader is not None:
            before = self._reader.position
            chunk = self._reader.read(1, _PIECE[1])
            self._reader.seek(before)
            if chunk.bodies or chunk.damaged:
                self._open_run()
        return self.remote is not None

    def _deliver(self, batch: Batch, exit_code: int | None = None) -> None:
        *edits, body = batch.bodies(self._uploaded, exit_code)
        body.preempting = self.preempting
        if body.empty and not edits:
            return  # events that give no lines: a change of config, a part of an open row
        if self._options.durable and batch.events and self._reader is not None:
            self._reader.sync()  # a power cut must not leave the server with lines that the journal has lost
        refused = [line for each in (*edits, body) if not each.empty for line in self._into_stream.deliver(each)]
        if refused:
            self._say("refused", f"the server refuses {len(refused)} lines, kept in aside.jsonl: {refused[0][0]}")
            batch.aside += refused
            batch.state.set_aside += len(refused)
        self.sent += batch.events
        self._uploaded = []
        self.preempting = self.preempting and not body.preempting

    def _commit(self, batch: Batch, *, complete: bool = False) -> None:
        """Take a delivered batch as done: only here does the cursor move."""
        assert self._reader is not None
        for reason, what in batch.aside:
            self.run_dir.set_aside(reason, what)
            if what is not None and reason != DAMAGED:  # None: the program that logged it has said so
                self._say("set aside", f"set aside, kept in aside.jsonl: {reason}")
        damaged = sum(reason == DAMAGED for reason, _ in batch.aside)
        if damaged:
            self._say("damaged", f"{self.run_dir.path}: {damaged} damaged journal lines set aside in aside.jsonl")
        self._keep_output(batch)
        self._state = batch.state
        self._position = self._reader.position
        self._tasks += batch.tasks
        self._complete = complete
        self._save()
        self._progress()

    def _save(self) -> None:
        self._saved = self.link.now()
        cursor = {
            "position": self._position,
            "state": vars(self._state),
            "tasks": self._tasks,
            "uploaded": self._uploaded,
            "file_count": self._file_count,
            "uploads": self._uploads,
            "output_size": self._output_size,
            "complete": self._complete,
        }
        try:
            self.run_dir.save_cursor(cursor)
        except OSError as exc:  # a full disk: the same lines may go again, which is harmless
            self._say("cursor", f"{self.run_dir.path}: cannot save the cursor ({exc.strerror}); nothing is lost")
            return
        while self._through:
            self.run_dir.let_go(self._through.pop())

    # --- the run itself ---

    def _open_run(self) -> None:
        """Make the run on the server, or tell it that we go on with it."""
        if self._open:
            return
        if self.remote is None:
            self._create()
        else:
            self._reopen(self.remote)
        self._pushed_config = self._config_json()
        self._pushed_run = self._run_now
        self._open = True
        self._captured.clear()

    def _reopen(self, remote: Remote) -> None:
        variables = protocol.upsert_variables(
            self._identity, config=self._config_json(), storage_id=remote.storage_id, changed=self._run_now
        )
        there = protocol.line_count(upsert_run(self.link, variables))
        most = remote.history + self._state.rows + self.run_dir.lines_after(self._position) + 1
        if there > most:
            raise JournalError(
                f"the server has {there} rows of run {remote.name}, where this directory can make {most} at most: the "
                f"run went on elsewhere. To go on from there, start with resume: allow and another cache_dir; "
                f"`wandb-logging sync --as-new` with this directory sends it as a new run"
            )

    def _config_json(self) -> str:
        return protocol.config_json(self._state.config, self._writer_id, self._state.metrics, self._environment)

    @property
    def _into_stream(self) -> Stream:
        if self._stream is None:
            assert self.remote is not None
            self._stream = Stream(self.link, self.remote, gzip=self._options.gzip)
        return self._stream

    @property
    def _writer_id(self) -> str:
        return str(self._info.get("writer_id", self._info["id"]))

    @property
    def _run_now(self) -> dict[str, Any]:
        """What the program has changed of name, notes, tags, group and job type, unless a person said otherwise."""
        return {key: self._info[INSTEAD].get(key, value) for key, value in self._state.run.items()}

    @property
    def _identity(self) -> dict[str, Any]:
        """The run's identity as it is now, under the names the server gave back."""
        identity = {**self._info, **self._run_now}
        if self.remote is not None:
            identity.update(id=self.remote.name, entity=self.remote.entity, project=self.remote.project)
        return identity

    def _create(self) -> None:
        remote = create_run(self.link, self._info, self._writer_id, self._environment)
        # On the disk before the first line is sent: from now on these offsets are what our lines are counted from.
        # Asked again, the server would count our own lines as somebody's before us.
        server = {**dataclasses.asdict(remote), INSTEAD: self._info[INSTEAD]}
        self.run_dir.forget_cursor()  # if another server had the run before, it is that one's
        self.run_dir.save_server(server)
        self.target = AS_IT_WAS
        self._info, self.remote = {**self._info, "server": server}, remote
        self._take_over({})
        if self._reader is not None:
            self._reader.seek(None)

    def _rename(self) -> None:
        """Give the run that is there the name that a person wants now."""
        if self.remote is None or self.target.name is None:
            return
        rename(self.link, self.remote, self.target.name)
        self.remote = dataclasses.replace(self.remote, display_name=self.target.name)
        self.target = AS_IT_WAS
        self.run_dir.save_server({**dataclasses.asdict(self.remote), INSTEAD: self._info[INSTEAD]})

    def _push_changes(self) -> None:
        """Send what changed of config, name, notes, tags, group and job type since it was last sent."""
        if self.remote is None or not self._open:
            return
        config = self._config_json()
        run = self._run_now
        changed = {key: value for key, value in run.items() if self._pushed_run.get(key) != value}
        if config == self._pushed_config and not changed:
            return
        variables = protocol.upsert_variables(
            self._identity,
            config=config if config != self._pushed_config else None,
            storage_id=self.remote.storage_id if changed else None,
            changed=run if changed else None,
            first=False,
        )
        try:
            upsert_run(self.link, variables)
        except protocol.NoAnswerError:
            raise  # tried again: nobody has refused it
        except (RequestRejected, GraphQLError) as exc:
            # Neither the rows nor the end of the run have to wait for a name that the server does not like.
            self._say("update", f"the server does not take the run's new config or name: {exc}")
        self._pushed_config, self._pushed_run = config, run

    def _end(self, ending: int | None) -> None:
        """Tell the server how the run ended, if it has and was not told."""
        if self._complete:
            return
        code = self._state.exit if self._state.exit is not None else ending
        if code is None:
            if self._uploaded:
                self._deliver(self._new_batch())
                self._save()
            return
        if self._state.exit is None or self._state.open is not None:
            self._journal_end(code)
            self._send_events()
        self._before_end()
        self._open_run()
        self._finish_files()
        # Whatever comes later has to open the run again; also when the answer to this is lost.
        self._open = False
        batch = self._new_batch()
        batch.summary = True
        self._deliver(batch, exit_code=code)
        self._commit(batch, complete=True)

    def _journal_end(self, code: int) -> None:
        """Say in the journal that the run ended, at its last event, where its process did not.

        The open row goes with the end: if only the cursor knew of that, a reader that lost it would put later events
        into that row.
        """
        state = self._state
        base = self.remote.runtime if self.remote is not None else 0.0
        time = float(self._info["start"]) + state.paused + max(0.0, state.runtime - base)
        writer = self.run_dir.writer(least_number=_ENDING_WRITER)
        writer.append(dumps({"exit": code, "t": time}))
        writer.close()
        if writer.counts.dropped:
            raise JournalError(f"{self.run_dir.path}: {', '.join(writer.counts.dropped)}")

    # --- work beside the streams ---

    @property
    def _standard(self) -> list[str]:
        """The standard files that are wanted. In a run.json of a version that made none they are not mentioned."""
        return list(self._info.get("standard_files", ()))

    def _keep_output(self, batch: Batch) -> None:
        """Add a batch's lines to output.log as a file. Before the cursor is saved: its size is in there."""
        if not (batch.lines or batch.edits) or standard_files.OUTPUT not in self._standard:
            return
        end = batch.first_line + self._state.lines
        lines = [batch.edits.get(number, line) for number, line in enumerate(batch.lines, end)]
        edits = {end - number: line for number, line in batch.edits.items() if number < end}
        try:
            self._output_size = standard_files.keep_output(self.run_dir, self._output_size, lines, edits)
        except OSError as exc:
            self._say("output", f"{self.run_dir.path}: cannot keep {standard_files.OUTPUT} ({exc.strerror})")

    def _finish_files(self) -> None:
        """Make and upload the standard files of the end."""
        state, _ = fold.finish(self._rules(), self._state)
        try:
            summary = fold.summary_line(state)
            tasks = standard_files.final_tasks(self.run_dir, self._standard, self._config_json(), summary)
        except OSError as exc:
            self._say("standard files", f"{self.run_dir.path}: cannot make the files of the end ({exc})")
        else:
            self._add_tasks(tasks)
        self._perform_tasks()

    def _add_captured(self) -> None:
        """Have the standard files uploaded that were captured since the run was opened, each once."""
        tasks = standard_files.captured_tasks(self.run_dir, self._standard)
        self._add_tasks([task for task in tasks if task["name"] not in self._captured])
        self._captured.update(task["name"] for task in tasks)

    def _add_tasks(self, tasks: list[dict[str, str]]) -> None:
        self._tasks += [task for task in tasks if task not in self._tasks]

    def _perform_tasks(self) -> None:
        """Do what waits; what fails for now stays for the next drain, what is hopeless is set aside."""
        if self._open:
            self._add_captured()
        if not self._tasks:
            return
        self._open_run()
        assert self.remote is not None
        files = RunFiles(self.remote, self._uploads)
        waiting = list(self._tasks)
        try:
            for start in range(0, len(waiting), _TASKS):
                some = waiting[start : start + _TASKS]
                names = [str(task.get("name")) for task in some if self._is_file(task)]
                self._lane.do(partial(files.expect, names=names))
                for task in some:
                    self._perform(task, files)
        finally:
            self._save()

    def _is_file(self, task: dict[str, Any]) -> bool:
        """Whether a task uploads a file of the run, and is to do so."""
        return task.get("kind") in FILES and not ignored(str(task.get("name")), self._info.get("ignore_globs", ()))

    def _try(self, task: dict[str, Any], files: RunFiles) -> list[str]:
        assert self.remote is not None
        work = partial(perform, task, remote=self.remote, run_dir=self.run_dir, files=files)
        for _ in range(_TASK_TRIES - 1):
            try:
                return self._lane.do(work)
            except protocol.NoAnswerError:  # nobody has refused it: something on the way, perhaps only for a moment
                self.link.pace.sleep(_TASK_PAUSE)
        return self._lane.do(work)

    def _perform(self, task: dict[str, Any], files: RunFiles) -> None:
        try:
            wanted = task.get("kind") not in FILES or self._is_file(task)
            uploaded = self._try(task, files) if wanted else []
        except (RequestRejected, RunNotFound, GraphQLError, OSError) as exc:
            self.run_dir.set_aside(str(exc), task)
            self._state.set_aside += task.get("kind") != "standard"  # those are ours, not the program's
            self._say(f"task {task.get('kind')}", f"{describe(task)} cannot be done: {exc}")
        else:
            self._uploaded += uploaded
            self._file_count += 0 if task.get("kind") == "standard" else len(uploaded)
        self._tasks.remove(task)
        self._through.append(str(task.get("path")))
        # A file may go twice without harm: of many small ones not each is worth a cursor.
        if task.get("kind") not in FILES or self.link.now() - self._saved >= _SAVE_APART:
            self._save()
