"""Makes run directories of folders of TensorBoard event files, for the commands that accept such folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wandb_logging._cli.output import complain, say, words_of
from wandb_logging._errors import JournalError
from wandb_logging._formats.event_paths import run_folders
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._settings.settings import Settings
from wandb_logging._wording import counted

_MOST_NAMED = 5  # values of one folder that are named if they could not be taken


def made_of_events(paths: Sequence[Path], into: Path | None = None) -> tuple[list[Path], bool]:
    """Replace each folder of event files among some paths by the runs that were made of it.

    Args:
        paths: what was typed.
        into: folder of run directories. Default: the setting cache_dir.

    Returns:
        The paths, and whether the runs hold all that the event files hold.

    Raises:
        SettingsError: a setting in the environment is wrong.
    """
    found: list[Path] = []
    whole = True
    for path in paths:
        folders = [] if find_runs(path) else run_folders(path)
        found += [] if folders else [path]
        for folder in folders:
            made, all_taken = _made(path, folder, into)
            found += made
            whole = whole and all_taken
    return list(dict.fromkeys(found)), whole


def _made(root: Path, folder: Path, into: Path | None) -> tuple[list[Path], bool]:
    from wandb_logging._run.event_folders import take  # noqa: PLC0415  most commands need none

    settings = Settings()
    name = folder.relative_to(root).as_posix() if folder != root else folder.resolve().name
    try:
        taken = take(folder, name, settings.but(cache_dir=(into or settings.cache_dir).absolute()))
    except (JournalError, OSError) as exc:
        complain(f"{folder}: {words_of(exc)}")
        return [], False
    if taken.path is not None:
        say(f"{folder}: {counted(taken.rows, 'new row')} for {taken.path}")
    elif not taken.left_out:
        say(f"{folder}: nothing in it yet")
    for name, why in list(taken.left_out.items())[:_MOST_NAMED]:
        complain(f"{folder}: left out {name}: {why}")
    if len(taken.left_out) > _MOST_NAMED:
        complain(f"{folder}: left out {len(taken.left_out) - _MOST_NAMED} more")
    return [] if taken.path is None else [taken.path], not taken.left_out
