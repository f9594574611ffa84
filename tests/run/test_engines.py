"""When a person is told that the workers of an engine may log to nowhere. The engines stand in: they are large."""

from __future__ import annotations

import socket
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from wandb_logging._run import engines


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """As much of Ray as is asked: a driver that is connected."""
    module = ModuleType("ray._private.worker")
    vars(module)["global_worker"] = SimpleNamespace(listener_thread=object())
    monkeypatch.setitem(sys.modules, "ray._private.worker", module)
    monkeypatch.setattr(engines, "_is_invited", False)
    return module


def test_it_is_said_once_and_not_at_once(ray: ModuleType) -> None:
    """There is time to join first; then it is said, and not again at the end."""
    lookout = engines.Lookout()
    assert lookout.look(100.0) is None
    assert lookout.look(100.0 + engines.PATIENCE - 1) is None
    engine, how = lookout.look(100.0 + engines.PATIENCE) or ("", "")
    assert engine == "Ray"
    assert "worker_process_setup_hook" in how
    assert lookout.look(1000.0, last=True) is None


def test_a_short_program_is_told_at_its_end(ray: ModuleType) -> None:
    """Whoever ends before is told at the end."""
    assert engines.Lookout().look(100.0, last=True) is not None


def test_who_made_a_join_is_not_told(ray: ModuleType) -> None:
    """What the workers were given is the user's business."""
    engines.have_invited()
    assert engines.Lookout().look(100.0, last=True) is None


def test_a_worker_is_not_told(ray: Any) -> None:
    """Within a worker of Ray there is no listener for the messages of others."""
    ray.global_worker = SimpleNamespace(listener_thread=None)
    assert engines.Lookout().look(100.0, last=True) is None


def test_another_version_is_no_fault(ray: Any) -> None:
    """An engine that looks otherwise inside says nothing, and raises nothing."""
    del ray.global_worker
    assert engines.Lookout().look(100.0, last=True) is None


@pytest.mark.parametrize(("cluster", "told"), [("LocalCluster", False), ("KubeCluster", True), ("NoneType", True)])
def test_dask_elsewhere(monkeypatch: pytest.MonkeyPatch, cluster: str, told: bool) -> None:
    """The workers of a local cluster are children of the process; those of another are told of."""
    client = SimpleNamespace(status="running", cluster=type(cluster, (), {})())
    monkeypatch.setitem(sys.modules, "distributed.client", SimpleNamespace(Client=SimpleNamespace(_instances=[client])))
    monkeypatch.delitem(sys.modules, "ray._private.worker", raising=False)
    monkeypatch.setattr(engines, "_is_invited", False)
    assert (engines.Lookout().look(0.0, last=True) is not None) == told


class TestWhereWorkersReachThisProcess:
    """Only where an engine is used that may have workers on other machines."""

    @pytest.fixture(autouse=True)
    def _no_engines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("ray._private.worker", "distributed.client", "pyspark"):
            monkeypatch.delitem(sys.modules, name, raising=False)

    def test_without_an_engine_nobody_is_elsewhere(self) -> None:
        """So a pool makes nobody listen."""
        assert engines.address() is None

    @pytest.mark.parametrize(("head", "address"), [(True, None), (False, "10.0.0.7")])
    def test_ray(self, ray: Any, head: bool, address: str | None) -> None:
        """Where the program has connected to a cluster: not one that it has begun itself."""
        ray.global_worker.node = SimpleNamespace(head=head, node_ip_address="10.0.0.7")
        assert engines.address() == address

    def test_ray_that_has_not_begun(self, ray: Any) -> None:
        """`ray.init` is given what `join` makes before it has begun; it asks again when that is handed down."""
        ray.global_worker.node = None
        assert engines.address() is None

    @pytest.mark.parametrize(
        ("scheduler", "address"),
        [("tcp://127.0.0.1:8786", "127.0.0.1"), ("tls://[::1]:8786", "::1"), ("inproc://10.0.0.7/12/1", None)],
    )
    def test_dask(self, monkeypatch: pytest.MonkeyPatch, scheduler: str, address: str | None) -> None:
        """This machine's end of the way to the scheduler."""
        client = SimpleNamespace(status="running", cluster=None, scheduler=SimpleNamespace(address=scheduler))
        module = SimpleNamespace(Client=SimpleNamespace(_instances=[client]))
        monkeypatch.setitem(sys.modules, "distributed.client", module)
        if address == "::1" and not socket.has_ipv6:
            pytest.skip("IPv6")
        assert engines.address() == address

    @pytest.mark.parametrize(
        ("master", "address"), [("local", None), ("local[4]", None), ("local-cluster[2,1,1024]", "d"), ("yarn", "d")]
    )
    def test_spark(self, monkeypatch: pytest.MonkeyPatch, master: str, address: str | None) -> None:
        """Where the executors reach the driver; with the master `local` it is their own process's child."""
        context = SimpleNamespace(master=master, getConf=lambda: {"spark.driver.host": "d"})
        module = SimpleNamespace(SparkContext=SimpleNamespace(_active_spark_context=context))
        monkeypatch.setitem(sys.modules, "pyspark", module)
        assert engines.address() == address
