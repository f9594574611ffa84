"""`wandb.plot`: charts of tables. Each is logged as a value: `wandb.log({"bars": wandb.plot.bar(table, "a", "b")})`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._media.chart import Chart, Visualized
from wandb_logging._media.table import Table
from wandb_logging.compat._refused import say_once

__all__ = [
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]

CustomChart, Visualize = Chart, Visualized


def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> Chart:
    """A table drawn by one of the page's Vega specifications.

    Args:
        vega_spec_name: name of the specification, such as wandb/line/v0.
        data_table: the rows.
        fields: field of the specification -> column of the table.
        string_fields: texts in the chart.
        split_table: whether the page puts the table into a section of its own.

    Raises:
        LogError: `data_table` is no table.
    """
    if not isinstance(data_table, Table):
        raise LogError(f"data_table: expected a wandb.Table, got {type(data_table).__name__}")
    return Chart(data_table, vega_spec_name, dict(fields), dict(string_fields or {}), split_table)


def visualize(id: str, value: Table) -> Visualized:  # noqa: A002  the official SDK's name
    """A table drawn by a panel of an older kind.

    Raises:
        LogError: `value` is no table.
    """
    if not isinstance(value, Table):
        raise LogError(f"value: expected a wandb.Table, got {type(value).__name__}")
    return Visualized(value, id)


def line(
    table: Table,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str = "",
    split_table: bool = False,
) -> Chart:
    """Lines: columns `x` and `y`, one line for each value of the column `stroke`."""
    return plot_table("wandb/line/v0", table, {"x": x, "y": y, "stroke": stroke}, {"title": title}, split_table)


def scatter(table: Table, x: str, y: str, title: str = "", split_table: bool = False) -> Chart:
    """Points: columns `x` and `y`."""
    return plot_table("wandb/scatter/v0", table, {"x": x, "y": y}, {"title": title}, split_table)


def bar(table: Table, label: str, value: str, title: str = "", split_table: bool = False) -> Chart:
    """Bars: as long as the column `value`, named by the column `label`."""
    return plot_table("wandb/bar/v0", table, {"label": label, "value": value}, {"title": title}, split_table)


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> Chart:
    """How often the values of a column come."""
    return plot_table("wandb/histogram/v0", table, {"value": value}, {"title": title}, split_table)


def line_series(
    xs: Sequence[Any],
    ys: Sequence[Iterable[Any]],
    keys: Sequence[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> Chart:
    """Several lines.

    Args:
        xs: the x values of all lines, or a sequence for each.
        ys: a sequence for each line.
        keys: names of the lines. Default: line_0 and so on.
        title: of the chart.
        xname: of the x axis.
        split_table: as for `plot_table`.

    Raises:
        ValueError: there are not as many `xs` or `keys` as lines.
    """
    if not isinstance(xs[0], Iterable) or isinstance(xs[0], (str, bytes)):
        xs = [xs] * len(ys)
    names = [f"line_{number}" for number in range(len(ys))] if keys is None else keys
    if len(xs) != len(ys):
        raise ValueError(f"xs: expected {len(ys)} series, as many as in ys, got {len(xs)}")
    if len(names) != len(ys):
        raise ValueError(f"keys: expected {len(ys)}, as many as in ys, got {len(names)}")
    columns = ["step", "lineKey", "lineVal"]
    rows = [[x, name, y] for name, some, values in zip(names, xs, ys) for x, y in zip(some, values)]
    strings = {"title": title, "xname": xname}
    return plot_table(
        "wandb/lineseries/v0", Table(columns, rows), {name: name for name in columns}, strings, split_table
    )


def confusion_matrix(
    probs: Sequence[Sequence[float]] | None = None,
    y_true: Sequence[Any] | None = None,
    preds: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> Chart:
    """How often which class was taken for which.

    Args:
        probs: for each sample a probability of each class; or
        preds: the class that was predicted.
        y_true: the class that it is.
        class_names: names of classes 0, 1 and so on. Default: Class_1 and so on, in the order of the classes.
        title: of the chart.
        split_table: as for `plot_table`.

    Raises:
        ValueError: both or none of `probs` and `preds` are given, there are not as many as `y_true`, or more classes
            than names.
    """
    if (probs is None) == (preds is None):
        raise ValueError("expected one of probs and preds")
    if y_true is None:
        raise ValueError("y_true: expected the true classes")
    if probs is not None:
        preds = [max(range(len(row)), key=list(row).__getitem__) for row in probs]
    guessed, true = _listed(preds), _listed(y_true)
    if len(guessed) != len(true):
        raise ValueError(f"expected as many predictions as true classes, got {len(guessed)} and {len(true)}")
    classes = sorted({*guessed, *true}) if class_names is None else list(range(len(class_names)))
    for what, found in (("predicted", set(guessed)), ("true", set(true))):
        if len(found) > len(classes) or found - set(classes):
            raise ValueError(f"class_names: there are {len(classes)} names, and {what} classes {sorted(found)}")
    names = [f"Class_{number + 1}" for number in range(len(classes))] if class_names is None else class_names
    counts: dict[tuple[Any, Any], float] = {}
    for pair in zip(true, guessed):
        counts[pair] = counts.get(pair, 0.0) + 1
    rows = [
        [is_name, as_name, counts.get((is_class, as_class), 0.0)]
        for is_class, is_name in zip(classes, names)
        for as_class, as_name in zip(classes, names)
    ]
    columns = ["Actual", "Predicted", "nPredictions"]
    fields = {name: name for name in columns}
    return plot_table("wandb/confusion_matrix/v1", Table(columns, rows), fields, {"title": title}, split_table)


def roc_curve(
    y_true: Sequence[Any],
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> Chart | None:
    """The false and true positive rates of each class. Needs scikit-learn.

    Args:
        y_true: the class of each sample.
        y_probas: for each sample a probability or score of each class.
        labels: names of the classes.
        classes_to_plot: which of them. Default: all.
        title: of the chart.
        split_table: as for `plot_table`.

    Returns:
        None, with a warning, if `y_true` or `y_probas` are not given.

    Raises:
        LogError: scikit-learn is not installed.
    """
    metrics = _sklearn("roc_curve")
    points: list[list[Any]] = []
    for name, cls, scores in _classes(y_true, y_probas, labels, classes_to_plot):
        false, true, _ = metrics.roc_curve(_array(y_true), scores, pos_label=cls)
        points += [[name, round(float(x), 3), round(float(y), 3)] for x, y in zip(false, true)]
    strings = {"title": title, "x-axis-title": "False positive rate", "y-axis-title": "True positive rate"}
    return _curve(points, ["class", "fpr", "tpr"], ("fpr", "tpr"), strings, split_table=split_table)


def pr_curve(
    y_true: Sequence[Any] | None = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> Chart | None:
    """Precision at `interp_size` equal steps of recall, of each class. Otherwise as `roc_curve`."""
    numpy, metrics = importlib.import_module("numpy"), _sklearn("pr_curve")
    steps = numpy.linspace(0, 1, interp_size)[::-1]
    points: list[list[Any]] = []
    for name, cls, scores in _classes(y_true, y_probas, labels, classes_to_plot):
        precision, recall, _ = metrics.precision_recall_curve(_array(y_true), scores, pos_label=cls)
        best = numpy.maximum.accumulate(precision)[::-1]  # the best that is had at this recall or more
        at = numpy.searchsorted(recall[::-1], steps, side="left")
        points += [[name, round(float(y), 3), round(float(x), 3)] for y, x in zip(best[at], steps)]
    strings = {"title": title, "x-axis-title": "Recall", "y-axis-title": "Precision"}
    return _curve(points, ["class", "precision", "recall"], ("recall", "precision"), strings, split_table=split_table)


def _curve(
    points: list[list[Any]], columns: list[str], axes: tuple[str, str], strings: dict[str, str], *, split_table: bool
) -> Chart | None:
    if not points:
        return None
    if len(points) > Table.MAX_ROWS:
        say_once(f"wandb.plot: {len(points)} points are thinned to {Table.MAX_ROWS}, which the page draws")
        points = [points[i * len(points) // Table.MAX_ROWS] for i in range(Table.MAX_ROWS)]
    fields = {"x": axes[0], "y": axes[1], "class": "class"}
    return plot_table("wandb/area-under-curve/v0", Table(columns, points), fields, strings, split_table)


def _classes(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, wanted: Sequence[Any] | None
) -> Iterator[tuple[Any, Any, Any]]:
    """Name, class and scores of each class that is drawn."""
    for name, value in (("y_true", y_true), ("y_probas", y_probas)):
        if value is None:
            say_once(f"wandb.plot: {name} is not given: there is no chart")
            return
    numpy = importlib.import_module("numpy")
    classes, scores = numpy.unique(_array(y_true)), _array(y_probas)
    for number, cls in enumerate(classes):
        if wanted is None or cls in wanted:
            named = labels is not None and isinstance(cls, (int, numpy.integer))
            name = labels[int(cls)] if named and labels is not None else cls
            yield (name.item() if hasattr(name, "item") else name), cls, scores[..., number]


def _array(value: Any) -> Any:
    return importlib.import_module("numpy").array(value)


def _sklearn(what: str) -> Any:
    try:
        return importlib.import_module("sklearn.metrics")
    except ImportError:
        raise LogError(f"wandb.plot.{what} needs scikit-learn: pip install scikit-learn") from None


def _listed(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)
