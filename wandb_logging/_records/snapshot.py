"""Turns a log record into the bytes of one journal event, according to the settings. No I/O."""

from __future__ import annotations

import contextlib
import logging
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wandb_logging._events import alerts
from wandb_logging._events.event import YEAR_10000
from wandb_logging._fold.text import ERROR_LEVELS
from wandb_logging._records import json_text
from wandb_logging._records.completed import completed
from wandb_logging._records.encoding import MAX_TEXT, EncodeMedia, OnLeftOut, encode, now, short
from wandb_logging._records.steps import Steps
from wandb_logging._records.usual import Usual, no_event, usual_event
from wandb_logging._settings import text_metrics
from wandb_logging._settings.settings import Settings
from wandb_logging._values.secrets import SHORTEST, Secrets

if TYPE_CHECKING:
    from wandb_logging._mining.calls import Calls

_STEPS = ("global_step", "step")  # argument names of a call that mean the step: the first of them that there is
_NO_LEVEL = 2**60  # above any level; an int, because an int is compared with it in each call
_exceptions = logging.Formatter()


class Snapshot:
    """Turns log records into events according to the settings.

    Attributes:
        usual: a fast way for usual records if the user has set no formatter; gives the same bytes as `event`, or None.

    Args:
        settings: metrics_key, step_key, dict_message, dict_args, console, alert_level, alert_wait_duration.
        report: called for values that are left out.
        broken: called for a record whose text cannot be made, as with a wrong number of arguments; its rest is kept.
        media: replaces images and the like by JSON values.
        steps: called with the step of each row.
        secrets: masks secrets.
    """

    def __init__(
        self,
        settings: Settings,
        report: OnLeftOut,
        broken: Callable[[logging.LogRecord], object],
        media: EncodeMedia | None = None,
        steps: Steps | None = None,
        *,
        secrets: Secrets | None = None,
    ) -> None:
        self._settings = settings
        self._metrics_key = settings.metrics_key
        self._step_key = settings.step_key
        self._dicts = settings.dict_message or settings.dict_args
        self._calls = _calls(settings)
        # Rules for the text of a single logger need the logger's name, even if a formatter makes the text.
        self._tells_logger = any("logger" in rule for rule in (settings.text_metrics or {}).get("rules", ()))
        self._formatter = json_text.formatter(
            settings.text_format, metrics=settings.metrics_key, step=settings.step_key
        )
        # True sends the text of every record, a number the text of records from that level up, False none.
        self._console_level = int(settings.console) if settings.console is not False else _NO_LEVEL
        level = settings.alert_level
        self._alert_level = _NO_LEVEL if level is None else level
        self._maybe_alert = min(self._alert_level, logging.WARNING) if level is not None else _NO_LEVEL
        self._alert_wait = settings.alert_wait_duration
        self._report = report
        self._broken = broken
        self._media = media
        self._steps = steps
        self._secrets = secrets
        # If there is a formatter, no record counts as usual.
        self.usual: Usual = no_event
        if self._formatter is None and steps is None:
            levels = self._console_level, min(self._maybe_alert, logging.ERROR)
            keys = settings.metrics_key, settings.step_key
            known = None if self._calls is None else self._calls.templates
            self.usual = usual_event(keys, levels, self._masked, secrets, known)

    def event(self, record: logging.LogRecord, formatter: logging.Formatter | None) -> bytes | None:
        """The event of a record; None if neither the metrics nor the text of the record are wanted.

        Args:
            record: the record.
            formatter: the formatter that the user set on the handler; None if there is none.
        """
        attributes: Mapping[str, Any] = record.__dict__
        metrics = attributes.get(self._metrics_key)
        if metrics is None:
            attributes = _holder(record, self._settings)
            metrics = attributes.get(self._metrics_key)
        if metrics is None and self._dicts:
            metrics = _in_message(record, self._settings)
        event: dict[str, Any]
        time = record.created
        if type(time) is not float or not 0.0 <= time < YEAR_10000:  # wrong clock, or a record made by hand
            time = _time(time)
        mined = self._calls.metrics(record) if metrics is None and self._calls is not None else None
        if mined is not None:
            event = _of_call(mined, time, attributes.get(self._step_key))
            metrics = event.get("metrics")
        elif metrics is None:
            event = {"t": time}
        else:
            step = attributes.get(self._step_key)
            event = {"metrics": metrics, "t": time} if step is None else {"metrics": metrics, "step": step, "t": time}
        level = record.levelno
        if level >= self._maybe_alert:
            self._add_alert(event, record)
        if level >= self._console_level and (metrics is None or metrics is not record.msg):
            self._add_text(event, record, formatter)
        elif metrics is None and "alert" not in event:
            return None
        if self._steps is not None and metrics is not None and mined is None:
            self._steps.warn(event.get("step"))
        return encode(event, metrics, self._report, self._media, self._secrets)

    def _add_text(self, event: dict[str, Any], record: logging.LogRecord, formatter: logging.Formatter | None) -> None:
        level = record.levelname
        event["level"] = level
        formatter = formatter or self._formatter
        if formatter is not None and self._tells_logger:
            event["from"] = record.name
        if record.levelno >= logging.ERROR and level not in ERROR_LEVELS:
            event["error"] = True  # a user's own level name would not show that this is an error
        if formatter is not None:
            try:
                event["text"] = self._masked(formatter.format(record))
                return
            except Exception:
                self._broken(record)
        event["logger"] = record.name
        text = _text(record, self._broken if formatter is None else None)
        event["text"] = text if len(text) < SHORTEST else self._masked(text)

    def _masked(self, text: str) -> str:
        text = text if self._secrets is None else self._secrets.text(text)
        return text if len(text) <= MAX_TEXT else text[:MAX_TEXT]

    def _add_alert(self, event: dict[str, Any], record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        if record.levelno < self._alert_level and error is None:
            return
        # The title holds only logger and error, because alerts with the same title are held back for a while.
        title = f"{record.levelname} in {record.name}" + (f": {error.__name__}" if error else "")
        level = "ERROR" if record.levelno >= logging.ERROR else "WARN" if record.levelno >= logging.WARNING else "INFO"
        event["alert"] = alerts.alert(*alerts.cut(title, self._masked(_text(record))), level, self._alert_wait)


def is_row(record: logging.LogRecord, settings: Settings) -> bool:
    """Whether a record brings metrics of its own: in its attributes, or as message or argument where that is wanted."""
    held = _holder(record, settings).get(settings.metrics_key)
    return held is not None or _in_message(record, settings) is not None


def _holder(record: logging.LogRecord, settings: Settings) -> Mapping[str, Any]:
    """What has the metrics and their step: the attributes of the record, unless another library put them elsewhere.

    loguru has what is bound or given to a call in the attribute `extra`. structlog's `wrap_for_formatter` makes its
    whole event dict the message.
    """
    attributes = vars(record)
    if attributes.get(settings.metrics_key) is None:
        message = attributes.get("msg")
        events = message if isinstance(message, Mapping) and "event" in message and not settings.dict_message else None
        for held in (attributes.get("extra"), events):
            if isinstance(held, Mapping) and held.get(settings.metrics_key) is not None:
                return held
    return attributes


def _in_message(record: logging.LogRecord, settings: Settings) -> object:
    """The mapping that is the message, or its argument, if the settings take it for metrics; else None."""
    if settings.dict_message and isinstance(record.msg, Mapping):
        return record.msg
    if settings.dict_args and isinstance(record.args, Mapping) and record.args:
        return record.args
    return None


def _calls(settings: Settings) -> Calls | None:
    """An object that takes metrics from the arguments of calls, if `text_metrics` asks for that; else None."""
    wanted = text_metrics.wanted(settings.text_metrics)
    if wanted is None:
        return None
    from wandb_logging._mining.calls import Calls  # noqa: PLC0415  the import takes 20 ms, and few need it

    return Calls(wanted)


def _of_call(found: dict[str, Any], time: float, step: object) -> dict[str, Any]:
    """The event of a call whose arguments are metrics.

    Args:
        found: the metrics. What is called step or global_step there is the step.
        time: the time of the record.
        step: the step that the record has beside them, if it has one.
    """
    for name in _STEPS:
        given = next((key for key in found if key.lower().replace(" ", "_") == name), None)
        if given is not None and _whole(found[given]) is not None:
            step = found.pop(given)
            break
    at = None if step is None else _whole(step)
    if not found:
        return {"t": time}
    return {"metrics": found, "t": time} if at is None else {"metrics": found, "step": at, "t": time}


def _whole(number: Any) -> int | None:
    """A whole number as one of Python's own; None if it is no whole number."""
    try:
        return operator.index(number)
    except TypeError:
        return None


def _text(record: logging.LogRecord, broken: Callable[[logging.LogRecord], object] | None = None) -> str:
    """Message and traceback of a record. `broken` is called if the arguments do not fit the message."""
    try:
        text = record.getMessage()
    except Exception:
        if isinstance(vars(record).get("args"), list):  # JSON turns tuples into lists
            return _text(completed(record), broken)
        text = f"{short(record.msg)} {short(record.args)}"
        if broken is not None:
            broken(record)
    if record.exc_info or record.exc_text or record.stack_info:
        text = _with_traceback(text, record)
    return text


def _with_traceback(text: str, record: logging.LogRecord) -> str:
    parts = [text]
    if record.exc_text:  # the formatter of another handler has set it
        parts.append(record.exc_text)
    elif record.exc_info and record.exc_info[0] is not None:
        parts.append(_exceptions.formatException(record.exc_info))
    if record.stack_info:
        parts.append(_exceptions.formatStack(record.stack_info))
    return "\n".join(parts)


def _time(created: object) -> float:
    """The time of a record made by hand or read from JSON: a number or a text. Anything else gives the present time."""
    if isinstance(created, (int, float, str)) and not isinstance(created, bool):
        with contextlib.suppress(ValueError, OverflowError):
            if 0.0 <= float(created) < YEAR_10000:
                return float(created)
    return now()
