"""Small things that public scripts do, run with the official SDK and with `compat`: which of them come out the same.

    python -m tests.contract.idioms                          all of idioms.txt
    python -m tests.contract.idioms "a table" "save a file"  some
    python -m tests.contract.idioms --write                  and the table in docs/reference/compat.md

An idiom that the official SDK does not do (it raises, or what it needs is not installed) is not counted.
`test_compat_idioms.py` holds them to what is listed here.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.contract.twins import definitions, differences
from tests.surroundings import without
from tests.written import Passage
from wandb_logging.compat._install import FOLDER
from wandb_logging.testing import LocalServer, StoredArtifact, StoredRun

HERE = Path(__file__).parent
PATIENCE = 1200  # seconds for all of them with one client
PART = Passage("reference/compat.md", "idioms")
CLIENTS = ("official", "compat")
TIMES = {"_timestamp", "_runtime", "_wandb"}
STANDARD = {
    "config.yaml",
    "wandb-metadata.json",
    "wandb-summary.json",
    "requirements.txt",
    "output.log",
    "conda-environment.yaml",
}

# What the official SDK makes of each run beside what is compared, a third of its time.
WITHOUT_MORE = {
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_X_DISABLE_MACHINE_INFO": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
    "WANDB_DISABLE_GIT": "true",
}

# Those that come out otherwise, and why.
DIFFERENT = {
    "a large array in the summary": "it is a histogram there, as in a row; the official SDK writes quantiles",
    "an image list with captions of old": "the file's name has the step of its row, not of the row before",
    "an image of floats": "numbers from 0 to 1 go from black to white; the official SDK's image is black",
    "commit=True with a step": "a row of a step that is over is kept; the official SDK drops it",
    "log_code": "the artifact is named after the program, also where the official SDK says `None`",
}


def idioms() -> dict[str, str]:
    """Name -> source."""
    parts = re.split(r"^## (.*)\n", (HERE / "idioms.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


# What runs in the process of one client: each idiom in a folder and a project of its own.
RUNNER = """
import argparse, json, math, os, sys, traceback
from pathlib import Path
import numpy as np
import wandb

top = Path.cwd()
given = json.loads(Path("idioms.json").read_text())
said = {}
for number, (name, source) in enumerate(given.items()):
    (top / str(number)).mkdir()
    os.chdir(top / str(number))
    os.environ["WANDB_PROJECT"] = f"idiom-{number}"
    wandb.teardown()  # which has the official SDK read its environment again
    scope = {"argparse": argparse, "json": json, "math": math, "os": os, "sys": sys, "Path": Path, "np": np}
    scope.update({"wandb": wandb, "__name__": "idiom"})
    try:
        exec(compile(source, f"<{name}>", "exec"), scope)
        said[name] = {"error": None, "result": json.loads(json.dumps(scope.get("result"), default=str))}
    except BaseException as error:
        said[name] = {"error": f"{type(error).__name__}: {error}"[:300], "result": None}
        traceback.print_exc()
    try:
        if name != "teardown":
            wandb.finish()
    except BaseException as error:
        said[name]["error"] = said[name]["error"] or f"finish: {type(error).__name__}: {error}"[:300]
    os.chdir(top)
    print(name, flush=True)
    (top / "said.json").write_text(json.dumps(said))
"""


@dataclass
class Outcome:
    """What came of one idiom with one client."""

    error: str | None
    result: Any
    runs: list[dict[str, Any]]


def run_with(client: str, given: Mapping[str, str]) -> dict[str, Outcome]:
    """Run idioms with a client, in one process."""
    kept = without("WANDB_", "NETRC")
    path = {"PYTHONPATH": FOLDER} if client == "compat" else {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, LocalServer() as server:
        Path(folder, "idioms.json").write_text(json.dumps(given), encoding="utf-8")
        Path(folder, "train.py").write_text(RUNNER, encoding="utf-8")
        with Path(folder, "log").open("wb") as log:
            subprocess.run(
                [sys.executable, "-W", "ignore", "train.py"],
                cwd=folder,
                env={**kept, **WITHOUT_MORE, **server.env(), **path, "HOME": folder, "MPLBACKEND": "Agg"},
                stdout=log,
                stderr=log,
                timeout=PATIENCE,
                check=False,
            )
        made = Path(folder, "said.json")
        said = json.loads(made.read_text(encoding="utf-8")) if made.exists() else {}
        if "IDIOMS_LOG" in os.environ:
            Path(os.environ["IDIOMS_LOG"] + client).write_bytes(Path(folder, "log").read_bytes())
        found = {}
        for number, name in enumerate(given):
            runs = [tree_of(run) for run in server.runs if run.project == f"idiom-{number}"]
            word = said.get(name, {"error": "the process ended before", "result": None})
            found[name] = Outcome(word["error"], word["result"], runs)
    return found


def tree_of(run: StoredRun) -> dict[str, Any]:
    """What is compared of a run."""
    return plain(
        {
            "about": [run.notes, sorted(run.tags), run.group, run.job_type, run.state, run.exit_code],
            "config": {key: value for key, value in run.config.items() if value != {}},
            "rows": [{key: value for key, value in row.items() if key not in TIMES} for row in run.history],
            "summary": {key: value for key, value in run.summary.items() if key not in TIMES},
            "charts": run.wandb_config.get("visualize"),
            "definitions": dict(definitions(run.wandb_config.get("m", []))),
            "files": sorted(name for name in run.files if name not in STANDARD and not name.startswith("media/")),
            "media": sorted(re.sub(r"_[0-9a-f]{20}", "", name) for name in run.files if name.startswith("media/")),
            "alerts": [[alert.get("title"), alert.get("text")] for alert in run.alerts],
            "artifacts": sorted(
                [
                    artifact.type,
                    re.sub(run.id, "ID", artifact.name),
                    sorted(set(artifact.aliases)),
                    digest_of(artifact),
                    artifact.metadata,
                    artifact.description,
                ]
                for artifact in run.logged_artifacts
            ),
            "used": sorted(artifact.name for artifact in run.used_artifacts),
        },
        run.id,
    )


def digest_of(artifact: StoredArtifact) -> str | None:
    """The digest of an artifact, unless a name in it is made of an object's address, as those of joined tables are."""
    return None if any(re.match(r"t\d_\d{6,}", name) for name in artifact.entries) else artifact.digest


def plain(tree: Any, run_id: str) -> Any:
    """A tree without what is random in it."""
    text = json.dumps(tree, default=str)
    text = re.sub(r"wandb-client-artifact://\w+", "wandb-client-artifact://ID", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x", text)
    text = re.sub(r"(run-\w+-\w+)-[\w-]{6}(?=:v\d)", r"\1", text)  # of a key with signs that a name has not
    return json.loads(text.replace(run_id, "ID"))


_text_of = partial(json.dumps, sort_keys=True)


def found_different(theirs: Outcome, ours: Outcome) -> list[str]:
    """Where they differ, in words."""
    if ours.error:
        return [ours.error]
    if len(theirs.runs) != len(ours.runs):
        return [f"{len(theirs.runs)} runs / {len(ours.runs)}"]
    # Which of two runs the server heard of first is chance.
    said = ({"result": each.result, "runs": sorted(each.runs, key=_text_of)} for each in (theirs, ours))
    found = differences(*said)
    return [f"{path}: {str(a)[:150]} / {str(b)[:150]}" for path, (a, b) in sorted(found.items())]


def compared(given: Mapping[str, str]) -> tuple[list[str], dict[str, list[str]]]:
    """Those that the official SDK does, and of these, where `compat` comes out otherwise."""
    theirs, ours = (run_with(client, given) for client in CLIENTS)
    done = [name for name in given if theirs[name].error is None]
    for name in given.keys() - set(done):
        print(f"not counted: {name}: {theirs[name].error}")
    return done, {name: found for name in done if (found := found_different(theirs[name], ours[name]))}


def write(done: Sequence[str], wrong: Mapping[str, Sequence[str]]) -> None:
    """Put the figures into the page."""
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    version = importlib.metadata.version("wandb")
    said = f"Of {len(done)} idioms that the official SDK {version} does, {len(done) - len(wrong)} come out the same"
    lines = [f"{said} ({today}). The others:", "", "| idiom | what is different |", "|---|---|"]
    lines += [f"| {name} | {DIFFERENT.get(name) or wrong[name][0].replace('|', '/')} |" for name in sorted(wrong)]
    PART.write("\n".join(lines))


Compared = tuple[list[str], dict[str, list[str]]]


def main(
    description: str | None,
    compare: Callable[[Sequence[str]], Compared],
    write: Callable[[Sequence[str], Mapping[str, Sequence[str]]], object],
    different: Mapping[str, str],
) -> int:
    """Run those that are named, or all, and print what is different; 1 if that is more than is listed."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    done, wrong = compare(asked.name)
    for name, found in wrong.items():
        print(f"{name}:", *found[:12], sep="\n    ")
    print(f"{len(done) - len(wrong)} of {len(done)}")
    if asked.write:
        write(done, wrong)
    return int(bool(wrong.keys() - different.keys()))


def _compared(names: Sequence[str]) -> Compared:
    return compared({name: source for name, source in idioms().items() if not names or name in names})


if __name__ == "__main__":
    sys.exit(main(__doc__, _compared, write, DIFFERENT))
