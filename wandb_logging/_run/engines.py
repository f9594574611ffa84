"""Engines whose workers are no children of this process: whether one is used whose workers did not join the run.

Ray's workers, and those of a Dask cluster elsewhere, know nothing of this process's handlers. Nobody there could say
that what they log goes nowhere, so it is said here. Nothing is imported for that: what is asked has been loaded.
"""

from __future__ import annotations

import sys
from typing import Any

_JOINS = {
    "Ray": 'ray.init(runtime_env={"worker_process_setup_hook": wandb_logging.join()})',
    "Dask": "client.register_plugin(wandb_logging.join().dask_plugin())",
}
PATIENCE = 30.0  # seconds that an engine is used without a word
_is_invited = False


def have_invited() -> None:
    """Workers of this process were given what lets them join."""
    global _is_invited  # noqa: PLW0603  there is one such process
    _is_invited = True


def unjoined() -> tuple[str, str] | None:
    """The engine whose workers may log to nowhere, and what lets them join; None if there is none."""
    if _is_invited:
        return None
    try:
        engine = _used()
    except Exception:  # another version of it
        return None
    return None if engine is None else (engine, _JOINS[engine])


class Lookout:
    """Says once that an engine is used whose workers have not joined: not at once, for joining takes a moment."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False

    def look(self, now: float, *, last: bool = False) -> tuple[str, str] | None:
        """What `unjoined` says, if it is time to tell a person. `now`: seconds, monotonic."""
        found = None if self._told else unjoined()
        if found is None:
            return None
        self._since = now if self._since is None else self._since
        self._told = last or now - self._since >= PATIENCE
        return found if self._told else None


def _used() -> str | None:
    ray: Any = sys.modules.get("ray._private.worker")
    # Of a driver, not of a worker, and there still when it has disconnected.
    if ray is not None and getattr(ray.global_worker, "listener_thread", None) is not None:
        return "Ray"
    dask: Any = sys.modules.get("distributed.client")
    clients = list(dask.Client._instances) if dask is not None else []  # noqa: SLF001  it has no public way to ask
    if any(client.status == "running" and type(client.cluster).__name__ != "LocalCluster" for client in clients):
        return "Dask"  # the workers of a local one are this process's children, see `spawned`
    return None
