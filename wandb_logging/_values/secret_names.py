"""Decides by the name of a value whether it is a secret. Pure.

It imports nothing of ours: a command checks settings before it starts a program, which waits for that.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "***"
MOST_NAMES = 4096  # names whose weight is remembered


def _ends(keys: str, words: str) -> list[str]:
    """How names end that say "key of this", with an underscore between or without, or that are such a word."""
    return [f"_{of}{key}" for of in keys.split() for key in ("key", "_key")] + [f"_{word}" for word in words.split()]


# A text whose name ends so is a secret, whatever it is. PGPASSWORD is one, too.
_SAY_SO = (
    *_ends("api access secret private auth encryption signing", "pwd passphrase secret secrets authorization"),
    *("password", "passwd"),
)
# A text whose name ends so is a secret only if it looks random: a tokenizer has an eos_token, too.
_HINT_AT_IT = tuple(
    _ends(
        "storage account subscription master shared license licence kaggle",
        "token auth cookie credential credentials pass",
    )
)
_WORDS = re.compile(r"(?<=[a-z\d])(?=[A-Z])|[^A-Za-z\d]+")


@lru_cache(maxsize=MOST_NAMES)
def weight(name: str) -> int:
    """2: a text of this name is a secret. 1: it is one if it looks random. 0: nothing follows from the name."""
    words = "_" + _WORDS.sub("_", name).lower()
    if words != (unnumbered := words.rstrip("0123456789")):
        words = unnumbered.removesuffix("_")
    return 2 if words.endswith(_SAY_SO) else 1 if words.endswith(_HINT_AT_IT) else 0


def names_secret(name: str) -> bool:
    """Whether a value of this name may be a secret."""
    return weight(name) > 0 or "key" in name.lower()
