"""docs/performance.md: what was found is written between its marks; the words around it are a person's."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import math
import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks._measure import Found, Plot, Result, is_busy

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PICTURES = PAGE.parent / "performance"
# Name of a result -> what it says to who reads nothing else.
FIVE = {
    "call, 10 metrics and their text, to QueueHandler": "a call with ten metrics, to that of the stock QueueHandler",
    "official SDK's call to ours, 10 metrics": "the official SDK's call to ours, while rows are sent",
    "100,000 rows online, rows/s to the SDK's": "100,000 rows online: rows a second to the official SDK's",
    "100,000 rows online, SDK's CPU a row to ours": "100,000 rows online: the official SDK's CPU to ours",
    "memory over a bare interpreter, imported and online": "memory of a run online, over a bare interpreter",
}
_VERSIONS = ("orjson", "isal", "requests", "wandb", "trackio", "tensorboardX", "mlflow", "python-json-logger")


def cells(result: Result) -> list[str]:
    """A result as the cells of a table."""
    sign = "≥" if result.at_least else "≤"
    goal = "" if result.goal is None else f"{sign} {result.goal:g} {result.unit}"
    mark = {True: "reached", False: "**missed**", None: ""}[result.reached]
    return [result.name, goal, f"{shown(result.figure)} {result.unit}", mark, result.note]


def shown(figure: float) -> str:
    """Three digits."""
    if math.isnan(figure):
        return "too few"
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


def table(results: Iterable[Result]) -> str:
    """Markdown."""
    rows = [["what", "goal", "figure", "", "behind it"], ["---"] * 5, *map(cells, results)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def circumstances(load: float) -> str:
    """When, where and with what the figures were measured."""
    versions = [f"Python {platform.python_version()}"]
    for name in _VERSIONS:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    machine = f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.machine()}"
    told = f"Measured on {today}: {machine}; {', '.join(versions)}. Load of the machine before: {load:.1f} a core."
    busy = " Busy with other things: calls within one process are counted in the CPU time of their thread."
    return told + busy * is_busy()


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()


def write(subject: str, found: Sequence[Found], where: str) -> None:
    """Put what was found of a subject between its marks, and draw its pictures; the other subjects stay."""
    results = [item for item in found if isinstance(item, Result)]
    plots = [item for item in found if isinstance(item, Plot)]
    for plot in plots:
        draw(plot)
    pictures = [f"![{plot.title}](performance/{plot.name}.svg)" for plot in plots]
    fill(subject, "\n\n".join([table(results), *pictures, where]))


def five(results: Iterable[Result]) -> None:
    """Put the five figures that matter most first, if all of them were found."""
    found = {result.name: result for result in results}
    if found.keys() >= FIVE.keys():
        rows = [[said, cells(found[name])[2], found[name].note] for name, said in FIVE.items()]
        head = [["what", "figure", "behind it"], ["---"] * 3]
        fill("five", "\n".join(f"| {' | '.join(row)} |" for row in [*head, *rows]))


def current() -> None:
    """Take away what the page says of tables that were measured in other ways: all of them are new."""
    fill("older", "")


def fill(subject: str, text: str) -> None:
    """Put a text between the marks of a subject.

    Raises:
        ValueError: the page has none.
    """
    begin, end = f"<!-- {subject}: written by `python -m benchmarks --write` -->", f"<!-- end of {subject} -->"
    page = PAGE.read_text(encoding="utf-8")
    if begin not in page:
        raise ValueError(f"{PAGE} has no place for {subject}: {begin}")
    between = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    PAGE.write_text(between.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", page), encoding="utf-8")


def draw(plot: Plot) -> None:
    """A picture as SVG, the same bytes for the same figures."""
    import matplotlib as mpl  # noqa: PLC0415  an extra

    mpl.use("svg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    with mpl.rc_context({"svg.hashsalt": plot.name, "svg.fonttype": "none", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
        (_bars if plot.bars else _lines)(axes, plot)
        axes.set_title(plot.title)
        axes.spines[["top", "right"]].set_visible(False)
        PICTURES.mkdir(exist_ok=True)
        figure.savefig(PICTURES / f"{plot.name}.svg", metadata={"Date": None})
        plt.close(figure)


def _lines(axes: Any, plot: Plot) -> None:
    for label, (xs, ys) in plot.series.items():
        axes.plot(xs, ys, marker="o", markersize=3, label=label)
    axes.set(xlabel=plot.x, ylabel=plot.y)
    if "x" in plot.log:
        axes.set_xscale("log")
    if "y" in plot.log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _bars(axes: Any, plot: Plot) -> None:
    ((names, values),) = plot.series.values()
    axes.bar_label(axes.barh(names, values), [shown(value) for value in values], padding=3)
    axes.set(xscale="log", xlabel=plot.y)
    axes.set_xlim(left=1)
    axes.invert_yaxis()
