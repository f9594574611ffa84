"""`wandb.integration.xgboost`."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging.compat._integrations.boosters import define_best, log_importance, log_model, run_of

_LEAST = {"rmse", "rmsle", "mae", "mape", "mphe", "logloss", "error", "error@t", "merror"}
_MOST = {"auc", "aucpr", "ndcg", "map", "ndcg@n", "map@n"}
_Callback: Any = importlib.import_module("xgboost").callback.TrainingCallback


class WandbCallback(_Callback):  # type: ignore[misc]  # of a framework without types
    """Logs XGBoost's evaluations after each round, and at the end the best round and the importance of the features.

    Args:
        log_model: whether the model goes into an artifact.
        log_feature_importance: whether bars show what the features weigh.
        importance_type: measure of importance: weight, gain, cover, total_gain, total_cover.
        define_metric: whether the summary shows the best value of metrics, if the better direction is known.
    """

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        super().__init__()
        self._run = run_of("WandbCallback()")
        self._log_model = log_model
        self._importance_type = importance_type if log_feature_importance else None
        self._define = define_metric

    def before_training(self, model: Any) -> Any:
        """Write the model's settings to the config."""
        self._run.config.update(json.loads(model.save_config()))
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Sequence[Any]]]) -> bool:
        """Log a row. Returns False to continue."""
        del model
        row: dict[str, Any] = {}
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                row[f"{data}-{metric}"] = values[-1]
                if self._define:
                    define_best(self._run, f"{data}-{metric}", metric, _LEAST, _MOST)
        self._define = False
        self._run.log({**row, "epoch": epoch})
        return False

    def after_training(self, model: Any) -> Any:
        """Log the result of the model."""
        if self._log_model:
            name = f"{self._run.id}_model.json"
            path = Path(self._run.dir, name)
            model.save_model(str(path))
            log_model(self._run, path, name)
        if self._importance_type is not None:
            log_importance(self._run, model.get_score(importance_type=self._importance_type).items())
        if model.attr("best_score") is not None:
            best = {"best_score": float(model.attr("best_score")), "best_iteration": int(model.attr("best_iteration"))}
            self._run.log(best)
        return model
