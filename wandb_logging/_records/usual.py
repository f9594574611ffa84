"""A fast way to make the event of a usual record, which has metrics and a message and nothing else. No I/O.

Every call in a training loop passes here. So the settings are examined in advance, and all work is in one function.
The result is the same bytes as `snapshot` makes, or None for an unusual record, whose event `snapshot` has to make.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Optional

from wandb_logging._events.event import YEAR_10000
from wandb_logging._fold.state import MAX_STEP
from wandb_logging._records.quick import is_ready, quick_row
from wandb_logging._values.plain import EXACT, fast_dumps
from wandb_logging._values.secrets import SHORTEST

if TYPE_CHECKING:
    from wandb_logging._values.secrets import Secrets

_ATTRIBUTES = len(vars(logging.LogRecord("", 0, "", 0, "", (), None)))  # of a record without any of its own

Usual = Callable[[logging.LogRecord], Optional[bytes]]


def _has_fields(of: Mapping[str, object]) -> bool:
    """Whether a record has attributes of its own, such as keyword values of structlog. Formatters add two to any."""
    return len(of) - ("message" in of) - ("asctime" in of) > _ATTRIBUTES


def no_event(_record: logging.LogRecord) -> bytes | None:
    """Always return None, for settings under which no record is usual."""
    return None


def usual_event(  # noqa: C901  one function, because to call another takes as long as two of its lines
    keys: tuple[str, str],
    levels: tuple[int, int],
    masked: Callable[[str], str],
    secrets: Secrets | None,
    templates: Mapping[str, object] | None = None,
) -> Usual:
    """Make the function that encodes usual records, and returns None for others.

    Args:
        keys: names of the record attributes that hold the metrics and their step.
        levels: the level from which on the text is part of the event, and the level from which on no record is usual.
        masked: masks secrets in a text.
        secrets: masks secrets in a line of JSON.
        templates: message -> None, if the arguments of calls with this message are known to be no metrics. Given only
            if `text_metrics` looks for metrics in arguments.
    """
    if not bool(fast_dumps):
        return no_event
    dumps, (metrics_key, step_key), (text_from, thought_from) = fast_dumps, keys, levels

    def event(record: logging.LogRecord) -> bytes | None:
        of = record.__dict__
        try:
            metrics, time, level = of.get(metrics_key), of["created"], of["levelno"]
            if level >= thought_from or type(time) is not float or not 0.0 <= time < YEAR_10000:
                return None
            made: dict[str, Any]
            if metrics is None:
                message, args = of["msg"], of["args"]
                if (
                    (level < text_from or type(message) is not str or type(args) is not tuple)
                    or (args and templates is not None and templates.get(message, 0) is not None)
                    or (len(of) > _ATTRIBUTES and ("extra" in of or (templates is not None and _has_fields(of))))
                ):
                    return None
                made = {"t": time}
            else:
                if type(metrics) is not dict or not is_ready(metrics, len(metrics)):
                    metrics = quick_row(metrics, secrets)
                step = of.get(step_key)
                if step is None:
                    made = {"metrics": metrics, "t": time}
                elif type(step) is int and step <= MAX_STEP:
                    made = {"metrics": metrics, "step": step, "t": time}
                else:
                    return None
            if level >= text_from:
                if of["exc_info"] or of["exc_text"] or of["stack_info"]:
                    return None
                made["level"] = of["levelname"]
                made["logger"] = of["name"]
                text = record.getMessage()
                made["text"] = text if len(text) < SHORTEST else masked(text)
            line = dumps(made, None, EXACT)
        except Exception:  # `snapshot` meets the same error and reports it
            return None
        return line if secrets is None or not secrets.sought else secrets.line(line)

    return event
