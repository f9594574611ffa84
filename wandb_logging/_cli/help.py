"""Formats the help of a command: paragraphs are wrapped for the terminal, examples stay as they are typed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

_WIDEST = 100  # columns: longer lines are hard to read, however wide the terminal is
_NARROWEST = 20  # argparse fails below 1, and nobody reads words that are broken
_KEPT = "\0"  # a space at which no line ends
_ENDS = (".", ":", "?")


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """The formatter that is given to `argparse`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_WIDEST - 2)

    def format_help(self) -> str:
        """The help, as wide as the terminal: argparse makes a formatter for each argument, and most format nothing."""
        import shutil  # noqa: PLC0415  only who asks for help waits for it

        self._width = max(_NARROWEST, min(shutil.get_terminal_size().columns, _WIDEST) - 2)
        self._max_help_position = min(self._max_help_position, max(self._width - 20, 2 * self._indent_increment))
        return super().format_help()

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for part in _paragraphs(text.splitlines()) for line in _wrapped(part, width))

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        shown = super()._format_args(action, default_metavar)
        return f"{action.metavar} {shown}" if action.nargs == argparse.REMAINDER else shown  # argparse: only the dots

    def _format_usage(self, *given: Any, **more: Any) -> str:
        width, self._width = self._width, 10_000  # so wide that argparse breaks no line: that is done below
        try:
            usage = super()._format_usage(*given, **more)
        finally:
            self._width = width
        import textwrap  # noqa: PLC0415  as above

        words = _unbroken(usage.rstrip("\n"))
        lines = textwrap.wrap(words, width, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False)
        return "\n".join(lines).replace(_KEPT, " ") + "\n\n"


def _paragraphs(lines: Iterable[str]) -> Iterable[str]:
    """Join each line that goes on with a sentence to the line before. Indented lines stay on their own."""
    part = ""
    for line in lines:
        if line.startswith(" ") or not line:
            yield line
        else:
            part = f"{part} {line}".lstrip()
            if part.endswith(_ENDS):
                yield part
                part = ""
    if part:
        yield part


def _wrapped(part: str, width: int) -> list[str]:
    if part.startswith(" ") or not part:
        return [part]
    import textwrap  # noqa: PLC0415  as above

    return textwrap.wrap(part, width, break_long_words=False, break_on_hyphens=False)


def _unbroken(usage: str) -> str:
    """A usage line that may be wrapped between brackets and after `|`, but nowhere else inside brackets."""
    depth, made = 0, ""
    for sign in usage:
        depth += (sign == "[") - (sign == "]")
        made += _KEPT if sign == " " and depth and not made.endswith("|") else sign
    return made
