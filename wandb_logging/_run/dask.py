"""`join` as a plugin for Dask's workers. This module is imported only on demand, because `distributed` is optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin

if TYPE_CHECKING:
    from collections.abc import Callable


class Joins(WorkerPlugin):  # type: ignore[misc,unused-ignore]  # untyped
    """Has each worker join, also those that start or restart later.

    Args:
        join: called once in each worker.
    """

    name = "wandb_logging"
    idempotent = True

    def __init__(self, join: Callable[[], object]) -> None:
        self._join = join

    def setup(self, worker: Any) -> None:
        """Join in this worker. Dask calls this in each worker."""
        del worker
        self._join()


def plugin_of(join: Callable[[], object]) -> Joins:
    """Make a plugin that calls `join`."""
    return Joins(join)
