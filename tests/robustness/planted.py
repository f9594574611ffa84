"""Run directories from somebody else: each file of one replaced by each kind of thing, then sent, read, looked through.

What is planted points to a victim: a private file beside the run directory. Whatever is done with the directory, the
victim stays as it was, nothing of it reaches the server, nobody waits, and the memory stays small.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
from typing import TYPE_CHECKING, Any

from tests.patience import PATIENCE
from tests.robustness.ground import Outcome
from tests.runs import drain
from wandb_logging import Html, new_run, read_run
from wandb_logging._errors import WandbLoggingError
from wandb_logging._journal import repair, verify
from wandb_logging._journal.rundir import RunDir
from wandb_logging._page.export import html_of_run
from wandb_logging._reading.outline import outline
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "ten years of work"
HUGE = 2**41  # bytes of a file with holes: more than any memory


def victim(outside: Path) -> Path:
    """A private file: JSON, so that whoever reads it as such gets the secret."""
    path = outside / "private.json"
    path.write_text(json.dumps({"private_key": SECRET, "type": SECRET}) + "\n")
    return path


def _link(path: Path, outside: Path) -> None:
    path.symlink_to(victim(outside))


def _hard_link(path: Path, outside: Path) -> None:
    os.link(victim(outside), path)


def _dangling(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "made-by-us")


def _loop(path: Path, outside: Path) -> None:
    del outside
    path.symlink_to(path)


def _pipe(path: Path, outside: Path) -> None:
    del outside
    os.mkfifo(path)


def _socket(path: Path, outside: Path) -> None:
    del outside
    folder = os.open(path.parent, os.O_RDONLY)  # the name of a socket is short
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as server:
            server.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _zeros(path: Path, outside: Path) -> None:
    del outside
    path.symlink_to("/dev/zero")


def _terminal(path: Path, outside: Path) -> None:
    del outside
    path.symlink_to("/dev/tty")


def _folder(path: Path, outside: Path) -> None:
    del outside
    path.mkdir()


def _linked_folder(path: Path, outside: Path) -> None:
    (outside / "folder").mkdir(exist_ok=True)
    path.symlink_to(outside / "folder", target_is_directory=True)


def _huge(path: Path, outside: Path) -> None:
    del outside
    path.touch()
    os.truncate(path, HUGE)


def _garbage(path: Path, outside: Path) -> None:
    del outside
    path.write_bytes(bytes(range(256)) * 64)


THINGS: dict[str, Callable[[Path, Path], None]] = {
    "a link": _link,
    "a hard link": _hard_link,
    "a link to nothing": _dangling,
    "a link to itself": _loop,
    "a pipe": _pipe,
    "a socket": _socket,
    "/dev/zero": _zeros,
    "/dev/tty": _terminal,
    "a folder": _folder,
    "a link to a folder": _linked_folder,
    "a huge file": _huge,
    "garbage": _garbage,
}


def run_of(cache: Path, server: LocalServer) -> Path:
    """A run directory with everything that can be in one, some of it acknowledged, its last process dead."""
    options: dict[str, Any] = {"run_id": "r", "cache_dir": cache, "mode": "offline", "quiet": True, "resume": "allow"}
    source = cache.parent / "weights.bin"
    source.write_bytes(b"weights")
    for number in range(2):
        run = new_run("p", **options)
        run.log({"a": number, "page": Html(f"<b>{number}</b>")})
        run.upload_file(source, "weights.bin")
        run.log_artifact(source, name="weights", type="model")
        run.finish()
        path = cache / "p" / "r"
        if not number:
            drain(RunDir(path), server, ending=None)
    logged = path / "journal-0002-0001.jsonl"
    logged.write_bytes(logged.read_bytes().replace(b'"a":1', b'"a":2', 1))  # damage: something is to be set aside
    (path / "upload.lock").touch()
    (path / "aside.jsonl").touch()
    (path / "files" / "once").mkdir(exist_ok=True)
    RunDir(path).save_base(RunDir(path).cursor)
    return path


# What is not there yet, and would be made, or looked for, by whoever does something with the directory.
COMING = (
    "asked",
    "repaired",
    "sent.json",
    "journal-0003.lock",
    "journal-0003-0001.jsonl",
    "journal-0002-0002.jsonl",
    "journal-1000000.lock",
    "journal-1000000-0001.jsonl",
    "files/saved/0123456789abcdef",
)


def places(path: Path) -> Iterator[str]:
    """All that can be replaced in it: its files, the folders they are in, and what is not there yet."""
    for item in sorted(path.rglob("*")):
        yield item.relative_to(path).as_posix()
    yield from COMING


def study(where: Path, *, full: bool) -> Outcome:
    """Each place of a run directory times each kind of thing; a sample of them if not `full`."""
    where.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    with environment(), LocalServer() as server:
        template = run_of(where / "cache", server)
        cases = [(place, kind) for place in places(template) for kind in THINGS]
        if not full:
            cases = random.Random(len(cases)).sample(cases, 40)
        for number, (place, kind) in enumerate(cases):
            problems = list(case(template, where / str(number), place, THINGS[kind], server))
            outcome.check(f"{place} is {kind}", problems)
            shutil.rmtree(where / str(number), ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    outcome.notes.append(f"{len(THINGS)} kinds of things; {peak} MiB at most")
    return outcome


@contextlib.contextmanager
def environment() -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("WANDB_")}
    try:
        yield
    finally:
        os.environ.update(before)


def case(
    template: Path, where: Path, place: str, plant: Callable[[Path, Path], None], server: LocalServer
) -> Iterator[str]:
    """Plant one thing, do all that can be done with the directory, and say what is wrong."""
    outside = where / "outside"
    outside.mkdir(parents=True)
    path = where / "cache" / "p" / "r"
    shutil.copytree(template, path)
    target = path / place
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    private = victim(outside)
    whole, sent = private.read_bytes(), len(server.requests)
    plant(target, outside)
    there = {item.name for item in outside.rglob("*")}
    for name, do in DEEDS.items():
        try:
            with _alarm():
                do(path, server)
        except (WandbLoggingError, OSError):
            pass  # it is said
        except BaseException as exc:
            yield f"{name} raises {type(exc).__name__}: {exc}"
    if private.read_bytes() != whole:
        yield "the private file was changed"
    if {item.name for item in outside.rglob("*")} != there:
        yield f"there are other files outside of it: {sorted(item.name for item in outside.rglob('*'))}"
    if any(SECRET.encode() in (request.body or b"") for request in server.requests[sent:]):
        yield "the private file was sent"


class _Waited(BaseException):
    """Something waits that should not."""


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        raise _Waited(f"no end after {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _sync(path: Path, server: LocalServer) -> None:
    run_dir = RunDir(path)
    with run_dir.uploading():
        drain(run_dir, server, ending=1 if run_dir.dead() else None)


def _resume(path: Path, _server: LocalServer) -> None:
    run = new_run("p", run_id="r", cache_dir=path.parent.parent, mode="offline", quiet=True, resume="allow")
    run.log({"a": 7, "page": Html("<b>7</b>")})
    with contextlib.suppress(OSError):
        run.upload_file(path.parent.parent.parent.parent / "weights.bin", "weights.bin")
    run.finish()


def _repair(path: Path, _server: LocalServer) -> None:
    for one in repair.repairs(RunDir(path)):
        one.do()


def _draw(path: Path, _server: LocalServer) -> None:
    page = html_of_run(path) or ""
    assert SECRET not in page
    assert base64.b64encode(SECRET.encode())[:-4].decode() not in page


DEEDS: dict[str, Callable[[Path, LocalServer], object]] = {
    "reading": lambda path, _server: read_run(path),
    "listing": lambda path, _server: outline(RunDir(path)),
    "looking through": lambda path, _server: verify.verify(RunDir(path)),
    "drawing": _draw,
    "sending": _sync,
    "going on": _resume,
    "repairing": _repair,
}
