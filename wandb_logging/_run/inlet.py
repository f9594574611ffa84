"""What a handler asks of its run: where its records go, a flush that tells a person, the report of a fault of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wandb_logging._dataclass import dataclass
from wandb_logging._media.placing import Placing
from wandb_logging._records.steps import Steps
from wandb_logging._report import Report
from wandb_logging._run import messages
from wandb_logging._run.run import Run
from wandb_logging._values.secrets import Secrets

if TYPE_CHECKING:
    from wandb_logging._journal.writer import Writer


@dataclass(frozen=True)
class Inlet:
    """The parts of a run that a handler needs to append records to the journal.

    Attributes:
        writer: the run's journal.
        report: called with (name, reason) for values that cannot be sent.
        media: replaces media values by JSON.
        steps: checks steps. None unless a late step is an error.
        secrets: masks secrets.
        tell: in a rank whose rows stay on the disk, it gets the events of warnings and errors for rank 0; else None.
    """

    writer: Writer
    report: Callable[[str, str], None]
    media: Placing
    steps: Steps | None
    secrets: Secrets
    tell: Callable[[bytes], object] | None


def inlet_of(run: Run) -> Inlet:
    """The parts of a run that a handler needs. A handler must not raise, so it cannot call `Run.log`, which does."""
    media, report = run._media_of_records, run._background.report_aside  # noqa: SLF001  the same floor
    return Inlet(run._journal.writer, report, media, run._steps, run._secrets, run._tell)  # noqa: SLF001


def flush_aloud(run: Run, timeout: float) -> Report:
    """Do what `Run.flush` does, and tell a person that it waits."""
    return run._background.flush(timeout, aloud=True)  # noqa: SLF001  the same floor


def tell_fault(run: Run) -> None:
    """Report an internal error, with the traceback of the exception that is being handled."""
    notices = run._background.notices  # noqa: SLF001  the same floor
    notices.add(*messages.internal(threads_replaced=notices.threads_replaced))
    notices.say_all()
