"""Captures for a run what happens in its program: printed text, unhandled exceptions, and signals that end it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wandb_logging._events import alerts
from wandb_logging._launch.here import warnings_here
from wandb_logging._process import ending
from wandb_logging._process.capture import Capture
from wandb_logging._records.encoding import now, output_event, text_event
from wandb_logging._run import messages
from wandb_logging._run.background import Background
from wandb_logging._settings.settings import Settings
from wandb_logging._values.secrets import Secrets

if TYPE_CHECKING:
    from types import TracebackType

_MOST_OUTPUT = 2**20  # characters of output in one event


class Watch:
    """Captures what happens in the program, until `stop`.

    Args:
        settings: the run's settings, of which capture_output, exit_hooks, signals and the like are used.
        background: takes the events.
        secrets: masks secrets.
        tell: in a rank whose rows stay on the disk, it gets the texts of exceptions, too; else None.
    """

    def __init__(
        self,
        settings: Settings,
        background: Background,
        secrets: Secrets,
        tell: Callable[[bytes], object] | None,
    ) -> None:
        self._settings = settings
        self._background = background
        self._secrets = secrets
        self._tell = tell
        self._capture: Capture | None = None
        self._witness = ending.Witness(self._unhandled, self._preempt)  # notified for as long as this object lives

    def start(self) -> None:
        """Begin to watch for exceptions and signals."""
        if self._settings.exit_hooks:
            ending.watch_exceptions(self._witness)
        names = self._settings.signals
        try:
            ending.watch_signals(self._witness, names, warnings_here())
        except ValueError as exc:
            self._background.notices.add(*messages.not_watched(names or (), exc))

    def start_capture(self) -> None:
        """Capture what is printed from now on, if the settings ask for it."""
        if not self._settings.capture_output:
            return
        self._capture = Capture(self.take_output)
        try:
            self._capture.start()
        except ValueError as exc:
            self._background.notices.add(*messages.not_captured(exc))

    def stop(self) -> None:
        """Restore stdout and stderr as they were before."""
        if self._capture is not None:
            self._capture.stop()
            self._capture = None

    def take_leaving(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """Log an exception that leaves the run's `with` block: Python prints it only after the run has ended."""
        self._take_exception(kind, ending.traceback_text(kind, error, trace), printed=False)

    def take_output(self, text: str, error: bool, file: str = "") -> None:  # noqa: FBT001  the signature of Take
        """Log text that was written to stdout, to stderr if `error`, or to a file of that name."""
        text = self._secrets.text(text)
        for start in range(0, len(text), _MOST_OUTPUT):
            self._background.append(output_event(text[start : start + _MOST_OUTPUT], now(), error=error, file=file))

    def _unhandled(self, kind: type[BaseException], text: str) -> None:
        if self._background.ended is None:
            self._take_exception(kind, text, printed=self._capture is not None)

    def _take_exception(self, kind: type[BaseException], text: str, *, printed: bool) -> None:
        """Log an exception, unless it is captured when printed. Make it an alert, too, if records become alerts."""
        settings = self._settings
        if settings.console is not False:
            event = text_event(self._secrets.text(text), "ERROR", now())
            if not printed:
                self._background.append(event)
            if self._tell is not None:
                self._tell(event)
        if settings.alert_level is not None and issubclass(kind, Exception):  # no alert for Ctrl-C
            title, text = alerts.cut(f"unhandled {kind.__name__}", text)
            self._background.append_change("alert", alerts.alert(title, text, "ERROR", settings.alert_wait_duration))

    def _preempt(self, code: int, last: bool) -> Callable[[], bool]:  # noqa: FBT001  the signature of Witness
        return self._background.preempt(code if last else None)
