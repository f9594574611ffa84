"""The setting `capture_loggers`: what the named loggers say goes to the Logs tab of the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

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


def captured(given: Any) -> dict[logging.Logger, int]:
    """The loggers of the setting, and the levels from which on their records are taken.

    Raises:
        SettingsError: it is no mapping of names to levels.
    """
    try:
        return {logging.getLogger(name): logging.Handler(level).level for name, level in (given or {}).items()}
    except (ValueError, TypeError, AttributeError) as exc:
        raise SettingsError(f"capture_loggers: expected a mapping of a logger's name to a level: {exc}") from None


def capture(run: Run, loggers: Mapping[logging.Logger, int]) -> Callable[[], None]:
    """Begin to take what loggers say.

    Args:
        run: the run that gets it.
        loggers: what `captured` returned.

    Returns:
        A function that ends it.
    """
    handlers = [(logger, _ToLogs(run, level)) for logger, level in loggers.items()]
    for logger, handler in handlers:
        logger.addHandler(handler)

    def end() -> None:
        for logger, handler in handlers:
            logger.removeHandler(handler)

    return end
