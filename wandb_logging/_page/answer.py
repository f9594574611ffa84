"""The answer to one request of the page, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wandb_logging._page import guard


class Refused(Exception):
    """The request asks for something that does not exist, or for too much."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Answer(NamedTuple):
    """The answer to a request.

    Attributes:
        type: its Content-Type.
        body: its bytes, a file that is sent, or an iterator of pieces.
        headers: headers besides those that all answers have.
        policy: its Content-Security-Policy.
        lasts: whether it is the same each time, and worth keeping as it is sent.
    """

    type: str
    body: bytes | Path | Iterator[bytes]
    headers: tuple[tuple[str, str], ...] = ()
    policy: str = guard.POLICY
    lasts: bool = False
