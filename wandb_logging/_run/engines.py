"""Detects which engine is used: whether its workers did not join the run, and where they reach this process.

Ray's workers, and those of a Dask cluster elsewhere, are no children of this process and know nothing of its handlers.
What they log is lost, and nothing in them could say so; therefore this process says it. Nothing is imported for that:
only modules that are loaded already are asked.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

_JOINS = {
    "Ray": 'ray.init(runtime_env={"worker_process_setup_hook": wandb_logging.join()})',
    "Dask": "client.register_plugin(wandb_logging.join().dask_plugin())",
}
PATIENCE = 30.0  # seconds that an engine may be used before a person is told
_is_invited = False


def have_invited() -> None:
    """Note that this process has made something with which workers can join."""
    global _is_invited  # noqa: PLW0603  there is one such process
    _is_invited = True


def unjoined() -> tuple[str, str] | None:
    """The name of an engine whose workers' records may be lost, and how they could join; None if there is none."""
    if _is_invited:
        return None
    try:
        engine = _used()
    except Exception:  # another version of the engine may lack what is asked here
        return None
    return None if engine is None else (engine, _JOINS[engine])


def address() -> str | None:
    """Where the workers of an engine that has some on other machines reach this one; None if no such engine is used."""
    for find in (_in_ray, _in_dask, _in_spark):
        with contextlib.suppress(Exception):  # as in `unjoined`
            if (found := find()) is not None:
                return found
    return None


def _in_ray() -> str | None:
    ray: Any = sys.modules.get("ray._private.worker")
    node = ray.global_worker.node if ray is not None else None
    return None if node is None or node.head else str(node.node_ip_address)  # `ray.init` began a head for itself


def _in_dask() -> str | None:
    client = next(_dask_elsewhere(), None)
    if client is None:
        return None
    host, port = client.scheduler.address.rpartition("://")[2].rsplit(":", 1)
    family, _, _, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as unused:
        unused.connect(place)  # nothing is sent: this only chooses the interface
        return str(unused.getsockname()[0])


def _in_spark() -> str | None:
    spark: Any = sys.modules.get("pyspark")
    context = spark.SparkContext._active_spark_context if spark is not None else None  # noqa: SLF001  no public way
    if context is None or context.master.split("[")[0] == "local":
        return None
    return str(context.getConf().get("spark.driver.host"))


class Lookout:
    """Reports once that an engine's workers have not joined. It waits a while, because joining takes a moment."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False

    def look(self, now: float, *, last: bool = False) -> tuple[str, str] | None:
        """The result of `unjoined` if it is time to tell a person, else None. `now` is a monotonic time in seconds."""
        found = None if self._told else unjoined()
        if found is None:
            return None
        self._since = now if self._since is None else self._since
        self._told = last or now - self._since >= PATIENCE
        return found if self._told else None


def _used() -> str | None:
    ray: Any = sys.modules.get("ray._private.worker")
    # Only a driver has this thread, no worker; the attribute stays after the driver has disconnected.
    if ray is not None and getattr(ray.global_worker, "listener_thread", None) is not None:
        return "Ray"
    return "Dask" if any(True for _ in _dask_elsewhere()) else None


def _dask_elsewhere() -> Iterator[Any]:
    """The clients of Dask clusters. Workers of a local cluster are this process's children, see `spawned`."""
    dask: Any = sys.modules.get("distributed.client")
    for client in list(dask.Client._instances) if dask is not None else []:  # noqa: SLF001  it has no public way to ask
        if client.status == "running" and type(client.cluster).__name__ != "LocalCluster":
            yield client
