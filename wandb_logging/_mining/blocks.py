"""Rows that take several lines: boxes of `| name | value |`, or indented `name: value` lines below a first line."""

from __future__ import annotations

import re
from typing import Any

from wandb_logging._mining.cells import cell
from wandb_logging._mining.template import Found, Template

MAX_LINES = 300  # lines of one row

_BORDER = re.compile(r"\s*[-+=\u2500\u2501\u2504-\u254b\u2550\u2552-\u257f]{5,}\s*\Z")  # no upright line
_LINE = re.compile(r"\s*[|│┃║](\s*)([^|│┃║]*?)\s*[|│┃║]\s*([^|│┃║]*?)\s*[|│┃║]\s*\Z")
_OPEN_LINE = re.compile(r"(\s{2,})([^|│┃║]*?)\s*[|│┃║]\s*([^|│┃║]*?)\s*\Z")  # without bars at the ends
_ITEM = re.compile(r"(\s+)-(?:\s|\Z)")  # of a list
_ENTRY = re.compile(r"(\s+)([\w./@ -]{1,80}):(?: (\S.*))?\Z")


class Box:
    """A box of two columns, names and values, between lines of dashes.

    A name without a value is the section of the names below it.

    Args:
        title: text that has to be in the box; None accepts any box.
        decimal: "," if 3,5 means three and a half.
    """

    needle = "---"
    others = ("===", "\u2500\u2500\u2500", "\u2501\u2501\u2501", "\u2550\u2550\u2550")

    def __init__(self, title: str | None = None, decimal: str = ".") -> None:
        self._title = title
        self._decimal = decimal

    def find(self, raw: str, state: dict[str, Any]) -> Found | None:
        """The row, with the line that closes the box; `{}` within the box; None for any other line."""
        if _BORDER.match(raw):
            found = state.pop("found", None)
            titled = state.pop("titled", False) or self._title is None
            state.clear()
            state["found"] = {}
            return found if found and titled else {}
        if "found" not in state:
            return None
        match = _LINE.match(raw) or _OPEN_LINE.match(raw)
        if match is None or len(state["found"]) > MAX_LINES:
            state.clear()
            return None
        self._take(match[1], match[2], match[3], state)
        return {}

    def _take(self, indent: str, name: str, text: str, state: dict[str, Any]) -> None:
        if self._title is not None and self._title in name:
            state["titled"] = True
        value = cell(text, self._decimal)
        if not text:
            state["section"] = f"{name.rstrip('/')}/" if name else ""
            state["depth"] = len(indent)
        elif value is not None:
            section = state.get("section", "") if len(indent) > state.get("depth", -1) else ""
            state["found"][section + name] = value


class Block:
    """Indented lines `name: value` below a first line. A name that is indented further gets those above it in front.

    Lists are passed over.

    Args:
        first: template of the first line.
        decimal: "," if 3,5 means three and a half.
    """

    def __init__(self, first: str, decimal: str = ".") -> None:
        self._first = Template(first, decimal)
        self._decimal = decimal
        self.needle = self._first.needle

    def find(self, raw: str, state: dict[str, Any]) -> Found | None:
        """The row, at the first line that is outside the block; `{}` within the block; None for any other line."""
        if "found" in state:
            item = _ITEM.match(raw)
            entry = item or _ENTRY.match(raw)
            if entry is not None and len(state["found"]) < MAX_LINES:
                depth = len(entry[1])
                if item is not None:
                    state["item"] = min(depth, state.get("item", depth))
                elif depth <= state.get("item", depth):  # else it is within the item of a list
                    state.pop("item", None)
                    self._take(entry, state)
                return {}
            found: Found = state.pop("found")
            state.clear()
            self._open(raw, state)
            return found
        return {} if self._open(raw, state) else None

    def rest(self, state: dict[str, Any]) -> Found | None:
        """The row of a block that is still open when the text ends."""
        found: Found | None = state.pop("found", None)
        return found

    def _open(self, raw: str, state: dict[str, Any]) -> bool:
        found = self._first.find(" ".join(raw.split())) if self.needle in raw else None
        if found is not None:
            state.update(found=found[0], above=[])
        return found is not None

    def _take(self, entry: re.Match[str], state: dict[str, Any]) -> None:
        depth, name, text = len(entry[1]), entry[2].strip(), entry[3]
        above = [item for item in state["above"] if item[0] < depth][-10:]
        state["above"] = above
        if text is None:
            above.append([depth, name])
            return
        value = cell(text, self._decimal)
        if value is not None:
            state["found"]["/".join([*(item[1] for item in above), name])] = value
