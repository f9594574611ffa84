"""Ports for programs that do not say which one they chose."""

from __future__ import annotations

import random
import socket

_LOWEST, _HIGHEST = 20_000, 32_000  # below those that systems give to whoever asks for any, as other tests do meanwhile


def free_port() -> int:
    """A port that nobody listens on at loopback just now, and that nobody gets who asks for any port."""
    while True:
        port = random.SystemRandom().randint(_LOWEST, _HIGHEST)  # a seed of the tests would give all the same ones
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
