"""Says where the rows in a journal go: one value instead of a flag for each case."""

from __future__ import annotations

from enum import Enum


class Delivery(Enum):
    """Where a run's rows go from the journal."""

    DISABLED = "nowhere: there is no journal"
    BY_PARENT = "the parent of this forked child sends them"
    BY_ANOTHER = "another process that writes there sends them; each round asks whether it still does"
    ON_DISK = "they stay there, for sync or a change of mind"
    ONCE = "the next round sends them, later ones do not"
    ONLINE = "each round sends them"
    REFUSED = "each round would, but the server has no such run or project: asking again does not help"

    @property
    def has_rounds(self) -> bool:
        """Whether a listener looks after the journal."""
        return self not in {Delivery.DISABLED, Delivery.BY_PARENT}

    @property
    def sends(self) -> bool:
        """Whether the next round sends."""
        return self in {Delivery.ONCE, Delivery.ONLINE}

    @property
    def is_meant_to_send(self) -> bool:
        """Whether the user wants rows to be sent as they come, even if that fails."""
        return self in {Delivery.ONLINE, Delivery.BY_ANOTHER, Delivery.REFUSED}

    def once(self) -> Delivery:
        """The value after somebody has asked for one sending, whatever the mode."""
        return Delivery.ONLINE if self.is_meant_to_send else Delivery.ONCE

    def after_sending(self, *, refused: bool = False) -> Delivery:
        """The value after a round that has sent rows."""
        if self is Delivery.ONCE:
            return Delivery.ON_DISK
        return Delivery.REFUSED if refused and self is Delivery.ONLINE else self
