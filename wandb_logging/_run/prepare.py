"""Imports what our threads need, on the program's own thread: a thread of ours imports nothing.

An import may take logging's lock, as that of urllib3 does. `dictConfig` holds this lock while it closes our handler and
waits for our thread, so an import on our thread would never end. And in a child that is forked while another thread
imports, the half-imported module stays so for ever. Neither happens if the thread that logs imports: it can take a lock
that it already holds, and forks wait until the import is done (`_process.forks`).

The imports are done when a handler is made, because its first record may be a step of a training loop. But then
`dictConfig` may hold logging's lock, too, and would wait for ever for another thread whose import needs that lock. So
if such an import is going on, ours are left to the first record.

There is one exception, where neither happens: what finds metrics in text, for a run that another program has left with
rules (`_sending.recover`). Imported here, it would be a third of what making a handler that sends takes.
"""

from __future__ import annotations

import contextlib
import importlib
import sys

from wandb_logging._collecting import importing
from wandb_logging._process import forks
from wandb_logging._process.lockless import without_lock

_ROUNDS = ("wandb_logging._process.metadata", "wandb_logging._process.repository")
_MINING = ("wandb_logging._mining.ruleset",)
# The encodings are for looking up host names. So are executors where gevent comes into the program later: it imports
# them to look up its first name, and at the end of a program that is too late.
_SENDING = (
    "wandb_logging._server.client",
    "wandb_logging._server.retry",
    "wandb_logging._artifacts.upload",
    "hashlib",
    "email.utils",
    "encodings.idna",
    "encodings.ascii",
    "concurrent.futures.thread",
)
_MEASURING = ("wandb_logging._process.sampling", "psutil", "pynvml")

# Of all these, the packages whose modules make a logger when they are imported.
_WITH_LOGGERS = frozenset(
    {
        "asyncio",
        "charset_normalizer",
        "concurrent",
        "psutil",
        "pynvml",
        "requests",
        "tenacity",
        "urllib3",
        "wandb_logging",
    }
)

_done: set[str] = set()


def prepare(*, sending: bool = False, measuring: bool = False, mining: bool = False) -> None:
    """Import what rounds need. What was imported by an earlier call is skipped.

    Args:
        sending: whether the rounds send: this run, and earlier ones, whatever their settings.
        measuring: whether the rounds measure the machine.
        mining: whether the run has rules for text.
    """
    kinds = ((_SENDING, sending), (_MEASURING, measuring), (_MINING, mining))
    wanted = [*_ROUNDS, *(name for names, is_wanted in kinds if is_wanted for name in names)]
    missing = [name for name in wanted if name not in _done]
    if not missing:
        return
    with forks.held_off(), importing():
        for name in missing:
            with contextlib.suppress(ImportError):  # an optional package is missing: the code that uses it reports that
                importlib.import_module(name)
        if sending:
            without_lock({"urllib3", "requests", "charset_normalizer"})
    _done.update(missing)


def is_any_begun() -> bool:
    """Whether this or another thread is importing a module that may take logging's lock."""
    return any(
        name.partition(".")[0] in _WITH_LOGGERS and getattr(getattr(module, "__spec__", None), "_initializing", False)
        for name, module in list(sys.modules.items())
    )
