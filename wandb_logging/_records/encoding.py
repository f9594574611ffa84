"""The bytes of one journal event: of a row, a text, a change. No I/O.

All values are read and encoded here, in the calling thread, so later changes by the caller have no effect. Rows of
plain numbers and strings, which nearly all rows are, take a path without any Python loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._events.event import YEAR_10000, Event
from wandb_logging._fold.state import MAX_STEP
from wandb_logging._records.quick import is_ready, quick_row
from wandb_logging._values.mappings import mapping_of
from wandb_logging._values.plain import EXACT, Aside, dumps, fast_dumps, plain, reason
from wandb_logging._values.secrets import Secrets

MAX_TEXT = 2**20  # characters of one text; the server shows at most 4096 of a line

_MASKED = frozenset({"config", "summary"})  # kinds of changes in which users choose the names
_FAST = bool(fast_dumps)  # whether orjson is installed

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
    return encode(event, metrics, report, media, secrets)


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
    return dumps(plain(Event(now, text=text[:MAX_TEXT], level=level).to_json()))


def output_event(text: str, now: float, *, error: bool, file: str) -> bytes:
    """The event of a text that the program wrote to stdout, to stderr if `error` is true, or to a file of that name."""
    event = {"output": text, "error": True, "t": now} if error else {"output": text, "t": now}
    return dumps(plain({**event, "from": file} if file else event))


def encode(
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
    ready = metrics is None or (type(metrics) is dict and is_ready(metrics, len(metrics), time))
    if not ready:
        event["metrics"] = quick_row(metrics, secrets)
    line = fast_dumps(event, None, EXACT)
    if (metrics is None and line.rfind(b'":null') >= 0) or (not ready and time - time):  # null may stand for a NaN
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
        whole = whole_step(step)
        if whole is None:
            most = f", at most {MAX_STEP}" if type(step) is int else ""
            aside["step"] = f"must be a whole number{most}, not {short(step)}"
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
    head: dict[str, Any] = {}
    try:
        opened = mapping_of(metrics)  # of a dataclass, a namespace, a model
        if not isinstance(opened, Mapping):
            aside["metrics"] = f"must be a mapping, not {type(metrics).__name__}"
            return {}
        if media is not None:
            opened, files = media(opened, aside)
            if files:
                head["media"] = files
        head["metrics"] = _without_empty(plain(opened, aside=aside))
    except LogError:  # for a caller of `Run.log`; a log record does not raise
        raise
    except Exception as exc:
        aside["metrics"] = reason(exc)
    return head


def _without_empty(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics without empty mappings, which the official SDK does not send either."""
    below = {key: _without_empty(value) for key, value in tree.items() if isinstance(value, dict)}
    return {key: below.get(key, value) for key, value in tree.items() if below.get(key, True)}


def whole_step(step: object) -> int | None:
    """The step if it is an int, a numpy integer or a float without a fraction; None for others or if too large."""
    try:
        value = step if type(step) is int else plain(step)
        whole = not isinstance(value, (str, bool)) and int(value) == value and -MAX_STEP <= value <= MAX_STEP
        return int(value) if whole else None
    except (TypeError, ValueError, OverflowError):
        return None


def short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        text = type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."


def now() -> float:
    """Seconds since 1970, for the `t` of an event. A wrong clock gives the nearest time that has a date."""
    return min(max(time.time(), 0.0), YEAR_10000 - 1.0)
