"""Before the first row: importing, making the handler, and the memory that takes."""

from __future__ import annotations

import statistics

from benchmarks._measure import Result, child
from benchmarks._sink import sink

_TIMED = """
import json, time
begun = time.perf_counter()
{code}
print(json.dumps(time.perf_counter() - begun))
"""

_HANDLER = """
import json, time, logging
from wandb_logging import WandbHandler
begun = time.perf_counter()
WandbHandler(project="bench", mode="online")
print(json.dumps(time.perf_counter() - begun))
"""

_MEMORY = """
import json, logging, tempfile
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
before = resident()
{code}
print(json.dumps(resident() - before))
"""

_ONLINE = """
from wandb_logging import WandbHandler
handler = WandbHandler(project="bench", mode="online", quiet=True, cache_dir=tempfile.mkdtemp())
logger = logging.Logger("train"); logger.addHandler(handler)
for i in range(1000): logger.info("x", extra={"metrics": {"x": i}})
handler.flush()
"""


def results(*, quick: bool) -> list[Result]:
    """Medians over child processes."""
    rounds = 7 if quick else 21
    # What a program that logs has imported anyway.
    common = "import logging, logging.config, logging.handlers"
    pairs = [
        (
            child(_TIMED.format(code=f"{common}\nfrom wandb_logging import WandbHandler")).said,
            child(_TIMED.format(code="pass")).said,
        )
        for _ in range(rounds)
    ]
    sdk = statistics.median(child(_TIMED.format(code="import wandb")).said for _ in range(3))
    made = statistics.median(child(_HANDLER).said for _ in range(rounds))
    with sink() as target:
        memory = statistics.median(child(_MEMORY.format(code=_ONLINE), **target.environment()).said for _ in range(3))
    return [
        Result(
            "import of wandb_logging and its handler, over a bare interpreter",
            statistics.median(a - b for a, b in pairs) * 1e3,
            60,
            "ms",
            f"SDK {sdk * 1e3:.0f} ms",
        ),
        Result("handler made", made * 1e3, 2, "ms"),
        Result("memory over a bare interpreter, imported and online", memory, 20, "MiB"),
    ]
