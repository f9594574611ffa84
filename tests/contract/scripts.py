"""Small programs in the manner of public repositories, run with the official SDK and with `compat`: what differs.

    python -m tests.contract.scripts                    all of `public_scripts/`
    python -m tests.contract.scripts nanogpt mmdet_hook  some
    python -m tests.contract.scripts --write            and the table in docs/reference/frameworks.md

Their text is ours; what they call, in which order and with what, is theirs. `test_public_scripts.py` holds them to what
is listed here.
"""

from __future__ import annotations

import ast
import datetime as dt
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.contract.idioms import Outcome, found_different, main, tree_of
from tests.surroundings import without
from tests.written import Passage
from wandb_logging.compat._install import FOLDER
from wandb_logging.testing import LocalServer

HERE = Path(__file__).parent
SCRIPTS = HERE / "public_scripts"
PART = Passage("reference/frameworks.md", "scripts")
PATIENCE = 1200  # seconds for all of them with one client

# Those that come out otherwise, and why.
_IMAGES = "the names of images' files have the step of their row, not of the row before"
DIFFERENT = {
    "cleanrl_dqn": "the same, and the text of `add_text`, which the official SDK leaves out",
    "detectron2_writer": f"the same, and NaN in the summary, which the official SDK leaves out; {_IMAGES}",
    "dreamer_logger": f"the same; {_IMAGES}",
    "fairseq_progress": "the same, and rows that the official SDK drops: those of a step that is over",
    "hf_datasets_table": "the same; a table that is in an artifact and is logged, too, is in another file there",
    "optuna_trials": "the same; a table that is logged under two keys is in an artifact each",
    "resume_after_crash": "the same, and `run.step` after a resume is that of the next row; the official SDK says 0",
}

# What runs in the process of one client: each script in a folder of its own, with the environment it found.
RUNNER = """
import json, os, sys, traceback
from pathlib import Path
import wandb

top, given, found = Path.cwd(), json.loads(Path("scripts.json").read_text()), dict(os.environ)
ended = {}
for name, path in given.items():
    (top / name).mkdir()
    os.chdir(top / name)
    os.environ.clear()
    os.environ.update(found)
    os.environ["WANDB_ENTITY"] = name  # so that the server says whose run it is
    wandb.teardown()  # which has the official SDK read its environment again
    sys.argv = [path]
    try:
        exec(compile(Path(path).read_text(), path, "exec"), {"__name__": "__main__", "__file__": path})
        ended[name] = None
    except BaseException as error:
        ended[name] = f"{type(error).__name__}: {error}"[:300]
        traceback.print_exc()
    try:
        wandb.finish()
    except BaseException as error:
        ended[name] = ended[name] or f"finish: {type(error).__name__}: {error}"[:300]
    os.chdir(top)
    (top / "ended.json").write_text(json.dumps(ended))
"""


def scripts() -> list[str]:
    """Their names."""
    return sorted(path.stem for path in SCRIPTS.glob("*.py"))


def source_of(name: str) -> str:
    """The text of a script."""
    return (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")


def run_with(client: str, names: Sequence[str]) -> dict[str, Outcome]:
    """Run scripts with a client, one after the other, and see what the server has of each."""
    path = {"PYTHONPATH": FOLDER} if client == "compat" else {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, LocalServer() as server:
        # Last those that sync with TensorBoard: the official SDK takes no steps in its process after that.
        in_order = sorted(names, key=lambda name: "sync_tensorboard=True" in source_of(name))
        given = {name: str(SCRIPTS / f"{name}.py") for name in in_order}
        server.entities.update(names)
        Path(folder, "scripts.json").write_text(json.dumps(given), encoding="utf-8")
        Path(folder, "train.py").write_text(RUNNER, encoding="utf-8")
        with Path(folder, "log").open("wb") as log:
            subprocess.run(
                [sys.executable, "-W", "ignore", "train.py"],
                cwd=folder,
                env={**without("WANDB_", "NETRC"), **server.env(), **path, "HOME": folder, "MPLBACKEND": "Agg"},
                stdout=log,
                stderr=log,
                timeout=PATIENCE,
                check=False,
            )
        if "SCRIPTS_LOG" in os.environ:
            Path(os.environ["SCRIPTS_LOG"] + client).write_bytes(Path(folder, "log").read_bytes())
        made = Path(folder, "ended.json")
        ended = json.loads(made.read_text(encoding="utf-8")) if made.exists() else {}
        return {
            name: Outcome(
                ended.get(name, "the process ended before"),
                None,
                [_relative(tree_of(run), folder) for run in server.runs if run.entity == name],
            )
            for name in names
        }


def _relative(tree: Any, folder: str) -> Any:
    text = re.sub(r"(\.tfevents\.)\d+", r"\1", json.dumps(tree))  # the time is in their names
    return json.loads(text.replace(os.path.realpath(folder), "FOLDER"))


def compared(names: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Those that the official SDK does, and of these, where `compat` comes out otherwise."""
    theirs, ours = (run_with(client, names) for client in ("official", "compat"))
    done = [name for name in names if theirs[name].error is None and theirs[name].runs]
    for name in sorted(set(names) - set(done)):
        print(f"not counted: {name}: {theirs[name].error}, {len(theirs[name].runs)} runs")
    return done, {name: found for name in done if (found := found_different(theirs[name], ours[name]))}


def write(done: Sequence[str], wrong: Mapping[str, Sequence[str]]) -> None:
    """Put the table into the page."""
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    version = importlib.metadata.version("wandb")
    said = (
        f"Of {len(done)} scripts that run with the official SDK {version}, {len(done) - len(wrong)} come out the same"
    )
    lines = [f"{said} ({today}).", "", "| script | with `compat` |", "|---|---|"]
    for name in done:
        what = ast.get_docstring(ast.parse(source_of(name))) or name
        lines.append(f"| {what.rstrip('.')} | {DIFFERENT.get(name, wrong[name][0]) if name in wrong else 'the same'} |")
    PART.write("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main(__doc__, lambda names: compared(names or scripts()), write, DIFFERENT))
