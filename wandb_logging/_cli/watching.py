"""Follows a run in the terminal: draws its charts again as it goes on, and reads only what was added.

If the directory holds another run meanwhile, that one is shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from wandb_logging._cli.charts import Curve, charts, fitting
from wandb_logging._cli.output import Line, begin_screen, height, say, say_all, width
from wandb_logging._cli.text import brief
from wandb_logging._journal.rundir import RunDir
from wandb_logging._page.bins import Bins, Series
from wandb_logging._page.exact import Exact, begin, read_on, still_true
from wandb_logging._values.terminal_text import clean, cut
from wandb_logging._wording import counted

_AROUND = 6  # lines of the screen beside the charts: a head, two empty ones, two for notes, and the cursor's


def watch(path: Path, choose: Callable[[Sequence[str]], Sequence[str]], seconds: float) -> None:
    """Show the charts of a run until its process ends. Without a terminal, print a line whenever something was added.

    Args:
        path: the run directory.
        choose: chooses the metrics to show from the names of all.
        seconds: seconds between two looks at the run.

    Raises:
        JournalError: there is no run directory, or it was removed.
        OSError: the journal cannot be read.
    """
    run_dir = RunDir(path)
    exact = begin(run_dir, "_step")
    seen = None
    while True:
        alive = run_dir.alive()  # asked before reading, so that the last lines of a process that ends are still read
        exact = _follow(run_dir, exact)
        if seen != (exact.identity, exact.state.events):
            seen = exact.identity, exact.state.events
            _show(path, exact.drawn, exact.state.rows, choose)
        if not alive:
            say("the run has ended" if exact.state.exit is not None else "its process has ended without a word")
            return
        time.sleep(seconds)


def _follow(run_dir: RunDir, exact: Exact) -> Exact:
    """Read the new events of a run; if its journal is not any more the one that was read, all of it."""
    try:
        same = still_true(run_dir, exact)
    except FileNotFoundError:  # segments were removed to make room, or with the run that was here
        same = False
    exact = exact if same else begin(run_dir, exact.bins.axis)
    read_on(run_dir, exact)
    return exact


def _show(path: Path, bins: Bins, rows: int, choose: Callable[[Sequence[str]], Sequence[str]]) -> None:
    names = choose(list(bins.series)) if bins.series else []
    curves = {name: curve_of(bins, bins.series[name]) for name in names}
    head = f"{path.name}: {counted(rows, 'row')}"
    if sys.stdout.isatty():
        begin_screen()
        shown = fitting(curves, height() - _AROUND)
        lines: list[Line] = [head, "", *(charts(shown) if shown else ["nothing logged yet"]), ""]
        more = ", ".join(clean(name) for name in bins.series if name not in shown)
        lines += [cut(f"{len(bins.series) - len(shown)} more, with --metric NAME: {more}", width())] if more else []
        say_all([*lines, "Ctrl-C stops watching; the run goes on"])
    else:
        values = ", ".join(f"{name} {brief(curve.last, 12)}" for name, curve in curves.items())
        say(f"{head}{': ' * bool(values)}{values}", flush=True)


def curve_of(bins: Bins, series: Series) -> Curve:
    """The curve of a metric's bins. Spikes keep their logged values; everything else is drawn as means."""
    width = 2.0 ** (bins.exponent or 0)
    points = []
    for place, at in enumerate(series.at):
        mean = series.total[place] / series.n[place]
        points += [(at * width, value) for value in {series.low[place], mean, series.high[place]}]
    return Curve(points, series.last, series.count + series.bad, series.count)
