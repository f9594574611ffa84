"""What an uploader calls outside of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wandb_logging._dataclass import dataclass
from wandb_logging._journal.bounded_copies import BoundedCopies


@dataclass(frozen=True)
class Ports:
    """What an uploader calls outside of it.

    Attributes:
        say: called with (kind, text) for what a person should know.
        progress: called after each acknowledged batch.
        before_end: called before the server is told that the run ended: the last moment to add a file.
        meanwhile: called again and again while files are sent, which may take hours; it may call `glance`.
        copies: makes the files that sending adds; None: without a bound on their room.
        allowance: folder of the file through which all senders share the project's rate limit; None: this host's.
    """

    say: Callable[[str, str], object] = lambda _kind, _text: None
    progress: Callable[[], object] = lambda: None
    before_end: Callable[[], object] = lambda: None
    meanwhile: Callable[[], object] = lambda: None
    copies: BoundedCopies | None = None
    allowance: Path | None = None
