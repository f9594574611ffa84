"""Before the first row: importing, making the handler, and the memory that takes."""

from __future__ import annotations

import statistics

from benchmarks._contenders import SDK, missing
from benchmarks._measure import Found, Result, Size, child
from benchmarks._sink import sink

_TIMED = """
import json, time
begun = time.perf_counter()
{code}
print(json.dumps(time.perf_counter() - begun))
"""

# What of others is imported with the handler, in its order: then these alone, which is the floor of its import.
_OF_OTHERS = """
import json, sys, time
before = {*sys.modules}
import logging, logging.config, logging.handlers
from wandb_logging import WandbHandler
print(json.dumps([name for name in sys.modules if name not in before and not name.startswith("wandb_logging")]))
"""
_ALONE = """
import importlib
for name in {names}:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
"""

_HANDLER = """
import json, sys, tempfile, time
from wandb_logging import WandbHandler
directory = tempfile.mkdtemp()
taken = []
for _ in range(2):
    begun = time.perf_counter()
    WandbHandler(project="bench", mode=sys.argv[1], api_key="0" * 40, cache_dir=directory, quiet=True)
    taken.append(time.perf_counter() - begun)
print(json.dumps(taken))
"""

# The most memory the process ever had, after: nothing, logging, a run online.
_MEMORY = """
from benchmarks._memory import most
at = [most()]
import json, logging, logging.config, logging.handlers, tempfile
at.append(most())
from wandb_logging import WandbHandler
logger = logging.Logger("train")
handler = WandbHandler(project="bench", mode="online", quiet=True, cache_dir=tempfile.mkdtemp())
logger.addHandler(handler)
for i in range(1000):
    logger.info("x", extra={"metrics": {"x": i}})
handler.flush()
at.append(most())
print(json.dumps(at))
"""

# What sending cannot do without: the floor of the memory, and of the time until the first request.
_NEEDED = """
from benchmarks._memory import most
import json, logging, logging.config, logging.handlers, time
before, begun = most(), time.perf_counter()
import requests
print(json.dumps([time.perf_counter() - begun, most() - before]))
"""


def results(size: Size) -> list[Found]:
    """Medians over child processes."""
    # What a program that logs has imported anyway.
    common = "import logging, logging.config, logging.handlers"
    bare = _TIMED.format(code="pass")
    importing = _TIMED.format(code=f"{common}\nfrom wandb_logging import WandbHandler")
    alone = _TIMED.format(code=_ALONE.format(names=child(_OF_OTHERS).said))
    turns = [(child(importing), child(bare), child(alone)) for _ in range(size.starts)]
    inside, floor = ([turn[who].said for turn in turns] for who in (0, 2))
    whole = [this.seconds - that.seconds for this, that, _ in turns]
    made, made_online = (
        [statistics.median(of) * 1e3 for of in zip(*(child(_HANDLER, mode).said for _ in range(size.starts)))]
        for mode in ("offline", "online")
    )
    with sink() as target:
        memory = [child(_MEMORY, **target.environment()).said for _ in range(min(size.starts, 5))]
        needed = [child(_NEEDED).said for _ in range(min(size.starts, 5))]
    bare_mib, logging_mib, online_mib = (statistics.median(of) for of in zip(*memory))
    needed_ms, needed_mib = (statistics.median(of) for of in zip(*needed))
    sdk = ""
    if size.peers and SDK not in missing():
        theirs = [child(_TIMED.format(code="import wandb")).said for _ in range(3)]
        sdk = f", SDK {statistics.median(theirs) * 1e3:.0f} ms"
    return [
        Result(
            "import of the handler, with logging, over a bare interpreter",
            statistics.median(inside) * 1e3,
            55,
            "ms",
            f"whole processes differ by {statistics.median(whole) * 1e3:.0f} ms{sdk}; "
            f"floor {statistics.median(floor) * 1e3:.1f} ms, without a module of ours",
        ),
        Result("handler made, offline", made[0], 2, "ms", f"a second one {made[1]:.2g} ms"),
        Result("handler made, online", made_online[0], None, "ms", "with the import of requests"),
        Result(
            "memory over a bare interpreter, imported and online",
            online_mib - bare_mib,
            22,
            "MiB",
            f"bare {bare_mib:.1f}, with the standard library's logging {logging_mib:.1f}, online {online_mib:.1f}; "
            f"floor {logging_mib - bare_mib + needed_mib:.1f} MiB, logging and requests",
        ),
        Result("of that requests alone, memory", needed_mib, None, "MiB", "with what it imports, over logging"),
        Result("of making a handler that sends, the import of requests", needed_ms * 1e3, None, "ms"),
    ]
