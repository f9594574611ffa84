"""A group: lines of one shape, and what is wanted from them."""

from __future__ import annotations

from dataclasses import field

from wandb_logging._dataclass import dataclass
from wandb_logging._suggesting.shapes import Shape


@dataclass(eq=False)
class Group:
    """Lines of one shape, and what is wanted from them. A group is equal only to itself, so that a look costs nothing.

    Attributes:
        step: index of the field that is the step; None if there is none.
        wanted: the names of the metrics by index of their field.
        label: prefix of the names.
        expression: how the step is computed, if it is made of several fields.
        parts: names of the fields that only the expression needs.
        word: which word differs from line to line, counted from 0, and what a rule calls it; None if none does.
        above: text of the line right above each of these lines, which tells them from others of their shape.
    """

    shapes: list[Shape]
    step: int | None = None
    wanted: dict[int, str] = field(default_factory=dict)
    label: str = ""
    expression: str = ""
    parts: dict[int, str] = field(default_factory=dict)
    word: tuple[int, str] | None = None
    above: str = ""

    @property
    def first(self) -> Shape:
        return self.shapes[0]

    @property
    def used(self) -> list[int]:
        """The indexes of the fields that are metrics or the step."""
        return [*self.wanted, *([] if self.step is None else [self.step])]

    def with_word(self, name: str) -> str:
        """A name with the word that differs from line to line, if one does: before it, or where that word is in it."""
        if self.word is None:
            return name
        word = self.first.text[self.first.head :].split()[self.word[0]].strip(",:=")
        if name.startswith(f"{word}/"):
            return f"$name{name[len(word) :]}"
        own = name.split()
        if own[-1] == word:
            before = " ".join(own[:-1])
            return f"{before} $name"
        return f"$name {' '.join(own[1:]) if own[0] == word else name}"

    def values(self, index: int) -> list[float]:
        return [item.fields[index].value for item in self.shapes]
