"""`wandb.sdk.lib.printer`: by it some frameworks show text to the person at the terminal. Here text has no styles."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from wandb_logging.compat._util import termerror, termlog, termwarn


class Printer:
    """Shows messages as this package shows its own."""

    supports_html = False
    supports_unicode = False

    def display(self, text: str | Sequence[str], *, level: str | int | None = None) -> None:
        """Show a message.

        Args:
            text: the message, or its lines.
            level: a level of `logging`, or its name.
        """
        show = _by(level)
        show(text if isinstance(text, str) else "\n".join(text))

    @contextlib.contextmanager
    def dynamic_text(self) -> Iterator[None]:
        """Give no place for text that changes: there, too, it is None where output is no terminal."""
        yield None

    def progress_update(self, text: str, percent_done: float | None = None) -> None:
        """Show nothing, because a message cannot be taken back here."""

    def progress_close(self) -> None:
        """Do nothing, because no progress is shown."""

    def sparklines(self, series: Sequence[float]) -> None:
        """Give None, as there for output without Unicode."""

    def link(self, link: str, text: str | None = None) -> str:
        """The address itself."""
        del text
        return link

    def emoji(self, name: str) -> str:
        """No picture."""
        del name
        return ""

    def loading_symbol(self, tick: int) -> str:
        """No picture."""
        del tick
        return ""

    def grid(self, rows: Sequence[Sequence[str]], title: str | None = None) -> str:
        """Rows as lines, with the first column to the right."""
        width = max((len(row[0]) for row in rows), default=0)
        lines = [" ".join([row[0].rjust(width), "".join(row[1:])]) for row in rows]
        return "\n".join([*([title] if title else []), *lines, ""])

    def panel(self, columns: Sequence[str]) -> str:
        """Texts one below the other."""
        return "\n" + "\n".join(columns)

    def code(self, text: str) -> str:
        """The text itself, as the other methods for styles."""
        return text

    name = secondary_text = error = files = code


def _by(level: str | int | None) -> Any:
    number = getattr(logging, level.upper(), 0) if isinstance(level, str) else level or 0
    return termerror if number >= logging.ERROR else termwarn if number >= logging.WARNING else termlog


def new_printer(settings: Any = None) -> Printer:
    """Make a printer.

    Args:
        settings: has no meaning here, because what is shown is the business of `logging`.
    """
    del settings
    return Printer()
