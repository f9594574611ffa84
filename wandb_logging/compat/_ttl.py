"""How long an artifact is kept: `wandb.ArtifactTTL`, and its value for the server."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

INHERITED, FOR_EVER = -1, -2  # numbers for the server


class ArtifactTTL(Enum):
    """A value for `Artifact.ttl` besides a `timedelta` and None: follow the server's rules for the collection."""

    INHERIT = 0


def seconds_of(ttl: timedelta | ArtifactTTL | None) -> int:
    """The value for the server: seconds, or one of the two numbers for no limit of its own.

    Raises:
        ValueError: the duration is not positive.
    """
    if isinstance(ttl, ArtifactTTL):
        return INHERITED
    if ttl is None:
        return FOR_EVER
    if ttl.total_seconds() <= 0:
        raise ValueError(f"Artifact TTL Duration has to be positive. ttl: {ttl.total_seconds()}")
    return int(ttl.total_seconds())
