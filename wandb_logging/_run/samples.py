"""Takes the samples of system metrics for a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from wandb_logging._process.notices import Notices
from wandb_logging._run import messages

if TYPE_CHECKING:
    from wandb_logging._process.sampling import Sampler


class Samples:
    """The samplers of a run. A sampler whose package is missing is left out.

    Args:
        samplers: the samplers.
        take: called with the metrics of each sample.
        notices: is told of a missing package.
    """

    def __init__(self, samplers: Iterable[Sampler], take: Callable[[dict[str, Any]], object], notices: Notices) -> None:
        self._samplers = list(samplers)
        self._all = tuple(self._samplers)
        self._take = take
        self._notices = notices

    @property
    def due(self) -> list[float]:
        """The times at which the samples are due, by the monotonic clock."""
        return [sampler.due for sampler in list(self._samplers)]

    def take(self) -> None:
        """Take the samples that are due."""
        for sampler in list(self._samplers):
            self._take_one(sampler)

    def stop(self) -> None:
        """Take no more samples, because the run has ended."""
        self._samplers.clear()

    def resume(self) -> None:
        """Take samples again, because the run goes on after its end."""
        self._samplers = list(self._all)

    def _take_one(self, sampler: Sampler) -> None:
        if sampler not in self._samplers:  # the run has ended meanwhile
            return
        try:
            metrics = sampler.sample()
        except ImportError:
            self._samplers.remove(sampler)
            self._notices.add(*messages.without_psutil())
            return
        if metrics:
            self._take(metrics)
