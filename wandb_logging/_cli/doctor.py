"""`wandb-logging doctor`: makes one check after the other, and says of each problem what to do about it."""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path

from wandb_logging._cli.output import DONE, LEFT, PROG, say, styled
from wandb_logging._cli.status import key_words
from wandb_logging._cli.text import age
from wandb_logging._dataclass import dataclass
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._fold.summary import MAX_ROW_BYTES
from wandb_logging._fold.terminal import MAX_LINE_CHARS
from wandb_logging._keys import keys, netrc
from wandb_logging._keys.keys import Key, Session
from wandb_logging._keys.login import check_key
from wandb_logging._server import protocol
from wandb_logging._server.client import Client
from wandb_logging._settings.settings import Settings

_CLOCK_SECONDS = 60.0
_DISK_WARN, _DISK_FAIL = 10**9, 10**8
_TIMEOUT = 10.0
_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True)
class Check:
    """One line of `doctor`.

    Attributes:
        level: "ok", "warn" or "fail".
        what: what was checked.
        text: what was found, and what to do about it.
    """

    level: str
    what: str
    text: str


EXAMPLES = ("doctor",)


def run(_args: argparse.Namespace) -> int:
    """Print each check as it is made."""
    settings = Settings()
    worst = DONE
    for check in _checks(settings):
        level = styled(f"{check.level:4}", _STYLES[check.level])
        say([level, f"  {check.what:8}  {check.text}"], flush=True)
        if check.level == "fail":
            worst = LEFT
    return worst


def _checks(settings: Settings) -> Iterable[Check]:
    """Make one check after the other. Each is shown before the next is made, because one of them may take long."""
    problems: list[str] = []
    key = keys.find_key(settings.host, settings.api_key, on_problem=problems.append)
    yield check_of_key(settings.mode, key, problems)
    path = netrc.usual_path()
    if netrc.exposed(path):
        yield Check("warn", "netrc", f"other users may read {netrc.shown(path)}: chmod 600 {netrc.shown(path)}")
    yield from _server_checks(settings, key)
    yield _disk_check(settings.cache_dir.absolute())


def check_of_key(mode: str, key: Key | None, problems: Sequence[str]) -> Check:
    """Check whether there is an API key of the right form."""
    words = key_words(key, problems)
    if key is None:
        if mode in {"offline", "disabled"}:
            return Check("ok", "key", f"none needed: mode is {mode}")
        return Check("fail" if mode == "online" else "warn", "key", words)
    return Check("fail" if key.problem else "ok", "key", words)


def _server_checks(settings: Settings, key: Key | None) -> Iterable[Check]:
    good = key if key is not None and key.problem is None else None
    client = Client(settings.host, good.key if good else None, timeout=min(_TIMEOUT, settings.request_timeout))
    features: set[str] = set()
    error: WandbLoggingError | None = None
    try:
        features = protocol.features(client.graphql(protocol.FEATURES, {}))
    except WandbLoggingError as exc:
        error = exc
    finally:
        client.close()
    reached = check_of_server(settings.host, error)
    yield reached
    if client.server_date:
        yield check_of_clock(client.server_date, time.time())
    if reached.level == "fail":
        return
    if good is not None:
        yield _key_accepted(Session(good.key, settings.host))
    yield check_of_limits(features)


# The first entry that fits counts. A server that gives no error, or one about the key alone, does answer.
_SERVER_ERRORS: tuple[tuple[type[WandbLoggingError], str, str], ...] = (
    (TLSError, "fail", "{host}: {error}; set REQUESTS_CA_BUNDLE to the file of your CA"),
    (TransportError, "fail", "{host} cannot be reached ({error}); check network, proxy and WANDB_BASE_URL"),
    (ServerUnavailable, "warn", "{host} is there but not well ({error}); try again later"),
    (RunNotFound, "fail", "{host} answers, but not as a W&B API ({error}); check WANDB_BASE_URL"),
    (RequestRejected, "fail", "{host} answers, but not as a W&B API ({error}); check WANDB_BASE_URL"),
    (GraphQLError, "fail", "{host} answers, but not as a W&B API ({error}); check WANDB_BASE_URL"),
)


def check_of_server(host: str, error: WandbLoggingError | None) -> Check:
    """Check whether a W&B API answers, given how a first request ended."""
    for kind, level, text in _SERVER_ERRORS:
        if isinstance(error, kind):
            return Check(level, "server", text.format(host=host, error=error))
    if host.startswith("https:"):
        return Check("ok", "server", f"{host} answers, its certificate is good")
    if _is_loopback(host):
        return Check("ok", "server", f"{host} answers")
    return Check("warn", "server", f"{host} answers, but http sends the key unencrypted; use https")


def _is_loopback(host: str) -> bool:
    name = keys.machine_of(host)
    return name.startswith(("127.", "localhost", "[::1]"))


def _key_accepted(session: Session) -> Check:
    try:
        entity = check_key(session, _TIMEOUT)
    except AuthError as exc:
        return Check("fail", "account", str(exc))
    except WandbLoggingError as exc:
        return Check("warn", "account", f"the server could not be asked whose key this is ({exc})")
    return Check("ok", "account", f"the key is accepted; runs go to {entity or 'its own entity'} by default")


def check_of_clock(date: str, now: float) -> Check:
    """Check how far this machine's clock is off, by the `Date` header of the server."""
    try:
        ahead = now - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return Check("ok", "clock", "the server does not tell its time")
    if abs(ahead) < _CLOCK_SECONDS:
        return Check("ok", "clock", f"within {max(1, math.ceil(abs(ahead)))} s of the server's")
    side = "ahead of" if ahead > 0 else "behind"
    return Check("warn", "clock", f"{age(abs(ahead))} {side} the server's: uploads may be refused; set the clock (NTP)")


def check_of_limits(features: Iterable[str]) -> Check:
    """State how large a row and a line may be, and what the server offers."""
    offered = sorted({"FILESTREAM_GZIP": "gzip", "STRUCTURED_CONSOLE_LOGS": "log levels"}.items())
    names = [words for name, words in offered if name in set(features)]
    limits = f"a row up to {MAX_ROW_BYTES / 2**20:.1f} MiB, a text line up to {MAX_LINE_CHARS} characters"
    return Check("ok", "limits", f"{limits}; the server offers {' and '.join(names) or 'neither gzip nor log levels'}")


def _disk_check(cache_dir: Path) -> Check:
    try:
        place = next(path for path in (cache_dir, *cache_dir.parents) if path.exists())
        with tempfile.TemporaryFile(dir=place):
            pass
        free = shutil.disk_usage(place).free
    except OSError as exc:
        advice = "set WANDB_DIR to a folder that can be written"
        return Check("fail", "disk", f"{cache_dir} cannot be written ({exc.strerror}); {advice}")
    return check_of_disk(cache_dir, free)


def check_of_disk(cache_dir: Path, free: int) -> Check:
    """Check whether the disk has room for runs, given its free bytes."""
    text = f"{cache_dir} can be written, {free / 1e9:.1f} GB free"
    if free >= _DISK_WARN:
        return Check("ok", "disk", text)
    advice = f"`{PROG} sync` what waits and make room, or set WANDB_DIR to another disk"
    return Check("warn" if free >= _DISK_FAIL else "fail", "disk", f"{text}: {advice}")
