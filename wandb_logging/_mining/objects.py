"""Numbers by name, from a JSON object in a line or from a Python dict as `print` shows it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from wandb_logging._mining import numbers
from wandb_logging._mining.template import Found

_NUMBER = {".": re.compile(rf"(?:{numbers.POINT})\Z"), ",": re.compile(rf"(?:{numbers.COMMA})\Z")}
_NAMES = re.compile(r"(?<![\w'\"])-?(?:nan|inf)\b(?!['\"])")
_WRAPPED = re.compile(  # np.float64(0.5), tensor(0.5, device='cuda:0'), Array(0.5, dtype=float32)
    r"(?:[a-z]{1,5}\.)?(?:[fF]loat\d\d?|u?int\d\d?|[tT]ensor|(?:Device)?Array|Decimal)"
    r"\(\s?'?([-+.\deE]+|-?nan|-?inf)'?(?:,[^()]*(?:\([^()]*\)[^()]*)?)?\)"
)
_BEGINS = re.compile(r"\{\s*[\"']")  # not `{worker-1}`
_MAX_DEPTH = 20


def numbers_of(text: str, start: int = 0, decimal: str = ".") -> Found | None:
    """The numbers and texts of the first object in a line, by name; None if the line has no object.

    Nested names are joined by `/`. A number that is written as a text, as in `"loss": "0.69"`, counts as a number.

    Args:
        text: the line.
        start: where in it the object begins at the earliest.
        decimal: "," if 3,5 in such a text means three and a half.
    """
    begun = _BEGINS.search(text, start)
    at = begun.start() if begun else text.find("{", start)
    tree = None if at < 0 else _object(text[at:])
    return None if tree is None else dict(_flat(tree, "", decimal))


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        tree, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        tree = _printed(text)
    return tree if isinstance(tree, dict) else None


def _printed(text: str) -> object:
    """Parse a dict as Python prints it. Only literals are read; no code is run."""
    text = _WRAPPED.sub(r"\1", text) if "(" in text else text
    end = text.rfind("}")
    if end < 0 or text.count("{") > _MAX_DEPTH or text.count("[") > 200 or text.count("(") > 200:
        return None
    try:
        return _value(ast.parse(_NAMES.sub(r"'\g<0>'", text[: end + 1]), mode="eval").body)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr) -> object:
    """The value of a literal; of a dict, without those of its members that are none, such as calls."""
    if isinstance(node, ast.Dict):
        return {key.value: _value(value) for key, value in zip(node.keys, node.values) if isinstance(key, ast.Constant)}
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


def _flat(tree: Mapping[Any, Any], above: str, decimal: str, depth: int = 0) -> Iterator[tuple[str, float | str]]:
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, (int, float)):
            yield name, value
        elif isinstance(value, str):
            yield name, numbers.number(value, decimal) if _NUMBER[decimal].match(value) else value
        elif isinstance(value, dict) and depth < _MAX_DEPTH:
            yield from _flat(value, f"{name}/", decimal, depth + 1)
