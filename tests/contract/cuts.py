"""An offline run of the official SDK, cut anywhere: imported and sent, beside what `wandb sync` sends of what is left.

python -m tests.contract.cuts          at 200 places; exit code 1 if something differs
python -m tests.contract.cuts 40 127   at these of the 200
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from wandb_logging import Session, sync
from wandb_logging._formats.wandb_import import find_logs, import_log
from wandb_logging.testing import LocalServer, StoredRun

PLACES = 200
_HEADER = 7  # bytes that say what kind of file it is

PROGRAM = """
import wandb
run = wandb.init(project="p", name="n", config={"lr": 0.1, "a": {"b": 1}}, tags=["x"], notes="hi", group="g")
run.define_metric("val/*", step_metric="epoch", summary="min")
run.define_metric("s", summary="copy")
for i in range(300):
    row = {"loss": 1 / (i + 1), "nan": float("nan"), "val": {"acc": i}, "val/f1": -i, "epoch": i // 10, "s": f"t {i}"}
    run.log(row)
    if i % 50 == 0:
        print("line", i)
run.summary["best"] = 3
run.config["later"] = {"x": [1, 2]}
run.finish(FINISH)
"""


def offline_run(folder: Path, code: int) -> Path:
    """The folder `wandb` of an offline run of the official SDK, made below `folder`, which ended with a code."""
    return offline(folder, PROGRAM.replace("FINISH", str(code)))


def offline(folder: Path, program: str) -> Path:
    """The folder `wandb` of the offline runs of a program, made below `folder`."""
    env = {**os.environ, "WANDB_MODE": "offline", "WANDB_DIR": str(folder), "WANDB_SILENT": "true"}
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=env, check=True, timeout=300, stdout=subprocess.DEVNULL)
    return folder / "wandb"


def official(*paths: Path) -> StoredRun | None:
    """What `wandb sync` makes of the files of one run, if anything."""
    with LocalServer() as server:
        env = {**os.environ, **server.env()}
        command = [sys.executable, "-m", "wandb", "sync", *map(str, paths)]
        subprocess.run(command, env=env, check=False, timeout=300, capture_output=True)
        return server.runs[0] if server.runs else None


def cut(log: Path, place: int, folder: Path) -> Path:
    """The first of a file's 200 parts, up to a place, in a folder named as the file's own."""
    data = log.read_bytes()
    piece = folder / log.parent.name / log.name
    piece.parent.mkdir(parents=True)
    piece.write_bytes(data[: _HEADER + (len(data) - _HEADER) * place // PLACES])
    return piece


def differences(log: Path, folder: Path, place: int) -> list[str]:
    """What is not as `wandb sync` has it, of what an import of the cut file brings; none where both find nothing.

    What is lost has to be said, and a run of which nothing can be known to have ended is not imported.
    """
    piece = cut(log, place, folder)
    theirs = official(piece.parent)
    with LocalServer() as server:
        done = import_log(piece, folder / "into", server.url)
        sync(folder / "into", session=Session(server.api_key, server.url))
        ours = server.runs[0] if server.runs else None
    if done.error or ours is None or theirs is None:
        rows = [] if theirs is None else theirs.history
        return [] if done.error and not rows else [f"error {done.error}, {len(rows)} rows of theirs"]
    pairs = {
        "said lost": ([lost.tail for lost in done.lost], [True]),
        "rows said": (done.rows, len(theirs.history)),
        "rows": (comparable(ours.history), comparable(theirs.history)),
        "config": (ours.config, theirs.config),
        "state": ((ours.state, ours.exit_code), (theirs.state, theirs.exit_code)),
        "text": (without_stamp(ours.output), without_stamp(theirs.output)),
        "summary": (comparable([summary_of(ours)]), comparable([summary_of(theirs)])),
    }
    return [f"{what}: {our!r} for {their!r}" for what, (our, their) in pairs.items() if our != their]


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without the clock, and with a NaN that equals itself."""
    return [{key: _comparable(value) for key, value in row.items() if key != "_runtime"} for row in rows]


def _comparable(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def without_stamp(lines: list[str]) -> list[str]:
    """Lines of the Logs tab without their time."""
    return [line.split(" ", 1)[-1] for line in lines]


def summary_of(run: StoredRun) -> dict[str, Any]:
    """A summary without the clock."""
    return {key: value for key, value in run.summary.items() if key not in {"_runtime", "_wandb", "_timestamp"}}


def main(arguments: list[str]) -> int:
    """Compare, and say how often both had the same."""
    places = [int(argument) for argument in arguments] or list(range(PLACES))
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(os.cpu_count()) as pool:
        (log,) = find_logs(offline_run(Path(name), 3))
        folders = [Path(name) / f"{place:03}" for place in places]
        found = dict(zip(places, pool.map(partial(differences, log), folders, places)))
    wrong = {place: differs for place, differs in found.items() if differs}
    for place, differs in wrong.items():
        print(f"{place}/{PLACES}", *differs, sep="\n  ")
    print(f"{len(places)} places, {len(wrong)} with differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
