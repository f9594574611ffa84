"""The settings of a run that `run` or `tail` makes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from wandb_logging._cli.arguments import add_rules
from wandb_logging._errors import SettingsError
from wandb_logging._settings import loaded

_TEXTS = {
    "project": "project of the run",
    "entity": "team or user",
    "name": "name people see",
    "group": "group of runs it belongs to",
    "run_id": "id of the run; with a setting resume it goes on",
    "mode": "auto, online, offline, shared or disabled",
}


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add options for the most used settings, for a file of settings, and for a file of rules."""
    for name, what in _TEXTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=name.upper(), help=what)
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="may be given again")
    add_rules(parser, "that find metrics in the text, in place of those in --settings")
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="settings as a dictConfig handler takes them, YAML or JSON"
    )


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given. An option takes precedence over the file.

    Raises:
        OSError: a file cannot be read.
        SettingsError: a file does not hold what it should.
    """
    given: dict[str, Any] = dict(loaded.settings_in(args.settings)) if args.settings is not None else {}
    given.pop("class", None)
    given.update({name: value for name in _TEXTS if (value := getattr(args, name)) is not None})
    if args.tag:
        given["tags"] = args.tag
    if args.rules is not None:
        from wandb_logging._cli.rules import text_metrics_of  # noqa: PLC0415  only if needed: a program waits for it

        given["text_metrics"] = {**_beside_rules(given.get("text_metrics")), **text_metrics_of(args.rules)}
    return given


def _beside_rules(text_metrics: Any) -> dict[str, Any]:
    """What else the setting in a file says, where an option has the rules in place of its own."""
    if isinstance(text_metrics, dict):
        return text_metrics
    if text_metrics is None or isinstance(text_metrics, (bool, list)):
        return {"args": True} if text_metrics is True else {}
    raise SettingsError(
        f"text_metrics={text_metrics!r}: expected true, a list of rules, or a mapping with args and rules"
    )
