"""Hashes texts, to make names of them that every file system can have. Pure.

`hashlib` loads OpenSSL, which is most of what making a handler would take where nothing is sent: 4 ms and 3 MiB.
"""

from __future__ import annotations

import sys

try:  # the interpreter's own, which the module `random` of the standard library takes, too
    if sys.version_info >= (3, 12):
        from _sha2 import sha256
    else:
        from _sha256 import sha256  # type: ignore[import-not-found]
except ImportError:  # another interpreter than CPython
    from hashlib import sha256


def hash_of(text: str) -> str:
    """SHA-256 of a text, hexadecimal; a text that UTF-8 cannot have has one, too."""
    digest: str = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return digest
