"""The lists that `wandb.Api` returns: pages are requested as items are needed, and items can be read by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from wandb_logging._server.pages import Pages

_Item = TypeVar("_Item")


class Listing(Sequence[_Item]):
    """A sequence that requests each page when it is needed. A negative index requests all pages.

    Args:
        pages: the list on the server.
        made: makes an item of an edge; None leaves the edge out.
    """

    def __init__(self, pages: Pages, made: Callable[[Mapping[str, Any]], _Item | None]) -> None:
        self._pages, self._made = pages, made
        self._known: list[_Item] = []
        self._going: Iterator[_Item] | None = None

    @property
    def cursor(self) -> str | None:
        """The end of the last page that was requested: an argument `start` to go on from there; None before that."""
        return self._pages.cursor

    @property
    def more(self) -> bool:
        """Whether there are pages that were not requested."""
        return self._pages.more

    def __iter__(self) -> Iterator[_Item]:
        place = 0
        while place < len(self._known) or self._reads_on():
            yield self._known[place]
            place += 1

    def __next__(self) -> _Item:
        if self._going is None:
            self._going = iter(self)
        return next(self._going)

    next = __next__

    def __getitem__(self, place: Any) -> Any:
        last = (place.stop or -1) - 1 if isinstance(place, slice) else place
        while (last < 0 or last >= len(self._known)) and self._reads_on():
            pass
        return self._known[place]

    def __len__(self) -> int:
        while self._reads_on():
            pass
        return len(self._known)

    def __bool__(self) -> bool:
        return bool(self._known) or self._reads_on()

    def _reads_on(self) -> bool:
        for edge in self._pages:
            item = self._made(edge)
            if item is not None:
                self._known.append(item)
                return True
        return False


class Counted(Listing[_Item]):
    """A list of which the server says the length, so that it is known from the first page."""

    def __len__(self) -> int:
        if self._pages.total is None and self._pages.more:
            self._pages.turn()
        return super().__len__() if self._pages.total is None else self._pages.total
