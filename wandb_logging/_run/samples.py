"""The samples of system metrics that a run takes beside its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wandb_logging._process.notices import Notices
from wandb_logging._process.sampling import Sampler
from wandb_logging._run import words


class Samples:
    """The samplers of a run. One that lacks a package is left out.

    Args:
        samplers: the samplers.
        take: called with the metrics of each sample.
        notices: gets what is missing.
    """

    def __init__(self, samplers: Iterable[Sampler], take: Callable[[dict[str, Any]], object], notices: Notices) -> None:
        self._samplers = list(samplers)
        self._all = tuple(self._samplers)
        self._take = take
        self._notices = notices

    @property
    def due(self) -> list[float]:
        """When each sample is due, in monotonic time."""
        return [sampler.due for sampler in list(self._samplers)]

    def take(self) -> bool:
        """Take the samples that are due. Returns whether one was."""
        taken = [self._take_one(sampler) for sampler in list(self._samplers)]
        return any(taken)

    def stop(self) -> None:
        """Take no more samples: the run has ended."""
        self._samplers.clear()

    def resume(self) -> None:
        """Take samples again: the run goes on after its end."""
        self._samplers = list(self._all)

    def _take_one(self, sampler: Sampler) -> bool:
        metrics = None
        if sampler in self._samplers:  # else the run has ended meanwhile
            try:
                metrics = sampler.sample()
            except ImportError:
                self._samplers.remove(sampler)
                self._notices.add(*words.without_psutil())
        if metrics:
            self._take(metrics)
        return metrics is not None
