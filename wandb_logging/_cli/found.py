"""Runs on disk, as a person names them: by path, or by what `ls` shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wandb_logging._cli.output import PROG, complain, words_of
from wandb_logging._errors import JournalError
from wandb_logging._journal.rundir import RunDir, find_runs


def runs_in(paths: Iterable[Path]) -> tuple[list[RunDir], bool]:
    """The runs at or below some paths, each once, and whether all folders could be read. Says which could not."""
    problems: list[OSError] = []
    found = {run.path: run for path in paths for run in find_runs(path, problems.append)}
    real = [problem for problem in problems if not isinstance(problem, FileNotFoundError)]
    for problem in real:
        complain(words_of(problem))
    return list(found.values()), not real


def run_named(wanted: str, cache_dir: Path) -> Path:
    """The directory of a run that is given by its path, by its id, or by project and id.

    Raises:
        JournalError: there is none, or more than one.
    """
    if (Path(wanted) / "run.json").is_file():
        return Path(wanted)
    paths = [run.path for run in runs_in([cache_dir])[0]]
    exact = [path for path in paths if wanted in {path.name, f"{path.parent.name}/{path.name}"}]
    found = exact or [path for path in paths if wanted == path.name.partition(".")[0]]
    if not found:
        raise JournalError(f"{wanted}: there is no run, and none in {cache_dir} has this id: see `{PROG} ls`")
    if len(found) > 1:
        raise JournalError(f"{wanted} is the id of several runs: give one of {', '.join(map(str, found))}")
    return found[0]
