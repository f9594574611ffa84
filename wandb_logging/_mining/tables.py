"""Tables: rows of numbers under a header that comes once or now and then; columns separated by blanks or bars."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wandb_logging._mining.cells import BARS, INDEX, LABEL, PROGRESS, RULE, TOKEN, cell, spans, unit
from wandb_logging._mining.numbers import pointed
from wandb_logging._mining.row_cells import row
from wandb_logging._mining.table_headers import below, goes_on, interleaved, joined
from wandb_logging._mining.template import Found
from wandb_logging._mining.units import Measured


class Table:
    """Rows of the table whose header contains a given text.

    Args:
        header: text of the header or of its beginning, as it is in the log. It may have two lines: names in the
            first go before the names under them.
        ends: text of the line that ends the table; None takes rows wherever they fit.
        step: the column of the step; a line without a value in it is no row.
        names: the column whose text becomes the prefix of the names in its row.
        drop: columns that are no metrics, whatever goes before their names.
        decimal: "," if 3,5 means three and a half.
    """

    def __init__(
        self,
        header: str,
        *,
        ends: str | None = None,
        step: str | None = None,
        names: str | None = None,
        drop: Collection[str] = (),
        decimal: str = ".",
    ) -> None:
        if not BARS.sub("", header).strip():
            raise ValueError("needs some text of the header")
        above, newline, header = header.rpartition("\n")
        self._above = " ".join(BARS.sub(" ", above).split()) if newline else None
        words = BARS.sub(" ", header).split()
        self._header = " ".join(words)
        self._mark = max(re.split(r'[\s,;"]+', self._header), key=len)
        self.needle = max(self._above.split(), key=len) if self._above else self._mark
        self._ends = ends
        self._step = step
        self._labels = names
        self._drop = drop
        self._decimal = decimal

    def find(self, raw: str, state: dict[str, Any]) -> Found | None:
        """A row; `{}` for other lines of the table; None for any line outside it. `state` holds the open table."""
        if self.is_header(raw) or self._above is not None:
            opened = self._open(raw, state)
            if opened is not None:
                return opened
        if "header" not in state:
            state.clear()
        if not raw.strip() or not state:
            return None
        if self._ends is not None and self._ends in raw:
            state.clear()
            return None
        return self._row(pointed(raw) if self._decimal == "," else raw, state)

    def _open(self, raw: str, state: dict[str, Any]) -> Found | None:
        """Read a line of the header; None if this line is none."""
        line = PROGRESS.sub("", raw).rstrip()
        if self.is_header(raw):
            above = state.get("above")
            state.clear()
            state["header"] = line if (self._step or "").startswith("#") else _MARK.sub(r"\1 ", line)
            both = interleaved(above, line) if above else None
            if both:
                state["header"] = both
            elif above:
                state["names"] = joined(above, line)
            return {}
        if self._above is not None and self._above in " ".join(BARS.sub(" ", raw).split()):
            state.clear()
            state["above"] = line
            return {}
        return None

    def _row(self, raw: str, state: dict[str, Any]) -> Found | None:
        """Read a row below the header, or a line between rows."""
        remark = raw.lstrip().startswith("# ") and state["header"].lstrip().startswith("#")
        if RULE.match(raw) or remark:
            state["ruled"] = not remark
            return {}
        if _PRINTED.match(raw) and "[" not in state["header"]:
            return None
        if "kinds" not in state and goes_on(state["header"], raw):
            state["header"] = below(state["header"], raw)
            return {}
        bars = len(BARS.findall(raw)) > 1 if len(BARS.findall(state["header"])) > 1 else False
        if bars and state.pop("ruled", False) and "kinds" in state and _is_all_names(raw):
            state.clear()  # the header of another table
        if not state or (not bars and state.get("bars")):
            return None  # `Epoch 1/2` below rows between bars
        cells = row(state["header"], PROGRESS.sub("", raw), narrow=state.get("narrow", False), ends=state.get("ends"))
        paired = "=" in raw and "=" not in state["header"] and _PAIR.search(raw)
        if cells is None or paired or self._is_remark(cells, raw, state):
            return None
        _note_places(cells, raw, state)
        names = state.get("names") or {}
        found = self._values({names.get(name, name): text for name, text in cells.items()}, state)
        if found:
            state["bars"] = bars
        return found

    def _is_remark(self, cells: Mapping[str, str], raw: str, state: dict[str, Any]) -> bool:
        """Whether words are before a row's numbers, though not in the first: `Histogram: 1 0 0`, `Found so far: 1`."""
        worded = self._step is not None and bool(_WORD.match(raw))
        first = state.setdefault("worded", worded)
        if (worded and not first) or ("kinds" in state and _SAID.match(raw)):
            return True
        counted = self._step is not None and cells.get(LABEL, "").endswith(":")
        labelled = counted or bool(_LABELLED.match(raw))
        return bool(not state.setdefault("labelled", labelled) and labelled)

    def is_header(self, raw: str) -> bool:
        """Whether a line is the table's header."""
        return self._mark in raw and self._header in " ".join(BARS.sub(" ", raw).replace('"', "").split())

    def _values(self, cells: Mapping[str, str], state: dict[str, Any]) -> Found | None:
        """The values of a row by their names; None if it is no row of this table."""
        if self._labels is not None and self._labels not in cells:
            return None  # without them the rows would have one name
        found, units = self._numbers(cells)
        if self._step is not None and self._step not in found and not _is_marked(cells, found):
            return None
        if not found or not _goes_with_others([*cells.values()], state):
            return None
        prefix = self._prefix(cells)
        named = {name: name if name == self._step else prefix + name for name in found}
        found = {named[name]: value for name, value in found.items()}
        return Measured(found, {named[name]: one for name, one in units.items()}) if units else found

    def _numbers(self, cells: Mapping[str, str]) -> tuple[Found, dict[str, str]]:
        """The numbers of a row, and their units, by the names of their columns."""
        found: Found = {}
        units: dict[str, str] = {}
        for given, text in cells.items():
            value = cell(text)
            if value is not None and given not in (self._labels, INDEX) and given not in self._drop:
                name = given or "step"  # the number before the named columns
                found[name] = value
                one = "" if text[-1:].isdecimal() else unit(text)
                if one != "K":  # which is kelvin: the k of 12.3k is part of the number
                    units[name] = one
        return found, units

    def _prefix(self, cells: Mapping[str, str]) -> str:
        """What the row is about, which goes before its names; "" if the step or nothing tells the rows apart."""
        if self._step is not None and not self._labels:
            return ""
        label = cells.get(self._labels or LABEL, "").rstrip(":").strip("'")
        return f"{label}/" if label and (self._labels or cell(label) is None) else ""


def _note_places(cells: Mapping[str, str], raw: str, state: dict[str, Any]) -> None:
    """Note of a row what helps to read the next: whether each word is a name, and where the cells end."""
    if list(cells) == [name for name, _, _ in spans(TOKEN, BARS.sub(" ", state["header"]))]:
        state["narrow"] = True
    if "ends" not in state and LABEL not in cells:
        tokens = spans(TOKEN, BARS.sub(" ", raw))
        state["ends"] = [end for _, _, end in tokens] if len(tokens) == len(cells) else None


def _is_marked(cells: Mapping[str, str], found: Found) -> bool:
    """Whether a letter is where the step is in other rows: `a   533.0  576.56  7.56%`, found between two steps."""
    first = next(iter(cells.values()), "")
    return len(first) == 1 and first.isalpha() and len(found) >= _LEAST


_LEAST = 4  # numbers of a row that has no step


def _is_all_names(raw: str) -> bool:
    """Whether all cells between bars are words."""
    texts = [text.strip() for text in BARS.split(raw)]
    return sum(map(bool, texts)) > 1 and all(text[0].isalpha() and cell(text) is None for text in texts if text)


_SAID = re.compile(r"\s*[A-Za-z]{3,20} [A-Za-z]{2,20}[\w ]{0,20}: ")
_WORD = re.compile(r"\s*[A-Za-z_]{3,40}\s")
_LABELLED = re.compile(r"\s*[A-Za-z][\w/]{0,30}: +[-+.\d]\S* *\Z")
_MARK_LENGTH = 2
_MARK = re.compile(r"\A(\s*)#(?=[A-Za-z])(?=[^#]*\Z)")  # of a comment; where more names have it, it means "number of"
_PRINTED = re.compile(r"\s*\[1\]\s")  # a value as R prints it
_PAIR = re.compile(r"(?:[A-Za-z]\w{2,40}\s{0,20}| )= {0,4}[-+.\d]")  # a line of pairs, no row


_EMPTY = "-"  # a cell that may hold either


def _goes_with_others(texts: Sequence[str], state: dict[str, Any]) -> bool:
    """Whether a row has numbers and texts where the rows before it have them; notes where this row has them."""
    kinds = "".join("n" if cell(text) is not None else "t" if text else _EMPTY for text in texts)
    first = state.setdefault("kinds", kinds)
    if not alike(first, kinds):
        return False
    if _EMPTY in first:
        state["kinds"] = first = _filled(first, kinds)
    words = state.get("words", 0)
    if words > 1 and first.startswith("t") and kinds.startswith("n"):
        return False  # a row of another table, whose first cell is a number
    state["words"] = words + (kinds.startswith("t") and len(texts[0]) > _MARK_LENGTH)
    return True


def _filled(first: str, kinds: str) -> str:
    """The kinds of a first row, with those of a later one for its empty cells."""
    return "".join(one if one != _EMPTY else kinds[i : i + 1] or one for i, one in enumerate(first))


def alike(first: str, kinds: str) -> bool:
    """Whether a row has numbers and texts in about the same places as the first row."""
    if len(first) != len(kinds):
        return kinds.count("n") * 2 >= len(kinds) and kinds.count("t") <= first.count("t") + 1
    apart = [i for i, (one, other) in enumerate(zip(first, kinds)) if one != other and _EMPTY not in (one, other)]
    return len(apart) <= len(first) // 3 and apart[:2] != [0, 1]  # a row of another table, one column further left
