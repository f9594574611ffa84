"""Makes texts that can be written as UTF-8. Pure."""

from __future__ import annotations


def with_utf8(text: str) -> str:
    """The text without surrogates, which UTF-8 cannot have: pairs are joined, as JSON readers do, others replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
