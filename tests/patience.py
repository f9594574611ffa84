"""How long a test waits for another program, thread or server before it says that nothing comes."""

from __future__ import annotations

import time
from collections.abc import Callable

# Seconds. A machine may have twenty other things to do: what takes one second takes one minute then, and is no fault.
# Who waits in vain waits that long once; who does not never notices it.
PATIENCE = 300.0


def wait_until(condition: Callable[[], object]) -> None:
    """Look again and again whether something has come that says nothing of itself, such as a file."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
