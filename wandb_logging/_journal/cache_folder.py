"""The folder of run directories: makes the directory of a new run, finds those that are there, removes one.

They are at wandb_cache/<project>/<run id>/. Both names are changed where a file system could not have them, and a run
id that is taken gets a number behind it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from collections.abc import Callable, Container, Iterator
from itertools import takewhile
from pathlib import Path

from wandb_logging._errors import JournalError
from wandb_logging._events.run_info import FORMAT, RunInfo
from wandb_logging._journal.folder_mutex import alone_in
from wandb_logging._journal.names import folder_name, folder_names
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.segments import make_durably
from wandb_logging._journal.small_files import SENT

BEING_MADE = ".aside-"
"""How the name of a folder begins in which a run directory is being made: what is in there is no run yet."""


def folder_of(cache_dir: Path, project: str) -> Path:
    """The folder of a project, which holds its run directories."""
    return cache_dir / folder_name(project)


@contextlib.contextmanager
def opening(cache_dir: Path, info: RunInfo) -> Iterator[None]:
    """Inside the `with` no other process looks for or makes a run directory of this project.

    Of several processes that begin at once with one run id, one makes the directory and the others find it. They are
    not kept apart where no file can be made in the folder.

    Raises:
        OSError: the folder of the project cannot be made.
    """
    parent = folder_of(cache_dir, info.project)
    make_durably(parent)
    with alone_in(parent):
        yield


def create_run(cache_dir: Path, info: RunInfo) -> RunDir:
    """Make the directory of a new run; a run id that is taken gets a number behind it.

    Raises:
        OSError: the directory cannot be made.
    """
    run_dir = claim_run(cache_dir, info)
    run_dir.save_identity(info)
    return run_dir


def claim_run(cache_dir: Path, info: RunInfo) -> RunDir:
    """Make the directory of a new run, without its run.json: nobody takes it for a run before `save_identity`.

    Make a writer there before that: a run that has no writer is taken for one whose process is dead.

    Raises:
        OSError: the directory cannot be made.
    """
    parent = folder_of(cache_dir, info.project)
    make_durably(parent)
    for name in folder_names(info.id):
        try:
            (parent / name).mkdir()
        except FileExistsError:
            continue
        return RunDir(parent / name)
    raise AssertionError("unreachable: the names do not end")


def find_run(cache_dir: Path, info: RunInfo) -> RunDir | None:
    """The directory that exists for this project, run id and server; of several the latest. None if there is none."""
    found = None
    for run_dir in _of_id(folder_of(cache_dir, info.project), info.id):
        known = run_dir.said_in("run.json") or {}
        same = known.get("format") == FORMAT and info.is_same_run(known)
        if same and info.entity in {None, known.get("entity")}:
            # A run with `resume: never` that no server has taken did not go on with the directory before it.
            is_refused = known.get("resume") == "never" and run_dir.said_in("server.json") is None
            found = found if found and is_refused else run_dir
    return found


class SentBeside(JournalError):
    """Another directory of the same run is being sent now."""


def check_beside(run_dir: RunDir, info: RunInfo) -> None:
    """Make sure that no process sends another directory of the same run now: their rows would go to the same places.

    Such directories are there when a run begins again with its id, and does not go on.

    Args:
        run_dir: a directory, whose right to be sent this process has.
        info: its run.

    Raises:
        SentBeside: a process does.
    """
    if info.resume == "never":
        return  # the server refuses the second one
    for name in _numbered(run_dir.path.parent, info.id):
        other = RunDir(run_dir.path.parent / name)
        known = other.said_in("run.json") or {}
        if name == run_dir.path.name or not info.is_same_run(known) or info.entity not in {None, known.get("entity")}:
            continue
        if (sender := other.sender()) is not None:
            raise SentBeside(
                f"{sender} sends {other.path}, which is of the same run {info.id}. {run_dir.path} comes after that, or "
                f"becomes a new run by `wandb-logging sync --as-new {shlex.quote(str(run_dir.path))}`"
            )


def _numbered(folder: Path, run_id: str) -> list[str]:
    """The names in a folder that are a run's id with or without a number behind it."""
    return list(takewhile(lambda name: (folder / name).is_dir(), folder_names(run_id)))


def _of_id(folder: Path, run_id: str) -> list[RunDir]:
    """The directories whose names are of a run's id, in the order in which their runs began."""
    numbered = _numbered(folder, run_id)
    prefix = f"{folder_name(run_id)}."  # of one that was made late, too (`late`)
    late = [name for name in _names_in(folder) if name.startswith(prefix) and name not in numbered]
    found = [RunDir(folder / name) for name in (*numbered, *late)]
    # Those with numbers began in their order; one that was made late began at any time.
    return sorted(found, key=_began) if late else found


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  a Path for each
    except OSError:
        return []


def remove_run(run_dir: RunDir) -> None:
    """Remove a run directory that nobody writes to or sends.

    Raises:
        JournalError: it is in use, or a link; nothing is removed then.
        OSError: a file in it cannot be removed.
    """
    import shutil  # noqa: PLC0415  a program that logs removes no run

    if run_dir.path.is_symlink():
        raise JournalError(f"{run_dir.path} is a link: remove the run where it is")
    with run_dir.uploading():
        if not run_dir.dead():
            raise JournalError(f"{run_dir.path} is being written by a living process, or nobody can tell")
        # run.json first: what an interruption leaves is then not taken for a run and sent.
        (run_dir.path / "run.json").unlink()
    shutil.rmtree(run_dir.path)


def find_runs(path: Path, on_problem: Callable[[OSError], object] | None = None, *, lost: bool = False) -> list[RunDir]:
    """All run directories at or below `path`, oldest first. What is inside of one is not looked at.

    Args:
        path: where to look.
        on_problem: told of each folder that cannot be read, which is left out.
        lost: as in `walk_folders`.
    """
    return sorted(walk_runs(path, on_problem, lost=lost), key=lambda run_dir: (_began(run_dir), run_dir.path))


def is_run_dir(folder: str) -> bool:
    """Whether a folder is a run directory: whether it has a run.json.

    Raises:
        OSError: the folder cannot be read.
    """
    try:
        return not stat.S_ISDIR(os.lstat(f"{folder}{os.sep}run.json").st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:  # its files cannot be reached, but perhaps their names can
        return "run.json" in os.listdir(folder)  # noqa: PTH208


def is_being_made(run_dir: RunDir) -> bool:
    """Whether a process just makes a run directory: run.json comes last. One that has lost it is none of these.

    Raises:
        OSError: the directory cannot be read.
    """
    return not is_run_dir(str(run_dir.path)) and run_dir.alive()


def has_lost_identity(folder: str) -> bool:
    """Whether a folder holds a journal and no run.json: copied by half, or damaged."""
    try:
        return not is_run_dir(folder) and _inside(folder)[1]
    except OSError:
        return False


def walk_runs(
    path: Path, on_problem: Callable[[OSError], object] | None = None, *, lost: bool = False
) -> Iterator[RunDir]:
    """The run directories at or below `path`, as `walk_folders` finds them."""
    return (RunDir(Path(folder)) for folder in walk_folders(path, on_problem, lost=lost))


def walk_folders(
    path: Path,
    on_problem: Callable[[OSError], object] | None = None,
    *,
    lost: bool = False,
    known: Container[str] = (),
) -> Iterator[str]:
    """The run directories at or below `path`, by their paths; without those that are still being made.

    Links are not followed, and what is inside of a run directory is not looked at: of a thousand runs, not even the
    names of their files are read.

    Args:
        path: where to look.
        on_problem: told of each folder that cannot be read, which is left out.
        lost: whether a directory that has a journal but no run.json counts as one: copied by half, or damaged.
        known: paths of run directories that were found before. Those that are still there are not looked into.
    """
    top = str(path)
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            found = (folder in known and folder != top) or is_run_dir(folder)  # nobody has listed `top`
            below, journal = ([], False) if found else _inside(folder)
        except OSError as exc:
            if on_problem is not None:
                on_problem(exc)
            continue
        if found or (lost and journal):
            yield folder
        else:
            folders += below


def _inside(folder: str) -> tuple[list[str], bool]:
    """The folders in a folder, the last one first, and whether there are files of a journal that was not withdrawn."""
    below = []
    journal = withdrawn = False
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(BEING_MADE):
                    below.append(entry.path)
            else:
                journal = journal or entry.name.startswith("journal-")
                withdrawn = withdrawn or entry.name == SENT
    return sorted(below, reverse=True), journal and not withdrawn


def _began(run_dir: RunDir) -> float:
    start = (run_dir.said_in("run.json") or {}).get("start")
    return float(start) if isinstance(start, (int, float)) and abs(start) < 1e12 else 0.0
