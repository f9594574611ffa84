"""Makes send options from settings."""

from __future__ import annotations

from wandb_logging._events.send_options import SendOptions
from wandb_logging._settings.settings import Settings


def options_of(settings: Settings) -> SendOptions:
    """The send options of a run with these settings."""
    return SendOptions(
        batch_size=settings.batch_size,
        batch_bytes=settings.batch_bytes,
        gzip=settings.gzip,
        durable=settings.fsync != "never",
        heartbeat=settings.heartbeat_interval,
        timeout=settings.request_timeout,
    )
