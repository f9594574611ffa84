"""`wandb.integration.lightgbm`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb_logging.compat._integrations.boosters import define_best, log_importance, log_model, run_of
from wandb_logging.compat._run import Run

_LEAST = {"l1", "l2", "rmse", "mape", "huber", "fair", "poisson", "gamma", "binary_logloss"}
_MOST = {"map", "auc", "average_precision"}


class _Callback:
    """The object that LightGBM calls after each round."""

    order = 20
    before_iteration = False

    def __init__(self, run: Run, *, log_params: bool, define_metric: bool) -> None:
        self._run = run
        self._log_params = log_params
        self._define = define_metric

    def __call__(self, env: Any) -> None:
        if env.iteration == env.begin_iteration:
            self._begin(env)
        row = {name: value for item in env.evaluation_result_list for name, _, value in _values(item)}
        self._run.log({**row, "iteration": env.iteration})

    def _begin(self, env: Any) -> None:
        if self._log_params:
            self._run.config.update(env.params)
        if self._define:
            for item in env.evaluation_result_list:
                for name, metric, _ in _values(item):
                    define_best(self._run, name, metric, _LEAST, _MOST)


def _values(item: Any) -> Iterator[tuple[str, str, float]]:
    """Name, metric and value of each evaluation; in cross validation, mean and deviation."""
    if len(item) == 4:
        yield f"{item[0]}_{item[1]}", item[1], item[2]
    else:
        data, metric = item[1].split()
        yield f"{data}_{metric}-mean", f"{metric}-mean", item[2]
        yield f"{data}_{metric}-stdv", f"{metric}-stdv", item[4]


def wandb_callback(log_params: bool = True, define_metric: bool = True) -> _Callback:
    """Make a callback that logs LightGBM's evaluations after each round.

    Args:
        log_params: whether the parameters go into the config.
        define_metric: whether the summary shows the best value of metrics, if the better direction is known.
    """
    return _Callback(run_of("wandb_callback()"), log_params=log_params, define_metric=define_metric)


def log_summary(model: Any, feature_importance: bool = True, save_model_checkpoint: bool = False) -> None:
    """Log the result of a model: best round and score, and the importance of its features.

    Args:
        model: a `lightgbm.Booster`.
        feature_importance: whether to log a bar chart of the features' importance.
        save_model_checkpoint: whether the model goes into an artifact.
    """
    run = run_of("log_summary()")
    run.summary.update({"best_iteration": model.best_iteration, "best_score": dict(model.best_score)})
    if feature_importance:
        weights = zip(model.feature_name(), model.feature_importance().tolist())
        log_importance(run, weights, commit=False)
    if save_model_checkpoint:
        path = Path(run.dir, f"model_ckpt_{model.best_iteration}.txt")
        model.save_model(path, num_iteration=model.best_iteration)
        log_model(run, path, f"model_{run.id}", ["best"])
