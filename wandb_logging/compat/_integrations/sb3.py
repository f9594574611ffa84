"""`wandb.integration.sb3`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from wandb_logging.compat._integrations.boosters import run_of
from wandb_logging.compat._refused import say_once

_Callback: Any = importlib.import_module("stable_baselines3.common.callbacks").BaseCallback
_LOGGED = ("gradients", "parameters", "all", None)


class WandbCallback(_Callback):  # type: ignore[misc]  # of a framework without types
    """Writes the model's settings to the config, saves the model, and watches its policy.

    Args:
        verbose: Stable-Baselines3's setting of this name.
        model_save_path: folder for the model. Default: the model is not saved.
        model_save_freq: also save the model once in this many steps.
        gradient_save_freq: log histograms once in this many passes. Default: never.
        log: content of the histograms: gradients, parameters, all.
    """

    def __init__(
        self,
        verbose: int = 0,
        model_save_path: str | None = None,
        model_save_freq: int = 0,
        gradient_save_freq: int = 0,
        log: str | None = "all",
    ) -> None:
        super().__init__(verbose)
        self._wandb = run_of("WandbCallback()")
        if log not in _LOGGED:
            say_once(f"WandbCallback: log={log!r} is none of gradients, parameters, all: it is all")
        self.log = log if log in _LOGGED else "all"
        self.model_save_freq, self.gradient_save_freq = model_save_freq, gradient_save_freq
        self.model_save_path = model_save_path
        if model_save_path is None and model_save_freq:
            raise ValueError("model_save_freq: there is no model_save_path to save to")
        if model_save_path is not None:
            Path(model_save_path).mkdir(parents=True, exist_ok=True)

    def _init_callback(self) -> None:
        found = {"algo": type(self.model).__name__}
        for key, value in vars(self.model).items():
            if key not in self._wandb.config:
                found[key] = value if type(value) in {float, int, str} else str(value)
        if self.gradient_save_freq > 0:
            self._wandb.watch(self.model.policy, log_freq=self.gradient_save_freq, log=self.log)
        self._wandb.config.setdefaults(found)

    def _on_step(self) -> bool:
        if self.model_save_freq > 0 and self.n_calls % self.model_save_freq == 0:
            self.save_model()
        return True

    def _on_training_end(self) -> None:
        if self.model_save_path is not None:
            self.save_model()

    def save_model(self) -> None:
        """Save the model, and add its file to the run."""
        path = Path(str(self.model_save_path), "model.zip")
        self.model.save(path)
        self._wandb.save(path, base_path=self.model_save_path)
