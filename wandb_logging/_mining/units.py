"""Numbers with the units behind them: one curve is in one unit, the first that its name had."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Union

from wandb_logging._mining import numbers

_BITS = {f"{size}{bit}": 1e3**i for bit in ("bit", "bits") for i, size in enumerate(("", "k", "M", "G", "T"))}
_BITS.update(Kbit=1e3, Kbits=1e3)
_BITS_PER_SECOND = {"bps": 1.0, "kbps": 1e3, "Kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9}
_HERTZ = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
_COUNTS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
# As iperf has them: what is written with the whole word counts by 1024.
_BYTES = {
    **numbers.BYTES,
    "bytes": 1.0,
    **{f"{size}{name}": 1024.0**i for name in ("Bytes", "bytes") for i, size in enumerate(("", "K", "M", "G", "T"))},
}
_KINDS = (numbers.SECONDS, _BYTES, _BITS, _BITS_PER_SECOND, _HERTZ, _COUNTS)
_NAMES = {*numbers.ALIASES, *(name for kind in _KINDS for name in kind)} - {"", "k", "K"}
_EVERY = sorted(sorted(_NAMES), key=len, reverse=True)
FORM = rf"(?:{'|'.join(map(re.escape, _EVERY))})(?:/(?:secs?|step|s|epoch|batch|iter|it|op))?(?![\w/])"
"""A unit of which there are larger and smaller ones. The k of 12.3k is part of the number."""
BEHIND = re.compile(rf" ?({FORM})")
"""A unit behind a number, glued to it or one blank away."""
_AT_END = re.compile(rf" ?({FORM})\Z")


class Measured(dict[str, Union[float, str]]):
    """Numbers and words of a line, with the units of its numbers.

    Args:
        found: the numbers, in the units that the line has, and the words.
        units: the units of those numbers that have one; "" if units were looked for and there was none.
    """

    def __init__(self, found: Mapping[str, float | str], units: Mapping[str, str]) -> None:
        super().__init__(found)
        self.units = units

    def in_first(self, firsts: dict[str, str]) -> dict[str, float | str]:
        """Convert the numbers to the unit that their name had first: 177ms and later 1.2s give 177 and 1200.

        Args:
            firsts: the first unit of each name, to which new ones are added.
        """
        converted = dict(self)
        for name, unit in self.units.items():
            first = firsts.get(name)
            if first is None or (not first and unit not in _COUNTS):
                firsts[name] = unit
            elif first != unit:
                converted[name] *= factor(unit, first)  # type: ignore[operator]  # what has a unit is a number
        return converted


def behind(text: str, at: int = 0) -> str:
    """The unit that stands in a text from a place on, if a number ends there; "" if there is none."""
    match = BEHIND.match(text, at)
    return match[1] if match else ""


def kind(unit: str) -> int:
    """Which kind of size a unit is of, from 0; units that convert to one another are of one kind. -1 if of none."""
    one, _ = _parts(unit)
    return next((i for i, sizes in enumerate(_KINDS) if one in sizes), -1)


def split(text: str) -> tuple[str, str]:
    """A text as a number and the unit at its end, "" if it has none: `1.2 s` is 1.2 and s."""
    match = _AT_END.search(text)
    return (text[: match.start()], match[1]) if match else (text, "")


def factor(unit: str, wanted: str) -> float:
    """The factor that converts a number from one unit to another; 1 if the units are unrelated."""
    (one, per), (other, wanted_per) = _parts(unit), _parts(wanted)
    sizes = next((sizes for sizes in _KINDS if one in sizes and other in sizes), None)
    return 1.0 if sizes is None or per != wanted_per else sizes[one] / sizes[other]


def _parts(unit: str) -> tuple[str, str]:
    """A unit without what it is per, and that with its slash; each by one name, whatever else it is called."""
    one, slash, per = unit.partition("/")
    return numbers.ALIASES.get(one, one), slash + numbers.ALIASES.get(per, per)
