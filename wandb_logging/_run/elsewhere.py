"""Workers that do not see the run's directory: they carry their journals to the run's process, which listens for that.

Such a worker has a run directory of its own, on its own disk. It is that of a client in W&B's shared mode, with a
label, so that what cannot be carried can be sent from there.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import secrets
import socket
import stat
import tempfile
import threading
import weakref
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from wandb_logging._carrying.carrier import Carrier
from wandb_logging._carrying.leftovers import carry_leftovers
from wandb_logging._carrying.receiver import Receiver
from wandb_logging._carrying.wire import Route
from wandb_logging._errors import JournalError, LogError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.writer import Writer
from wandb_logging._process.notices import say
from wandb_logging._run import messages
from wandb_logging._run.ranks import NO_LAUNCH
from wandb_logging._run.run import Run
from wandb_logging._run.start import Membership, new_writer

# --- in the process of the run ---

_receivers: weakref.WeakKeyDictionary[Run, Receiver] = weakref.WeakKeyDictionary()


def route_to(run: Run, address: str) -> Route:
    """Listen for workers of a run elsewhere. A run listens at one address.

    Args:
        run: the run.
        address: name or address of this machine by which the workers reach it, and behind a colon the port, if it
            must be a certain one.

    Raises:
        LogError: nothing can listen there, or the run has no directory.
    """
    receiver = _receivers.get(run)
    if receiver is None:
        host, port = split(address)
        if (number := _own_loopback(host)) is not None:
            raise LogError(f"join: {host} is {number} here, which no other machine reaches: give this one's number")
        try:
            receiver = _receivers[run] = _receiver_of(run, host, port)
        except OSError as exc:
            raise LogError(f"join: cannot listen at {address}: {exc.strerror or exc}") from exc
    return receiver.route


def split(address: str) -> tuple[str, int]:
    """Host and port of an address; the port is 0, for any, if none is given.

    Raises:
        LogError: it is no address.
    """
    host, colon, port = address.rpartition(":") if address.count(":") == 1 or "]" in address else (address, "", "")
    if address.endswith("]"):
        host, colon, port = address, "", ""
    if not host or (colon and not (port.isdecimal() and int(port) < 2**16)):
        raise LogError(f"join: expected an address such as node7, 10.0.0.7 or node7:8990, got {address!r}")
    return host.strip("[]"), int(port or 0)


def _own_loopback(host: str) -> str | None:
    """The address of the loopback device if that is what this machine takes its own name for, as Debian does."""
    with contextlib.suppress(OSError, UnicodeError):  # nothing can listen there, which is said later
        number = str(socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4][0])
        if host not in {number, "localhost"} and ipaddress.ip_address(number.partition("%")[0]).is_loopback:
            return number
    return None


def _receiver_of(run: Run, host: str, port: int) -> Receiver:
    background = run._background  # noqa: SLF001  the same floor
    journal, label = background.journal, run._writer_label  # noqa: SLF001
    if run.dir is None:
        raise LogError(f"run {run.id} has no directory: nobody can join it")

    def begin(source: str) -> Writer:
        membership = Membership(helps=True, carries=source, label=label)
        return new_writer(journal.run_dir, run.settings, journal.info, background._hurry, membership)  # noqa: SLF001

    receiver = Receiver(host, port, run.dir, begin)
    wait = run.settings.close_timeout / 2
    background.watch(lambda last: receiver.look(wait, last=last))
    return receiver


# --- in a worker ---

_begun: dict[tuple[int, str], Run] = {}  # by process and run id
_carriers: weakref.WeakKeyDictionary[Run, Carrier] = weakref.WeakKeyDictionary()


def begin(ticket: dict[str, Any], route: Route) -> Run:
    """Begin a journal on this machine's own disk that is carried to the run of another process.

    Args:
        ticket: what `copying.ticket_of` made of that run.
        route: how this process reaches it.

    Raises:
        LogError: no directory can be made here.
    """
    settings = ticket["settings"]
    run = _begun.get((os.getpid(), settings.run_id))
    if run is not None:
        if run in _carriers:
            _carriers[run].knows(route)  # the program that began the run may have been started again
        return run
    label = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    here = settings.but(transport="shared", label=label, resume=None, cache_dir=own_folder(settings.cache_dir))
    run = Run(here, launch=NO_LAUNCH, membership=Membership(helps=True))
    if run.dir is None:
        run.finish()
        raise LogError(f"its directory is on another machine, and none can be made here, in {here.cache_dir}")
    _begun[os.getpid(), settings.run_id] = run
    _carry(run, route, ticket["from"])
    return run


def own_folder(cache_dir: Path) -> Path:
    """The folder of run directories on this machine: the run's own path, if only its last part has to be made here."""
    if cache_dir.parent.is_dir() and os.access(cache_dir if cache_dir.exists() else cache_dir.parent, os.W_OK):
        return cache_dir
    folder = Path(tempfile.gettempdir()) / f"wandb_cache-{getattr(os, 'getuid', int)()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            return Path(tempfile.mkdtemp(prefix="wandb_cache-"))  # somebody else's
    return folder


def _carry(run: Run, route: Route, whose: str) -> None:
    assert run.dir is not None
    path, journal = run.dir, run._journal  # noqa: SLF001  the same floor
    pid = os.getpid()

    def tell(reason: str) -> None:
        say(logging.WARNING, messages.not_carried(run.id, path, f"{route.host}:{route.port}", whose, reason).text)

    run_dir = RunDir(path)
    run_dir.lease = journal.run_dir.lease
    carrier = Carrier(run_dir, str(journal.info.writer_id), route, lambda: journal.writer.counts.journalled, tell)
    try:
        carrier.start()
    except (JournalError, RuntimeError) as exc:  # no locks on this disk, or no thread
        tell(str(exc))
        return
    _carriers[run] = carrier
    threading.Thread(target=carry_leftovers, args=(path, route), daemon=True).start()
    wait = run.settings.close_timeout
    run._background.watch(lambda last: last or carrier.settle(wait))  # noqa: SLF001

    def end() -> None:
        if os.getpid() == pid and _begun.pop((pid, run.id), None) is not None:
            run.finish()
            if not carrier.finish(wait):
                say(logging.ERROR, messages.left_here(run.id, path).text)

    # After the process's own children have ended. Not `atexit`: a forked process of multiprocessing ends without it.
    Finalize(None, end, exitpriority=-1)
