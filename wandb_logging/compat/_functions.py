"""The functions of the module `wandb`. Each calls the method of the same name on the current run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from wandb_logging.compat._active import current, no_run
from wandb_logging.compat._run import Run

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    _Arguments = ParamSpec("_Arguments")

_Result = TypeVar("_Result")


def _of_current(method: Callable[Concatenate[Run, _Arguments], _Result]) -> Callable[_Arguments, _Result]:
    @functools.wraps(method)
    def function(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        run = current()
        if run is None:
            raise no_run(f"wandb.{method.__name__}()")
        return method(run, *args, **kwargs)

    return function


log = _of_current(Run.log)
define_metric = _of_current(Run.define_metric)
save = _of_current(Run.save)
alert = _of_current(Run.alert)
log_artifact = _of_current(Run.log_artifact)
use_artifact = _of_current(Run.use_artifact)
link_model = _of_current(Run.link_model)
log_model = _of_current(Run.log_model)
use_model = _of_current(Run.use_model)
mark_preempting = _of_current(Run.mark_preempting)
watch = _of_current(Run.watch)
unwatch = _of_current(Run.unwatch)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one, after everything is sent.

    Args:
        exit_code: 0 for finished, anything else for failed.
        quiet: has no meaning here.
    """
    del quiet
    run = current()
    if run is not None:
        run.finish(exit_code)
