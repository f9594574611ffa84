"""The state of a run, as one word and a colour."""

from __future__ import annotations

from typing import Union

from wandb_logging._cli.output import Styled, styled
from wandb_logging._reading.outline import Outline
from wandb_logging._reading.read import Overview

_STYLES = {"running": "cyan", "finished": "green", "crashed": "red", "unsent": "yellow", "offline": "yellow"}
STATES = tuple(_STYLES)

Seen = Union[Outline, Overview]


def state_of(run: Seen) -> Styled:
    """The state of a run: running, finished, crashed, unsent or offline.

    A `crashed` run ended with an error, or without recording its end. An `unsent` or `offline` run ended well, but the
    server does not know that yet: the first was to be sent while it ran, the second was not.
    """
    state = _state(run)
    return styled(state, _STYLES[state])


def _state(run: Seen) -> str:
    if run.alive and run.exit_code is None:
        return "running"
    if run.exit_code != 0:
        return "crashed"
    if run.finished and not run.unsent:
        return "finished"
    return "unsent" if run.info.get("mode") == "online" else "offline"


def is_sent(run: Seen) -> bool:
    """Whether all of a run is on the server, including its end."""
    return run.finished and not run.unsent
