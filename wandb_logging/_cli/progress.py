"""Shows the progress of sending runs, and of reading a file: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._cli.output import draws, say
from wandb_logging._cli.reports import report_name
from wandb_logging._report import Report
from wandb_logging._values.terminal_text import one_line
from wandb_logging._wording import counted

_TOUCH = 5.0  # seconds between two plain progress lines of one run or file


class Progress:
    """Shows the progress of sending: a bar on a terminal, a line now and then elsewhere.

    Args:
        left: number of unsent lines of each run, by run directory.
    """

    def __init__(self, left: Mapping[Path | None, int]) -> None:
        self._left = dict(left)
        self._latest: dict[Path | None, Report] = {}
        self._said: dict[Path | None, float] = {}
        self._done = 0
        self._bar: Any = None

    @property
    def left(self) -> int:
        """Number of unsent lines of all runs."""
        return sum(self._left.values())

    @property
    def reports(self) -> list[Report]:
        """The latest report of each run that has one."""
        return list(self._latest.values())

    def __enter__(self) -> None:
        if self.left and sys.stderr.isatty():
            with contextlib.suppress(ImportError):
                import tqdm  # noqa: PLC0415  an extra

                self._bar = tqdm.tqdm(total=self.left, unit=" lines", desc="sync", ascii=not draws(), leave=False)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, report: Report) -> None:
        """Show a report. It is given to the uploader as `on_progress`."""
        self._done += max(0, self._left.get(report.path, 0) - report.remaining)
        self._left[report.path] = report.remaining
        self._latest[report.path] = report
        if self._bar is not None:
            self._bar.total = self._done + self.left
            self._bar.n = self._done
            self._bar.refresh()
        elif report.remaining and time.monotonic() - self._said.get(report.path, -_TOUCH) >= _TOUCH:
            self._said[report.path] = time.monotonic()
            sent, left = counted(report.rows, "row"), counted(report.remaining, "line")
            say(f"{report_name(report)}: {sent} sent, {left} left", flush=True)


@contextlib.contextmanager
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
