"""`join`: one picklable call that makes the workers of a pool or a cluster writers of this process's run.

The parent hands down the run's directory and settings. A worker writes there, the parent sends and finishes.
"""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

from wandb_logging._errors import WandbLoggingError
from wandb_logging._process.notices import say
from wandb_logging._run import engines, spawned
from wandb_logging._run.current import current_run
from wandb_logging._run.handler import WandbHandler, have_joined
from wandb_logging._run.run import Run, is_anothers
from wandb_logging._run.words import not_joined


class Join:
    """What a worker calls once, before its work: `initializer=join()`. Made by `join`, pickled on the way.

    Args:
        run: which run.
        places: where it is logged to: the name of a logger, its level, the level of the handler there.
    """

    def __init__(self, run: Run, places: list[tuple[str, int, int]]) -> None:
        self.__name__ = self.__qualname__ = "wandb_logging.join"  # Ray asks each hook for its name
        self._make, self._arguments = run.__reduce__()
        self._places = places
        engines.have_invited()

    def __call__(self, *_: object) -> None:
        """Have what this process logs go to the run. Never raises: a pool whose initializer does never ends."""
        try:
            run = self._make(*self._arguments)
        except (WandbLoggingError, OSError) as exc:
            say(logging.ERROR, not_joined(exc).text)
            return
        if not is_anothers(run) and run.mode != "disabled":
            return  # this very process began it
        have_joined(run)
        spawned.leave()
        self._attach(run)
        _after_configuring(lambda: self._attach(run))

    def _attach(self, run: Run) -> None:
        """Have a handler where the parent has one, unless there is one already."""
        if not any(True for _ in _places_of(None)):
            for name, level, handler_level in self._places:
                logger = logging.getLogger(name)
                logger.addHandler(WandbHandler(handler_level, run=run))
                if level and not logger.isEnabledFor(level):
                    logger.setLevel(level)

    def dask_plugin(self) -> Any:
        """The same as a Dask `WorkerPlugin`, for `client.register_plugin`: for workers that are there, and that come.

        Raises:
            ImportError: dask.distributed is not installed.
        """
        from wandb_logging._run.dask import plugin_of  # noqa: PLC0415  an extra

        return plugin_of(self)


def _after_configuring(attach: Callable[[], object]) -> None:
    """Have something done after each `dictConfig` of this process: that of Ray Train takes all handlers away."""
    before: Any = logging.config.dictConfigClass

    class Configurator(before):  # type: ignore[misc,unused-ignore]  # of whatever class there is
        """The one that was there, and then ours."""

        def configure(self) -> None:
            super().configure()
            attach()

    logging.config.dictConfigClass = Configurator


def join() -> Join:
    """What a worker process has to call for its records to go to the run of this process.

    As `initializer` of `multiprocessing.Pool`, `ProcessPoolExecutor` and joblib's loky, as Ray's
    `worker_process_setup_hook`; `join().dask_plugin()` is for Dask's `client.register_plugin`. Where nothing has been
    logged yet, the run begins now. In a worker that configures logging by itself, the handlers there go to the run; in
    others a handler is attached where there is one here. This process sends what all of them write, and its end is the
    run's. The workers have to see the run's directory; where one cannot join, it says so and does its work.

    Raises:
        LogError: there is neither a run nor a handler; or the run has no directory.
    """
    run = current_run()
    return Join(run, list(_places_of(run)) or [("", logging.root.level, logging.NOTSET)])


def _places_of(run: Run | None) -> Iterator[spawned.HandlerPlace]:
    """The loggers that have a handler of a run; of None: of any."""
    for logger, handler in spawned.our_handlers():
        if isinstance(handler, WandbHandler) and (run is None or handler.goes_to(run)):
            yield spawned.name_of(logger), logger.level, handler.level
