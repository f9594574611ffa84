"""Finds out which rank of its launch a process is, which settings its run has therefore, and where rank 0's run is.

What the ranks have to know of each other is in small files, in the folder `.launches` of the cache folder: the run of
rank 0, and whether a person was told where the rows of the others are.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from logging import INFO
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.event import Event
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import safe_files
from wandb_logging._journal.cache_folder import find_run, folder_of
from wandb_logging._journal.folder_mutex import alone_in
from wandb_logging._journal.members import Standing, is_writing, lock_name
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.writer import Writer
from wandb_logging._launch.here import launch_here, parent, spans_hosts_here
from wandb_logging._launch.launch import Launch
from wandb_logging._launch.role import Role, digest, find_role
from wandb_logging._process.command_line import program_name
from wandb_logging._process.disks import is_of_this_host
from wandb_logging._process.notices import Notice
from wandb_logging._run import messages
from wandb_logging._run.start import Membership
from wandb_logging._settings.settings import Settings
from wandb_logging._values.ids import new_id
from wandb_logging._values.plain import dumps, loads

_FOLDER = ".launches"
_ZERO, _ALL = ".json", ".all.json"  # what the small files' names end in: of rank 0's run, of the one run of all ranks
_MOST_MEETING = 60.0  # most seconds that a rank waits while others of its launch begin
_MOST_WAITING = 1000  # most texts that are held until rank 0 has begun

NO_LAUNCH = Launch()


@dataclass(frozen=True)
class Placement:
    """The place of a process in its launch.

    Attributes:
        settings: the given settings, with the names and the mode that the run has in this process.
        role: the role that the process has for W&B.
        launch: the processes that were started together with this one.
    """

    settings: Settings
    role: Role
    launch: Launch

    @property
    def resume_key(self) -> str:
        """A key that this process and its restart share. It names the program, as a job may start several."""
        key = self.role.resume_key
        program = re.sub(r"[^\w.-]", "_", Path(program_name()).stem)
        return f"{key}-{program}" if key and program else key

    @property
    def is_client(self) -> bool:
        """Whether the process sends its part of a run by itself (transport: shared)."""
        return self.settings.transport == "shared"

    @property
    def for_run_json(self) -> dict[str, Any] | None:
        """The value of `Membership.ranks`."""
        launch = self.launch
        if not launch.has_ranks:
            return None
        if self.role.shares:
            return {"launch": launch.id, "of": launch.world_size, "held": False}
        return {"launch": launch.id, "rank": launch.rank, "of": launch.world_size, "held": not self.role.sends}


def find_placement(settings: Settings, launch: Launch | None = None) -> Placement:
    """The place of this process in its launch, and the settings that its run has there.

    Args:
        settings: the given settings, which are the same in all ranks.
        launch: the processes that were started together. Default: as the environment says.
    """
    launch = launch_here() if launch is None else launch
    shared = settings.mode == "shared"
    is_client = settings.transport == "shared" or (shared and _are_apart(settings))
    role = find_role(
        launch,
        settings.ranks,
        settings.name,
        settings.group,
        settings.run_id,
        settings.label,
        shared=shared or is_client,
    )
    if is_client:  # no other process writes into its directory
        role = replace(role, shares=False, label=role.label or "")
    changes = {name: getattr(role, name) for name in ("name", "group", "run_id")}
    changes["transport"] = "shared" if is_client else settings.transport
    if shared:
        changes["mode"] = "online"
    if role.shares and settings.resume in {None, "auto"}:
        changes["resume"] = None if launch.has_ranks else "allow"  # the ranks of a launch find each other without it
    if settings.resume_from is not None:  # one run is rewound, by one process
        changes.update({"resume_from": None} if launch.rank else {"run_id": settings.run_id})
    if launch.rank and (role.shares or is_client or not role.sends):
        changes["tensorboard"] = None  # one folder of all ranks, whose rows the run would have from each of them
    if not role.sends and settings.mode != "disabled":
        changes["mode"] = "offline"
    if not role.sends and settings.resume == "must":
        changes["resume"] = "allow"  # rank 0's run must exist; a run of this rank may exist
    changes = {name: value for name, value in changes.items() if value != getattr(settings, name)}
    return Placement(settings.but(**changes) if changes else settings, role, launch)


def _are_apart(settings: Settings) -> bool:
    """Whether the processes of a run in mode shared have no common disk, as far as that can be known."""
    if settings.transport is not None or settings.run_id is None or settings.ranks not in {None, "all"}:
        return False
    come_from = settings.resume_from or settings.fork_from
    return come_from is None and spans_hosts_here() and is_of_this_host(settings.cache_dir)


def introduce(placement: Placement, writer: Writer, path: Path) -> list[Notice]:
    """Make the run at `path` known to the other processes of the launch. Returns the notices for a person."""
    announce(placement, writer)
    publish_directory(placement, path)
    notice = first_notice(placement, path)
    return [] if notice is None else [notice]


def announce(placement: Placement, writer: Writer) -> None:
    """Make the run of rank 0, to which the writer belongs, known to the other ranks."""
    if placement.launch.has_ranks and placement.role.sends and not placement.role.shares and placement.launch.rank == 0:
        _publish(placement, _ZERO, {"run": writer.path.name, "writer": writer.number})


def first_notice(placement: Placement, path: Path | None) -> Notice | None:
    """The notice that this rank's rows stay on the disk; None if another rank on this host has given it."""
    if placement.role.sends or path is None:
        return None
    launch = placement.launch
    which = digest(f"{launch.id} {launch.restart} {parent()}")
    try:
        os.close(safe_files.create(_made(_folder(placement.settings)), f"{which}.said"))
    except FileExistsError:
        return None
    except OSError:
        pass  # rather give the notice twice than never
    return Notice("ranks", messages.held(launch.rank, launch.world_size, path.parent.parent), INFO)


def common_folder(settings: Settings) -> Path | None:
    """A folder that the processes of a scheduler's job share on all hosts; None without a scheduler."""
    return _folder(settings) if launch_here().job is not None else None


def _folder(settings: Settings) -> Path:
    return settings.cache_dir.absolute() / _FOLDER


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def taking_part(placement: Placement, membership: Membership) -> Iterator[Membership]:
    """How a process takes part in its run. In the `with` no other process of the launch begins the run or looks for it.

    So one process of the launch makes the run's directory, and the others find it.
    """
    role, settings = placement.role, placement.settings
    membership = replace(membership, ranks=placement.for_run_json)
    if placement.is_client:
        yield replace(membership, label=role.label, is_client=True)
        return
    if not role.shares or settings.mode == "disabled":
        yield membership
        return
    try:
        folder = _made(_folder(settings))
    except OSError:  # then the run is in memory, where nobody finds it
        yield replace(membership, label=role.label or "")
        return
    with alone_in(folder, _MOST_MEETING):
        found = _directory_of_launch(placement)
        label = role.label
        if label is None:
            label = f"{socket.gethostname()}-{new_id()}" if found is not None and found.members() else ""
        joins = found is not None and placement.launch.has_ranks
        directory = found.path if joins and found is not None else None
        yield replace(membership, label=label, directory=directory, rank=_rank_of(placement.launch))


def _rank_of(launch: Launch) -> str:
    """Which rank of which launch, counting each restart as another one, this process is; "" for a process alone."""
    return f"{digest(f'{launch.id} {launch.restart}')}-{launch.rank}" if launch.has_ranks else ""


def publish_directory(placement: Placement, path: Path) -> None:
    """Make the directory that this process has made known to the other processes of the launch."""
    if placement.role.shares and placement.launch.has_ranks:
        _publish(placement, _ALL, {"run": path.name, "host": socket.gethostname(), "parent": parent()})


def _publish(placement: Placement, kind: str, said: Mapping[str, Any]) -> None:
    """Write a small file for the other processes of the launch. Where that is impossible they find nothing."""
    with contextlib.suppress(OSError):
        name = digest(placement.launch.id or "") + kind
        safe_files.replace(_made(_folder(placement.settings)), name, dumps(said), durable=False)


def _published(placement: Placement, kind: str) -> dict[str, Any]:
    """What another process of the launch has written into such a file; {} if none has."""
    try:
        value = loads(safe_files.read(_folder(placement.settings), digest(placement.launch.id or "") + kind))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _directory_of_launch(placement: Placement) -> RunDir | None:
    """The directory that another process of this launch has published; None if none has."""
    settings, launch = placement.settings, placement.launch
    if not launch.has_ranks:
        about = RunInfo(str(settings.run_id), settings.project, host=settings.host)
        return find_run(settings.cache_dir.absolute(), about)
    said = _published(placement, _ALL)
    name = said.get("run")
    if not is_name(name):
        return None
    run_dir = RunDir(folder_of(settings.cache_dir.absolute(), settings.project) / str(name))
    if not (run_dir.path / "run.json").exists():
        return None
    # SLURM never reuses an id. Other launchers may, but not while a process of the earlier launch lives.
    same = launch.by == "slurm" or (said.get("parent") == parent() and said.get("host") == socket.gethostname())
    return run_dir if same or run_dir.members() else None


def forget_launches(cache_dir: Path, before: float) -> None:
    """Remove the small files of launches that were last changed before a time (seconds since 1970). Never raises."""
    folder = cache_dir.absolute() / _FOLDER
    with contextlib.suppress(OSError):
        for name in sorted(item.name for item in folder.iterdir()):
            found = safe_files.status(cache_dir.absolute(), f"{_FOLDER}/{name}")
            if found is not None and found.st_mtime < before:
                safe_files.remove(cache_dir.absolute(), f"{_FOLDER}/{name}")
        folder.rmdir()


class Herald:
    """Writes texts of a rank into the run of rank 0 as long as that run goes on. Each line is marked.

    Texts that come before rank 0 has begun are held until then. All of them are in the rank's own journal, too.
    """

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._mark = f"[{placement.role.mark}] "
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._writer: Writer | None = None
        self._theirs: tuple[Path, int] | None = None  # run directory and writer number of rank 0

    def tell(self, event: bytes) -> None:
        """Write the text of an event into the run of rank 0, now or later. Never raises."""
        told = mark_lines(Event.from_json(loads(event)), self._mark)
        if told is not None:
            self._waiting.append(dumps(told.to_json()))
            self.give()

    def give(self) -> None:
        """Write the texts that are held, if the run of rank 0 goes on."""
        with contextlib.suppress(OSError, IndexError):  # another thread took the text first
            while self._waiting and self._goes_on():
                assert self._writer is not None
                self._writer.append(self._waiting.popleft())

    def close(self) -> None:
        """Write the texts that are held, if that is possible, and close the writer."""
        self.give()
        if self._writer is not None:
            self._writer.close()

    def _goes_on(self) -> bool:
        if self._theirs is None or not is_writing(*self._theirs):
            self._find()
        return self._theirs is not None

    def _find(self) -> None:
        """Look for the run of rank 0. It may not have begun yet, or it may have begun again in another directory."""
        self._theirs = None
        settings, run = self._placement.settings, _published(self._placement, _ZERO)
        name, number = run.get("run"), run.get("writer")
        if not is_name(name) or not isinstance(number, int):
            return
        path = folder_of(settings.cache_dir.absolute(), settings.project) / str(name)
        if not (path / lock_name(number)).exists() or not is_writing(path, number):
            return
        if self._writer is None or self._writer.path != path:
            if self._writer is not None:
                self._writer.close()
            self._writer = RunDir(path).writer(Standing(helps=True, rank=_rank_of(self._placement.launch)))
        self._theirs = path, number


def mark_lines(event: Event, mark: str) -> Event | None:
    """An event with the text and alert of another, with a mark before each line; None if that one has no text."""
    if event.text is None:
        return None
    lines = "\n".join(mark + line for line in event.text.split("\n"))
    of_record = {name: getattr(event, name) for name in ("level", "logger", "source", "error", "alert")}
    return Event(event.t, text=lines, **of_record)


def is_name(value: object) -> bool:
    """Whether a value is a plain name of a file or folder, without a path."""
    return isinstance(value, str) and value[:1] not in {"", "."} and not {"/", "\\", "\0"} & set(value)
