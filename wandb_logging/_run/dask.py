"""`join` as a plugin of Dask's workers. Imported where somebody asks for one: `distributed` is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin

if TYPE_CHECKING:
    from collections.abc import Callable


class Joins(WorkerPlugin):  # type: ignore[misc,unused-ignore]  # untyped
    """Has each worker join, those that come or begin again later as well.

    Args:
        join: what each calls, once.
    """

    name = "wandb_logging"
    idempotent = True

    def __init__(self, join: Callable[[], object]) -> None:
        self._join = join

    def setup(self, worker: Any) -> None:
        """Dask calls it in each worker."""
        del worker
        self._join()


def plugin_of(join: Callable[[], object]) -> Joins:
    """A plugin of it."""
    return Joins(join)
