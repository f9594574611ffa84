"""What somebody means who gives a setting that there is not: the sentence of the error. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection

# Names of the official SDK, of other loggers, and of handlers of `logging`, for what has another name here.
_CALLED = {
    "base_url": "host",
    "url": "host",
    "api_url": "host",
    "server": "host",
    "dir": "cache_dir",
    "save_dir": "cache_dir",
    "log_dir": "cache_dir",
    "root_dir": "cache_dir",
    "path": "cache_dir",
    "id": "run_id",
    "run": "run_id",
    "version": "run_id",
    "run_name": "name",
    "display_name": "name",
    "experiment": "name",
    "experiment_name": "name",
    "title": "name",
    "description": "notes",
    "run_notes": "notes",
    "team": "entity",
    "user": "entity",
    "username": "entity",
    "workspace": "entity",
    "project_name": "project",
    "run_tags": "tags",
    "run_group": "group",
    "run_job_type": "job_type",
    "key": "api_key",
    "apikey": "api_key",
    "token": "api_key",
    "params": "config",
    "hparams": "config",
    "hyperparameters": "config",
    "settings": "config",
    "silent": "quiet",
    "timeout": "request_timeout",
    "interval": "flush_interval",
    "console_level": "console",
    "stats": "system_metrics",
    "monitor": "system_metrics",
    "metrics": "define_metrics",
    "define_metric": "define_metrics",
}
_MODES = ("online", "offline", "disabled", "dryrun")

# Of programs that learn: what people want to see beside the run.
_HYPERPARAMETERS = frozenset(
    """
    lr learning_rate lrs wd weight_decay momentum beta beta1 beta2 betas eps epsilon gamma alpha decay dropout
    epochs epoch n_epochs num_epochs max_epochs steps n_steps num_steps max_steps iterations iters bs batch seed
    optimizer optim scheduler lr_scheduler loss criterion model arch architecture backbone dataset data data_dir
    hidden hidden_size hidden_dim dim depth width layers n_layers num_layers heads n_heads num_heads
    warmup warmup_steps patience device precision workers num_workers world_size rank
    n_estimators max_depth temperature
    """.split()  # noqa: SIM905  words, read as words
)


def unknown(name: str, given: str, known: Collection[str]) -> str:
    """The sentence about a setting that there is not.

    Args:
        given: its value, as messages may say it.
        known: the names of all that there are.
    """
    return f"unknown setting {name!r} = {given}; {_hint(name, given, known)}"


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that is meant, as far as one can tell."""
    word = name.strip().lower().replace("-", "_")
    close = difflib.get_close_matches(word, known, 1, 0.5)
    return _CALLED.get(word) or next(iter(close), None)


def _hint(name: str, given: str, known: Collection[str]) -> str:
    word = name.strip().lower().replace("-", "_")
    if word in _MODES:
        return f"did you mean 'mode'? mode: {word}"
    if word in _HYPERPARAMETERS and word not in known:
        return f"a value of your program belongs into 'config': config: {{{name}: {given}}}"
    near = nearest(name, known)
    if near:
        return f"did you mean {near!r}?"
    return f"a value of your program belongs into 'config'; known keys: {', '.join(known)}"
