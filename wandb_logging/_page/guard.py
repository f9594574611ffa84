"""Who gets what: every decision that the page's security rests on, as functions without I/O.

What is promised is in the docs, `howto/page`. In short: a request is answered if it is a GET, names this server
exactly, comes from no other site, and has the cookie that the printed token is swapped for.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Collection, Mapping
from http import cookies
from pathlib import Path

from wandb_logging._dataclass import dataclass

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
"""Of every answer, beside its policy."""

# What a browser may show in place. All else is downloaded.
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


@dataclass(frozen=True)
class Credentials:
    """What a server lets in.

    Attributes:
        token: printed once, in the address.
        cookie: what it is swapped for.
        name: of the cookie: it has the port, for cookies are of a host and not of a port.
    """

    token: str
    cookie: str
    name: str


def hosts_of(bound: str, port: int, names: Collection[str] = ()) -> frozenset[str]:
    """What the Host of a request may be.

    Args:
        bound: the address that the server listens at.
        port: its port.
        names: by which the machine is known, where it listens to others.
    """
    found = {"127.0.0.1", "localhost"} if _is_any(bound) or _is_loopback(bound) else set()
    found.add("[::1]" if bound == "::1" else f"[{bound}]" if ":" in bound else bound)
    found.update(names if _is_any(bound) else ())
    return frozenset(f"{name.lower()}:{port}" for name in found if not _is_any(name.strip("[]")))


def _is_any(address: str) -> bool:
    return address in {"0.0.0.0", "::", ""}  # noqa: S104  compared, not bound


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Whether only programs on this machine reach a server that listens at an address."""
    return _is_loopback(address)


def refusal(method: str, headers: Mapping[str, str | None], hosts: Collection[str]) -> tuple[int, str] | None:
    """Why a request is refused before anybody asks who it is: status and words; None if it is not.

    Args:
        method: of the request.
        headers: `Host`, `Origin` and `Sec-Fetch-Site`, None where there is none.
        hosts: what the Host may be.
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
    """Whether a `Cookie` header has the cookie that the token was swapped for."""
    try:
        jar = cookies.SimpleCookie(header or "")
    except cookies.CookieError:
        return False
    return credentials.name in jar and _same(jar[credentials.name].value, credentials.cookie)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def set_cookie(credentials: Credentials) -> str:
    """The header `Set-Cookie` for who has the token."""
    return f"{credentials.name}={credentials.cookie}; HttpOnly; SameSite=Strict; Path=/"


def policy_of(name: str) -> str:
    """The Content-Security-Policy of a file from a run."""
    return SANDBOX if _extension(name) in _SANDBOXED else "default-src 'none'; frame-ancestors 'self'"


def type_of(name: str) -> str | None:
    """The type of a file from a run that may be shown in place; None for one that is downloaded."""
    return TYPES.get(_extension(name))


def _extension(name: str) -> str:
    found = re.search(r"\.[A-Za-z0-9]{1,8}$", name)
    return found.group().lower() if found else ""


def disposition(name: str) -> str:
    """The header `Content-Disposition` of a download: a name that means nothing to any header or shell."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return 'attachment; filename="{}"'.format(re.sub(r"[^A-Za-z0-9._-]", "_", last)[-100:] or "file")


def inside(run_dir: Path, name: str) -> Path | None:
    """The file that a run's journal names, if it is one, in the run directory, and no link leads to it.

    Args:
        run_dir: the run directory.
        name: relative to it, as the journal says.
    """
    try:
        place = run_dir / name
        real = place.resolve(strict=True)
        root = run_dir.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # no such file, a NUL in it, a circle of links
        return None
    if root not in real.parents or real != root / Path(name) or not real.is_file():
        return None
    return real
