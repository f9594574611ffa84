"""How a run is sent. This is kept in run.json, so that the run itself, `sync` and `recover` send alike. Pure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from wandb_logging._dataclass import dataclass


@dataclass(frozen=True)
class SendOptions:
    """How a run is sent. There are no defaults here, because `Settings` has them.

    Attributes:
        batch_size: most journal lines in one request.
        batch_bytes: number of bytes of lines at which a request is sent.
        gzip: whether to compress requests if the server offers it.
        durable: whether to force lines to the disk before they are sent.
        heartbeat: seconds without a request after which a heartbeat is sent.
        timeout: seconds a request may take to connect, and between two bytes of its answer.
    """

    batch_size: int
    batch_bytes: int
    gzip: bool
    durable: bool
    heartbeat: float
    timeout: float

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> SendOptions:
        """Read the member of run.json, in which `problem` found nothing wrong. Unknown members are left out."""
        return cls(**{name: kept[name] for name in _CHECKS})

    def to_json(self) -> dict[str, Any]:
        """The form in which run.json keeps it."""
        return dataclasses.asdict(self)


def problem(kept: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first member that is wrong, and what is expected of it; None if all are right."""
    for name, (fits, expected) in _CHECKS.items():
        if not fits(kept.get(name)):
            return name, expected
    return None


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_seconds(value: object) -> bool:
    return type(value) in {int, float} and 0 < value < math.inf  # type: ignore[operator]


_CHECKS: dict[str, tuple[Callable[[object], bool], str]] = {
    "batch_size": (_is_count, "a whole number from 1 on"),
    "batch_bytes": (_is_count, "a whole number from 1 on"),
    "gzip": (_is_flag, "true or false"),
    "durable": (_is_flag, "true or false"),
    "heartbeat": (_is_seconds, "a number of seconds above 0"),
    "timeout": (_is_seconds, "a number of seconds above 0"),
}
