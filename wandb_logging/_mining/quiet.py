"""Tell quickly that no rule fits a line: it lacks the texts that rules need, as most lines do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

_MOST = 2000  # kinds of lines that are remembered
_NEW = 20  # lines in a row that differ from all before in more than their digits
_NOT_LOOKED_UP = 1000  # lines after these


class Quiet:
    """What is known of the lines that no rule can fit. Lines that differ only in their digits are of one kind.

    Where lines differ in their words, too, what is remembered is not looked up for a while: to search is quicker then.

    Args:
        needles: for each rule a text without which no line fits it; "" if there is none.
    """

    def __init__(self, needles: Collection[str]) -> None:
        self._needles = tuple(needles)
        self._without_digits = tuple(set(map(_without_digits, needles)))
        self._never = "" in self._without_digits
        self._known: set[str] = set()
        self._new_in_a_row = self._not_looked_up = 0

    def has(self, raw: str) -> bool:
        """Whether surely no rule fits a line."""
        if self._never:
            return False
        if self._not_looked_up:
            self._not_looked_up -= 1
            for needle in self._needles:  # noqa: SIM110  as in `_has_none`, whose call would be a tenth of the time
                if needle in raw:
                    return False
            return True
        key = _without_digits(raw)
        if key in self._known:
            self._new_in_a_row = 0
            return True
        if not _has_none(key, self._without_digits):
            return False
        self._new_in_a_row += 1
        if self._new_in_a_row >= _NEW:
            self._new_in_a_row, self._not_looked_up = 0, _NOT_LOOKED_UP
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known.add(key)
        return True


def _has_none(text: str, needles: Sequence[str]) -> bool:
    for needle in needles:  # noqa: SIM110  takes two thirds of the time of all()
        if needle in text:
            return False
    return True


def _without_digits(text: str) -> str:
    """A text without digits, made quickly: in its bytes, each of which is a character of the result."""
    return text.encode("utf-8", "replace").translate(None, b"0123456789").decode("latin-1")
