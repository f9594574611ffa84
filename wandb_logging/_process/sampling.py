"""System metrics: what a process and its machine are doing, named as in the official SDK (protocol 11).

Needs the extra `system` (psutil). NVIDIA GPUs are read if `nvidia-ml-py` and the driver are installed. In a container
the container's limits count: memory and processors are those of the control group, not those of the machine.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from wandb_logging._process import forks
from wandb_logging._process.usage import OwnProcess, ProcessTree, Usage, User

Metrics = dict[str, float]
"""Value by name, without the `system.` in front."""

_MB = 2**20
_GB = 2**30
_DISK = "/"  # as the official SDK's default; on Windows the root of the current drive
_PSEUDO = ("loop", "ram", "zram")  # block devices that are not disks
_LOOPBACK = ("lo", "Loopback")


class Probe(Protocol):
    """Something that measures."""

    def sample(self) -> Metrics:
        """Take one measurement."""


class Sampler:
    """Takes a sample at each interval, the first at once.

    Args:
        interval: seconds between two samples.
        begin: makes the probe when the first sample is due. May raise ImportError.
        now: monotonic clock in seconds.

    Attributes:
        due: when the next sample is due, on the clock `now`.
    """

    def __init__(self, interval: float, begin: Callable[[], Probe], now: Callable[[], float] = time.monotonic) -> None:
        self.due = now()
        self._interval = interval
        self._begin = begin
        self._now = now
        self._source: Probe | None = None

    def sample(self) -> Metrics | None:
        """A sample if one is due, else None.

        Raises:
            ImportError: psutil is not installed.
        """
        now = self._now()
        if now < self.due:
            return None
        self.due += self._interval
        if self.due <= now:  # samples missed while the machine slept are skipped
            self.due = now + self._interval
        # psutil and pynvml have locks of their own, which would stay locked in a child forked during a measurement.
        with forks.held_off():
            if self._source is None:
                self._source = self._begin()
            return self._source.sample()


class System:
    """Reads the metrics of a process and its machine. Counters start when this object is made.

    Args:
        proc: the kernel's folder about processes and control groups (Linux).
        program: number of the process that is measured, together with all that it has started. Their values are
            added up under the names of one process, as by the official SDK's `x_stats_track_process_tree`.
            Default: this process alone.

    Raises:
        ImportError: psutil is not installed.
    """

    def __init__(self, proc: Path = Path("/proc"), program: int | None = None) -> None:
        import psutil  # noqa: PLC0415  an extra

        self._psutil: Any = psutil
        self._proc = proc
        self._limits = Limits(proc)
        self._user: User = OwnProcess() if program is None else ProcessTree(program)
        self._cores = _least(self._limits.cpus(), _usable_cores(), psutil.cpu_count()) or 1.0
        self._disks = self._disks_of_root()
        self._counters_before = self._counters()
        self._gpus = _nvidia()

    def sample(self) -> Metrics:
        """Measure the metrics now. Metrics that this machine cannot give are left out."""
        metrics: Metrics = {}
        usage: Usage | None = None
        with contextlib.suppress(Exception):  # as below
            usage = self._user.look()
        groups: tuple[Callable[[], Metrics], ...] = (
            lambda: self._memory(usage),
            lambda: self._cpu(usage),
            self._disk_usage,
            self._counted,
            lambda: self._gpus(() if usage is None else usage.pids),
        )
        for group in groups:
            with contextlib.suppress(Exception):  # each system lacks some metrics
                metrics.update(group())
        return metrics

    def _memory(self, usage: Usage | None) -> Metrics:
        memory = self._psutil.virtual_memory()
        total, available, percent = memory.total, memory.available, memory.percent
        limited = self._limits.memory()
        if limited is not None and limited[1] < total:
            used, total = limited
            available, percent = max(0, total - used), used / total * 100
        metrics = {"memory_percent": percent, "proc.memory.availableMB": available / _MB}
        if usage is not None:
            metrics.update({"proc.memory.rssMB": usage.rss / _MB, "proc.memory.percent": usage.rss / total * 100})
        return metrics

    def _cpu(self, usage: Usage | None) -> Metrics:
        if usage is None:
            return {}
        metrics: Metrics = {"proc.cpu.threads": usage.threads}
        if usage.percent is not None:  # the first sample has nothing to be compared with
            metrics["cpu"] = usage.percent / self._cores
        return metrics

    def _disk_usage(self) -> Metrics:
        usage = self._psutil.disk_usage(_DISK)
        return {
            f"disk.{_DISK}.usagePercent": usage.used / (usage.used + usage.free) * 100,
            f"disk.{_DISK}.usageGB": usage.used / _GB,
        }

    def _counted(self) -> Metrics:
        before = self._counters_before
        return {name: value - before[name] for name, value in self._counters().items() if name in before}

    def _counters(self) -> Metrics:
        counters: Metrics = {}
        for group in (self._network, self._tcp, self._disk_io):
            with contextlib.suppress(Exception):  # as in `sample`
                counters.update(group())
        return counters

    def _network(self) -> Metrics:
        cards = self._psutil.net_io_counters(pernic=True)
        outside = [card for name, card in cards.items() if not name.startswith(_LOOPBACK)]
        return {
            "network.sent": sum(card.bytes_sent for card in outside),
            "network.recv": sum(card.bytes_recv for card in outside),
        }

    def _tcp(self) -> Metrics:
        names, values = [line.split() for line in (self._proc / "net/snmp").read_text().splitlines() if "Tcp:" in line]
        return {"network.tcpRetransmits": int(values[names.index("RetransSegs")])}

    def _disk_io(self) -> Metrics:
        counters = self._psutil.disk_io_counters(perdisk=True)
        metrics: Metrics = {}
        for disk in self._disks:
            metrics[f"disk.{disk}.in"] = counters[disk].read_bytes / _MB
            metrics[f"disk.{disk}.out"] = counters[disk].write_bytes / _MB
        return metrics

    def _disks_of_root(self) -> list[str]:
        """The block devices behind the disk: those mounted there, else all real ones (a container hides mounts)."""
        with contextlib.suppress(Exception):
            known = self._psutil.disk_io_counters(perdisk=True)
            mounts = [(part.mountpoint, part.device.replace("/dev/", "", 1)) for part in self._psutil.disk_partitions()]
            disks = {device for mountpoint, device in mounts if mountpoint == _DISK and device in known}
            return sorted(disks or {name for name in known if not name.startswith(_PSEUDO)})
        return []


class Limits:
    """The limits that control groups, of version 1 or 2, set for the process. Without groups there is no limit.

    Args:
        proc: the kernel's folder about processes.
    """

    def __init__(self, proc: Path) -> None:
        self._groups: dict[str, list[Path]] = {}
        with contextlib.suppress(OSError, ValueError):
            self._groups = _control_groups(proc / "self")

    def memory(self) -> tuple[int, int] | None:
        """Bytes used and allowed in the group that allows the least; None without a limit."""
        found = [
            (limit, used)
            for folder in self._groups.get("memory", ())
            for limit, used in [
                (_number(folder / "memory.max"), _number(folder / "memory.current")),
                (_number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes")),
            ]
            if limit and used is not None
        ]
        limit, used = min(found, default=(0, 0))
        return (used, limit) if limit else None

    def cpus(self) -> float | None:
        """How many processors the process may use fully; None without a limit."""
        quotas = []
        for folder in self._groups.get("cpu", ()):
            quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
            with contextlib.suppress(OSError, ValueError):
                quota, period = map(int, (folder / "cpu.max").read_text().split())
            if quota and period and quota > 0:
                quotas.append(quota / period)
        return min(quotas, default=None)


def _control_groups(process: Path) -> dict[str, list[Path]]:
    """The process's control groups by controller, each with the groups above it, whose limits also apply."""
    paths = {}
    for line in (process / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    groups: dict[str, list[Path]] = {}
    for line in (process / "mountinfo").read_text().splitlines():
        mount, _, kind = line.partition(" - ")
        root, mountpoint = mount.split()[3:5]
        system, _, options = kind.split()[:3]
        names = {"cgroup": set(options.split(",")), "cgroup2": {""}}.get(system, set())
        for name in names & paths.keys():
            below = PurePosixPath(paths[name])
            with contextlib.suppress(ValueError):  # a container sees its own group as the root
                below = PurePosixPath("/") / below.relative_to(root)
            folders = [Path(mountpoint) / str(part)[1:] for part in (below, *below.parents)]
            for controller in (name,) if name else ("memory", "cpu"):
                groups.setdefault(controller, []).extend(folders)
    return groups


def _number(file: Path) -> int | None:
    """The number in a file; None if the file holds none, for instance `max`."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _usable_cores() -> int | None:
    """How many processors the process may run on, if the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _least(*numbers: float | None) -> float | None:
    return min((number for number in numbers if number), default=None)


# --- NVIDIA -----------------------------------------------------------------------------------------


def _nvidia() -> Callable[[Collection[int]], Metrics]:
    """A function that reads the NVIDIA GPUs for processes of these numbers; it returns nothing if there are none."""
    try:
        import pynvml  # noqa: PLC0415  an extra

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # no library, no driver, no card
        return lambda _: {}

    def read(pids: Collection[int]) -> Metrics:
        metrics: Metrics = {}
        for number, handle in enumerate(handles):
            metrics.update(_gpu(pynvml, number, handle, pids))
        return metrics

    return read


def _gpu(nvml: Any, number: int, handle: Any, pids: Collection[int]) -> Metrics:
    """The metrics of one GPU. If one of these processes uses it, they come under the process's names as well."""
    shared: Metrics = {}
    for group in _GPU_SHARED:
        with contextlib.suppress(nvml.NVMLError):  # each card lacks some metrics
            shared.update(group(nvml, handle))
    own: Metrics = {}
    for name, read in _GPU_OWN.items():
        with contextlib.suppress(nvml.NVMLError):
            own[name] = read(nvml, handle)
    metrics = {f"gpu.{number}.{name}": value for name, value in {**shared, **own}.items()}
    if any(user in pids for user in _users(nvml, handle)):
        metrics.update({f"gpu.process.{number}.{name}": value for name, value in shared.items()})
    return metrics


def _users(nvml: Any, handle: Any) -> Iterator[int]:
    """The process ids of the processes that use a GPU."""
    for processes in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        with contextlib.suppress(nvml.NVMLError):
            for process in processes(handle):
                yield process.pid


def _gpu_utilization(nvml: Any, handle: Any) -> Metrics:
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    return {"gpu": rates.gpu, "memory": rates.memory}


def _gpu_memory(nvml: Any, handle: Any) -> Metrics:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return {"memoryAllocated": memory.used / memory.total * 100, "memoryAllocatedBytes": memory.used}


def _gpu_temperature(nvml: Any, handle: Any) -> Metrics:
    return {"temp": nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)}


def _gpu_power(nvml: Any, handle: Any) -> Metrics:
    watts = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
    metrics = {"powerWatts": watts}
    with contextlib.suppress(nvml.NVMLError):
        limit = nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000
        metrics.update(enforcedPowerLimitWatts=limit, powerPercent=watts / limit * 100)
    return metrics


def _gpu_memory_errors(kind: str) -> Callable[[Any, Any], float]:
    def read(nvml: Any, handle: Any) -> float:
        # The volatile counter begins when the driver is loaded. The other one also counts errors repaired long ago.
        counter, place = nvml.NVML_VOLATILE_ECC, nvml.NVML_MEMORY_LOCATION_DEVICE_MEMORY
        count: float = nvml.nvmlDeviceGetMemoryErrorCounter(handle, getattr(nvml, kind), counter, place)
        return count

    return read


_GPU_SHARED = (_gpu_utilization, _gpu_memory, _gpu_temperature, _gpu_power)
_GPU_OWN: Mapping[str, Callable[[Any, Any], float]] = {
    "smClock": lambda nvml, handle: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
    "memoryClock": lambda nvml, handle: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
    "graphicsClock": lambda nvml, handle: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_GRAPHICS),
    "encoderUtilization": lambda nvml, handle: nvml.nvmlDeviceGetEncoderUtilization(handle)[0],
    "pcieLinkGen": lambda nvml, handle: nvml.nvmlDeviceGetCurrPcieLinkGeneration(handle),
    "pcieLinkSpeed": lambda nvml, handle: nvml.nvmlDeviceGetPcieSpeed(handle) * 1_000_000,  # the library gives Mbit/s
    "pcieLinkWidth": lambda nvml, handle: nvml.nvmlDeviceGetCurrPcieLinkWidth(handle),
    "fanSpeed": lambda nvml, handle: nvml.nvmlDeviceGetFanSpeed(handle),
    "correctedMemoryErrors": _gpu_memory_errors("NVML_MEMORY_ERROR_TYPE_CORRECTED"),
    "uncorrectedMemoryErrors": _gpu_memory_errors("NVML_MEMORY_ERROR_TYPE_UNCORRECTED"),
}
