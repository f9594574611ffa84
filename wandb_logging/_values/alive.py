"""Objects that are told of something for as long as they live, in the order in which they came."""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Alive(Generic[_T]):
    """A list that keeps none of its objects alive. Safe from any thread.

    It takes the place of a WeakSet where a forked child goes through it: that one is Python code with objects of its
    own, and in a child each of these costs a page that the kernel copies.
    """

    def __init__(self) -> None:
        self._references: list[weakref.ref[_T]] = []

    def add(self, one: _T) -> None:
        """Add an object."""
        self._references.append(weakref.ref(one, self._references.remove))

    def discard(self, one: _T) -> None:
        """Leave an object out from now on. Harmless if it is not in there."""
        for reference in self.references():
            if reference() is one:
                self._references.remove(reference)

    def references(self) -> list[weakref.ref[_T]]:
        """The references to all of them."""
        # Not `tuple` nor a slice: before Python 3.12 these look at the list's length and items, then make room for as
        # many. That may collect garbage, which takes some off the list, and the copy holds what is freed. (SIGSEGV)
        return [*self._references]

    def all(self) -> list[_T]:
        """All that are alive."""
        found = []  # without other functions: in a forked child each of them costs four pages
        for reference in [*self._references]:  # see `references`
            one = reference()
            if one is not None:
                found.append(one)
        return found
