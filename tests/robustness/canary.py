"""Canary: a key from each source it can come from; then every byte that was written, printed or sent is searched."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from tests.patience import PATIENCE
from tests.robustness.ground import Outcome
from tests.surroundings import without
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
HEX = "c0ffee" * 6 + "4711"
SIGNED = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkgNDcxMSJ9.Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"
KEYS = {"old": HEX, "new": "wandb_v1_" + "C4n4ry_" * 9 + "end", "local": "local-" + HEX[::-1], "jwt": SIGNED}

# All that a program does with a run, in front of a root logger at DEBUG; what can be shown is shown.
PROGRAM = """
import logging, logging.config, os, pprint, sys, traceback
key, host, source, patience = sys.stdin.readline().split()
patience = float(patience)
logging.basicConfig(level=logging.DEBUG)  # urllib3 included
settings = {"project": "p", "run_id": "r", "cache_dir": "cache", "request_timeout": 2, "close_timeout": 3}
settings["capture_output"] = True
def attempt(call, *arguments, **options):
    try:
        return call(*arguments, **options)
    except BaseException:
        traceback.print_exc()
import wandb_logging
from wandb_logging import WandbHandler, compat
if source == "login":
    print(attempt(wandb_logging.login, host, key, verify=True))
elif source == "compat":
    print(attempt(compat.login, key, host=host))
elif source == "session":
    session = wandb_logging.Session(key, host)
    print(session)
    settings.update(api_key=session.api_key)
elif source == "dictConfig":
    settings.update(api_key=key)
elif source == "address":
    for address in (host.replace("://", f"://{key}@"), host.replace("://", f"://user:{key}@")):
        attempt(WandbHandler, host=address)
        attempt(wandb_logging.login, address, key)
        attempt(wandb_logging.sync, "cache", host=address)
    settings.update(api_key=key)
elif source == "mistakes":
    for name in ("apikey", "key", "token", "wandb_api_key", "password"):
        attempt(WandbHandler, **{name: key})
    for wrong in (key[:30], key + "!", " " + key, key.encode(), [key]):
        attempt(wandb_logging.Session, wrong)
        attempt(wandb_logging.login, host, wrong)
        attempt(WandbHandler, api_key=wrong)
    settings.update(api_key=key)
config = {"class": "wandb_logging.WandbHandler", "host": host, **settings}
logging.config.dictConfig({
    "version": 1, "disable_existing_loggers": False, "handlers": {"wandb": config},
    "loggers": {"train": {"level": "DEBUG", "handlers": ["wandb"]}},
})
log = logging.getLogger("train")
handler = log.handlers[0]
for i in range(20):
    log.info("row %d", i, extra={"metrics": {"n": i}})
run = handler.run
handler.flush(patience)
open("some.txt", "w").write("content")
run.upload_file("some.txt")
artifact = wandb_logging.Artifact("data", "dataset")
artifact.add_file("some.txt")
run.log_artifact(artifact)
run.alert("title", "text")
print(handler, run, handler.settings, run.config, run.summary, run.url, run.stats())
pprint.pprint(vars(handler))
pprint.pprint(vars(run))
print("a program's own key:", key)  # captured
log.error("and %s in a record", key)
run.update_config(oops=key)
try:
    raise RuntimeError(f"the key is {key}")
except RuntimeError:
    log.exception("failed")
handler.flush(patience)
if patience > 1:
    print(attempt(run.use_artifact, "data:latest"))
    print(attempt(run.use_artifact, "missing:latest"))
run.finish(timeout=patience)
print(attempt(wandb_logging.sync, "cache", timeout=patience))
from wandb_logging._cli import main
commands = [["status"], ["ls", "cache"], ["show", "cache"], ["doctor", "--host", host]]
for words in [*commands, ["sync", "--timeout", str(patience), "cache"]]:
    attempt(main, words)
if source in ("login", "compat"):
    attempt(main, ["logout", "--host", host])
"""
SAID_BY_ITSELF = ("a program's own key:", "and ", "RuntimeError: the key is", "oops")


class Case(NamedTuple):
    """A key of some form from some source; what the server does with uploads."""

    source: str
    key: str
    trouble: str = ""


SOURCES = ("environment", "netrc", "login", "compat", "dictConfig", "session", "address", "mistakes")
TROUBLES = ("redirect", "refused", "nobody", "proxy")


class Stranger:
    """Another host: it takes whatever comes, and remembers each byte of it."""

    def __init__(self) -> None:
        stranger = self
        self.seen: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stranger.seen.append(f"{self.requestline}\n{self.headers}\n{body!r}")
                self.send_response(200 if self.command != "CONNECT" else 403)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_CONNECT = handle_one  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """The key is in no file but netrc, in nothing that is printed, and in no request but in the server's own header."""
    outcome = Outcome()
    every = [
        *(Case(source, key) for source in SOURCES for key in KEYS),
        *(Case("environment", key, trouble) for key in KEYS for trouble in TROUBLES),
    ]
    sample = [
        *(Case(source, "old") for source in ("netrc", "login", "address", "mistakes")),
        *(Case("environment", "new", trouble) for trouble in ("redirect", "refused")),
    ]
    first, step = part
    for number, case in enumerate((every if full else sample)[first::step]):
        here = place / str(number)
        (here / "home").mkdir(parents=True)
        outcome.check(" ".join(case), _problems(here, case))
    if os.name != "nt" and not first:
        outcome.check("typed at a prompt", _typed(place / "prompt", HEX))
    return outcome


def forms(key: str) -> list[bytes]:
    """How a key may be written."""
    basic = [base64.b64encode(text.encode()) for text in (key, f"api:{key}", f"user:{key}")]
    shown = [key.encode(), quote(key, safe="").encode(), json.dumps(key)[1:-1].encode()]
    return [form.rstrip(b"=") for form in (*shown, *basic)]


def _problems(place: Path, case: Case) -> Iterator[str]:
    key = KEYS[case.key]
    stranger = Stranger()
    with LocalServer(api_key=key) as server, contextlib.closing(_Stopping(stranger)):
        host = server.url
        environment = without("WANDB")
        environment.update(HOME=str(place / "home"), NETRC=str(place / "home" / "netrc"), WANDB_ERROR_REPORTING="false")
        environment["PYTHONPATH"] = str(ROOT)
        if case.source == "environment":
            environment["WANDB_API_KEY"] = key
        if case.source == "netrc":
            machine = host.partition("://")[2]
            (place / "home" / "netrc").write_text(f"machine {machine} login user password {key}\n")
        if case.trouble == "redirect":
            server.fail_next(100, where="storage", status=307, headers={"Location": f"{stranger.url}/elsewhere"})
        elif case.trouble == "refused":
            server.fail_next(3, where="graphql", status=401, body={"error": "no"})
        elif case.trouble == "nobody":
            host = "http://127.0.0.1:9"
        elif case.trouble == "proxy":
            host = "https://api.wandb.invalid"
            environment["HTTPS_PROXY"] = stranger.url
        told = f"{key} {host} {case.source} {0.5 if case.trouble in {'nobody', 'proxy'} else 20}\n"
        command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", PROGRAM]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=place, env=environment
        ) as program:
            output, _ = program.communicate(told.encode(), timeout=PATIENCE)
        if program.returncode:
            yield f"exit code {program.returncode}: {output[-2000:].decode()}"
        if not case.trouble and not any(run.history for run in server.runs):
            yield f"nothing was sent: {output[-2000:].decode()}"
        if case.trouble in {"redirect", "proxy"} and not stranger.seen:
            yield f"the other host was not asked: {output[-2000:].decode()}"
        yield from _found(place, key, output, server, stranger)


class _Stopping:
    def __init__(self, stranger: Stranger) -> None:
        self.close = stranger.stop


def _found(place: Path, key: str, output: bytes, server: LocalServer, stranger: Stranger) -> Iterator[str]:
    for path in place.rglob("*"):
        if path.is_file() and path.name != "netrc" and _holds(key, path.read_bytes()):
            yield f"in {path.relative_to(place)}"
    for line in output.splitlines():
        if _holds(key, line) and not any(words.encode() in line for words in SAID_BY_ITSELF):
            yield f"printed: {line.decode()}"
    for request in server.requests:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
        if _holds(key, request.path.encode() + str(headers).encode() + request.body):
            yield f"in {request.method} {request.path}"
        is_api = request.path.startswith(("/graphql", "/files/", "/oidc"))
        if not is_api and _holds(key, str(dict(request.headers)).encode()):
            yield f"in the headers of {request.method} {request.path}"
    for seen in stranger.seen:
        if _holds(key, seen.encode()) or "authorization" in seen.lower():
            yield f"at another host: {seen}"


def _holds(key: str, data: bytes) -> bool:
    return any(form in data for form in forms(key))


def _typed(place: Path, key: str) -> Iterator[str]:
    """`wandb-logging login` at a terminal: the key is not echoed, and only netrc has it."""
    import pty  # not on Windows

    (place / "home").mkdir(parents=True)
    with LocalServer(api_key=key) as server:
        environment = without("WANDB")
        environment.update(HOME=str(place / "home"), NETRC=str(place / "home" / "netrc"), PYTHONPATH=str(ROOT))
        master, child = pty.openpty()
        command = (
            "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
            "from wandb_logging._cli import main; sys.exit(main(sys.argv[1:]))"
        )
        with subprocess.Popen(
            [sys.executable, "-c", command, "login", "--host", server.url],
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
            cwd=place,
            env=environment,
        ) as program:
            os.close(child)
            screen = b""
            typed = False
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                if not select.select([master], [], [], 0.2)[0]:
                    if program.poll() is not None:
                        break
                    continue
                try:
                    screen += os.read(master, 4096)
                except OSError:  # Linux: the other side is closed
                    break
                if not typed and screen.rstrip().endswith(b":"):
                    typed = True
                    os.write(master, key.encode() + b"\n")
            os.close(master)
            if program.wait(PATIENCE) or not typed:
                yield f"exit code {program.returncode}: {screen.decode()}"
        if _holds(key, screen):
            yield f"on the screen: {screen.decode()}"
        if key not in (place / "home" / "netrc").read_text():
            yield "it was not saved"
        stranger = Stranger()
        stranger.stop()
        yield from _found(place, key, b"", server, stranger)
