"""Makes the lines of output.log from the text of log records and the program's output (protocol 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from wandb_logging._fold.labelled import mark_of
from wandb_logging._fold.state import Work
from wandb_logging._fold.terminal import MAX_LINE_CHARS, Line, Screen, without_old
from wandb_logging._values.plain import dumps

ERROR_LEVELS = frozenset({"ERROR", "CRITICAL", "FATAL"})


class Texts:
    """Takes the texts of events into the lines of a run."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._add = work.delta.lines.append
        self._structured = work.rules.structured
        self._screens: dict[str, Screen] = {}  # by label
        self._latest = ""  # seconds since 1970 of the latest line,
        self._begins = ""  # and how its time begins

    def take(self, event: Mapping[str, Any]) -> None:
        """Add the text of a record, if the event has one."""
        text = event.get("text")
        if type(text) is not str:
            return
        level, logger, time, work = event.get("level"), event.get("logger"), event["t"], self._work
        said = text if logger is None else f"{level}:{logger}:{text}"
        if self._structured or "\n" in said or len(said) > MAX_LINE_CHARS or time < 1:
            lines = text_lines(event, structured=self._structured)
            work.delta.lines += lines
            work.state.lines += len(lines)
            return
        # Nearly all are made here, for there are as many as rows: each function called would be a tenth of the work.
        micros = str(round(time * 1e6))
        if micros[:-6] != self._latest:
            self._latest = micros[:-6]
            self._begins = _stamp(time)[:-6]
        if (type(level) is str and level in ERROR_LEVELS) or ("error" in event and event["error"] is True):
            self._add(f"ERROR {self._begins}{micros[-6:]} {said}")
        else:
            self._add(f"{self._begins}{micros[-6:]} {said}")
        work.state.lines += 1

    def take_output(self, text: str, time: float, *, error: bool, label: str = "") -> None:
        """Write output of a process on its terminal. It may change earlier lines of the same process."""
        state, delta, mark = self._work.state, self._work.delta, mark_of(label)
        for number, line in self._screen(label).write(text, state.lines, time, error=error).items():
            shown = output_line(line, structured=self._structured, mark=mark)
            at = number - state.lines + len(delta.lines)  # place among the new lines
            if at < 0:
                delta.edits[number] = shown
            elif number < state.lines:
                delta.lines[at] = shown
            else:
                delta.lines.append(shown)
                state.lines += 1

    def save(self) -> None:
        """Save what the terminals show in the state."""
        state = self._work.state
        shown = {label: screen.saved for label, screen in self._screens.items()}
        state.screen = shown.pop("", state.screen)
        if shown:
            every = {**state.screens, **shown}.items()
            state.screens = {label: without_old(saved, state.lines) for label, saved in every}

    def _screen(self, label: str) -> Screen:
        state = self._work.state
        if label not in self._screens:
            self._screens[label] = Screen(state.screens.get(label, {}) if label else state.screen)
        return self._screens[label]


def text_lines(event: Mapping[str, Any], *, structured: bool) -> list[str]:
    """The output.log lines of a text event: plain, or JSON as the server asked for (protocol 4.6).

    Without a formatter of the user's the text reads like `logging.basicConfig`'s: LEVEL:logger:message.
    """
    text = _said(event)
    error = is_error(event)
    stamp = _stamp(event["t"])
    make = _structured_line if structured else _plain_line
    # splitlines() would also split at form feeds and Unicode separators, which the page shows inside a line.
    return [make(stamp, part[:MAX_LINE_CHARS], error=error) for part in text.replace("\r\n", "\n").split("\n")]


def _said(event: Mapping[str, Any]) -> str:
    logger, text = event.get("logger"), event["text"]
    return text if logger is None else f"{event.get('level')}:{logger}:{text}"


def is_error(event: Mapping[str, Any]) -> bool:
    """Whether the text of an event is an error's."""
    level = event.get("level")
    return event.get("error") is True or (type(level) is str and level in ERROR_LEVELS)


def output_line(line: Line, *, structured: bool, mark: str) -> str:
    """The output.log line for a line of a terminal."""
    make = _structured_line if structured else _plain_line
    return make(_stamp(line.time), (mark + line.text)[:MAX_LINE_CHARS], error=line.error)


def _stamp(time: float) -> str:
    """The UTC time of a line: 2026-01-02T03:04:05.123456."""
    seconds, micros = divmod(round(time * 1e6), 1_000_000)
    return f"{_second(seconds)}.{micros:06d}"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    # Lines come many a second, and this is most of the work of one.
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def _plain_line(stamp: str, content: str, *, error: bool) -> str:
    return f"ERROR {stamp} {content}" if error else f"{stamp} {content}"


def _structured_line(stamp: str, content: str, *, error: bool) -> str:
    fields = {"ts": stamp, "content": content}
    if error:
        fields["level"] = "error"  # the official client gives a level for stderr only
    return dumps(fields).decode()
