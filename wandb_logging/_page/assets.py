"""The page's own files, which are kept beside the code."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


def type_of(name: str) -> str:
    """The Content-Type of a file."""
    return TYPES[name[name.rindex(".") :]]


@cache
def names() -> frozenset[str]:
    """The names of all files."""
    found = (item.name for item in files("wandb_logging._page").joinpath("static").iterdir())
    return frozenset(name for name in found if name.endswith(tuple(TYPES)))


@cache
def content(name: str) -> bytes:
    """The content of a file."""
    return files("wandb_logging._page").joinpath("static").joinpath(name).read_bytes()
