"""A name on a line of its own and its number on the line below it, as a rule has them."""

from __future__ import annotations

import re
from typing import Any

from wandb_logging._mining.template import Found, Template
from wandb_logging._mining.units import Measured


class TwoLines:
    """A template of two lines, as `line` of a rule has it. One empty line may be between them.

    Args:
        text: the two templates. If the second has no words, what it fits has to be all of its line, but for a unit.
        decimal: "," if 3,5 means three and a half.

    Raises:
        ValueError: one of the lines is no template, is empty, or there are more than two.
    """

    def __init__(self, text: str, decimal: str = ".") -> None:
        lines = text.split("\n")
        if len(lines) != 2 or not all(map(str.strip, lines)):
            raise ValueError("has more than two lines, or an empty one")
        self._above = Template(lines[0], decimal)
        self._below = Template(lines[1], decimal, bare=True, words=self._above.names)
        own = re.sub(r"\{[^{}]*\}", "", lines[1])
        self._bare, self._says = not own.strip(), any(map(str.isalpha, own))
        self.needle = self._above.needle
        if not self._below.names:
            raise ValueError("has no {name} in its second line")

    def find(self, raw: str, state: dict[str, Any]) -> Found | None:
        """The values of both lines, at the second; `{}` for the first; None for any other line."""
        text = " ".join(raw.split())
        above = state.pop("above", None)
        if above is not None:
            if not text and not state.pop("gap", False):
                state.update(above=above, gap=True)
                return {}
            state.clear()
            below = self._below.find(text, words=above)
            behind = [] if below is None else text[below[1] :].split()
            if below is not None and (self._says or len(behind) < 2 - (self._bare and " " in text[: below[1]])):
                found = {**above, **below[0]}
                return Measured(found, below[0].units) if isinstance(below[0], Measured) else found
        begun = self._above.find(text)
        if begun is None:
            return None
        state["above"] = begun[0]
        return {}
