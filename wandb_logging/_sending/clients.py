"""Connections to servers that are kept for the next run: to connect takes longer than to send a small run."""

from __future__ import annotations

from wandb_logging._server.client import Client


class Clients:
    """Clients by server, key and timeout."""

    def __init__(self) -> None:
        self._free: dict[tuple[str, str, float], list[Client]] = {}

    def take(self, host: str, key: str, timeout: float) -> Client:
        """A client that nobody else uses. Its `close` gives it back."""
        free = self._free.setdefault((host, key, timeout), [])
        try:
            return free.pop()
        except IndexError:
            return _Reused(free, host, key, timeout)

    def close(self) -> None:
        """Close the clients that nobody uses."""
        for free in self._free.values():
            while free:
                Client.close(free.pop())


class _Reused(Client):
    """A client that is kept when it is closed."""

    def __init__(self, free: list[Client], host: str, key: str, timeout: float) -> None:
        super().__init__(host, key, timeout=timeout)
        self._free = free

    def close(self) -> None:
        """Give the client back."""
        self._free.append(self)
