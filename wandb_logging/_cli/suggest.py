"""`wandb-logging suggest`: suggests rules for the text of a log."""

from __future__ import annotations

import argparse
import contextlib
import json

from wandb_logging._cli.output import DONE, LEFT, complain, say_all, words_of
from wandb_logging._cli.rules import Log, NotText, add_log
from wandb_logging._mining import as_yaml
from wandb_logging._mining.lines import MAX_LINES
from wandb_logging._suggesting.suggest import suggest
from wandb_logging._suggesting.untaken import Untaken, untaken
from wandb_logging._wording import counted

MORE = (
    "The rules are YAML for text_metrics: in the settings, and for `mine --rules`. Read them before you use them:",
    "what is a metric is a matter of taste. Below them, as comments, stand rules to finish for lines that none takes.",
    f"Of a log with more than {MAX_LINES:,} lines the first {MAX_LINES:,} are looked at.",
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
            head = log.head
    except (OSError, NotText) as exc:
        complain(words_of(exc))
        return LEFT
    found = suggest(head)
    left = [] if args.json else untaken(head, [one.rule for one in found])
    if args.json:
        say_all(json.dumps(one.rule, ensure_ascii=False) for one in found)
    else:
        say_all(as_yaml.write([(one.rule, one.comment) for one in found]).splitlines())
        say_all(as_yaml.write_apart([(one.rule, _told(one)) for one in left], _FINISH).splitlines())
    if not found:
        complain(log.says_nothing("above are rules to finish" if left else ""))
    return DONE if found else LEFT


_FINISH = "No rule takes the following lines. For those you want, remove the # before the rule and name its numbers:"


def _told(one: Untaken) -> str:
    return f"{counted(one.count, 'line')}, such as: {one.sample}"
