"""`wandb-logging mine`: prints the rows that rules find in a log."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
from collections.abc import Iterator, Sequence

from wandb_logging._cli.arguments import add_rules
from wandb_logging._cli.output import DONE, LEFT, PROG, USAGE, complain, say, styled, width, words_of
from wandb_logging._cli.rules import Log, add_log, rules_of
from wandb_logging._cli.text import padded
from wandb_logging._errors import WandbLoggingError
from wandb_logging._mining.ruleset import Row, RuleSet, mine_lines
from wandb_logging._suggesting.suggest import suggest
from wandb_logging._suggesting.untaken import untaken
from wandb_logging._values.terminal_text import clean, columns
from wandb_logging._wording import counted

MORE = (
    "Without --rules they are those that `suggest` prints. With --json each row is one line:",
    '{"line": 12, "step": 100, "metrics": {"loss": 0.5}}.',
    "Exit code: 0 there are rows, 1 there are none, or a rule is wrong, 2 wrong usage.",
)
EXAMPLES = ("mine train.log", "mine train.log --rules rules.yaml", "mine train.log --json | head -3")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    add_rules(parser, "to try")
    parser.add_argument("--json", action="store_true", help="one row a line, as JSON")
    add_log(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows that rules find in a log."""
    if str(args.file) == str(args.rules) == "-":
        complain("log and rules cannot both come from stdin")
        return USAGE
    with contextlib.ExitStack() as opened:
        try:
            log = opened.enter_context(contextlib.closing(Log(args.file)))
            given = [one.rule for one in suggest(log.head)] if args.rules is None else rules_of(args.rules)
            rules = RuleSet(given)
        except (OSError, WandbLoggingError) as exc:
            complain(words_of(exc))
            return LEFT
        left = untaken(log.head, given) if args.rules is None and not args.json else []
        rows = mine_lines(log, rules, str(args.file))
        found = _as_json(rows) if args.json else _as_tables(rows, rules)
    for number in rules.left_out:
        complain(f"{rules.described(number)} takes long again and again, and was left out from some line on")
    if args.rules is not None:
        for rule in rules.unused:
            complain(f"{rules.described(rule.number)} finds nothing in {args.file}")
        for rule in rules.stepless:
            complain(f"{rules.described(rule.number)} never finds its step, {rule.given['step']!r}")
    finish = f"`{PROG} suggest {args.file}` has rules to finish" if left else ""
    if left and found:
        complain(f"no rule takes {counted(sum(one.count for one in left), 'line')} with numbers: {finish}")
    if not found:
        complain(f"{args.file}: no rows" if args.rules else log.says_nothing(finish))
    return DONE if found else LEFT


def _as_json(rows: Iterator[Row]) -> int:
    """Print rows as JSON lines. Returns how many there are."""
    found = 0
    for row in rows:
        found += 1
        say(json.dumps({"line": row.line, "step": row.step, "metrics": row.metrics}, ensure_ascii=False))
    return found


def _as_tables(rows: Iterator[Row], rules: RuleSet) -> int:
    """Print a table for each rule that found something, `_AT_ONCE` rows at a time. Returns the number of rows."""
    found = 0
    while several := list(itertools.islice(rows, _AT_ONCE)):
        found += len(several)
        for number in dict.fromkeys(row.rule for row in several):
            of_rule = [row for row in several if row.rule == number]
            say([styled(rules.described(number), "dim")])
            for line in _table(of_rule, width() if sys.stdout.isatty() else None):
                say(line)
            say()
    return found


_AT_ONCE = 10_000


def _table(rows: Sequence[Row], most: int | None) -> Iterator[str]:
    """The lines of a table, or of several below each other if it is wider than `most` columns of a terminal."""
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    cells = [[str(row.line), _shown(row.step), *(_shown(row.metrics.get(name)) for name in names)] for row in rows]
    table = [["line", "step", *map(clean, names)], *cells]
    widths = [max(map(columns, column)) for column in zip(*table)]
    for part in _parts(widths, most):
        for row in table:
            yield "  ".join(padded(row[i], widths[i], right=True) for i in part)


def _parts(widths: Sequence[int], most: int | None) -> Iterator[list[int]]:
    """Which columns stand beside each other: as many as there is room for, and the first two each time."""
    part, used = [0, 1], 0
    for i in range(2, len(widths)):
        if len(part) > 2 and most is not None and used + widths[i] + 2 > most:
            yield part
            part = [0, 1]
        part.append(i)
        used = sum(widths[j] + 2 for j in part) - 2
    yield part


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
