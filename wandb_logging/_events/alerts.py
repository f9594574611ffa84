"""Alerts (protocol 8): what one says, and how often one is let through. Pure: no I/O, no clock."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from wandb_logging._errors import LogError

WAIT = 60.0  # seconds; the official SDK's default
MAX_TITLE = 63  # characters: "must be less than 64 characters long" (the official SDK's documentation)
MAX_TEXT = 3000  # characters of a record's alert: what one block of a Slack message holds, where alerts go

DOCUMENT = """mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!,
    $title: String!, $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration) {
  notifyScriptableRunAlert(input: {entityName: $entityName, projectName: $projectName, runName: $runName,
      title: $title, text: $text, severity: $severity, waitDuration: $waitDuration}) {
    success
  }
}"""

__all__ = ["DOCUMENT", "WAIT", "AlertLevel", "alert", "cut", "due", "variables", "waits_after"]


class AlertLevel(str, enum.Enum):
    """How bad an alert is. The names work as strings, too."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def alert(title: str, text: str, level: str, wait_duration: float | timedelta) -> dict[str, Any]:
    """An alert as it goes into the journal, checked.

    Args:
        title: alerts of one title count as the same.
        text: what happened.
        level: INFO, WARN or ERROR, in any case.
        wait_duration: least time between this alert and the next of its title; seconds if a number.

    Raises:
        LogError: one of them is not what it should be.
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
    """Title and text in sizes that can be shown. Of a long text the beginning and the end stay.

    The beginning is the message, the end of a traceback says what the error was.
    """
    if len(title) > MAX_TITLE:
        title = title[: MAX_TITLE - 3] + "..."
    if len(text) > MAX_TEXT:
        gap = "\n...\n"
        head = MAX_TEXT // 3
        text = text[:head] + gap + text[head + len(gap) - MAX_TEXT :]
    return title, text


def due(waits: Mapping[str, float], event: Mapping[str, Any], time: float) -> bool:
    """Whether an alert goes: not while one of its title keeps others waiting.

    Counted in the time of the events, so that it comes to the same whenever the journal is sent.

    Args:
        waits: title -> time until which no other of that title goes.
        event: the alert, as `alert` makes it.
        time: when it was raised, seconds since 1970.
    """
    return waits.get(str(event.get("title")), time) <= time


def waits_after(waits: Mapping[str, float], event: Mapping[str, Any], time: float) -> dict[str, float]:
    """What waits after an alert that goes; the arguments are those of `due`."""
    still = {title: until for title, until in waits.items() if until > time}
    wait = event.get("wait")
    return {**still, str(event.get("title")): time + (wait if isinstance(wait, (int, float)) else 0)}


def variables(event: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of `DOCUMENT` for an alert, without those that name the run."""
    return {
        "title": event["title"],
        "text": event["text"],
        "severity": event["level"],
        "waitDuration": int(event["wait"] * 1000),  # milliseconds
    }
