"""Promises of lists that come in pages: each page is requested once, and when it is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from wandb_logging._errors import TransportError
from wandb_logging._server.pages import Pages


class Book:
    """A server with a list of numbers; it keeps where each page that was requested began."""

    def __init__(self, length: int, *, for_ever: bool = False) -> None:
        self.length, self.for_ever, self.asked, self.broken = length, for_ever, list[int](), False

    @contextlib.contextmanager
    def reach(self) -> Iterator[Any]:
        yield self

    def graphql(self, _document: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.broken:
            raise TransportError("no answer")
        start = int(asked["after"] or 0)
        self.asked.append(start)
        end = start if self.for_ever and start else min(start + asked["first"], self.length)
        page = {"hasNextPage": self.for_ever or end < self.length, "endCursor": str(end)}
        return {"a": {"list": {"edges": [{"node": n} for n in range(start, end)], "pageInfo": page, "totalCount": 5}}}

    def pages(self, after: str | None = None) -> Pages:
        return Pages(self.reach, "query", {}, "a", "list", page=2, after=after)


def test_a_page_is_requested_when_it_is_needed() -> None:
    book = Book(5)
    pages = book.pages()
    assert (book.asked, pages.cursor, pages.more, pages.total) == ([], None, True, None)
    assert [next(pages)["node"] for _ in range(3)] == [0, 1, 2]
    assert (book.asked, pages.cursor, pages.more, pages.total) == ([0, 2], "4", True, 5)
    assert [edge["node"] for edge in pages] == [3, 4]
    assert (book.asked, pages.more) == ([0, 2, 4], False)


def test_another_reading_goes_on_where_one_ended() -> None:
    book = Book(5)
    pages = book.pages()
    next(pages)
    assert [edge["node"] for edge in book.pages(pages.cursor)] == [2, 3, 4]


def test_after_a_page_that_failed_the_next_step_requests_it_again() -> None:
    """So that who catches the error does not take the list for complete."""
    book = Book(3)
    pages = book.pages()
    assert [next(pages)["node"], next(pages)["node"]] == [0, 1]
    book.broken = True
    for _ in range(2):
        with pytest.raises(TransportError):
            next(pages)
    book.broken = False
    assert [edge["node"] for edge in pages] == [2]


def test_a_server_that_gives_the_same_page_for_ever_is_left() -> None:
    assert [edge["node"] for edge in Book(2, for_ever=True).pages()] == [0, 1]


def test_a_list_that_is_not_there_is_empty() -> None:
    book = Book(5)
    assert list(Pages(book.reach, "query", {}, "a", "nothing")) == []
