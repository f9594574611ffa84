"""Begins a run: makes or finds its directory, and opens its journal."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property, partial
from multiprocessing.process import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError
from wandb_logging._events.event import Event
from wandb_logging._events.file_names import OUTPUT
from wandb_logging._events.run_info import RunInfo, problem
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.cache_folder import claim_run, find_run, opening
from wandb_logging._journal.late import LateRunDir
from wandb_logging._journal.lease import length
from wandb_logging._journal.members import Members, Standing
from wandb_logging._journal.memory import MemoryRunDir
from wandb_logging._journal.quota import BoundedWriter
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.writer import Writer
from wandb_logging._keys.keys import find_key, find_keys
from wandb_logging._launch.here import started_in
from wandb_logging._process.command_line import program_name
from wandb_logging._process.notices import Notice, Notices
from wandb_logging._reading.outline import config_of
from wandb_logging._records.encoding import now
from wandb_logging._run import messages
from wandb_logging._run.prepare import is_any_begun, prepare
from wandb_logging._run.stats import OwnStats
from wandb_logging._sending.options import options_of
from wandb_logging._settings.kinds import moment
from wandb_logging._settings.settings import SETTINGS, Settings
from wandb_logging._settings.variables import is_within
from wandb_logging._values.ids import new_id
from wandb_logging._values.plain import dumps, plain
from wandb_logging._values.secrets import Secrets

if TYPE_CHECKING:
    from wandb_logging._process.sampling import Sampler


@dataclass(frozen=True)
class Journal:
    """The journal of a run: its directory on disk, or memory in place of one, and the writer of this process.

    Attributes:
        info: identity of the run.
        run_dir, writer: the directory, and this process's writer in it.
        continued: whether the directory existed before, so that this process goes on with the run.
        joined: whether another member of the run was writing there when this process came.
        helps: whether this process is a helper, so that another one ends the run.
        notice: why there is no directory; None if there is one, or none is wanted.
    """

    info: RunInfo
    run_dir: RunDir
    writer: Writer
    continued: bool = False
    joined: bool = False
    helps: bool = False
    notice: Notice | None = None

    @property
    def comes_later(self) -> bool:
        """Whether other members were there before: those that go on, or that ended while ranks of the launch come."""
        return self.joined or 0 < self.writer.since < self.writer.number

    @property
    def are_rows_on_disk(self) -> bool:
        """Whether the disk has all rows. False if the run is in memory, or lines were refused or lost."""
        is_short = self.writer.closed and self.writer.counts.lost
        return self.run_dir.on_disk and not self.writer.waiting and not is_short

    @cached_property
    def copies(self) -> BoundedCopies:
        """Makes the copies of the run's files; the writer makes room for them."""
        return BoundedCopies(self.run_dir, self.writer)

    def note_end(self) -> None:
        """Tell other hosts that this process ends now. May be called in a signal handler."""
        self.writer.note_end()
        self.run_dir.note_end()

    def earlier_config(self) -> dict[str, Any]:
        """The config of a run that goes on, as it was before. Reads the journal, which may be long."""
        if not self.continued:
            return {}
        try:
            return config_of(self.run_dir)
        except (JournalError, OSError):  # the directory is not reachable
            return {}

    def others(self) -> Members | None:
        """The other members of the run; None if there can be none."""
        return Members(self.run_dir.path, self.writer.number) if self.run_dir.on_disk else None


@dataclass(frozen=True)
class Membership:
    """How a process takes part in its run.

    Attributes:
        helps: whether another process ends the run, so that the end of this one does not.
        carries: id of the worker elsewhere whose lines are written; "" if they are this process's own.
        label: stands behind the names of this process's metrics, as in `loss/l:3`; "" leaves the names as they are.
            None: the processes of the run share one sequence of steps, and no event is labelled.
        directory: the run's directory, if another process of the launch has made it; None: this process makes it.
        is_client: whether this process sends its own part of the run, in W&B's shared mode.
        ranks: the member `ranks` of run.json: which rank of which launch this is; None for a process that is alone.
        rank: the same, as the lock file of a process that writes one run with other ranks has it (`_journal.members`).
    """

    helps: bool = False
    carries: str = ""
    label: str | None = None
    directory: Path | None = None
    is_client: bool = False
    ranks: dict[str, Any] | None = None
    rank: str = ""

    @property
    def mark(self) -> bytes:
        """The bytes that each event of this process has for its label."""
        return b"" if self.label is None else b',"label":' + dumps(self.label)

    def found(self) -> RunDir | None:
        """The run's directory, if another process has made it."""
        return None if self.directory is None else RunDir(self.directory)


ALONE = Membership()


def is_homeless(folder: Path) -> bool:
    """Whether a folder is given with `~` although the user has no home folder."""
    return str(folder).startswith("~")


def chosen_mode(settings: Settings) -> str:
    """The mode of a run: online, offline or disabled. The setting `auto` means online if a key is found."""
    if settings.mode != "auto":
        return "online" if settings.mode == "shared" else settings.mode
    return "online" if find_key(settings.host, settings.api_key) else "offline"


def prepare_for(settings: Settings) -> str:
    """Import what the rounds of a run need. Returns the run's mode."""
    mode = chosen_mode(settings)
    if mode != "disabled":
        mining = settings.text_metrics is not None
        prepare(sending=mode == "online", measuring=settings.system_metrics, mining=mining)
    return mode


def prepare_early(settings: Settings) -> None:
    """Do what `prepare_for` does when a handler is made. If something is wrong, the first record will report it."""
    with contextlib.suppress(Exception):
        if not is_any_begun():
            prepare_for(settings)


def anchored(settings: Settings) -> Settings:
    """Make cache_dir and git_root absolute: the program, or an engine such as Ray, may change the working directory."""
    cache_dir, git_root = settings.cache_dir, settings.git_root
    if (cache_dir.is_absolute() and git_root is not None and git_root.is_absolute()) or is_homeless(cache_dir):
        return settings
    try:
        return settings.within(started_in())
    except OSError:  # the working directory was removed
        return settings


def unused_settings(settings: Settings) -> list[Notice]:
    """What to say of settings that have no effect without another one."""
    is_given = settings.system_interval != SETTINGS["system_interval"].default
    return [messages.nothing_measured()] if is_given and not (settings.system_metrics or settings.log_stats) else []


def samplers_of(settings: Settings, own: Callable[[], OwnStats], program: int | None) -> list[Sampler]:
    """The samplers that the settings ask for: of the machine, and of the run itself.

    A process that was started inside the run is measured by the process that began it.

    Args:
        settings: the settings.
        own: makes the source of what the run itself is doing.
        program: number of the process that is measured with all that it has started; None: this process alone.
    """
    measured = settings.system_metrics and not is_within(settings.run_id)
    if not (measured or settings.log_stats):
        return []
    from wandb_logging._process.sampling import Sampler, System  # noqa: PLC0415  most runs measure nothing

    wanted = ((measured, partial(System, program=program)), (settings.log_stats, own))
    return [Sampler(settings.system_interval, begin) for wants, begin in wanted if wants]


def secrets_of(settings: Settings, mode: str, notices: Notices) -> Secrets:
    """The object that masks secrets for a run. It knows the API keys that the run could be sent with."""

    def report(name: str) -> None:
        notices.add(*messages.masked(name))

    secrets = Secrets(report, enabled=settings.mask_secrets, names=settings.secret_names)
    for key in () if mode == "disabled" else find_keys(settings.host, settings.api_key):
        secrets.know(key.key)
    return secrets


def open_journal(  # noqa: PLR0917  what a run begins with
    settings: Settings,
    mode: str,
    config: dict[str, Any],
    masks: Secrets,
    hurry: Callable[[], bool],
    undo: ExitStack,
    membership: Membership = ALONE,
) -> Journal:
    """Make the directory of a run, or find the one that it goes on in; if there can be none, keep the run in memory.

    Args:
        settings: settings of the run.
        mode: as `chosen_mode` gives it.
        config: the part of the settings' config that can be sent.
        masks: masks secrets.
        hurry: asks for acknowledgements if room is scarce, and returns whether this thread may wait for them.
        undo: gets callbacks that take back what was made, if there is an exception before the run has begun.
        membership: how this process takes part in the run.
    """
    config = masks.tree(config, "config")
    about = _as_client(identity(settings, mode, config, membership.ranks), membership)
    described = masks.identity(plain(about.to_json()))
    if wrong := problem(described):  # an exception in between, such as that of a full stack, has left something out
        raise RuntimeError(f"run.json {wrong}")
    info = RunInfo.from_json(described)
    if mode == "disabled":
        return _in_memory(settings, info, None)
    here = None
    try:
        cache_dir = _folder(settings)
        goes_on = settings.resume in {"allow", "must"} or membership.directory is not None
        looks = goes_on or _may_meet_itself(settings, membership)
        with opening(cache_dir, info) if looks else contextlib.nullcontext():
            here = membership.found() or (find_run(cache_dir, info) if looks else None)
            if here is not None and not goes_on and not here.members():
                here = None
            if here is None:
                return _new(claim_run(cache_dir, info), settings, info, hurry, undo, membership)
            here.lease = lease_of(settings)
            membership = _as_worker(here, membership)
            joined = bool(here.members())
            writer = new_writer(here, settings, here.info, hurry, membership)
            undo.callback(writer.close)
    except OSError as exc:
        notice = messages.without_directory(settings.cache_dir, exc, online=mode == "online")
        if membership.directory is not None or (here is not None and here.members()):
            return _in_memory(settings, info, notice)  # a directory of its own would be sent in place of theirs
        return _late(settings, info, hurry, undo, membership, notice)
    here.remember()
    prepare(mining=any(rules for _, rules in here.info.text_rules))
    if not joined:
        keep_send_options(here, info)
    # The run goes on, so settings that are given now are changes to it.
    keys = ("name", "notes", "tags", "group", "job_type")
    event = Event(now(), resume=not (joined or membership.helps))  # who helps does not end the run again
    if not membership.label:  # a process with a label does not change the name and config of the run
        changes = {key: getattr(info, key) for key in keys if getattr(info, key)}
        event = replace(event, config=info.config, run=changes)
    if event != Event(event.t):
        writer.append(dumps(event.to_json()))
    return Journal(here.info, here, writer, continued=True, joined=joined, helps=membership.helps)


def _as_worker(run_dir: RunDir, membership: Membership) -> Membership:
    """How this process takes part in a run: it helps if the process writes it for which `multiprocessing` started this.

    A pool ends its workers by SIGTERM, and that is not how the run ends.
    """
    parent = parent_process()
    pid = None if parent is None else parent.pid
    is_worker = pid is not None and Members(run_dir.path).is_written_by(pid)
    return replace(membership, helps=True) if is_worker else membership


def _may_meet_itself(settings: Settings, membership: Membership) -> bool:
    """Whether a process that asks for no resume still goes on with a run of its id, if somebody is writing that now.

    Two directories that are sent to one run would overwrite each other's rows there.
    """
    ways = (settings.resume, settings.resume_from, settings.fork_from)
    return settings.run_id is not None and ways == (None,) * 3 and membership.ranks is None and not membership.is_client


def _as_client(info: RunInfo, membership: Membership) -> RunInfo:
    """The run.json of a process that sends its own part. Only the primary one sends what describes the whole run."""
    if not membership.is_client:
        return info
    if not membership.label:
        return info.but(client_label="")
    own_files = [name for name in info.standard_files if name == OUTPUT]
    return info.but(client_label=membership.label, standard_files=own_files)


def _folder(settings: Settings) -> Path:
    if is_homeless(settings.cache_dir):
        raise OSError(errno.ENOENT, "there is no home: HOME is not set, and the user is unknown")
    return settings.cache_dir.absolute()


def keep_send_options(run_dir: RunDir, now_set: RunInfo) -> None:
    """Write the present send options into the run.json of a run that goes on, for later processes that send it, too.

    If no server has accepted the run yet, the present `resume` is written, too. Otherwise a person who has corrected
    a wrong `must` would be refused again.
    """
    kept = run_dir.info
    strict = kept.resume in {"must", "never"} and kept.server is None
    as_set = kept.but(send=now_set.send, resume=now_set.resume if strict else kept.resume)
    if as_set != kept:
        run_dir.save_info(as_set)


def lease_of(settings: Settings) -> float:
    """Seconds for which a renewal of this process's lease is valid (`_journal.lease`)."""
    return length(settings.heartbeat_interval, settings.request_timeout)


def new_writer(
    run_dir: RunDir,
    settings: Settings,
    info: RunInfo,
    hurry: Callable[[], bool],
    membership: Membership,
    *,
    late: bool = False,
) -> Writer:
    """Begin a journal in a run directory. The arguments are those of `open_journal`; `late` is as of `Writer`."""
    options: dict[str, Any] = {
        "standing": Standing(membership.helps, membership.carries, membership.rank, run_dir.lease),
        "mark": membership.mark,
        "segment_bytes": settings.segment_bytes,
        "memory_bytes": settings.memory_bytes,
        "durable": settings.fsync == "always",
        "late": late,
    }
    if settings.max_cache_bytes is None:
        return run_dir.writer(**options)
    policy = settings.cache_policy
    if policy == "drop_oldest" and info.cache_policy != policy:
        policy = "drop_newest"  # the run began without drop_oldest, so a batch may have lines of two segments
    room: dict[str, Any] = {"most": settings.max_cache_bytes, "policy": policy, "hurry": hurry}
    return BoundedWriter(run_dir, patience=settings.cache_block_timeout, **room, **options)


def _new(  # noqa: PLR0917  as `open_journal`
    run_dir: RunDir,
    settings: Settings,
    info: RunInfo,
    hurry: Callable[[], bool],
    undo: ExitStack,
    membership: Membership,
) -> Journal:
    """Begin a run in the directory that was claimed for it.

    Raises:
        OSError: the disk refuses something; nothing is left there then.
    """
    made = undo.enter_context(ExitStack())
    made.callback(run_dir.discard)
    run_dir.lease = lease_of(settings)
    try:
        writer = new_writer(run_dir, settings, info, hurry, membership)
        made.callback(writer.close)
        run_dir.save_identity(info)  # only now that there is a writer, so that nobody takes the run for dead
    except OSError:
        made.close()
        raise
    return Journal(info, run_dir, writer, helps=membership.helps)


def _late(  # noqa: PLR0917  as `open_journal`
    settings: Settings,
    info: RunInfo,
    hurry: Callable[[], bool],
    undo: ExitStack,
    membership: Membership,
    notice: Notice,
) -> Journal:
    """A run that is in memory until its directory can be made."""
    try:
        run_dir = LateRunDir(_folder(settings), info)
    except OSError:  # the folder has no name
        return _in_memory(settings, info, notice)
    run_dir.lease = lease_of(settings)
    writer = new_writer(run_dir, settings, info, hurry, membership, late=True)
    undo.callback(writer.close)
    return Journal(info, run_dir, writer, helps=membership.helps, notice=notice)


def _in_memory(settings: Settings, info: RunInfo, notice: Notice | None) -> Journal:
    memory = MemoryRunDir(info, settings.memory_bytes)
    return Journal(info, memory, memory.writer(), notice=notice)


def identity(settings: Settings, mode: str, config: dict[str, Any], ranks: dict[str, Any] | None = None) -> RunInfo:
    """The identity of a run that begins now: its run.json."""
    back, branch = moment(settings.resume_from), moment(settings.fork_from)
    come_from = back or branch
    return RunInfo(
        id=settings.run_id or (back and back[0]) or new_id(),
        project=settings.project,
        entity=settings.entity,
        name=settings.name,
        notes=settings.notes,
        tags=list(settings.tags),
        group=settings.group,
        job_type=settings.job_type,
        config=config,
        resume=settings.resume,
        rewind=back is not None,
        branch_point={"run_id": come_from[0], "step": come_from[1]} if come_from else None,
        host=settings.host,
        app_url=settings.app_url,
        mode=mode,
        start=now(),
        writer_id=str(uuid.uuid4()),
        host_name=socket.gethostname(),
        program=getattr(sys.modules.get("__main__"), "__file__", None) or program_name(),
        late_steps=settings.late_steps,
        late_step_metric=settings.late_step_metric,
        text_metrics=None if settings.text_metrics is None else dict(settings.text_metrics),
        standard_files=list(settings.standard_files),
        ignore_globs=list(settings.ignore_globs),
        cache_policy=settings.cache_policy if settings.max_cache_bytes is not None else None,
        send=options_of(settings),
        define_metrics=[metric.event() for metric in settings.define_metrics],
        ranks=ranks,
    )
