"""Writes the text of a record as one JSON object with extra fields, exception and stack, by python-json-logger."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from wandb_logging._values.plain import Aside, plain

FIELDS = ("asctime", "levelname", "name", "message")


class _ByMetrics(logging.Formatter):
    """Writes records with metrics in one way, and others in another.

    Args:
        key: the attribute that has the metrics of a record.
        rows: formats records with metrics.
        others: formats all others.
    """

    def __init__(self, key: str, rows: logging.Formatter, others: logging.Formatter) -> None:
        super().__init__()
        self._key, self._rows, self._others = key, rows, others

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return (self._others if vars(record).get(self._key) is None else self._rows).format(record)


def formatter(options: Mapping[str, Any] | None, *, metrics: str, step: str) -> logging.Formatter | None:
    """The formatter that `text_format` asks for; None if the text is plain.

    Args:
        options: fields, rename_fields, static_fields and defaults, as the setting holds them.
        metrics: the attribute of records that has their metrics, which are in rows already. It is left out.
        step: the attribute that has the step of these. It is left out where there are metrics; else it is any field.
    """
    if options is None:
        return None
    return _ByMetrics(metrics, _formatter(options, (metrics, step)), _formatter(options, (metrics,)))


def _formatter(options: Mapping[str, Any], without: tuple[str, ...]) -> logging.Formatter:
    from pythonjsonlogger.core import RESERVED_ATTRS  # noqa: PLC0415  most users never need it
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415

    class AllFields(JsonFormatter):
        """Writes a record also if one of its fields is nothing that JSON can hold."""

        def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
            """The JSON text for the fields of a record."""
            try:
                return super().jsonify_log_record(log_data)
            except Exception:  # keys that are no texts, a value that contains itself or whose __str__ raises
                held = (self._held(str(name), value) for name, value in log_data.items())
                return super().jsonify_log_record({name: value for each in held for name, value in each.items()})

        def _held(self, name: str, value: Any) -> dict[str, Any]:
            """A field as JSON can hold it, with the reason in place of what it cannot hold."""
            with contextlib.suppress(Exception):
                super().jsonify_log_record({name: value})
                return {name: value}
            aside: Aside = {}
            return {
                **plain({name: value}, "", aside, of_config=True),
                **{key: f"({why})" for key, why in aside.items()},
            }

    given = dict(options)
    fields = given.pop("fields", None) or FIELDS
    return AllFields(
        " ".join(f"%({name})s" for name in fields),
        reserved_attrs=[*RESERVED_ATTRS, *without],
        **given,
    )
