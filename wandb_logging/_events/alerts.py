"""Alerts (protocol 8): what an alert contains, and how often one is sent. Pure: no I/O, no clock."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from wandb_logging._errors import LogError

WAIT = 60.0  # seconds; the official SDK's default
MAX_TITLE = 63  # characters: "must be less than 64 characters long" (the official SDK's documentation)
MAX_TEXT = 3000  # most characters of an alert made from a record: as many as one block of a Slack message holds

DOCUMENT = """mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!,
    $title: String!, $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration) {
  notifyScriptableRunAlert(input: {entityName: $entityName, projectName: $projectName, runName: $runName,
      title: $title, text: $text, severity: $severity, waitDuration: $waitDuration}) {
    success
  }
}"""

__all__ = ["DOCUMENT", "WAIT", "AlertLevel", "alert", "cut", "due", "variables", "waits_after"]


class AlertLevel(str, enum.Enum):
    """How bad an alert is. The names can be given as strings, too."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def alert(title: str, text: str, level: str, wait_duration: float | timedelta) -> dict[str, Any]:
    """Check the arguments of an alert, and return it in the journal's form.

    Args:
        title: alerts with the same title count as the same alert.
        text: says what happened.
        level: INFO, WARN or ERROR, in any case.
        wait_duration: least time between this alert and the next with its title; a number means seconds.

    Raises:
        LogError: an argument is wrong.
    """
    if not isinstance(title, str):
        raise LogError(f"title: expected a text, got {title!r}")
    if not title.strip():
        raise LogError("title: it is empty")
    if not isinstance(text, str):
        raise LogError(f"text: expected a text, got {text!r}")
    try:
        level = AlertLevel(level.upper()).value
    except (AttributeError, ValueError):
        raise LogError(f"level: expected {' or '.join(AlertLevel.__members__)}, got {level!r}") from None
    return {"title": title, "text": text, "level": level, "wait": _seconds(wait_duration)}


def _seconds(value: object) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, (int, float)) and 0 <= seconds < math.inf:
        return seconds
    raise LogError(f"wait_duration: expected seconds, at least 0, or a timedelta, got {value!r}")


def cut(title: str, text: str) -> tuple[str, str]:
    """Shorten title and text to sizes that can be shown. Of a long text, the beginning and the end are kept.

    The beginning is the message, and the end of a traceback says what the error was.
    """
    if len(title) > MAX_TITLE:
        title = title[: MAX_TITLE - 3] + "..."
    if len(text) > MAX_TEXT:
        gap = "\n...\n"
        head = MAX_TEXT // 3
        text = text[:head] + gap + text[head + len(gap) - MAX_TEXT :]
    return title, text


def due(waits: Mapping[str, float], event: Mapping[str, Any], time: float) -> bool:
    """Whether to send an alert. It is not sent if too little time has passed since another with its title.

    The time is that of the events, so that the result is the same whenever the journal is sent.

    Args:
        waits: title -> time until which no other alert with that title is sent.
        event: the alert, as `alert` makes it.
        time: when the alert was raised, seconds since 1970.
    """
    return waits.get(str(event.get("title")), time) <= time


def waits_after(waits: Mapping[str, float], event: Mapping[str, Any], time: float) -> dict[str, float]:
    """The new value of `waits` after an alert was sent. The arguments are those of `due`."""
    still = {title: until for title, until in waits.items() if until > time}
    wait = event.get("wait")
    return {**still, str(event.get("title")): time + (wait if isinstance(wait, (int, float)) else 0)}


def variables(event: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of `DOCUMENT` for an alert, except those that name the run."""
    return {
        "title": event["title"],
        "text": event["text"],
        "severity": event["level"],
        "waitDuration": int(event["wait"] * 1000),  # milliseconds
    }
