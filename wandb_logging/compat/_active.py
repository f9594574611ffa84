"""The active runs, and the current one, to which `wandb.log` and other functions refer. Global state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from wandb_logging._errors import WandbLoggingError

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run

active: list[Run] = []  # unfinished runs in the order of their beginning
_current: list[Run] = []  # the current run of the module, or empty
_early_config: list[Any] = []  # what was assigned to `wandb.config` while there was no run, or empty


def current() -> Run | None:
    """The current run of the module; None if there is none."""
    return _current[-1] if _current else None


def begin(run: Run, *, make_current: bool) -> None:
    """Register a run that has begun."""
    active.append(run)
    if make_current:
        _current[:] = [run]


def end(run: Run) -> None:
    """Unregister a run that ends."""
    if run in active:
        active.remove(run)
    if run in _current:
        _current.remove(run)


def keep_config(values: Any) -> None:
    """Keep what was assigned to `wandb.config` while there is no run. The next run begins with it."""
    _early_config[:] = [values]


def early_config() -> Any:
    """What `wandb.config` is while there is no run: what was assigned to it, or a placeholder."""
    return _early_config[-1] if _early_config else Early("wandb.config")


def take_config() -> Any:
    """What was assigned to `wandb.config` before the run that begins now; None if nothing was."""
    return _early_config.pop() if _early_config else None


def no_run(what: str) -> WandbLoggingError:
    """The error for a call of `what`, which needs a run."""
    return WandbLoggingError(f"You must call wandb.init() before {what}")


class Early:
    """A placeholder for an object of the current run while there is no run."""

    def __init__(self, name: str) -> None:
        vars(self)["_name"] = name

    def _fail(self, *_: object) -> NoReturn:
        raise no_run(vars(self)["_name"])

    def _item(self, key: object, *_: object) -> NoReturn:
        raise no_run(f"{vars(self)['_name']}[{key!r}]")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise no_run(f"{vars(self)['_name']}.{name}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # such names are used to find out the kind of object
            raise AttributeError(name)
        raise no_run(f"{vars(self)['_name']}.{name}")

    __getitem__ = __setitem__ = __delitem__ = _item
    __iter__ = _fail
