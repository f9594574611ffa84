"""What our threads need is imported here, on the program's own: a thread of ours never imports.

An import may ask for logging's lock (urllib3 does), which `dictConfig` holds while it closes our handler and waits for
our thread. And a child that is forked while another thread imports has half a module for ever. On the thread that logs
neither can happen: it holds what it holds, and a fork waits (`_process.forks`).

As a handler is made is a better moment than its first record, which may be a step of a training loop. But `dictConfig`
holds logging's lock then, too, and would wait for ever for an import of another thread that asks for it: where one of
what we need is being imported, it stays with the first record.
"""

from __future__ import annotations

import contextlib
import importlib
import sys

from wandb_logging._process import forks
from wandb_logging._process.lockless import without_lock

# `hashlib` for copies of the standard files.
_ROUNDS = ("wandb_logging._process.environment", "hashlib")
_MINING = ("wandb_logging._mining.ruleset",)
# `pythonjsonlogger.json` for servers that take structured lines, the encodings for names that are looked up.
_SENDING = (
    "wandb_logging._server.client",
    "wandb_logging._server.retry",
    "wandb_logging._artifacts.upload",
    "pythonjsonlogger.json",
    "email.utils",
    "encodings.idna",
    "encodings.ascii",
)
_MEASURING = ("psutil", "pynvml")

# The packages of all these in whose modules a logger is made.
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
    """Import what rounds need. The second time nothing is left to do.

    Args:
        sending: whether they send: this run, and earlier ones, whatever those were made with.
        measuring: whether they measure the machine.
        mining: whether the run has rules for text.
    """
    kinds = ((_SENDING, sending), (_MEASURING, measuring), (_MINING, sending or mining))
    wanted = [*_ROUNDS, *(name for names, is_wanted in kinds if is_wanted for name in names)]
    missing = [name for name in wanted if name not in _done]
    if not missing:
        return
    with forks.held_off():
        for name in missing:
            with contextlib.suppress(ImportError):  # an extra that is not installed: who uses it says so
                importlib.import_module(name)
        if sending:
            without_lock({"urllib3", "requests", "charset_normalizer"})
    _done.update(missing)


def is_any_begun() -> bool:
    """Whether a thread, this one or another, is in the middle of importing what may ask for logging's lock."""
    return any(
        name.partition(".")[0] in _WITH_LOGGERS and getattr(getattr(module, "__spec__", None), "_initializing", False)
        for name, module in list(sys.modules.items())
    )
