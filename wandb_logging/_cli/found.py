"""Finds runs on disk as a person names them: by path, or by what `ls` shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from wandb_logging._cli.output import PROG, complain, words_of
from wandb_logging._errors import JournalError
from wandb_logging._journal.cache_folder import find_runs, has_lost_identity, is_run_dir
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.outline import outline

_MOST = 5  # candidates that an error names


def runs_in(paths: Iterable[Path], *, lost: bool = False) -> tuple[list[RunDir], bool]:
    """The runs at or below some paths, each once, and whether all folders could be read. Prints which could not.

    Args:
        paths: where to look.
        lost: whether a directory that has a journal but no run.json counts as what cannot be read.
    """
    problems: list[OSError] = []
    found = {run.path: run for path in paths for run in find_runs(path, problems.append, lost=lost)}
    real = [problem for problem in problems if not isinstance(problem, FileNotFoundError)]
    for problem in real:
        complain(words_of(problem))
    gone = [run for run in found.values() if not is_run_dir(str(run.path))] if lost else []
    left = [run for run in gone if not run.alive()]  # run.json comes last in a directory that a process just makes
    for run in left:
        complain(_without_identity(run.path))
    return [run for run in found.values() if run not in gone], not (real or left)


def paths_of(wanted: Sequence[str], cache_dir: Path) -> list[Path]:
    """Paths for arguments, each of which is a path or names a run in the cache folder; that folder if there are none.

    Raises:
        JournalError: an argument is neither.
    """
    return [Path(name) if Path(name).exists() else run_named(name, cache_dir) for name in wanted] or [cache_dir]


def run_named(wanted: str | None, cache_dir: Path) -> Path:
    """The directory of a run that is given by its path, id, `project/id` or name, or by the beginning of one of these.

    Args:
        wanted: what was typed; None for the newest run.
        cache_dir: folder to look for the run in.

    Raises:
        JournalError: no run fits, or more than one does.
    """
    if wanted is not None and (Path(wanted) / "run.json").is_file():
        return Path(wanted)
    paths = [run.path for run in runs_in([cache_dir])[0]]
    if wanted is None:
        if not paths:
            raise JournalError(f"no runs in {cache_dir}")
        return paths[-1]
    found = _matching(wanted, paths)
    if not found:
        if has_lost_identity(wanted):
            raise JournalError(_without_identity(Path(wanted)))
        raise JournalError(f"{wanted}: there is no run, and none in {cache_dir} has this id or name: see `{PROG} ls`")
    if len(found) > 1:
        more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
        raise JournalError(f"{wanted} fits several runs: give one of {', '.join(map(str, found[:_MOST]))}{more}")
    return found[0]


def _without_identity(path: Path) -> str:
    return f"{path} has a journal, but no run.json: `{PROG} repair` can make a new one"


def _matching(wanted: str, paths: Sequence[Path]) -> list[Path]:
    """The runs that a text names. Ids are tried before names, and the first way that finds a run counts."""
    folders = {path: (path.name, f"{path.parent.name}/{path.name}") for path in paths}
    found = [path for path in paths if wanted in folders[path]]
    found = found or [path for path in paths if wanted == path.name.partition(".")[0]]
    if found or not wanted:
        return found
    names = {path: _name_of(path) for path in paths}
    found = [path for path in paths if wanted == names[path]]
    found = found or [path for path in paths if any(text.startswith(wanted) for text in folders[path])]
    return found or [path for path in paths if names[path].startswith(wanted)]


def _name_of(path: Path) -> str:
    try:
        return outline(RunDir(path)).name or ""
    except (JournalError, OSError):
        return ""  # a command that opens this run will report the error
