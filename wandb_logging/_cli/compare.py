"""`wandb-logging compare`: shows how the config of runs differs, their values, and their curves in one chart."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from wandb_logging._cli.charts import Curve, Curves, overlaid
from wandb_logging._cli.found import run_named
from wandb_logging._cli.output import DONE, Line, say_all, styled, width
from wandb_logging._cli.show import named
from wandb_logging._cli.states import state_of
from wandb_logging._cli.text import brief, table
from wandb_logging._errors import JournalError
from wandb_logging._reading.read import Overview, read_overview
from wandb_logging._settings.settings import Settings
from wandb_logging._values.nested import leaves
from wandb_logging._values.plain import loads

_CHARTS = 6
_LEAST, _MOST = 8, 24  # characters of a value of the config
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

MORE = ("A run is named by its path, id or name, or how one of these begins.",)
EXAMPLES = ("compare 3kq9x0ab 7hw2", "compare baseline tuned --metric 'val/*'")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"2 to {len(_LETTERS)} runs")
    parser.add_argument(
        "--metric", action="append", default=[], metavar="GLOB", help="only metrics like this; may be given again"
    )


def run(args: argparse.Namespace) -> int:
    """Print the names of the runs, the config keys that differ, their values, and charts."""
    if not 2 <= len(args.runs) <= len(_LETTERS):
        raise JournalError(f"compare takes 2 to {len(_LETTERS)} runs")
    cache_dir = Settings().cache_dir
    paths = dict(zip(_LETTERS, [run_named(name, cache_dir) for name in args.runs]))
    curves_of = {letter: Curves() for letter in paths}
    runs = {letter: _read(path, curves_of[letter]) for letter, path in paths.items()}
    curves = {letter: of_run.found for letter, of_run in curves_of.items()}
    known = dict.fromkeys(name for of_run in curves.values() for name in of_run)
    wanted = named(args.metric, known) if args.metric else list(known)
    say_all(who(runs))
    differing = differences({letter: dict(leaves(data.config)) for letter, data in runs.items()})
    say_all(["", styled("config that differs", "bold"), *differing] if differing else ["", "their config is the same"])
    if wanted:
        say_all(["", styled("values", "bold"), *values(curves, wanted)])
    shown = wanted if args.metric else wanted[:_CHARTS]
    for name in shown:
        say_all(["", *overlaid(name, {letter: of_run[name] for letter, of_run in curves.items() if name in of_run})])
    if len(shown) < len(wanted):
        say_all(["", f"{len(wanted) - len(shown)} more charts, with --metric NAME"])
    return DONE


def _read(path: Path, curves: Curves) -> Overview:
    return read_overview(path, lambda delta: curves.add(map(loads, delta.rows)))


def who(runs: Mapping[str, Overview]) -> list[Line]:
    """A line for each run, with its letter."""
    rows = [
        [letter, data.path.name, data.name or "-", state_of(data), str(data.row_count)] for letter, data in runs.items()
    ]
    return table([["", "ID", "NAME", "STATE", "ROWS"], *rows], width())


def differences(configs: Mapping[str, Mapping[str, object]]) -> list[Line]:
    """A table of the config keys whose values are not the same in all runs; no lines if there are none."""
    keys = dict.fromkeys(key for config in configs.values() for key in config)
    most = max(_LEAST, min(_MOST, (width() - _LEAST) // max(1, len(configs)) - 2))  # the key has as much at least
    rows = []
    for key in keys:
        found = [_text(config[key]) if key in config else "-" for config in configs.values()]
        if len(set(found)) > 1 or any(key not in config for config in configs.values()):
            rows.append([key, *(brief(text, most) for text in found)])
    return table([["KEY", *configs], *rows], width()) if rows else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def values(curves: Mapping[str, Mapping[str, Curve]], names: Sequence[str]) -> list[Line]:
    """A table of the last, lowest and highest values; `*` marks the lowest and the highest of all runs."""
    rows = []
    for name in names:
        found = {letter: of_run[name] for letter, of_run in curves.items() if name in of_run}
        ends = {letter: _ends(curve) for letter, curve in found.items() if curve.points}
        least = min((low for low, _ in ends.values()), default=None)
        most = max((high for _, high in ends.values()), default=None)
        for letter, curve in found.items():
            low, high = ends.get(letter, (None, None))
            marked = [_marked(low, least, len(ends)), _marked(high, most, len(ends))]
            rows.append([name, letter, brief(curve.last, 12), *marked])
    return table([["METRIC", "", "LAST", "LOWEST", "HIGHEST"], *rows], width())


def _ends(curve: Curve) -> tuple[float, float]:
    found = [value for _, value in curve.points]
    return min(found), max(found)


def _marked(value: float | None, best: float | None, of: int) -> str:
    if value is None:
        return "-"
    return brief(value, 12) + ("*" if value == best and of > 1 else "")
