"""The numbers that a writer and its forked children have taken: in memory that all of them share.

A thousand children that each looked through the directory for the next free number would look at a million names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

_SIZE = 8


class Family:
    """The latest number that one of a family has taken. Two may read the same: the name of a lock file is made once.

    Args:
        latest: the number of the first of them, above all that were taken before.
    """

    def __init__(self, latest: int) -> None:
        from mmap import mmap  # noqa: PLC0415  programs that do not fork need none

        self._shared: mmap = mmap(-1, _SIZE)
        self.has_taken(latest)

    @property
    def latest(self) -> int:
        """That number."""
        return int.from_bytes(self._shared[:_SIZE], "little")

    def has_taken(self, number: int) -> None:
        """Tell the others."""
        self._shared[:_SIZE] = number.to_bytes(_SIZE, "little")
