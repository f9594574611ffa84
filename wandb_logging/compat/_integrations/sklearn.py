"""`wandb.sklearn`: of its plots those that `wandb.plot` has, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wandb_logging.compat._integrations.boosters import run_of
from wandb_logging.compat._plot import pr_curve, roc_curve
from wandb_logging.compat._refused import refused

(
    plot_calibration_curve,
    plot_class_proportions,
    plot_classifier,
    plot_clusterer,
    plot_confusion_matrix,
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
        "plot_confusion_matrix",
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
    """Log the false and true positive rates of each class; the averages are not drawn there either."""
    del plot_micro, plot_macro
    run_of("wandb.sklearn.plot_roc()").log({"roc": roc_curve(y_true, y_probas, labels, classes_to_plot)})


def plot_precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Sequence[Any] | None = None,
) -> None:
    """Log the precision at each recall, of each class."""
    del plot_micro
    chart = pr_curve(y_true, y_probas, labels, classes_to_plot)
    run_of("wandb.sklearn.plot_precision_recall()").log({"precision_recall": chart})
