"""SLURM as a cluster of one node, for as long as it is needed: munged, slurmctld and slurmd in a folder of their own.

Needs root and Debian's packages `slurm-wlm` and `munge`. Where a cluster answers already, that one is used.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator

DAEMONS = ("munged", "slurmctld", "slurmd")
MOST_SECONDS = 60

CONFIGURATION = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
SlurmdUser=root
SlurmctldPort=26817
SlurmdPort=26818
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=4000
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""


@contextlib.contextmanager
def cluster() -> Iterator[bool]:
    """Whether there is a SLURM to use: the one that answers, else one of our own until this ends."""
    if _answers():
        yield True
    elif os.geteuid() or not all(map(shutil.which, DAEMONS)):
        yield False
    else:
        with tempfile.TemporaryDirectory(prefix="slurm-") as folder, _started(Path(folder)):
            yield True


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[None]:
    host = os.uname().nodename.partition(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(host=host, folder=folder))
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    of_munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "log", "pid", "seed")]
    commands = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *of_munge],
        ["slurmctld", "-D", "-c", "-f", str(configuration)],
        ["slurmd", "-D", "-c", "-f", str(configuration)],
    ]
    daemons = []
    try:
        with mock.patch.dict(os.environ, {"SLURM_CONF": str(configuration)}):
            for command in commands:
                daemons.append(_daemon(command))
                if command[0] == "munged":
                    _wait_for((folder / "munge.socket").exists, "munged")
            _wait_for(_answers, "SLURM")
            yield
            subprocess.run(["scancel", "--state=RUNNING"], check=False, capture_output=True)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(MOST_SECONDS)
            daemon.kill()
            daemon.wait()


def _daemon(command: list[str]) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)


def _answers() -> bool:
    """Whether a SLURM says that it has a node that is free."""
    if shutil.which("sinfo") is None:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        told = subprocess.run(["sinfo", "-h", "-o", "%T"], check=False, capture_output=True, text=True, timeout=20)
        return any(state in told.stdout for state in ("idle", "mixed", "allocated"))
    return False


def _wait_for(there: object, name: str) -> None:
    until = time.monotonic() + MOST_SECONDS
    while not there():  # type: ignore[operator]
        if time.monotonic() > until:
            raise RuntimeError(f"{name} does not answer")
        time.sleep(0.1)
