"""`wandb.integration.keras`, for Keras 3."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from wandb_logging._artifacts.artifact import Artifact
from wandb_logging.compat._integrations.boosters import run_of
from wandb_logging.compat._refused import refused, say_once

_callbacks: Any = importlib.import_module("keras").callbacks

WandbCallback = refused("WandbCallback", "wandb.integration.keras")
WandbEvalCallback = refused("WandbEvalCallback", "wandb.integration.keras")


class WandbMetricsLogger(_callbacks.Callback):  # type: ignore[misc]  # of a framework without types
    """Logs losses, metrics and the learning rate.

    Args:
        log_freq: epoch, batch, or a number: once in this many batches.
        initial_global_step: the first step of a continued training, for schedules of the learning rate.
    """

    def __init__(self, log_freq: str | int = "epoch", initial_global_step: int = 0, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._run = run_of("WandbMetricsLogger()")
        self.log_freq = 1 if log_freq == "batch" else log_freq if isinstance(log_freq, int) else None
        self.logging_batch_wise = self.log_freq is not None
        self.global_batch, self.global_step = 0, initial_global_step
        axis = "batch/batch_step" if self.logging_batch_wise else "epoch/epoch"
        self._run.define_metric(axis)
        self._run.define_metric(f"{axis.partition('/')[0]}/*", step_metric=axis)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the epoch."""
        self._log("epoch", "epoch", epoch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the batch, if it is due."""
        self.global_step += 1
        if self.log_freq is not None and batch % self.log_freq == 0:
            self._log("batch", "batch_step", self.global_batch, logs)
            self.global_batch += self.log_freq

    def _log(self, kind: str, axis: str, at: int, logs: dict[str, Any] | None) -> None:
        row = {f"{kind}/{name}": value for name, value in (logs or {}).items()}
        row[f"{kind}/{axis}"] = at
        rate = self._learning_rate()
        self._run.log(row if rate is None else {**row, f"{kind}/learning_rate": rate})

    def _learning_rate(self) -> float | None:
        rate = self.model.optimizer.learning_rate
        try:
            return float(rate if getattr(rate, "shape", None) == () else rate(self.global_step))
        except Exception as exc:
            say_once(f"WandbMetricsLogger: the learning rate cannot be told: {exc}")
            return None


class WandbModelCheckpoint(_callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras' ModelCheckpoint with the same arguments. Its files also go into an artifact of type model."""

    def __init__(self, filepath: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(filepath, *args, **kwargs)
        self._run = run_of("WandbModelCheckpoint()")
        if self.save_best_only and "{" not in str(filepath):
            say_once("WandbModelCheckpoint: with save_best_only the path should name the epoch, such as {epoch:02d}")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save and log, if due."""
        if self._should_save_on_batch(batch):
            self._save_model(epoch=self._current_epoch, batch=batch, logs=logs)
            path = self._get_file_path(epoch=self._current_epoch, batch=batch, logs=logs)
            self._log(path, f"epoch_{self._current_epoch}_batch_{batch}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save and log, if due."""
        super().on_epoch_end(epoch, logs)
        if self.save_freq == "epoch":
            self._log(self._get_file_path(epoch=epoch, batch=None, logs=logs), f"epoch_{epoch}")

    def _log(self, path: str, alias: str) -> None:
        if Path(path).exists():  # with save_best_only there may be none
            artifact = Artifact(f"run_{self._run.id}_model", "model")
            (artifact.add_dir if Path(path).is_dir() else artifact.add_file)(path)
            self._run.log_artifact(artifact, aliases=["latest", alias])
