"""What the callbacks of the boosters have in common: which way a metric is better, the model, its features."""

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
        WandbLoggingError: there is none.
    """
    run = current()
    if run is None:
        raise no_run(what)
    return run


def define_best(run: Run, name: str, metric: str, least: Collection[str], most: Collection[str]) -> None:
    """Have the summary show the best value of a metric, if it is known which that is."""
    metric = metric.lower()
    if "loss" in metric or metric in least:
        run.define_metric(name, summary="min")
    elif metric in most:
        run.define_metric(name, summary="max")


def log_importance(run: Run, weights: Iterable[tuple[Any, Any]], *, commit: bool | None = None) -> None:
    """Log what the features weigh, as bars."""
    table = Table(["Feature", "Importance"], [list(pair) for pair in weights])
    run.log({"Feature Importance": bar(table, "Feature", "Importance", title="Feature Importance")}, commit=commit)


def log_model(run: Run, path: Path, name: str, aliases: list[str] | None = None) -> None:
    """Log the file of a model as an artifact."""
    artifact = Artifact(name, "model")
    artifact.add_file(path)
    run.log_artifact(artifact, aliases=aliases)
