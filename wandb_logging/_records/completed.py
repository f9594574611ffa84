"""Completes log records made by hand: attributes that are missing or have a wrong type get their usual values.

Such records come from sockets, from JSON or from other logging libraries, and `logging` does not check them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

_TEXTS = ("name", "levelname", "exc_text", "stack_info")


def completed(record: logging.LogRecord) -> logging.LogRecord:
    """Copy a record, with every attribute that `logging` gives to records. An attribute of None counts as missing."""
    whole = logging.LogRecord("root", logging.NOTSET, "", 0, "", None, None)
    usual = vars(whole)
    given = {key: value for key, value in vars(record).items() if value is not None or key not in usual}
    usual.update({**given, **_level(given), **_texts(given), **_exception(given)})
    if isinstance(usual["args"], list):  # JSON turns tuples into lists
        usual["args"] = tuple(usual["args"])
    return whole


def _level(given: Mapping[str, Any]) -> dict[str, Any]:
    """Number and name of the level. If one is missing it is made from the other. The number may be given as text."""
    number, name = given.get("levelno"), given.get("levelname")
    if not isinstance(number, int):
        number = _number(number)
    if number is None:
        number = _number(name) if isinstance(name, str) else None
    number = logging.NOTSET if number is None else number
    return {"levelno": number, "levelname": name if isinstance(name, str) else logging.getLevelName(number)}


def _number(level: object) -> int | None:
    if isinstance(level, str):
        level = int(level) if level.isdecimal() else logging.getLevelName(level.upper())
    return int(level) if isinstance(level, (int, float)) and abs(level) < 2**60 else None


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    return {key: _text(given[key]) for key in _TEXTS if key in given and not isinstance(given[key], str)}


def _exception(given: Mapping[str, Any]) -> dict[str, Any]:
    """`exc_info` in the form that `logging` uses. If it holds no exception, its text becomes `exc_text`."""
    found = given.get("exc_info")
    if isinstance(found, BaseException):
        return {"exc_info": (type(found), found, found.__traceback__)}
    if isinstance(found, tuple) and len(found) == 3 and isinstance(found[1], (BaseException, type(None))):
        return {}
    says_nothing = found is None or isinstance(found, bool) or "exc_text" in given
    return {"exc_info": None} if says_nothing else {"exc_info": None, "exc_text": _text(found)}


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"
