"""Parts of the documentation that a command writes, between two comments that name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True)
class Passage:
    """A part of a page.

    Attributes:
        page: below `docs`.
        name: what the comments call the part.
    """

    page: str
    name: str

    @property
    def text(self) -> str:
        """What is written there."""
        return self._split()[1]

    def write(self, text: str) -> None:
        """Put a text in the place of what is there."""
        before, _, after = self._split()
        (DOCS / self.page).write_text(f"{before}\n\n{text}\n\n{after}", encoding="utf-8")

    def _split(self) -> tuple[str, str, str]:
        begin, end = f"<!-- written: {self.name} -->", f"<!-- end: {self.name} -->"
        before, found, rest = (DOCS / self.page).read_text(encoding="utf-8").partition(begin)
        inside, found_end, after = rest.partition(end)
        assert found, f"{self.page} has no {begin}"
        assert found_end, f"{self.page} has no {end}"
        return before + begin, inside, end + after
