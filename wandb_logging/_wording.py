"""How messages spell a number of things: `1 row`, `2 rows`."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None, *, estimated: bool = False) -> str:
    """A number with what it counts, and with the verb that goes with it where there is one.

    Args:
        number: how many there are.
        one: what stands behind 1, such as "row" or "row is".
        several: what stands behind any other number; by default `one` with an s.
        estimated: whether the number is an estimate.
    """
    return f"{'about ' * estimated}{number} {one if number == 1 else several or f'{one}s'}"
