"""`wandb.integration.catboost`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wandb_logging.compat._integrations.boosters import log_importance, log_model, run_of


class WandbCallback:
    """Logs CatBoost's evaluations.

    Args:
        metric_period: the value of the model's setting with this name.
    """

    def __init__(self, metric_period: int = 1) -> None:
        self._run = run_of("WandbCallback()")
        self.metric_period = metric_period
        self._values = 0

    def after_iteration(self, info: Any) -> bool:
        """Log a row if something was evaluated. Returns True to continue."""
        series = {f"{data}-{name}": log for data, metrics in info.metrics.items() for name, log in metrics.items()}
        values = sum(map(len, series.values()))
        if values > self._values:
            self._values = values
            row = {name: log[-1] for name, log in series.items()}
            self._run.log({**row, f"iteration@metric-period-{self.metric_period}": info.iteration})
        return True


def log_summary(
    model: Any,
    log_all_params: bool = True,
    save_model_checkpoint: bool = False,
    log_feature_importance: bool = True,
) -> None:
    """Log the result of a model: its parameters, best round and score, and the importance of its features.

    Args:
        model: a CatBoost model.
        log_all_params: whether the parameters go into the config.
        save_model_checkpoint: whether the model goes into an artifact.
        log_feature_importance: whether to log a bar chart of the features' importance.
    """
    run = run_of("log_summary()")
    params = model.get_all_params()
    if log_all_params:
        run.config.update(params)
    run.summary.update({"best_iteration": model.get_best_iteration(), "best_score": model.get_best_score()})
    if save_model_checkpoint:
        path = Path(run.dir, "model")
        model.save_model(path)
        log_model(run, path, f"model_{run.id}", ["best" if params["use_best_model"] else "last"])
    if log_feature_importance:
        frame = model.get_feature_importance(prettified=True)
        weights = zip(frame["Feature Id"].tolist(), frame["Importances"].tolist())
        log_importance(run, weights, commit=False)
