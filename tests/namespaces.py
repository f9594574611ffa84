"""Hosts on one machine, as the kernel makes them: each has a name, a start, a network, processes and mounts of its own.

The program that is started is process 1 there, as in a container, and sees one folder bound to a place of the host.
Nothing leads out of a host's network but the server's port, which a process in there hands on through a socket file.
Needs Linux, root, `unshare`, `mount` and `ip`; and `bindfs` where locks are not to cross from host to host.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOOLS = ("unshare", "nsenter", "mount", "ip", "bindfs")

# The first process of a host: makes the host, and becomes the program.
FIRST = """
import os, socket, subprocess, sys
from pathlib import Path
from tests.namespaces import pump_all
name, start, folder, place, kind, port, gate, *program = sys.argv[1:]
def call(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
socket.sethostname(name)
call("ip", "link", "set", "lo", "up")
call("mount", "--bind", start, "/proc/sys/kernel/random/boot_id")
call(*(["bindfs"] if kind == "apart" else ["mount", "--bind"]), folder, place)
def outside():
    out = socket.socket(socket.AF_UNIX)
    out.connect(gate)
    return out
inside = socket.create_server(("127.0.0.1", int(port)), backlog=64)
if os.fork():
    inside.close()
    os.execvp(program[0], program)
pump_all(inside, outside)
"""


def are_possible() -> bool:
    """Whether hosts can be made here."""
    if not sys.platform.startswith("linux") or os.geteuid() or not all(map(shutil.which, TOOLS)):
        return False
    return os.access("/dev/fuse", os.W_OK) and not subprocess.call(
        ["unshare", "--uts", "--net", "--mount", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL
    )


class Gate:
    """The way of all hosts to a port on this machine's loopback, through a socket file."""

    def __init__(self, file: Path, port: int) -> None:
        self.file = file
        self.port = port
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(file))
        self._socket.listen(64)
        threading.Thread(
            target=pump_all, args=(self._socket, lambda: socket.create_connection(("127.0.0.1", port))), daemon=True
        ).start()

    def close(self) -> None:
        """Let nobody through any more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Host:
    """A host.

    Args:
        name: its name.
        work: a folder of its own, in which the program starts.
        gate: the way to the server.
    """

    def __init__(self, name: str, work: Path, gate: Gate) -> None:
        self.name = name
        self.work = work
        self._gate = gate
        self._start = work / "start"
        work.mkdir(parents=True, exist_ok=True)
        self._start.write_text(f"{uuid.uuid4()}\n")
        self.process: subprocess.Popen[str] | None = None

    def run(
        self, program: Sequence[str], folder: Path, place: Path, environment: Mapping[str, str], *, apart: bool = False
    ) -> subprocess.Popen[str]:
        """Start the host with its program.

        Args:
            program: the command.
            folder: what the host sees at `place`.
            place: an empty folder, which may be the same for all hosts.
            environment: of the program.
            apart: whether locks in the folder hold on this host alone.
        """
        namespaces = ["--uts", "--ipc", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        shown = [self.name, self._start, folder, place, "apart" if apart else "bound", self._gate.port, self._gate.file]
        command = ["unshare", *namespaces, sys.executable, "-c", FIRST, *map(str, shown), *program]
        with (self.work / "errors").open("w") as errors:
            self.process = subprocess.Popen(
                command, cwd=self.work, env=environment, stderr=errors, text=True, start_new_session=True
            )
        return self.process

    def network(self, state: str) -> None:
        """Set the network of the host up or down, if the host is on."""
        assert self.process is not None
        pid = self.process.pid
        for first in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            inside = ["nsenter", "--net", f"--target={first}"]
            subprocess.run([*inside, "ip", "link", "set", "lo", state], check=False, stderr=subprocess.DEVNULL)

    def disk(self, state: str) -> None:
        """Have the disk of an `apart` host "stall", so that whatever asks for it waits, or "answer" again."""
        assert self.process is not None
        number = signal.SIGSTOP if state == "stall" else signal.SIGCONT
        for first in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            of_host = Path(f"/proc/{first}/ns/pid").readlink()
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if (process / "comm").read_text() == "bindfs\n" and (process / "ns/pid").readlink() == of_host:
                        os.kill(int(process.name), number)

    def kill(self) -> None:
        """Switch the host off, if it is on."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def pump_all(listening: socket.socket, connect: Any) -> None:
    """Hand on what comes by each connection to another, and back, until the socket is closed."""
    while True:
        try:
            come = listening.accept()[0]
        except OSError:
            return
        try:
            out = connect()
        except OSError:
            come.close()
            continue
        for ends in ((come, out), (out, come)):
            threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(come: socket.socket, out: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            data = come.recv(65536)
            if not data:
                break
            out.sendall(data)
    with contextlib.suppress(OSError):
        out.shutdown(socket.SHUT_WR)
