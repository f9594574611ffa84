"""`wandb-logging status`: says what would happen to a run that began now."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from wandb_logging._cli.found import runs_in
from wandb_logging._cli.output import DONE, LEFT, PROG, complain, say_all, words_of
from wandb_logging._cli.text import labelled
from wandb_logging._keys import keys
from wandb_logging._keys.keys import KEY_VARIABLE, Key
from wandb_logging._settings.settings import DEFAULT_HOST, Settings
from wandb_logging._version import __version__
from wandb_logging._wording import counted

EXAMPLES = ("status",)


def run(_args: argparse.Namespace) -> int:
    """Say what would happen to a run that began now, and how many lines are unsent."""
    settings = Settings()
    problems: list[str] = []
    key = keys.find_key(settings.host, settings.api_key, on_problem=problems.append)
    waiting, all_read = _waiting(settings.cache_dir)
    say_all(labelled(pairs_of(settings, key, problems, waiting)))
    return DONE if all_read else LEFT


def _waiting(cache_dir: Path) -> tuple[list[int], bool]:
    """Number of unsent lines of each run, and whether all runs could be read."""
    runs, all_read = runs_in([cache_dir])
    waiting: list[int] = []
    for run_dir in runs:
        try:
            waiting.append(run_dir.lines_after(run_dir.cursor.position))
        except OSError as exc:
            complain(words_of(exc))
            all_read = False
    return waiting, all_read


def pairs_of(
    settings: Settings, key: Key | None, problems: Sequence[str], waiting: Sequence[int]
) -> list[tuple[str, str]]:
    """What `status` shows, as pairs of name and value.

    Args:
        problems: what went wrong when the netrc file was read.
        waiting: number of unsent lines of each run on disk.
    """
    late = [lines for lines in waiting if lines]
    runs = counted(len(waiting), "run")
    if late:
        runs += f", {len(late)} with {counted(sum(late), 'line')} to send: `{PROG} sync`"
    return [
        ("version", __version__),
        ("host", settings.host + (" (WANDB_BASE_URL)" if settings.host != DEFAULT_HOST else "")),
        ("key", key_words(key, problems)),
        ("mode", mode_words(settings.mode, key)),
        ("cache", str(settings.cache_dir.absolute())),
        ("runs", runs if waiting else "none"),
    ]


def key_words(key: Key | None, problems: Sequence[str]) -> str:
    """Where the key was found, with at most the last four characters of the key."""
    if key is None:
        return "; ".join([*problems, f"none found: `{PROG} login` saves one, or set {KEY_VARIABLE}"])
    if key.problem:
        return f"{key.source}: malformed. {key.problem}"
    return f"{key.source}, ends in {key.key[-4:]}"


def mode_words(mode: str, key: Key | None) -> str:
    """The mode; for `auto` also the mode that it stands for now."""
    if mode != "auto":
        return f"{mode} (WANDB_MODE)"
    return "auto: online, for there is a key" if key else "auto: offline, for there is no key"
