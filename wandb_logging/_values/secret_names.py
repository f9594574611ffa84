"""Which names say that a value is a secret, and what stands in its place. Pure.

It imports nothing of ours: settings are checked before a program starts that waits for them.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"
MOST_NAMES = 4096  # that are remembered

_END = r"(?:_?\d+)?$"
# Whatever text has such a name is one.
_SAYS_SO = re.compile(
    r"(?:(?:^|_)(?:(?:api|access|secret|private|auth|encryption|signing)_?key|pwd|passphrase|secrets?|authorization)|"
    rf"passw(?:or)?d){_END}"  # PGPASSWORD, too
)
# With such a name only what nobody would type: a tokenizer has an eos_token, too.
_HINTS_AT_IT = re.compile(
    r"(?:^|_)(?:token|auth|cookie|credentials?|pass|"
    rf"(?:storage|account|subscription|master|shared|licen[cs]e|kaggle)_?key){_END}"
)
_WORDS = re.compile(r"(?<=[a-z\d])(?=[A-Z])|[^A-Za-z\d]+")


@lru_cache(maxsize=MOST_NAMES)
def weight(name: str) -> int:
    """2: a text of this name is a secret. 1: one that looks random is. 0: nothing follows from the name."""
    words = _WORDS.sub("_", name).lower()
    return 2 if _SAYS_SO.search(words) else 1 if _HINTS_AT_IT.search(words) else 0


def names_secret(name: str) -> bool:
    """Whether what has this name may be a secret."""
    return weight(name) > 0 or "key" in name.lower()
