"""Objects that take several lines, as `json.dumps(indent=2)` and `pprint` write them."""

from __future__ import annotations

import re
from typing import Any

from wandb_logging._mining.objects import numbers_of
from wandb_logging._mining.template import Found

MAX_LINES = 200  # of one object
_MAX_CHARS = 20_000
_FAR = 200  # characters before the brace
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_BEGINS = re.compile(r"\{\s*(?:[\"'][^\"']{1,80}[\"']\s*:.*)?\Z")
_GOES_ON = re.compile(
    r"\s*(?:[\"'][^\"']{1,80}[\"']\s*:|[\]})]|[-+.\d\"'\[{(]|(?:true|false|null|None|True|False|nan)\b)"
)


class Spread:
    """Objects that begin in one line and end in a later one.

    Args:
        has: text of the line in which an object begins; "" takes all.
        decimal: "," if 3,5 in quotes means three and a half.
    """

    def __init__(self, has: str = "", decimal: str = ".") -> None:
        self.needle = has or "{"
        self._decimal = decimal

    def find(self, raw: str, state: dict[str, Any]) -> Found | None:
        """The numbers of an object, at its last line; `{}` for its other lines; None for any line outside one."""
        if "text" not in state:
            return self._begun(raw, state)
        text = f"{state['text']}\n{raw}"
        depth = state["depth"] + _depth(raw)
        lines = state["lines"] + 1
        if not _GOES_ON.match(raw) or lines > MAX_LINES or len(text) > _MAX_CHARS:
            state.clear()
            return None
        if depth > 0:
            state.update(text=text, depth=depth, lines=lines)
            return {}
        state.clear()
        return numbers_of(text, decimal=self._decimal) or {}

    def _begun(self, raw: str, state: dict[str, Any]) -> Found | None:
        at = raw.find("{", max(raw.find(self.needle), 0))
        depth = _depth(raw[at:]) if 0 <= at < _FAR and _BEGINS.match(raw, at) else 0
        if depth < 1:
            return None
        state.update(text=raw[at:], depth=depth, lines=1)
        return {}


def _depth(text: str) -> int:
    """How many more braces and brackets open in a text than close."""
    plain = _QUOTED.sub("", text)
    return sum(map(plain.count, "{[(")) - sum(map(plain.count, "}])"))
