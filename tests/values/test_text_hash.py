"""Names that are made of texts stay what they are: run directories of earlier versions have them."""

from __future__ import annotations

import hashlib

from hypothesis import given, strategies as st

from wandb_logging._values.text_hash import hash_of


@given(st.text())
def test_it_is_sha256(text: str) -> None:
    """Of the text's UTF-8."""
    assert hash_of(text) == hashlib.sha256(text.encode()).hexdigest()


def test_of_what_has_no_utf8() -> None:
    """As file names of another encoding may have."""
    assert hash_of("\udcff") == hashlib.sha256(b"\xed\xb3\xbf").hexdigest()
