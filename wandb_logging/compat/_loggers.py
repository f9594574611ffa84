"""The setting `capture_loggers`: what the named loggers say goes to the Logs tab of the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from wandb_logging._errors import SettingsError

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run


class _ToLogs(logging.Handler):
    """Gives the text of each record to a run."""

    def __init__(self, run: Run, level: int | str) -> None:
        super().__init__(level)
        self._run = run
        self.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._run.write_logs(self.format(record))
        except Exception:  # as in every handler
            self.handleError(record)


def capture(run: Run, loggers: Mapping[str, int | str]) -> Callable[[], None]:
    """Begin to take what loggers say.

    Args:
        run: the run that gets it.
        loggers: name of a logger -> the level from which on its records are taken.

    Returns:
        A function that ends it.

    Raises:
        SettingsError: a level is unknown; then nothing is taken.
    """
    try:
        handlers = [(logging.getLogger(name), _ToLogs(run, level)) for name, level in loggers.items()]
    except (ValueError, TypeError, AttributeError) as exc:
        raise SettingsError(f"capture_loggers: expected a mapping of a logger's name to a level: {exc}") from None
    for logger, handler in handlers:
        logger.addHandler(handler)

    def end() -> None:
        for logger, handler in handlers:
            logger.removeHandler(handler)

    return end
