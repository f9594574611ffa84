"""Which runs are going on, and which one `wandb.log` and the others mean. Global state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from wandb_logging._errors import WandbLoggingError

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run

active: list[Run] = []  # those that are not finished, in the order of their beginning
_current: list[Run] = []  # the one of the module, or none


def current() -> Run | None:
    """The run of the module."""
    return _current[-1] if _current else None


def begin(run: Run, *, make_current: bool) -> None:
    """Take note of a run that has begun."""
    active.append(run)
    if make_current:
        _current[:] = [run]


def end(run: Run) -> None:
    """Take note that it ends."""
    if run in active:
        active.remove(run)
    if run in _current:
        _current.remove(run)


def no_run(what: str) -> WandbLoggingError:
    """The error of what needs a run."""
    return WandbLoggingError(f"You must call wandb.init() before {what}")


class Early:
    """Stands for an object of the current run while there is none."""

    def __init__(self, name: str) -> None:
        vars(self)["_name"] = name

    def _fail(self, *_: object) -> NoReturn:
        raise no_run(vars(self)["_name"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # whoever looks what kind of object this is
            raise AttributeError(name)
        raise no_run(f"{vars(self)['_name']}.{name}")

    __getitem__ = __setitem__ = __setattr__ = __iter__ = _fail
