"""A writer of a run in shared mode, as the server keeps it: each counts its own lines from 0, and the run has them all.

How W&B does this inside is not known. What is certain is what clients send: their id in a header, offsets and steps of
their own, and each only the config that it knows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wandb_logging.testing import _rules
from wandb_logging.testing._rules import EVENTS, HISTORY, OUTPUT

if TYPE_CHECKING:
    from email.message import Message

SHARED_HEADER = "X-WANDB-USE-ASYNC-FILESTREAM"
CLIENT_HEADERS = ("X-WANDB-ASYNC-CLIENT-ID", "X-WANDB-CLIENT-ID")


@dataclass(eq=False)
class SharedClient:
    """One writer of a run in shared mode.

    Attributes:
        id: as it says.
        lines: each stream's lines by the writer's own offset; None where one never came.
        places: where each of them is among the lines of the run, by stream.
        steps_from, completed_by, tokens, last_request: for the rules, as of a run.
    """

    id: str
    lines: dict[str, list[str | None]] = field(default_factory=lambda: {HISTORY: [], EVENTS: [], OUTPUT: []})
    places: dict[str, list[int]] = field(default_factory=lambda: {HISTORY: [], EVENTS: [], OUTPUT: []})
    steps_from: int = 0
    completed_by: bytes | None = None
    tokens: float = _rules.RATE_BURST
    last_request: float = 0.0

    def merge(self, into: list[str | None], name: str, patch: _rules.Patch) -> None:
        """Add to the run's lines of a stream those of the writer that are new, in the order they come."""
        places = self.places[name]
        for number, line in enumerate(patch.lines, patch.start):
            if number < len(places):
                into[places[number]] = line
            else:
                places.append(len(into))
                into.append(line)


def client_of(headers: Message) -> str | None:
    """Which writer of a run in shared mode makes a request; None of one that is not in that mode."""
    if str(headers.get(SHARED_HEADER, "")).lower() != "true":
        return None
    return next((str(headers[name]) for name in CLIENT_HEADERS if headers.get(name)), None)


def merged_config(before: str, given: str) -> str:
    """The config of a run after one of its writers sent what it knows of it; both as JSON objects."""
    old, problem = _rules.parse_object(before)
    new, problem_of_new = _rules.parse_object(given)
    return before if problem or problem_of_new else json.dumps(_merged(old, new))


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    return new
