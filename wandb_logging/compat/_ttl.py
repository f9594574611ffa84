"""How long an artifact is kept: `wandb.ArtifactTTL`, and what the server is told of it."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

INHERITED, FOR_EVER = -1, -2  # as the server is told them


class ArtifactTTL(Enum):
    """What `Artifact.ttl` may be besides a `timedelta` and None: as the server's rules for the collection say."""

    INHERIT = 0


def seconds_of(ttl: timedelta | ArtifactTTL | None) -> int:
    """What the server is told: seconds, or one of the two words for none.

    Raises:
        ValueError: it is not longer than nothing.
    """
    if isinstance(ttl, ArtifactTTL):
        return INHERITED
    if ttl is None:
        return FOR_EVER
    if ttl.total_seconds() <= 0:
        raise ValueError(f"Artifact TTL Duration has to be positive. ttl: {ttl.total_seconds()}")
    return int(ttl.total_seconds())
