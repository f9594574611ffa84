"""`wandb-logging suggest`: suggests rules for the text of a log."""

from __future__ import annotations

import argparse
import contextlib
import json

from wandb_logging._cli.output import DONE, LEFT, complain, say_all, words_of
from wandb_logging._cli.rules import Log, NotText, add_log
from wandb_logging._mining import as_yaml
from wandb_logging._mining.suggest import suggest

MORE = (
    "The rules are YAML for text_metrics: in the settings, and for `mine --rules`. Read them before you use them:",
    "what is a metric is a matter of taste.",
    "Exit code: 0 there are rules, 1 nothing in it looks like metrics, 2 wrong usage.",
)
EXAMPLES = ("suggest train.log", "suggest train.log > rules.yaml", "suggest --json train.log")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("--json", action="store_true", help="one rule a line, as JSON")
    add_log(parser)


def run(args: argparse.Namespace) -> int:
    """Print rules for a log."""
    try:
        with contextlib.closing(Log(args.file)) as log:
            found = suggest(log.head)
    except (OSError, NotText) as exc:
        complain(words_of(exc))
        return LEFT
    if not found:
        complain(f"{args.file}: nothing in it looks like metrics")
        return LEFT
    if args.json:
        say_all(json.dumps(one.rule, ensure_ascii=False) for one in found)
    else:
        say_all(as_yaml.write([(one.rule, one.comment) for one in found]).splitlines())
    return DONE
