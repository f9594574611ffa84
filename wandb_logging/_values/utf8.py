"""Texts that can be written as UTF-8. Pure."""

from __future__ import annotations


def with_utf8(text: str) -> str:
    """A text that can be written: surrogates have no UTF-8; pairs are joined, as JSON reads them, others replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
