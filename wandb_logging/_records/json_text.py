"""The text of a record as one JSON object: its extra fields, exception and stack, as python-json-logger writes it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

FIELDS = ("asctime", "levelname", "name", "message")


def formatter(options: Mapping[str, Any] | None, *, without: tuple[str, ...]) -> logging.Formatter | None:
    """The formatter that `text_format` asks for; None where the text is plain.

    Args:
        options: fields, rename_fields, static_fields, defaults, as the setting keeps them.
        without: attributes of records that are no fields: metrics and step are rows already.
    """
    if options is None:
        return None
    from pythonjsonlogger.core import RESERVED_ATTRS  # noqa: PLC0415  of use only for those who ask for it
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415

    given = dict(options)
    fields = given.pop("fields", None) or FIELDS
    return JsonFormatter(
        " ".join(f"%({name})s" for name in fields),
        reserved_attrs=[*RESERVED_ATTRS, *without],
        json_default=str,
        **given,
    )
