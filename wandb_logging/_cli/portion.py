"""Shows how much of a file has been read so far: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wandb_logging._cli.output import draws, say
from wandb_logging._values.terminal_text import one_line

_TOUCH = 5.0  # seconds until the first line, and between two of them


@contextmanager
def portion_shown(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """Give a function that shows progress; it is called with the number of bytes read so far.

    Args:
        name: what the file is called.
        size: its size in bytes.
    """
    bar = _bar(one_line(name), size) if sys.stderr.isatty() else None
    if bar is not None:
        with bar:
            yield lambda read: bar.update(read - bar.n)
        return
    said = time.monotonic()

    def tell(read: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _TOUCH:
            said = time.monotonic()
            say(f"{name}: {read / max(1, size):.0%} read", flush=True)

    yield tell


def _bar(name: str, size: int) -> Any:
    try:
        import tqdm  # noqa: PLC0415  an extra
    except ImportError:
        return None
    return tqdm.tqdm(total=size, unit="B", unit_scale=True, desc=name, ascii=not draws(), leave=False)
