"""Shared by the callbacks for boosting libraries: which direction of a metric is better, model, feature weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from wandb_logging._artifacts.artifact import Artifact
from wandb_logging._media.table import Table
from wandb_logging.compat._active import current, no_run
from wandb_logging.compat._plot import bar
from wandb_logging.compat._run import Run


def run_of(what: str) -> Run:
    """The current run.

    Raises:
        WandbLoggingError: there is no current run.
    """
    run = current()
    if run is None:
        raise no_run(what)
    return run


def define_best(run: Run, name: str, metric: str, least: Collection[str], most: Collection[str]) -> None:
    """Make the summary show the best value of a metric, if it is known whether low or high is better."""
    metric = metric.lower()
    if "loss" in metric or metric in least:
        run.define_metric(name, summary="min")
    elif metric in most:
        run.define_metric(name, summary="max")


def log_importance(run: Run, weights: Iterable[tuple[Any, Any]], *, commit: bool | None = None) -> None:
    """Log the importance of the features as a bar chart."""
    table = Table(["Feature", "Importance"], [list(pair) for pair in weights])
    run.log({"Feature Importance": bar(table, "Feature", "Importance", title="Feature Importance")}, commit=commit)


def log_model(run: Run, path: Path, name: str, aliases: list[str] | None = None) -> None:
    """Log a model's file as an artifact."""
    artifact = Artifact(name, "model")
    artifact.add_file(path)
    run.log_artifact(artifact, aliases=aliases)
