"""Each program in `programs/` run with the official SDK and with `compat` in its place: what the server has of both.

    python -m tests.frameworks                      all of them
    python -m tests.frameworks keras_callbacks      one
    python -m tests.frameworks --write              and the table in docs/reference/frameworks.md

Needs the frameworks: `nox -s frameworks` installs them, `nox -s frameworks-fast` those that are small. A program whose
framework is not installed is left out, unless it was asked for, and its line of the table stays as it was.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import datetime as dt
import importlib.metadata
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.surroundings import without
from tests.written import Passage
from wandb_logging.compat._install import FOLDER
from wandb_logging.testing import LocalServer, StoredRun

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
PART = Passage("reference/frameworks.md", "frameworks")
PATIENCE = 600  # seconds that a program may take, on a busy machine

# The distribution whose version the table names, or the one with `-cpu` behind its name.
FRAMEWORKS = {
    "accelerate_tracker": "accelerate",
    "catboost_callback": "catboost",
    "d3rlpy_logger": "d3rlpy",
    "fastai_callback": "fastai",
    "ignite_logger": "pytorch-ignite",
    "keras_callbacks": "keras",
    "keras_tensorboard": "tensorflow",
    "lightgbm_callback": "lightgbm",
    "lightning_logger": "lightning",
    "lightning_tensorboard": "lightning",
    "mmengine_runner": "mmengine",
    "optuna_callback": "optuna-integration",
    "ray_setup": "ray",
    "ray_tune": "ray",
    "sb3_callback": "stable-baselines3",
    "sb3_tensorboard": "stable-baselines3",
    "cleanrl_ppo": "torch",
    "cleanrl_dqn": "torch",
    "simpletransformers_classification": "simpletransformers",
    "skorch_logger": "skorch",
    "transformers_trainer": "transformers",
    "trl_trainer": "trl",
    "ultralytics_yolo": "ultralytics",
    "lm_eval_logger": "lm-eval",
    "open_clip_main": "open-clip-torch",
    "sentence_transformers_trainer": "sentence-transformers",
    "setfit_trainer": "setfit",
    "spacy_logger": "spacy-loggers",
    "speechbrain_logger": "speechbrain",
    "tianshou_logger": "tianshou",
    "timm_summary": "timm",
    "torch_geometric_logging": "torch-geometric",
    "pykeen_tracker": "pykeen",
    "pytorch_tabular_model": "pytorch-tabular",
    "torchrl_logger": "torchrl",
    "torchtune_logger": "torchtune",
    "xgboost_callback": "xgboost",
}
# With these TensorFlow is hidden: PyTorch's `SummaryWriter` would load it where it is installed, and the official SDK's
# process ends with a segmentation fault when both are loaded.
WITHOUT_TENSORFLOW = {
    "cleanrl_ppo",
    "cleanrl_dqn",
    "lightning_tensorboard",
    "sb3_callback",
    "sb3_tensorboard",
    "simpletransformers_classification",
    "tianshou_logger",
}
# Teams that programs name: there has to be one of that name on the server.
TEAMS = {"torch_geometric_logging": "pytorch-geometric"}
# How fast it ran, and names that each run makes for itself, as Ray Tune does in its results.
NOT_COMPARED = {
    "_runtime",
    "_timestamp",
    "date",
    "pid",
    "train/total_flos",
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "trial_id",
}


def timed(name: str) -> bool:
    """Whether a value says how fast it ran, or where."""
    last = name.replace(".", "/").rpartition("/")[2]
    return (
        last in NOT_COMPARED
        or last.endswith(("runtime", "_per_sec", "sha256", "path", "_time", "fps", "time_elapsed", "time"))
        or "random" in name
        or last == "dur"
        or "time_" in last
        or "speed" in last
        or "per_second" in last
        or "/times." in name
    )


@dataclass
class Outcome:
    """What came of one program with one client."""

    code: int | str = 0
    error: str = ""
    runs: list[dict[str, Any]] = field(default_factory=list)


def tree_of(run: StoredRun) -> dict[str, Any]:
    """What is compared of a run."""
    rows = without_texts(run.history)
    summary = {key: value for key, value in run.summary.items() if key != "_wandb" and not of_add_text(key)}
    if rows and any(map(of_add_text, run.summary)):
        summary["_step"] = rows[-1]["_step"]  # which each row of texts counts on
    return {
        "config": run.config,
        "rows": rows,
        "summary": summary,
        "charts": {key: run.wandb_config.get(key) for key in ("visualize", "viz")},
        "definitions": len(run.wandb_config.get("m", ())),
        "artifacts": sorted(f"{artifact.type}: {len(artifact.files)}" for artifact in run.logged_artifacts),
        "state": run.state,
    }


def of_add_text(name: str) -> bool:
    """Whether a value is a text of `SummaryWriter.add_text`: the official SDK leaves them out."""
    return name.endswith("/text_summary")


def without_texts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without those texts, and without rows of nothing else: the steps of the others as if these had not been."""
    kept: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        rest = {key: value for key, value in row.items() if not of_add_text(key)}
        if rest == row or rest.keys() - {"_step", "_timestamp", "_runtime", "global_step"}:
            kept.append({**rest, "_step": row["_step"] - (number - len(kept))})
    return kept


def run_with(client: str, program: str) -> Outcome:
    """Run a program in a folder of its own, which goes when it is over, with what the program leaves for others."""
    # Ray's workers and the official SDK's process may still write there as it goes.
    with tempfile.TemporaryDirectory(prefix=f"{program}-{client}-", ignore_cleanup_errors=True) as made:
        return run_in(os.path.realpath(made), client, program)


def run_in(folder: str, client: str, program: str) -> Outcome:
    """Run a program in a folder: what the server has of it."""
    kept = without("WANDB_", "NETRC")
    found_first = [FOLDER, str(HERE.parents[1])] if client == "compat" else []
    if program in WITHOUT_TENSORFLOW:
        found_first.append(hidden("tensorflow", folder))
    path = {"PYTHONPATH": os.pathsep.join(found_first)}
    temporary = Path(folder, "t")  # short: Ray puts sockets there, whose names may have 107 characters
    temporary.mkdir()
    quiet = {
        "HOME": folder,
        "TMPDIR": str(temporary),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
        "TQDM_DISABLE": "1",
        "WANDB_SILENT": "true",
    }
    offline = {"HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0", "TOKENIZERS_PARALLELISM": "false"}
    with LocalServer() as server:
        server.entities.update(filter(None, [TEAMS.get(program)]))
        try:
            done = subprocess.run(
                [sys.executable, str(PROGRAMS / f"{program}.py")],
                cwd=folder,
                env={**kept, **quiet, **offline, **server.env(), **path},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(f"more than {PATIENCE} s")
        trees = json.dumps([tree_of(run) for run in server.runs]).replace(folder, "FOLDER")
        return Outcome(done.returncode, done.stderr, json.loads(trees))


def hidden(module: str, folder: str) -> str:
    """A folder that makes a module one that is not installed, where it comes first on the path."""
    made = Path(folder, "hidden")
    made.mkdir()
    (made / f"{module}.py").write_text(f"raise ImportError('{module} is hidden')\n", encoding="utf-8")
    return str(made)


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All (path, value) of a tree."""
    items = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    if not items or tree in ({}, []):
        yield path, tree
    for key, value in items:
        yield from leaves(value, f"{path}/{key}" if path else str(key))


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same but for rounding."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and isinstance(a, bool) == isinstance(b, bool):
        return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7) or (a != a and b != b)
    if isinstance(a, str) and isinstance(b, str) and "0x" in a + b:  # an object's address
        return a.partition("0x")[0] == b.partition("0x")[0]
    return bool(a == b)


def differences(theirs: Outcome, ours: Outcome) -> dict[str, tuple[Any, Any]]:
    """Where the runs of both differ: path -> their value and ours."""
    left, right = dict(leaves(theirs.runs)), dict(leaves(ours.runs))
    found = {path: (left.get(path, "-"), right.get(path, "-")) for path in {**left, **right} if not timed(path)}
    # The official SDK leaves out empty mappings of a config.
    return {path: pair for path, pair in found.items() if not same(*pair) and pair != ("-", {})}


def verdict(theirs: Outcome, ours: Outcome) -> str:
    """What the table says."""
    if theirs.code:
        return f"does not run with the official SDK here: {last_line(theirs)}"
    if ours.code:
        return f"does not run: {last_line(ours)}"
    found = differences(theirs, ours)
    if not found:
        return "the same rows, keys, steps, config, charts and artifacts"
    kinds = sorted({path.split("/", 2)[1] for path in found if "/" in path} or {"runs"})
    shown = ", ".join(f"`{path.split('/', 1)[-1]}`" for path in sorted(found)[:3])
    return f"differs in {', '.join(kinds)} ({len(found)}: {shown})"


def last_line(outcome: Outcome) -> str:
    """What a program ended with."""
    lines = [line for line in outcome.error.strip().splitlines() if "Error" in line] or [str(outcome.code)]
    return lines[-1][:120].replace("|", "/")


def sentence(program: str) -> str:
    """What a program is, by its docstring."""
    return ast.get_docstring(ast.parse((PROGRAMS / f"{program}.py").read_text(encoding="utf-8"))) or program


def version(distribution: str) -> str | None:
    """The installed one; None if there is none."""
    for name in (distribution, f"{distribution}-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return None


def write(lines: Mapping[str, str]) -> None:
    """Put lines into the table of the page; those of other programs stay."""
    kept = {line.split("|")[1].strip(): line for line in PART.text.splitlines() if line.startswith("| ")}
    head = ["| what | version | on | with `compat` |", "|---|---|---|---|"]
    kept = {key: line for key, line in kept.items() if key != "what"}
    kept.update({line.split("|")[1].strip(): line for line in lines.values()})
    PART.write("\n".join([*head, *(kept[key] for key in sorted(kept, key=str.lower))]))


def main() -> int:
    """Run what was asked for; 1 if something of it is not installed, does not run, or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="*")
    parser.add_argument("--write", action="store_true", help="write the table in the documentation")
    parser.add_argument("--verbose", action="store_true", help="print each difference")
    asked = parser.parse_args()
    wrong = 0
    for program in asked.program or sorted(FRAMEWORKS):
        installed = version(FRAMEWORKS[program])
        if installed is None:
            print(f"{program}: {FRAMEWORKS[program]} is not installed")
            wrong += program in asked.program
            continue
        theirs, ours = run_with("official", program), run_with("compat", program)
        said = verdict(theirs, ours)
        same_here = said.startswith("the same")
        wrong += not same_here
        print(f"{program} ({installed}): {said}", flush=True)
        if asked.verbose or not same_here:
            for path, (a, b) in sorted(differences(theirs, ours).items()):
                print(f"    {path}: {json.dumps(a, default=str)[:150]} / {json.dumps(b, default=str)[:150]}")
            print(*ours.error.splitlines()[-12:], sep="\n")
        today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
        if asked.write:  # each at once: all of them take long
            write({program: f"| {sentence(program).rstrip('.')} | {installed} | {today} | {said} |"})
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
