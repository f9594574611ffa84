"""Promises about system metrics: the official SDK's names, a container's limits, no trouble where something lacks."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import wandb_logging
from tests.patience import PATIENCE
from wandb_logging import new_run
from wandb_logging._fold.fold import Rules, State, fold
from wandb_logging._journal.rundir import RunDir
from wandb_logging._process.sampling import Limits, Sampler, System
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

pytest.importorskip("psutil")

OFFICIAL = """
import wandb
often = wandb.Settings(x_stats_sampling_interval=0.2, x_file_stream_transmit_interval=0.2)
run = wandb.init(project="p", id="official", settings=often)
input()  # until enough has come
run.finish()
"""

# Names that only one of the two gives on some machine, with the reason.
ONLY_OFFICIAL = {
    "system.gpu.": "GPUs of makers other than NVIDIA, and the newest of NVIDIA's counters",
    "system.tpu.": "Google's TPUs are not read",
}
ONLY_OURS: dict[str, str] = {}


def run_program(source: str) -> subprocess.CompletedProcess[str]:
    package = str(Path(wandb_logging.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )


class TestRuns:
    @pytest.mark.not_quick
    def test_samples_are_events_of_the_run(self, wandb_server: LocalServer) -> None:
        """The first comes at once, the next at its interval, each with its time."""
        run = new_run("p", mode="online", system_metrics=True, system_interval=0.1, flush_interval=0.1, quiet=True)
        run.log({"x": 1})
        wandb_server.wait_for(lambda: len(wandb_server.run(run.id).events) >= 3)
        run.finish()
        first, second, *_ = wandb_server.run(run.id).events
        assert first["_wandb"] is True
        assert first["system.proc.memory.rssMB"] > 1
        assert 0 < first["system.memory_percent"] < 100
        assert "system.cpu" not in first  # nothing to compare it with
        assert second["system.cpu"] >= 0
        assert second["_runtime"] - first["_runtime"] == pytest.approx(
            second["_timestamp"] - first["_timestamp"], abs=1e-5
        )
        assert [row["x"] for row in wandb_server.run(run.id).history] == [1]

    def test_offline_they_are_in_the_journal(self, wandb_server: LocalServer) -> None:
        """And go to the server with all else, once."""
        run = new_run("p", mode="offline", system_metrics=True, quiet=True)
        run.flush()
        run.finish()
        wandb_logging.sync("wandb_cache")
        wandb_logging.sync("wandb_cache")
        assert len(wandb_server.run(run.id).events) == 1

    @pytest.mark.not_quick
    def test_stats(self, wandb_server: LocalServer) -> None:
        """With `log_stats` what this package counts is measured, too; no row is taken for it, and no psutil needed."""
        run = new_run("p", mode="online", log_stats=True, system_interval=0.1, flush_interval=0.1, quiet=True)
        for value in range(5):
            run.log({"x": value})
        wandb_server.wait_for(lambda: len(wandb_server.run(run.id).events) >= 3)
        last = wandb_server.run(run.id).events[-1]
        run.finish()
        names = {name.removeprefix("system.wandb_logging.") for name in last if name.startswith("system.")}
        assert names == set(run.stats())
        assert last["system.wandb_logging.accepted"] >= 5
        assert last["system.wandb_logging.dropped"] == 0
        assert last["system.wandb_logging.lag"] >= 0
        assert [row["_step"] for row in wandb_server.run(run.id).history] == list(range(5))

    def test_both(self) -> None:
        """The machine and the package are measured side by side; what was dropped is one number."""
        run = new_run("p", mode="offline", log_stats=True, system_metrics=True, quiet=True)
        run.flush()
        run.finish()
        assert run.dir is not None
        journal = [json.loads(line) for line in (run.dir / "journal-0001-0001.jsonl").read_text().splitlines()]
        machine, own = (event["system"] for event in journal if "system" in event)
        assert "memory_percent" in machine
        assert {type(value) for value in own.values()} <= {int, float}
        assert own["wandb_logging.journalled"] == 1  # the sample before

    @pytest.mark.not_quick
    def test_a_sample_does_not_send(self, wandb_server: LocalServer) -> None:
        """Sampling often does not mean sending often: flush_interval stays what it is."""
        run = new_run("p", mode="online", system_metrics=True, system_interval=0.1, flush_interval=3600, quiet=True)
        run.flush()
        before = len(wandb_server.requests)
        sampled = run.stats()["journalled"]
        wandb_server.wait_for(lambda: run.stats()["journalled"] >= sampled + 5)
        assert len(wandb_server.requests) == before
        run.finish()
        assert len(wandb_server.run(run.id).events) >= 5

    def test_off_by_default(self) -> None:
        """Nobody's machine is looked at unasked."""
        assert Settings().system_metrics is False
        run = new_run("p", mode="offline", quiet=True)
        run.flush()
        assert run.finish().remaining == 1  # the end

    @pytest.mark.not_quick
    def test_without_psutil_one_line_says_what_to_install(self) -> None:
        """The run goes on without."""
        done = run_program("""
            import sys
            sys.modules["psutil"] = None
            from wandb_logging import new_run
            run = new_run("p", mode="offline", system_metrics=True)
            run.log({"x": 1})
            run.flush()
            run.flush()
            assert run.finish().error is None
        """)
        lines = [line for line in done.stderr.splitlines() if "psutil" in line]
        assert len(lines) == 1
        assert "wandb-logging[system]" in lines[0]

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"system_interval": 5}, 1),
            ({"system_interval": 5, "system_metrics": True}, 0),
            ({"system_interval": 5, "log_stats": True}, 0),
            ({"system_interval": 5, "mode": "disabled"}, 0),
            ({}, 0),
        ],
    )
    def test_an_interval_of_nothing_is_said(
        self, settings: dict[str, Any], said: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Who sets how often something is measured, and not that it is, gets one line about it."""
        run = new_run("p", **{"mode": "offline", **settings})
        run.log({"x": 1})
        run.flush()
        run.flush()
        run.finish()
        assert caplog.text.count("system_interval has no effect") == said

    @pytest.mark.contract
    @pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="the official SDK is not installed")
    def test_the_names_are_the_official_sdks(self, wandb_server: LocalServer) -> None:
        """On this machine both give the same names; what only one gives is listed with its reason."""
        program = subprocess.Popen([sys.executable, "-c", OFFICIAL], stdin=subprocess.PIPE, text=True)
        with program:
            wandb_server.wait_for(lambda: "system.cpu" in str(wandb_server.run("official").events))
            program.communicate("\n")
        official = {name for row in wandb_server.run("official").events for name in row}
        run = new_run("p", mode="online", system_metrics=True, system_interval=0.1, quiet=True)
        wandb_server.wait_for(lambda: run.stats()["journalled"] >= 3)
        run.finish()
        ours = {name for row in wandb_server.run(run.id).events for name in row}
        assert {name for name in official - ours if not name.startswith(tuple(ONLY_OFFICIAL))} == set()
        assert ours - official == set(ONLY_OURS)


class TestSampler:
    def test_at_its_interval(self) -> None:
        """The first is due at once; what a sleeping machine missed is not made up for."""
        clock = [100.0]
        sampler = Sampler(10.0, lambda: SimpleNamespace(sample=dict), lambda: clock[0])
        taken = []
        for clock[0] in (100.0, 105.0, 110.0, 111.0, 175.0, 176.0, 185.0):
            if sampler.sample() is not None:
                taken.append(clock[0])
        assert taken == [100.0, 110.0, 175.0, 185.0]


class TestFold:
    def test_the_row(self) -> None:
        """Protocol 11: a row of its own stream, with its own numbering; the summary knows nothing of it."""
        event = json.dumps({"system": {"cpu": 3.5, "disk./.usageGB": 1}, "t": 12.5}).encode()
        state, delta = fold(Rules(start=10.0), State(), [event, event])
        assert [json.loads(line) for line in delta.samples] == [
            {"_wandb": True, "system.cpu": 3.5, "system.disk./.usageGB": 1, "_timestamp": 12.5, "_runtime": 2.5}
        ] * 2
        assert (state.samples, state.rows, state.summary) == (2, 0, {})


class TestSystem:
    def test_what_a_machine_lacks_is_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A failing reading costs its own metrics only."""
        import psutil

        def broken(*_: object, **__: object) -> Any:
            raise NotImplementedError

        for name in ("disk_io_counters", "net_io_counters", "disk_usage"):
            monkeypatch.setattr(psutil, name, broken)
        metrics = System(Path("nowhere")).sample()
        assert set(metrics) == {
            "memory_percent",
            "proc.memory.rssMB",
            "proc.memory.percent",
            "proc.memory.availableMB",
            "proc.cpu.threads",
        }

    def test_counters_begin_with_the_run(self) -> None:
        """Bytes and retransmissions count from the start, not from the boot."""
        metrics = System().sample()
        counted = {
            name: value for name, value in metrics.items() if name.startswith("network.") or name.endswith(".in")
        }
        assert all(0 <= value < 1000 or name != "network.tcpRetransmits" for name, value in counted.items())
        assert counted.get("network.sent", 0) < 2**30

    def test_memory_is_the_containers(self, tmp_path: Path) -> None:
        """Used and available are of what the container may use."""
        groups(tmp_path, "0::/box", {"box/memory.max": 2**30, "box/memory.current": 2**28})
        metrics = System(tmp_path).sample()
        assert metrics["memory_percent"] == 25.0
        assert metrics["proc.memory.availableMB"] == 768.0
        assert metrics["proc.memory.percent"] == pytest.approx(metrics["proc.memory.rssMB"] / 1024 * 100, rel=0.1)


def groups(
    proc: Path, cgroup: str, files: dict[str, object], *, mount: str = "cgroup2 cgroup2 rw", root: str = "/"
) -> None:
    """A `/proc` that tells of control groups with these files."""
    (proc / "self").mkdir(parents=True)
    (proc / "self/cgroup").write_text(f"{cgroup}\n")
    (proc / "self/mountinfo").write_text(f"30 23 0:26 {root} {proc}/sys rw,nosuid shared:4 - {mount}\n")
    for name, value in files.items():
        path = proc / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


class TestLimits:
    def test_version_2(self, tmp_path: Path) -> None:
        """The unified tree: memory.max, and a quota of processor time."""
        groups(tmp_path, "0::/a/b", {"a/b/memory.max": 1000, "a/b/memory.current": 10, "a/b/cpu.max": "150000 100000"})
        assert (Limits(tmp_path).memory(), Limits(tmp_path).cpus()) == ((10, 1000), 1.5)

    def test_version_1(self, tmp_path: Path) -> None:
        """A tree for each controller."""
        files: dict[str, object] = {
            "a/memory.limit_in_bytes": 1000,
            "a/memory.usage_in_bytes": 10,
            "a/cpu.cfs_quota_us": 50000,
            "a/cpu.cfs_period_us": 100000,
        }
        groups(tmp_path, "4:memory,cpu:/a", files, mount="cgroup cgroup rw,memory,cpu")
        assert (Limits(tmp_path).memory(), Limits(tmp_path).cpus()) == ((10, 1000), 0.5)

    def test_the_least_of_all_above(self, tmp_path: Path) -> None:
        """A group's limit holds for all below it."""
        files = {"a/memory.max": 500, "a/memory.current": 20, "a/b/memory.max": "max", "a/b/memory.current": 10}
        groups(tmp_path, "0::/a/b", {**files, "a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"})
        assert (Limits(tmp_path).memory(), Limits(tmp_path).cpus()) == ((20, 500), 2.0)

    def test_a_container_that_sees_its_group_as_the_root(self, tmp_path: Path) -> None:
        """As Docker mounts it."""
        groups(tmp_path, "0::/docker/1f", {"memory.max": 700, "memory.current": 7}, root="/docker/1f")
        assert Limits(tmp_path).memory() == (7, 700)

    @pytest.mark.parametrize(
        ("cgroup", "files"),
        [
            ("0::/", {"memory.max": "max", "memory.current": 5, "cpu.max": "max 100000"}),
            ("0::/gone", {}),
            ("1:memory:/a", {"a/cpu.cfs_quota_us": -1}),
            ("not a line", {}),
            ("", {}),
        ],
    )
    def test_no_limit(self, tmp_path: Path, cgroup: str, files: dict[str, object]) -> None:
        """Nothing set, nothing there, nothing that can be read."""
        groups(tmp_path, cgroup, files)
        assert (Limits(tmp_path).memory(), Limits(tmp_path).cpus()) == (None, None)

    def test_no_control_groups(self, tmp_path: Path) -> None:
        """On systems without /proc."""
        assert (Limits(tmp_path / "none").memory(), Limits(tmp_path / "none").cpus()) == (None, None)


class FakeNvml(SimpleNamespace):
    """Two cards as the library shows them: the second one lacks all but its load."""

    class NVMLError(Exception):
        """What a card cannot tell."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("NVML_"):
            return name
        raise AttributeError(name)

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        return number

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        return SimpleNamespace(gpu=50 + handle, memory=20)

    def only_first(self, handle: int, value: Any) -> Any:
        if handle:
            raise self.NVMLError
        return value

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return self.only_first(handle, SimpleNamespace(used=250, total=1000))

    def nvmlDeviceGetTemperature(self, handle: int, _sensor: str) -> Any:
        return self.only_first(handle, 60)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> Any:
        return self.only_first(handle, 100_000)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> Any:
        return self.only_first(handle, 400_000)

    def nvmlDeviceGetClockInfo(self, handle: int, clock: str) -> Any:
        return self.only_first(
            handle, {"NVML_CLOCK_SM": 1400, "NVML_CLOCK_MEM": 5000, "NVML_CLOCK_GRAPHICS": 1300}[clock]
        )

    def nvmlDeviceGetEncoderUtilization(self, handle: int) -> Any:
        return self.only_first(handle, [7, 167_000])  # per cent, and over how many microseconds

    def nvmlDeviceGetCurrPcieLinkGeneration(self, handle: int) -> Any:
        return self.only_first(handle, 4)

    def nvmlDeviceGetPcieSpeed(self, handle: int) -> Any:
        return self.only_first(handle, 16_000)

    def nvmlDeviceGetCurrPcieLinkWidth(self, handle: int) -> Any:
        return self.only_first(handle, 16)

    def nvmlDeviceGetFanSpeed(self, handle: int) -> Any:
        return self.only_first(handle, 30)

    def nvmlDeviceGetMemoryErrorCounter(self, handle: int, kind: str, counter: str, place: str) -> Any:
        assert (counter, place) == ("NVML_VOLATILE_ECC", "NVML_MEMORY_LOCATION_DEVICE_MEMORY")
        return self.only_first(handle, {"NVML_MEMORY_ERROR_TYPE_CORRECTED": 3}.get(kind, 0))

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> Any:
        return self.only_first(handle, [SimpleNamespace(pid=1), SimpleNamespace(pid=os.getpid())])

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> Any:
        return self.only_first(handle, [])


class TestNvidia:
    def test_the_library_has_what_is_asked_of_it(self) -> None:
        """The stand-in has no function, and no constant, that NVIDIA's own library has not."""
        nvml = pytest.importorskip("pynvml")
        functions = [name for name in vars(FakeNvml) if name.startswith("nvml")]
        constants = ["NVML_CLOCK_SM", "NVML_CLOCK_MEM", "NVML_CLOCK_GRAPHICS", "NVML_TEMPERATURE_GPU"]
        constants += ["NVML_VOLATILE_ECC", "NVML_MEMORY_LOCATION_DEVICE_MEMORY"]
        constants += ["NVML_MEMORY_ERROR_TYPE_CORRECTED", "NVML_MEMORY_ERROR_TYPE_UNCORRECTED"]
        assert [name for name in [*functions, *constants] if not hasattr(nvml, name)] == []

    def test_names_and_units(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Per cent, bytes, watts, MHz; those of a card that this process uses count as the process's, too."""
        monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
        metrics = {name: value for name, value in System().sample().items() if name.startswith("gpu.")}
        shared = {
            "gpu": 50,
            "memory": 20,
            "memoryAllocated": 25.0,
            "memoryAllocatedBytes": 250,
            "temp": 60,
            "powerWatts": 100.0,
            "enforcedPowerLimitWatts": 400.0,
            "powerPercent": 25.0,
        }
        own = {
            "smClock": 1400,
            "memoryClock": 5000,
            "graphicsClock": 1300,
            "encoderUtilization": 7,
            "pcieLinkGen": 4,
            "pcieLinkSpeed": 16_000_000_000,
            "pcieLinkWidth": 16,
            "fanSpeed": 30,
            "correctedMemoryErrors": 3,
            "uncorrectedMemoryErrors": 0,
        }
        assert metrics == {
            **{f"gpu.0.{name}": value for name, value in {**shared, **own}.items()},
            **{f"gpu.process.0.{name}": value for name, value in shared.items()},
            "gpu.1.gpu": 51,
            "gpu.1.memory": 20,
        }

    def test_without_the_library_or_a_card(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then there are none."""
        monkeypatch.setitem(sys.modules, "pynvml", None)
        assert not any(name.startswith("gpu.") for name in System().sample())


def test_a_refused_sample_leaves_its_time(wandb_server: LocalServer) -> None:
    """What the server does not take costs that one row, not the numbering."""
    run = new_run("p", mode="offline", system_metrics=True, quiet=True)
    run.flush()
    run.finish()
    assert run.dir is not None
    wandb_server.fail_next(2, status=400, where="file_stream")
    wandb_logging.sync(run.dir)
    (event,) = wandb_server.run(run.id).events
    assert set(event) == {"_wandb", "_timestamp", "_runtime"}
    assert "system." in (RunDir(run.dir).path / "aside.jsonl").read_text()


@pytest.mark.not_quick
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_waits_for_a_sample() -> None:
    """What is measured with has locks, as pynvml and psutil do: a child would wait for ever for one that was held."""
    done = run_program("""
        import os, threading, time
        from wandb_logging._process.sampling import Sampler

        lock, inside = threading.Lock(), threading.Event()

        class Source:
            def sample(self):
                with lock:
                    inside.set()
                    time.sleep(0.3)  # a driver that is loaded
                return {}

        thread = threading.Thread(target=Sampler(10, Source).sample)
        thread.start()
        inside.wait()
        child = os.fork()
        if not child:
            os._exit(lock.locked())
        print(os.waitpid(child, 0)[1])
        thread.join()
    """)
    assert done.stdout == "0\n"
