"""A list on the server, which comes in pages: each is requested when it is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from wandb_logging._server.link import Link
from wandb_logging._server.protocol import dig

Reach = Callable[[], AbstractContextManager[Link]]
"""Opens a way to the server for the length of a `with` block."""

PAGE = 50


class Pages(Iterator[Mapping[str, Any]]):
    """The edges of a list on the server, page by page. After a page that failed, the next step requests it again.

    Args:
        reach: the way to the server.
        document: the question, with the variables `after` and `first`.
        variables: its other variables.
        path: names that lead to the list in the answer.
        page: number of edges that are requested at a time.
        after: the end of another reading of the same list, from where to go on.

    Attributes:
        cursor: the end of the last page that was requested.
        more: whether there are pages that were not requested.
        answer: the last answer; empty before the first.
    """

    def __init__(
        self,
        reach: Reach,
        document: str,
        variables: Mapping[str, Any],
        *path: str,
        page: int = PAGE,
        after: str | None = None,
    ) -> None:
        self._reach, self._document, self._variables, self._path = reach, document, variables, path
        self._page, self.cursor, self.more = page, after, True
        self._edges: deque[Mapping[str, Any]] = deque()
        self.answer: Mapping[str, Any] = {}

    @property
    def total(self) -> int | None:
        """The number of all edges, if an answer said it."""
        found = dig(self.answer, *self._path, "totalCount")
        return found if isinstance(found, int) else None

    def __next__(self) -> Mapping[str, Any]:
        while not self._edges:
            if not self.more:
                raise StopIteration
            self.turn()
        return self._edges.popleft()

    def turn(self) -> None:
        """Request the next page.

        Raises:
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server did not answer with a page.
        """
        asked = {**self._variables, "after": self.cursor, "first": self._page}
        with self._reach() as link:
            self.answer = link.graphql(self._document, asked)
        found = dig(self.answer, *self._path)
        before, self.cursor = self.cursor, dig(found, "pageInfo", "endCursor")
        # A server that gives the same page for ever is left.
        self.more = dig(found, "pageInfo", "hasNextPage") is True and self.cursor not in {None, before}
        self._edges.extend(dig(found, "edges") or [])
