"""`wandb-logging show`."""

from __future__ import annotations

import argparse
import difflib
import time
from collections.abc import Mapping, Sequence

from wandb_logging._cli.charts import charts, flat, series
from wandb_logging._cli.found import run_named
from wandb_logging._cli.ls import state_of
from wandb_logging._cli.output import DONE, PROG, width
from wandb_logging._cli.text import age, brief, clean, counted, labelled
from wandb_logging._errors import JournalError
from wandb_logging._reading.read import RunData, read_run
from wandb_logging._settings.settings import Settings

_CHARTS = 8  # more would scroll the first ones away

EXAMPLES = ("show 3kq9x0ab --metric loss",)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed behind it."""
    parser.add_argument("run", metavar="RUN", help="a run directory, or the id of a run in the cache folder")
    parser.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="only this metric; may be given again"
    )


def run(args: argparse.Namespace) -> int:
    """Print the parts, without those that have nothing in them."""
    data = read_run(run_named(args.run, Settings().cache_dir))
    metrics = series(data.rows)
    chosen = {name: metrics[name] for name in _known(args.metric, metrics)}
    if not args.metric:
        print("\n".join(labelled(head_pairs(data, time.time()))))
        for title, values in (("config", data.config), ("summary", data.summary)):
            pairs = [(clean(name), brief(value, width() // 2)) for name, value in flat(values) if name[0] != "_"]
            if pairs:
                print("\n".join(["", title, *labelled(pairs, "  ")]))
        chosen = dict(list(metrics.items())[:_CHARTS])
    if chosen:
        print("\n".join([""] * (not args.metric) + charts(chosen)))
    if not args.metric and len(metrics) > _CHARTS:
        others = ", ".join(map(clean, list(metrics)[_CHARTS:]))
        print(f"\n{len(metrics) - _CHARTS} more, with --metric NAME: {others}")
    return DONE


def _known(wanted: Sequence[str], metrics: Mapping[str, object]) -> Sequence[str]:
    for name in wanted:
        if name not in metrics:
            near = difflib.get_close_matches(name, metrics, 3) or list(metrics)[:_CHARTS]
            raise JournalError(f"no numbers under the metric {name!r}; there are: {', '.join(near) or 'none'}")
    return wanted


def head_pairs(run: RunData, now: float) -> list[tuple[str, str]]:
    """Who a run is, by name; what is not known is left out."""
    info = run.info
    start = float(info["start"])
    ended = "" if run.exit_code is None else f", exit code {run.exit_code}"
    facts = [
        ("run", info.get("id")),
        ("name", info.get("name")),
        ("project", "/".join(str(part) for part in (info.get("entity"), info.get("project")) if part)),
        ("group", info.get("group")),
        ("job type", info.get("job_type")),
        ("tags", ", ".join(map(str, info.get("tags") or []))),
        ("notes", info.get("notes")),
        ("url", run.url),
        ("path", run.path),
        ("started", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(start))}, {age(now - start)} ago"),
        ("state", state_of(run) + ended),
        ("logged", f"{counted(len(run.rows), 'row')}, {counted(len(run.lines), 'text line')}"),
        ("unsent", f"{counted(run.unsent, 'line')}: `{PROG} sync {run.path}`" if run.unsent else None),
        ("damaged", f"{counted(run.damaged, 'line')} of the journal cannot be read" if run.damaged else None),
    ]
    return [(name, clean(value)) for name, value in facts if value]
