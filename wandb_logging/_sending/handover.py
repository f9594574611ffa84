"""What a process that leaves the sending of a run to another one says to it, so that the server need not be asked.

A run of several processes is sent by one of them. When that one ends while others go on, the run stays open on the
server, and what the server knows is known here: it stands in cursor.json until the next sender writes its own. Only the
very next sender may use it, in the same start of the same host, whose clock it names, and only for a short time: after
that the server may take the run for crashed. Anybody else asks the server. Pure, but for the name of this start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.presence import boot_id


@dataclass(frozen=True)
class Handover:
    """The last words of a sender.

    Attributes:
        term: its term (`_journal.sending_right`).
        at: when it left, in seconds of this host's monotonic clock.
        looked: when the server was last asked how many rows it has, by that clock; None if it was not.
        told: what the server knows: see `Registration.told`.
        boot: id of the start of the host.
    """

    term: int
    at: float
    looked: float | None
    told: Mapping[str, Any]
    boot: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it stands in cursor.json."""
        return {"term": self.term, "at": self.at, "looked": self.looked, "told": self.told, "boot": boot_id()}

    def put_into(self, cursor: Cursor) -> Cursor:
        """The cursor with these words."""
        return replace(cursor, handed=self.to_json())

    def is_for(self, term: int, now: float, most: float) -> bool:
        """Whether a sender may go by it.

        Args:
            term: that sender's term.
            now: seconds of the monotonic clock.
            most: seconds for which it holds.
        """
        is_next = self.term > 0 and term == self.term + 1
        return is_next and 0 <= now - self.at <= most and self.boot == boot_id() != ""


def handed_to(term: int, cursor: Cursor, now: float, most: float) -> Handover | None:
    """What a cursor says to the sender of a term; None if it says nothing that this one may go by (`is_for`)."""
    handed = None if cursor.complete else read(cursor.handed)
    return handed if handed is not None and handed.is_for(term, now, most) else None


def read(said: Mapping[str, Any] | None) -> Handover | None:
    """From cursor.json; None if it says nothing, or in a wrong form."""
    if said is None:
        return None
    told, looked, boot = said.get("told"), said.get("looked"), said.get("boot")
    if not isinstance(told, dict) or not isinstance(boot, str) or not isinstance(looked, (float, type(None))):
        return None
    if [type(told.get(name)) for name in ("config", "run", "there")] != [str, dict, int]:
        return None
    term, at = said.get("term"), said.get("at")
    is_right = isinstance(term, int) and isinstance(at, float)
    return Handover(int(term), float(at), looked, told, boot) if is_right else None  # type: ignore[arg-type]
