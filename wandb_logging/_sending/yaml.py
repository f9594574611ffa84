"""As much of YAML as `config.yaml` needs: a tree of JSON values, in block style. Pure.

Written for readers of YAML 1.1 and 1.2 alike: what either might take for something else than text stands in quotes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_INDENT = "    "
# Text that no reader takes for anything else, once the words below are left out: numbers and dates begin with digits.
_BARE = r"[A-Za-z_/][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*"
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_MAX_KEY = 1000  # characters; longer ones have to say that they are keys


def dump(tree: Mapping[str, Any]) -> str:
    """The YAML text of a mapping, keys sorted as the official SDK sorts them."""
    return "".join(f"{line}\n" for line in _lines(tree))


def _lines(value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [line for key in sorted(value) for line in _entry(_text(key), value[key])]
    if isinstance(value, list) and value:
        return [line for item in value for line in _item(_lines(item))]
    return [_scalar(value)]


def _entry(key: str, value: Any) -> list[str]:
    head = [f"{key}:"] if len(key) <= _MAX_KEY else [f"? {key}", ":"]
    below = _lines(value)
    if isinstance(value, (Mapping, list)) and value:
        return [*head, *(_INDENT + line for line in below)]
    return [*head[:-1], f"{head[-1]} {below[0]}"]


def _item(lines: list[str]) -> list[str]:
    return [("  " if i else "- ") + line for i, line in enumerate(lines)]


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (Mapping, list)):
        return "{}" if isinstance(value, Mapping) else "[]"
    return str(value) if isinstance(value, int) else _text(value)


def _float(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    digits, e, exponent = repr(value).partition("e")
    # YAML 1.1 takes 1e-05 for text: it wants the point.
    return f"{digits}.0e{exponent}" if e and "." not in digits else repr(value)


def _text(text: str) -> str:
    if re.fullmatch(_BARE, text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(_ESCAPES.get(char) or _shown(char) for char in text) + '"'


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
