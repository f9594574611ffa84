"""`join`: makes one picklable call by which workers of a pool or cluster become writers of this process's run.

The parent passes on the run's directory and settings. A worker writes into that directory; the parent sends what it
wrote, and finishes the run. A worker that does not see the directory carries its rows to the parent (`elsewhere`).
"""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

from wandb_logging._errors import LogError, WandbLoggingError
from wandb_logging._process.notices import say
from wandb_logging._run import engines, spawned
from wandb_logging._run.copying import is_in_sight
from wandb_logging._run.handler import WandbHandler, current_run, has_joined, have_joined
from wandb_logging._run.messages import not_joined
from wandb_logging._run.run import Run, is_anothers


class Join:
    """The call that a worker makes once, before its work: `initializer=join()`. Made by `join`, and pickled on the way.

    Args:
        run: the run to join.
        places: the loggers that have its handlers: the name of the logger, its level, the level of the handler.
        address: where the run's process listens for workers that do not see its directory; None: where the engine that
            is used reaches it, if its workers are elsewhere.
    """

    def __init__(self, run: Run, places: list[tuple[str, int, int]], address: str | None = None) -> None:
        self.__name__ = self.__qualname__ = "wandb_logging.join"  # Ray asks each hook for its name
        self._make, self._arguments = run.__reduce__()
        self._places = places
        self._run: Run | None = run
        self._route = _route(run, address) if address is not None else None
        engines.have_invited()

    def __getstate__(self) -> dict[str, Any]:
        """What a worker is handed. Only now is it known what is used: Ray begins after it has been given its hook."""
        run, route = self._run, self._route
        if run is not None and route is None and (address := engines.address()) is not None:
            try:
                route = self._route = _route(run, address)
            except LogError as exc:  # workers that see the directory need none
                say(logging.WARNING, str(exc))
        return {**vars(self), "_run": None, "_route": route}

    def __call__(self, *_: object) -> None:
        """Have the records of this process go to the run. Never raises: a pool whose initializer fails hangs."""
        try:
            run = self._joined()
        except (WandbLoggingError, OSError) as exc:
            say(logging.ERROR, not_joined(exc).text)
            return
        if has_joined(run) or (not is_anothers(run) and run.mode != "disabled"):
            return  # a task before has called it, or this process itself began the run
        have_joined(run)
        spawned.leave()
        self._attach(run)
        _after_configuring(lambda: self._attach(run))

    def _joined(self) -> Run:
        ticket = self._arguments[0]
        if self._route is not None and not is_in_sight(ticket):
            from wandb_logging._run import elsewhere  # noqa: PLC0415  as below

            return elsewhere.begin(ticket, self._route)
        run: Run = self._make(ticket)
        return run

    def _attach(self, run: Run) -> None:
        """Attach handlers to the loggers that have one in the parent, unless this process has a handler already."""
        if not any(True for _ in _places_of(None)):
            for name, level, handler_level in self._places:
                logger = logging.getLogger(name)
                logger.addHandler(WandbHandler(handler_level, run=run))
                if level and not logger.isEnabledFor(level):
                    logger.setLevel(level)

    def dask_plugin(self) -> Any:
        """Make a Dask `WorkerPlugin` of it, for `client.register_plugin`. It serves present and later workers.

        Raises:
            ImportError: dask.distributed is not installed.
        """
        from wandb_logging._run.dask import plugin_of  # noqa: PLC0415  an extra

        return plugin_of(self)


def _route(run: Run, address: str) -> Any:
    # What is needed to talk to workers elsewhere takes 3 MiB, and most workers see the run's directory.
    from wandb_logging._run import elsewhere  # noqa: PLC0415

    return elsewhere.route_to(run, address)


def _after_configuring(attach: Callable[[], object]) -> None:
    """Call a function after each `dictConfig` of this process, because the one of Ray Train removes all handlers."""
    before: Any = logging.config.dictConfigClass

    class Configurator(before):  # type: ignore[misc,unused-ignore]  # the base class may be anybody's
        """Does what the previous configurator does, and then calls `attach`."""

        def configure(self) -> None:
            super().configure()
            attach()

    logging.config.dictConfigClass = Configurator


def join(address: str | None = None) -> Join:
    """Make the call by which the records of a worker process go to the run of this process.

    Give the result as `initializer` to `multiprocessing.Pool`, `ProcessPoolExecutor` or joblib's loky, or to Ray as
    `worker_process_setup_hook`; for Dask, give `join().dask_plugin()` to `client.register_plugin`. If nothing has
    been logged yet, the run begins now. If a worker configures logging by itself, its handlers log to the run; else
    a handler is attached to each logger that has one in this process. This process sends what all workers write,
    and the run ends when this process does. A worker that does not see the run's directory, as on another machine,
    writes into one of its own, and carries that to this process over the network. A worker that cannot join says so and
    does its work.

    Args:
        address: name or address of this machine by which workers elsewhere reach it, such as `node7` or `10.0.0.7`,
            with `:8990` behind it to listen at a certain port. Default: where Ray, Dask or Spark reach this process if
            it uses a cluster of theirs that is not on this machine alone; else this process does not listen.

    Raises:
        LogError: there is neither a run nor a handler, the run has no directory, or nothing can listen at `address`.
    """
    run = current_run()
    return Join(run, list(_places_of(run)) or [("", logging.root.level, logging.NOTSET)], address)


def _places_of(run: Run | None) -> Iterator[spawned.HandlerPlace]:
    """The loggers that have a handler of a run. None stands for any run."""
    for logger, handler in spawned.our_handlers():
        if isinstance(handler, WandbHandler) and (run is None or handler.goes_to(run)):
            yield spawned.name_of(logger), logger.level, handler.level
