"""Log records that somebody made by hand: what one lacks is as in a record that says nothing."""

from __future__ import annotations

import logging


def completed(record: logging.LogRecord) -> logging.LogRecord:
    """A copy of a record with everything that `logging` puts into one; None as its level or name counts as none."""
    whole = logging.LogRecord("root", logging.NOTSET, "", 0, "", None, None)
    usual = vars(whole)
    usual.update({key: value for key, value in vars(record).items() if value is not None or key not in usual})
    return whole
