"""Writes the text of a record as one JSON object with extra fields, exception and stack, by python-json-logger."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

FIELDS = ("asctime", "levelname", "name", "message")


def formatter(options: Mapping[str, Any] | None, *, without: tuple[str, ...]) -> logging.Formatter | None:
    """The formatter that `text_format` asks for; None if the text is plain.

    Args:
        options: fields, rename_fields, static_fields and defaults, as the setting holds them.
        without: attributes of records to leave out: metrics and step, which are already in rows.
    """
    if options is None:
        return None
    from pythonjsonlogger.core import RESERVED_ATTRS  # noqa: PLC0415  most users never need it
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415

    given = dict(options)
    fields = given.pop("fields", None) or FIELDS
    return JsonFormatter(
        " ".join(f"%({name})s" for name in fields),
        reserved_attrs=[*RESERVED_ATTRS, *without],
        json_default=str,
        **given,
    )
