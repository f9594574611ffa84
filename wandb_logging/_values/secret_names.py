"""Decides by the name of a value whether it is a secret. Pure.

It imports nothing of ours: a command checks settings before it starts a program, which waits for that.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"
MOST_NAMES = 4096  # names whose weight is remembered

_END = r"(?:_?\d+)?$"
# A text of such a name is a secret, whatever it is.
_SAYS_SO = re.compile(
    r"(?:(?:^|_)(?:(?:api|access|secret|private|auth|encryption|signing)_?key|pwd|passphrase|secrets?|authorization)|"
    rf"passw(?:or)?d){_END}"  # PGPASSWORD, too
)
# A text of such a name is a secret only if it looks random: a tokenizer has an eos_token, too.
_HINTS_AT_IT = re.compile(
    r"(?:^|_)(?:token|auth|cookie|credentials?|pass|"
    rf"(?:storage|account|subscription|master|shared|licen[cs]e|kaggle)_?key){_END}"
)
_WORDS = re.compile(r"(?<=[a-z\d])(?=[A-Z])|[^A-Za-z\d]+")


@lru_cache(maxsize=MOST_NAMES)
def weight(name: str) -> int:
    """2: a text of this name is a secret. 1: it is one if it looks random. 0: nothing follows from the name."""
    words = _WORDS.sub("_", name).lower()
    return 2 if _SAYS_SO.search(words) else 1 if _HINTS_AT_IT.search(words) else 0


def names_secret(name: str) -> bool:
    """Whether a value of this name may be a secret."""
    return weight(name) > 0 or "key" in name.lower()
