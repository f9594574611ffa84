"""Where a browser finds the page: the socket, the secrets and the address.

It is made first: the address is printed, and browsers may connect, while what answers there is still imported.
"""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket

from wandb_logging._page import guard

DEFAULT_PORT = 8266
_PORTS = 20  # number of ports that are tried one after the other, unless a port was asked for
_WAITING = 64  # connections that may wait to be answered


class Place:
    """A socket that browsers can connect to, and the secrets that they need.

    Args:
        host: the address to listen at.
        port: the port to listen at. None: the first free one from `DEFAULT_PORT` on; 0: any free one.

    Attributes:
        socket: listens already; connections wait until something answers.
        credentials: the secrets by which it is recognised who may look.
        hosts: the values that the `Host` header of a request may have.

    Raises:
        OSError: the port is in use, or the address is not this machine's.
    """

    def __init__(self, host: str = "127.0.0.1", port: int | None = None) -> None:
        self.socket = _listening(host, port)
        self.host, self.port = host, int(self.socket.getsockname()[1])
        name = f"wandb_logging_{self.port}"
        self.credentials = guard.Credentials(secrets.token_urlsafe(32), secrets.token_urlsafe(32), name)
        self.hosts = guard.hosts_of(host, self.port, () if guard.is_loopback(host) else _names())

    @property
    def address(self) -> str:
        """The address at which a browser on this machine finds the page, with the token."""
        name = "127.0.0.1" if self.host in {"", "0.0.0.0"} else "[::1]" if self.host == "::" else self.host  # noqa: S104
        name = f"[{name}]" if ":" in name and "[" not in name else name
        return f"http://{name}:{self.port}/?token={self.credentials.token}"


def _listening(host: str, port: int | None) -> socket.socket:
    wanted = range(DEFAULT_PORT, DEFAULT_PORT + _PORTS) if port is None else (port,)
    for number in wanted:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, number))
            listener.listen(_WAITING)
        except OSError as exc:
            listener.close()
            if exc.errno != errno.EADDRINUSE or number == wanted[-1]:
                raise
        else:
            return listener
    raise AssertionError("unreachable: the last one raises")


def _names() -> set[str]:
    """The names by which other machines may know this one."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        return {name, socket.getfqdn(), *(str(item[4][0]) for item in socket.getaddrinfo(name, None, socket.AF_INET))}
    return {name}
