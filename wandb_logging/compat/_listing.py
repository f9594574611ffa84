"""The lists that `wandb.Api` returns: items are requested during iteration, and can be read by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

_Item = TypeVar("_Item")


class Listing(Sequence[_Item]):
    """A sequence that requests each page when it is needed. `len`, and a negative index, request all pages.

    Args:
        pages: function that begins to request pages.
    """

    def __init__(self, pages: Callable[[], Iterator[_Item]]) -> None:
        self._rest = pages()
        self._known: list[_Item] = []

    def __iter__(self) -> Iterator[_Item]:
        place = 0
        while place < len(self._known) or self._reads_on():
            yield self._known[place]
            place += 1

    def __next__(self) -> _Item:
        if not hasattr(self, "_going"):
            self._going = iter(self)
        return next(self._going)

    def __getitem__(self, place: Any) -> Any:
        wanted = place if isinstance(place, int) and place >= 0 else None
        while (wanted is None or wanted >= len(self._known)) and self._reads_on():
            pass
        return self._known[place]

    def __len__(self) -> int:
        while self._reads_on():
            pass
        return len(self._known)

    def __bool__(self) -> bool:
        return bool(self._known) or self._reads_on()

    def _reads_on(self) -> bool:
        for item in self._rest:
            self._known.append(item)
            return True
        return False
