"""Scripts as people write them, not one character changed: run with the official SDK, and with `compat` in its place.

Each is of the kind that the official SDK's documentation shows: a training loop, one with scikit-learn, one that is
started again.
"""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

from tests.contract.test_official_sdk import execute
from tests.contract.twins import differences, listed, read_back, with_time_to_measure
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.contract

LOOP = """
import random

import wandb

wandb.login()

# Project that the run is recorded to
project = "my-awesome-project"

# Dictionary with hyperparameters
config = {"epochs": 10, "lr": 0.01}

with wandb.init(project=project, config=config, id="r") as run:
    random.seed(1)
    offset = random.random() / 5
    print(f"lr: {config['lr']}")

    # Simulate a training run
    for epoch in range(2, config["epochs"]):
        acc = 1 - 2**-epoch - random.random() / epoch - offset
        loss = 2**-epoch + random.random() / epoch + offset
        print(f"epoch={epoch}, accuracy={acc}, loss={loss}")
        run.log({"accuracy": acc, "loss": loss})

    wandb.run.summary["best_accuracy"] = 0.9
    wandb.run.tags += ("done",)
    wandb.config.update({"finished": True})
"""

SKLEARN = """
import argparse

import wandb
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--penalty", type=float, default=0.5)
args = parser.parse_args()

wandb.init(project="iris", config=args, group="g", job_type="train", notes="n", tags=["sklearn"], id="r")
wandb.define_metric("accuracy", summary="max")
X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

for i in range(1, 4):
    model = LogisticRegression(C=wandb.config.penalty, max_iter=200 * i).fit(X_train, y_train)
    wandb.log({"accuracy": model.score(X_test, y_test), "iterations": i})

rows = [list(row) for row in zip(y_test.tolist(), model.predict(X_test).tolist())]
wandb.log({"predictions": wandb.Table(columns=["truth", "guess"], data=rows), "classes": wandb.Histogram(y_test)})
with open("model.txt", "w") as f:
    f.write(str(sorted(model.get_params())))
artifact = wandb.Artifact("model", type="model", metadata=dict(wandb.config))
artifact.add_file("model.txt")
wandb.log_artifact(artifact, aliases=["best"])
wandb.save("model.txt")
wandb.alert(title="done", text="trained", level=wandb.AlertLevel.INFO)
wandb.finish()
"""

AGAIN = """
import os

import wandb

PROJECT_NAME = "pytorch-resume-run"
CHECKPOINT_PATH = "./checkpoint.txt"
N_EPOCHS = 6

# Initialize a W&B Run
run = wandb.init(project=PROJECT_NAME, id="r", resume=True)
epoch = 0
if wandb.run.resumed:
    with open(CHECKPOINT_PATH) as f:
        epoch = int(f.read()) + 1

while epoch < N_EPOCHS:
    wandb.log({"epoch": epoch, "loss": 1 / (epoch + 1)}, step=epoch)
    with open(CHECKPOINT_PATH, "w") as f:
        f.write(str(epoch))
    wandb.save(CHECKPOINT_PATH)
    if epoch == 2 and not wandb.run.resumed:
        raise SystemExit(1)  # the machine is taken away
    epoch += 1
"""

# Source, and the exit code of each start.
SCRIPTS = {"loop": (LOOP, [0]), "sklearn": (SKLEARN, [0]), "started again": (AGAIN, [1, 0])}

MAY_DIFFER = {
    "*_timestamp": "when it ran",
    "*startedAt": "when it ran",
    "*_runtime": "how fast it ran",
    "*_wandb/runtime": "how fast it ran, in whole seconds",
    "*/disk/*": "what else the machine did meanwhile",
    "*_wandb/cli_version": "each client's own version",
    "*_wandb/t/*": "telemetry of the official SDK",
    "*/codePath*": "we save no code",
    "events/*": "the first sample's names depend on how long it ran",
    "artifacts/*/local_path": "where the file was: of use to nobody else",
    "artifacts/*/skip_cache": "the official SDK's own cache, which we have not",
    "files/output.log": "started again: the official SDK's file has the text since then, ours all of it",
}

SHIM = "import sys\nimport wandb_logging.compat\nsys.modules[__name__] = wandb_logging.compat\n"


def run_of(name: str, client: str, parent: Path) -> dict[str, Any]:
    """All that the server has of a script's run in the end."""
    source, codes = SCRIPTS[name]
    folder = parent / client
    (folder / "path").mkdir(parents=True)
    (folder / "train.py").write_text(source, encoding="utf-8")
    if client == "compat":
        (folder / "path" / "wandb.py").write_text(SHIM, encoding="utf-8")
    with LocalServer() as server:
        for code in codes:
            execute(server, folder, "train.py", code=code, PYTHONPATH=str(folder / "path"))
        tree = read_back(server.run("r"), folder)
        assert [str(violation) for violation in server.violations] == []
    return tree


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_server_has_the_same(name: str, tmp_path: Path) -> None:
    """Key by key, but for what is listed."""
    if name == "sklearn":
        pytest.importorskip("sklearn")
    with ThreadPoolExecutor() as pool:  # most of the time each waits for processes of its own
        theirs, ours = pool.map(
            lambda client: with_time_to_measure(lambda number: run_of(name, client, tmp_path / str(number))),
            ("sdk", "compat"),
        )
    assert len(ours["history"]) >= 4
    found = {path: pair for path, pair in differences(theirs, ours).items() if not listed(path, MAY_DIFFER)}
    assert found == {}
