"""`wandb.sklearn`: those of its plots that `wandb.plot` also has."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wandb_logging._media.table import Table
from wandb_logging.compat._integrations.boosters import run_of
from wandb_logging.compat._plot import pr_curve, roc_curve, visualize
from wandb_logging.compat._refused import not_covered, refused

(
    plot_calibration_curve,
    plot_class_proportions,
    plot_classifier,
    plot_clusterer,
    plot_elbow_curve,
    plot_feature_importances,
    plot_learning_curve,
    plot_outlier_candidates,
    plot_regressor,
    plot_residuals,
    plot_silhouette,
    plot_summary_metrics,
) = (
    refused(name, "wandb.sklearn")
    for name in (
        "plot_calibration_curve",
        "plot_class_proportions",
        "plot_classifier",
        "plot_clusterer",
        "plot_elbow_curve",
        "plot_feature_importances",
        "plot_learning_curve",
        "plot_outlier_candidates",
        "plot_regressor",
        "plot_residuals",
        "plot_silhouette",
        "plot_summary_metrics",
    )
)


def plot_roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log the false and true positive rates of each class. Averages are not drawn, as in the official SDK."""
    del plot_micro, plot_macro
    run_of("wandb.sklearn.plot_roc()").log({"roc": roc_curve(y_true, y_probas, labels, classes_to_plot)})


def plot_precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log the precision at each recall, for each class."""
    del plot_micro
    chart = pr_curve(y_true, y_probas, labels, classes_to_plot)
    run_of("wandb.sklearn.plot_precision_recall()").log({"precision_recall": chart})


def plot_confusion_matrix(
    y_true: Any = None,
    y_pred: Any = None,
    labels: Sequence[Any] | None = None,
    true_labels: Any = None,
    pred_labels: Any = None,
    normalize: bool = False,
) -> None:
    """Log how often each class was predicted as which. The official SDK swaps the two columns of classes."""
    if true_labels is not None or pred_labels is not None or normalize:
        raise not_covered("wandb.sklearn.plot_confusion_matrix(true_labels, pred_labels, normalize)")
    truth, guess = _values(y_true), _values(y_pred)
    counts, classes = Counter(zip(truth, guess)), sorted({*truth, *guess})
    names = dict(zip(classes, classes if labels is None else _values(labels)))
    pairs = itertools.product(classes, repeat=2)
    rows = [[names[predicted], names[actual], counts[actual, predicted]] for actual, predicted in pairs]
    chart = visualize("wandb/confusion_matrix/v1", Table(["Predicted", "Actual", "Count"], rows))
    run_of("wandb.sklearn.plot_confusion_matrix()").log({"confusion_matrix": chart})


def _values(given: Any) -> list[Any]:
    return list(given.tolist() if hasattr(given, "tolist") else given)
