"""The page's own files, as they lie beside the code."""

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
    """The Content-Type of one of them."""
    return TYPES[name[name.rindex(".") :]]


@cache
def names() -> frozenset[str]:
    """All of them."""
    found = (item.name for item in files("wandb_logging._page").joinpath("static").iterdir())
    return frozenset(name for name in found if name.endswith(tuple(TYPES)))


@cache
def content(name: str) -> bytes:
    """One of them."""
    return files("wandb_logging._page").joinpath("static").joinpath(name).read_bytes()
