"""Turns a log record, or metrics given by hand, into the bytes of one journal event. No I/O.

This work is done in the calling thread: all values are read and encoded here, so later changes by the caller have no
effect. Rows of plain numbers and strings, which nearly all rows are, take a path without any Python loop.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import LogError
from wandb_logging._events import alerts
from wandb_logging._events.event import YEAR_10000, Event
from wandb_logging._fold.state import MAX_STEP
from wandb_logging._fold.text import ERROR_LEVELS
from wandb_logging._records import json_text
from wandb_logging._records.completed import completed
from wandb_logging._records.usual import Usual, no_event, usual_event
from wandb_logging._settings import text_metrics
from wandb_logging._settings.settings import Settings
from wandb_logging._values.plain import Aside, dumps, fast_dumps, plain, reason
from wandb_logging._values.quick import are_finite_numbers, quick_row
from wandb_logging._values.secrets import SHORTEST, Secrets

if TYPE_CHECKING:
    from wandb_logging._mining.calls import Calls

_MASKED = frozenset({"config", "summary"})  # kinds of changes in which users choose the names
_STEPS = frozenset({"step", "global_step"})  # argument names of a call that mean the step
_NO_LEVEL = 2**60  # above any level; an int, because an int is compared with it in each call
_MAX_TEXT = 2**20  # characters of one record's text; the server shows at most 4096 of a line

_FAST = bool(fast_dumps)  # whether orjson is installed
_exceptions = logging.Formatter()

OnLeftOut = Callable[[str, str], None]
"""Called for each value that had to be left out, with its name and the reason."""

EncodeMedia = Callable[[Mapping[Any, Any], Aside], tuple[Mapping[Any, Any], list[dict[str, str]]]]
"""Replaces media in metrics by JSON values. Returns these metrics, and a list of the files for the event."""


def row_event(
    metrics: Mapping[Any, Any],
    step: object,
    now: float,
    report: OnLeftOut,
    media: EncodeMedia | None = None,
    *,
    commit: bool | None = None,
    secrets: Secrets | None = None,
) -> bytes:
    """The event of one row.

    Args:
        metrics: name -> value; values that cannot be sent are left out and reported.
        step: whole number, or None for the next step.
        now: seconds since 1970.
        report: called for values that are left out.
        media: replaces images and the like by JSON values.
        commit: whether the row is complete; None means complete if no step is given.
        secrets: masks secrets.
    """
    event = {"metrics": metrics, "t": now} if step is None else {"metrics": metrics, "step": step, "t": now}
    if commit is not None:
        event["commit"] = commit
    return _encode(event, metrics, report, media, secrets)


def change_event(kind: str, value: object, now: float, report: OnLeftOut, secrets: Secrets | None = None) -> bytes:
    """The event of a change. `kind` is exit, config, or another of the kinds that `_fold.fold` lists."""
    aside: Aside = {}
    tree = plain({kind: value}, aside=aside)
    for name, why in aside.items():
        report(name, why)
    if aside:
        tree["aside"] = aside
    if secrets is None:
        return dumps({**tree, "t": now})
    if kind in _MASKED:
        tree = {**tree, kind: secrets.tree(tree.get(kind), kind)}
    return secrets.line(dumps({**tree, "t": now}))


def text_event(text: str, level: str, now: float) -> bytes:
    """The event of a text that does not come from a log record."""
    return dumps(plain(Event(now, text=text[:_MAX_TEXT], level=level).to_json()))


def output_event(text: str, now: float, *, error: bool) -> bytes:
    """The event of a text that the program wrote to stdout, or to stderr if `error` is true."""
    event = {"output": text, "error": True, "t": now} if error else {"output": text, "t": now}
    return dumps(plain(event))


def _encode(
    event: dict[str, Any], metrics: Any, report: OnLeftOut, media: EncodeMedia | None, secrets: Secrets | None
) -> bytes:
    """The bytes of an event. Its `metrics`, if there are any, are still the caller's own objects."""
    try:
        line = _encode_fast(event, metrics, secrets)
    # orjson fails, for instance, on a surrogate, an integer beyond 64 bits, a key that is no string, metrics to which
    # another thread is adding, or a value that only `plain` can convert.
    except Exception:
        line = None
    return _encode_slowly(event, metrics, report, media, secrets) if line is None else line


def _encode_fast(event: dict[str, Any], metrics: Any, secrets: Secrets | None) -> bytes | None:
    """The bytes of an event as orjson makes them, for usual metrics. For others None, or an exception."""
    time, step = event["t"], event.get("step", 0)
    if not _FAST or type(time) is not float or type(step) is not int or step > MAX_STEP:
        return None
    is_ready = metrics is None or (type(metrics) is dict and are_finite_numbers(metrics, time))
    if not is_ready:
        event["metrics"] = quick_row(metrics, secrets)
    line = fast_dumps(event)
    if (metrics is None and line.rfind(b'":null') >= 0) or (not is_ready and time - time):  # null may stand for a NaN
        return None
    return line if secrets is None else secrets.line(line)


def _encode_slowly(
    event: Mapping[str, Any], metrics: object, report: OnLeftOut, media: EncodeMedia | None, secrets: Secrets | None
) -> bytes:
    aside: Aside = {}
    rest = {key: value for key, value in event.items() if key != "metrics"}
    step = rest.pop("step", None)
    if not isinstance(rest["t"], (int, float)) or not math.isfinite(rest["t"]):
        rest["t"] = now()
    head = {} if metrics is None else _row(metrics, aside, media)
    if secrets is not None and "metrics" in head:
        head["metrics"] = secrets.tree(head["metrics"])
    if step is not None and "metrics" in head:
        whole = _whole(step)
        if whole is None:
            most = f", at most {MAX_STEP}" if type(step) is int else ""
            aside["step"] = f"must be a whole number{most}, not {_short(step)}"
        else:
            head["step"] = whole
    tree = {**head, **plain(rest)}
    for name, why in aside.items():
        report(name, why)
    if aside:
        tree["aside"] = plain(aside)
    return dumps(tree) if secrets is None else secrets.line(dumps(tree))


def _row(metrics: object, aside: Aside, media: EncodeMedia | None) -> dict[str, Any]:
    """The members of an event for metrics of any kind: `metrics`, and `media` if there are files."""
    if not isinstance(metrics, Mapping):
        aside["metrics"] = f"must be a mapping, not {type(metrics).__name__}"
        return {}
    head: dict[str, Any] = {}
    try:
        if media is not None:
            metrics, files = media(metrics, aside)
            if files:
                head["media"] = files
        head["metrics"] = _without_empty(plain(metrics, aside=aside))
    except LogError:  # for a caller of `Run.log`; a log record does not raise
        raise
    except Exception as exc:
        aside["metrics"] = reason(exc)
    return head


def _without_empty(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics without empty mappings, which the official SDK does not send either."""
    below = {key: _without_empty(value) for key, value in tree.items() if isinstance(value, dict)}
    return {key: below.get(key, value) for key, value in tree.items() if below.get(key, True)}


def _whole(step: object) -> int | None:
    """The step if it is an int, a numpy integer or a float without a fraction; None for others or if too large."""
    try:
        value = step if type(step) is int else plain(step)
        whole = not isinstance(value, (str, bool)) and int(value) == value and -MAX_STEP <= value <= MAX_STEP
        return int(value) if whole else None
    except (TypeError, ValueError, OverflowError):
        return None


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        text = type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."


class Steps:
    """Checks steps as rows are logged, for `late_steps: error`, where a step below the current one is an error.

    Only rows of this process are known here. The fold later knows all rows and makes the final decision.

    Args:
        say: called with (kind, text) for late rows from log records.
        begin: returns the step at which a resumed run continues, as far as that is known yet.
    """

    def __init__(self, say: Callable[[str, str], object], begin: Callable[[], int] = lambda: 0) -> None:
        self._say = say
        self._begin = begin
        self._now = 0
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """Replace the lock, which another thread of the parent may have held."""
        self._lock = threading.RLock()  # reentrant, because a signal handler may log meanwhile

    def check(self, step: object, *, commit: bool | None = None) -> str | None:
        """Note the step of a row; None is the next step. Returns what is wrong with the step, or None.

        Args:
            step: the step as the caller gave it.
            commit: as for `row_event`.
        """
        number = None if step is None else _whole(step)
        with self._lock:
            self._now = max(self._now, self._begin())
            if number is None:
                self._now += commit is not False
            elif number < self._now:
                return f"step {number} is lower than the current step {self._now} (late_steps: error)"
            else:
                self._now = number + (commit is True)
        return None

    def warn(self, step: object) -> None:
        """Note the step of a log record's row, and report the row if it is late."""
        late = self.check(step)
        if late is not None:
            # The uploader will give a notice of the same kind about this row; of each kind only one is shown.
            self._say("set aside", f"{late}: the row is set aside")


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
        self._metrics_key = settings.metrics_key
        self._step_key = settings.step_key
        self._dicts = settings.dict_message or settings.dict_args
        self._calls = _calls(settings)
        # Rules for the text of a single logger need the logger's name, even if a formatter makes the text.
        self._tells_logger = any("logger" in rule for rule in (settings.text_metrics or {}).get("rules", ()))
        self._formatter = json_text.formatter(settings.text_format, without=(settings.metrics_key, settings.step_key))
        self._dict_message = settings.dict_message
        self._dict_args = settings.dict_args
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
        attributes = record.__dict__
        metrics = attributes.get(self._metrics_key)
        if metrics is None and self._dicts:
            metrics = self._from_message(record)
        event: dict[str, Any]
        time = record.created
        if type(time) is not float or not 0.0 <= time < YEAR_10000:  # wrong clock, or a record made by hand
            time = _time(time)
        mined = self._calls.metrics(record) if metrics is None and self._calls is not None else None
        if mined is not None:
            event = _of_call(mined, time)
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
        return _encode(event, metrics, self._report, self._media, self._secrets)

    def _from_message(self, record: logging.LogRecord) -> object:
        if self._dict_message and isinstance(record.msg, Mapping):
            return record.msg
        if self._dict_args and isinstance(record.args, Mapping) and record.args:
            return record.args
        return None

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
        return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT]

    def _add_alert(self, event: dict[str, Any], record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        if record.levelno < self._alert_level and error is None:
            return
        # The title holds only logger and error, because alerts with the same title are held back for a while.
        title = f"{record.levelname} in {record.name}" + (f": {error.__name__}" if error else "")
        level = "ERROR" if record.levelno >= logging.ERROR else "WARN" if record.levelno >= logging.WARNING else "INFO"
        event["alert"] = alerts.alert(*alerts.cut(title, self._masked(_text(record))), level, self._alert_wait)


def _calls(settings: Settings) -> Calls | None:
    """An object that takes metrics from the arguments of calls, if `text_metrics` asks for that; else None."""
    wanted = text_metrics.wanted(settings.text_metrics)
    if wanted is None:
        return None
    from wandb_logging._mining.calls import Calls  # noqa: PLC0415  the import takes 20 ms, and few need it

    return Calls(wanted)


def _of_call(found: dict[str, Any], time: float) -> dict[str, Any]:
    """The event of a call whose arguments are metrics. An argument named step or global_step is the step."""
    name = next((name for name in _STEPS if type(found.get(name)) is int), None)
    if name is None:
        return {"metrics": found, "t": time}
    step = found.pop(name)
    return {"metrics": found, "step": step, "t": time} if found else {"t": time}


def _text(record: logging.LogRecord, broken: Callable[[logging.LogRecord], object] | None = None) -> str:
    """Message and traceback of a record. `broken` is called if the arguments do not fit the message."""
    try:
        text = record.getMessage()
    except Exception:
        if isinstance(vars(record).get("args"), list):  # JSON turns tuples into lists
            return _text(completed(record), broken)
        text = f"{_short(record.msg)} {_short(record.args)}"
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


def now() -> float:
    """Seconds since 1970, for the `t` of an event. A wrong clock gives the nearest time that has a date."""
    return min(max(time.time(), 0.0), YEAR_10000 - 1.0)
