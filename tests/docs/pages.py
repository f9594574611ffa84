"""What the tests of the documentation read from its pages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
]

# A fence with its language and text; and the name of the file it is, if the paragraph above asks to save it.
_FENCE = re.compile(
    r"(?:Save this as `([\w.]+)`[^`\n]*\n(?:[^`\n]+\n)*\n)?^```([^\n`]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def fences(page: str) -> list[tuple[str, str, str]]:
    """Name (often empty), language and text of each fence."""
    return [(name or "", language.strip(), text) for name, language, text in _FENCE.findall(page)]


def save_files(page: str) -> None:
    """Save the files that a page asks to save."""
    for name, _, text in fences(page):
        if name:
            Path(name).write_text(text, encoding="utf-8")
