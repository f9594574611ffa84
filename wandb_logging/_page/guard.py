"""Decides who gets what: every decision on which the page's security rests, without I/O; and what an answer is.

The promises are in the docs, `howto/page`. In short: a request is answered if it is a GET, its Host names this server
exactly, it comes from no other site, and it has the cookie that a browser gets in exchange for the printed token.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from http import cookies
from pathlib import Path
from typing import NamedTuple

_SITES = frozenset({None, "", "same-origin", "none"})

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self'; connect-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
"""The headers of every answer, besides its policy."""

# Types that a browser may show in place. Files of all other types are downloaded.
TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
}
_SANDBOXED = frozenset({".svg", ".html"})


class Refused(Exception):
    """The request asks for something that does not exist, or for too much."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Answer(NamedTuple):
    """The answer to a request.

    Attributes:
        type: its Content-Type.
        body: its bytes, a file that is sent, or an iterator of pieces.
        headers: headers besides those that all answers have.
        policy: its Content-Security-Policy.
        lasts: whether it is the same each time, and worth keeping as it is sent.
    """

    type: str
    body: bytes | Path | Iterator[bytes]
    headers: tuple[tuple[str, str], ...] = ()
    policy: str = POLICY
    lasts: bool = False


class Credentials(NamedTuple):
    """The secrets by which a server recognises who may look.

    Attributes:
        token: is printed once, in the address.
        cookie: the cookie's value, which a browser gets in exchange for the token.
        name: the cookie's name. It holds the port, because browsers share cookies between all ports of a host.
    """

    token: str
    cookie: str
    name: str


def hosts_of(bound: str, port: int, names: Collection[str] = ()) -> frozenset[str]:
    """The values that the `Host` header of a request may have.

    Args:
        bound: the address that the server listens at.
        port: its port.
        names: names of this machine, if the server listens to other machines.
    """
    found = {"127.0.0.1", "localhost"} if _is_any(bound) or is_loopback(bound) else set()
    found.add("[::1]" if bound == "::1" else f"[{bound}]" if ":" in bound else bound)
    found.update(names if _is_any(bound) else ())
    return frozenset(f"{name.lower()}:{port}" for name in found if not _is_any(name.strip("[]")))


def _is_any(address: str) -> bool:
    return address in {"0.0.0.0", "::", ""}  # noqa: S104  compared, not bound


def is_loopback(address: str) -> bool:
    """Whether only programs on this machine can reach a server that listens at an address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def refusal(method: str, headers: Mapping[str, str | None], hosts: Collection[str]) -> tuple[int, str] | None:
    """Status and words if a request is refused whoever sent it; None if it is not refused.

    Args:
        method: the request's method.
        headers: the headers `Host`, `Origin` and `Sec-Fetch-Site`; None for one that is missing.
        hosts: the values that `Host` may have.
    """
    host, origin = headers.get("Host"), headers.get("Origin")
    if host is None or host.lower() not in hosts:
        return 421, "This server is not known by that name. Use the address that it printed."
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        return 403, "Other sites may not ask this server."
    if headers.get("Sec-Fetch-Site") not in _SITES:
        return 403, "Other sites may not ask this server."
    if method != "GET":
        return 405, "This server only shows: GET is all it takes."
    return None


def has_token(given: str, credentials: Credentials) -> bool:
    """Whether a token is the one that was printed."""
    return _same(given, credentials.token)


def has_cookie(header: str | None, credentials: Credentials) -> bool:
    """Whether a `Cookie` header holds the cookie that was given for the token."""
    try:
        jar = cookies.SimpleCookie(header or "")
    except cookies.CookieError:
        return False
    return credentials.name in jar and _same(jar[credentials.name].value, credentials.cookie)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def set_cookie(credentials: Credentials) -> str:
    """The value of the header `Set-Cookie` for a request that has the token."""
    return f"{credentials.name}={credentials.cookie}; HttpOnly; SameSite=Strict; Path=/"


def policy_of(name: str) -> str:
    """The Content-Security-Policy of a file from a run."""
    return SANDBOX if _extension(name) in _SANDBOXED else "default-src 'none'; frame-ancestors 'self'"


def type_of(name: str) -> str | None:
    """The type of a run's file that may be shown in place; None for a file that has to be downloaded."""
    return TYPES.get(_extension(name))


def _extension(name: str) -> str:
    found = re.search(r"\.[A-Za-z0-9]{1,8}$", name)
    return found.group().lower() if found else ""


def disposition(name: str) -> str:
    """The value of the header `Content-Disposition` for a download, with a name that is safe in headers and shells."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return 'attachment; filename="{}"'.format(re.sub(r"[^A-Za-z0-9._-]", "_", last)[-100:] or "file")


def inside(run_dir: Path, name: str) -> Path | None:
    """The path of a file that a run's journal names; None unless it is in the run directory and reached without links.

    Args:
        run_dir: the run directory.
        name: the path relative to it, as the journal gives it.
    """
    try:
        place = run_dir / name
        real = place.resolve(strict=True)
        root = run_dir.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # no such file, a NUL in the name, or a circle of links
        return None
    if root not in real.parents or real != root / Path(name) or not real.is_file():
        return None
    return real
