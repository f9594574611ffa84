"""Charts: what the official SDK and `compat` make of the same calls of `wandb.plot` and of `Table`."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

from tests.contract.test_compat_scripts import MAY_DIFFER
from tests.contract.test_official_sdk import execute
from tests.contract.twins import differences, listed, read_back
from wandb_logging.compat._install import FOLDER
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.contract

CHARTS = """
import wandb

def table():
    return wandb.Table(columns=["x", "y", "kind"], data=[[1, 2.5, "a"], [2, 3.5, "b"]])
with wandb.init(project="p", id="r") as run:
    run.log({"line": wandb.plot.line(table(), "x", "y", stroke="kind", title="lines")})
    run.log({"scatter": wandb.plot.scatter(table(), "x", "y"), "bar": wandb.plot.bar(table(), "kind", "y", title="t")})
    run.log({"of": {"hist": wandb.plot.histogram(table(), "y", split_table=True)}, "loss": 1})
    run.log({"series": wandb.plot.line_series([0, 1, 2], [[1, 2, 3], [4, 5, 6]], keys=["one", "two"], xname="step")})
    run.log({"series2": wandb.plot.line_series([[0, 1], [5, 6]], [[1, 2], [4, 5]], title="each its own")})
    run.log({"matrix": wandb.plot.confusion_matrix(y_true=[0, 1, 1, 2], preds=[0, 1, 2, 2], class_names=list("abc"))})
    run.log({"unnamed": wandb.plot.confusion_matrix(probs=[[0.1, 0.9], [0.8, 0.2]], y_true=[1, 1])})
    run.log({"own": wandb.plot_table("me/spec", table(), {"x": "x"}, {"title": "T"})})
    run.log({"viz": wandb.visualize("panel", table())})
"""

CURVES = """
import wandb

y = [0, 1, 2, 0, 1, 2, 1, 1]
probas = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.4, 0.5, 0.1], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6],
          [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]]
with wandb.init(project="p", id="r") as run:
    run.log({"roc": wandb.plot.roc_curve(y, probas, labels=["a", "b", "c"]), "pr": wandb.plot.pr_curve(y, probas)})
    run.log({"some": wandb.plot.roc_curve(y, probas, classes_to_plot=[1])})
    run.log({"few": wandb.plot.pr_curve(y, probas, interp_size=5)})
"""

TABLES = """
import numpy as np
import wandb

with wandb.init(project="p", id="r") as run:
    table = wandb.Table(columns=["a", "b"])
    table.add_data(1, "x")
    table.add_data(2, "y")
    table.add_column("c", [0.5, 1.5])
    table.add_column("maybe", ["a", None], optional=True)
    table.add_column("d", np.array([3, 4]))
    table.add_computed_columns(lambda index, row: {"twice": row["a"] * 2})
    run.summary["columns"] = [list(table.get_column("a")), table.get_column("c", convert_to="numpy").tolist()]
    run.summary["frame"] = table.get_dataframe().to_dict(orient="list")
    run.summary["rows"] = [row for _, row in table.iterrows()]
    run.log({"table": table})
    run.log({"of arrays": wandb.Table(data=np.arange(6).reshape(3, 2), columns=["p", "q"])})
"""

SCRIPTS = {"charts": CHARTS, "curves": CURVES, "tables": TABLES}


def run_of(name: str, client: str, parent: Path) -> dict[str, Any]:
    """All that the server has of a script's run in the end."""
    folder = parent / client
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPTS[name], encoding="utf-8")
    with LocalServer() as server:
        path = FOLDER if client == "compat" else ""
        execute(server, folder, "train.py", PYTHONPATH=path)
        tree = read_back(server.run("r"), folder)
        assert [str(violation) for violation in server.violations] == []
    return tree


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_server_has_the_same(name: str, tmp_path: Path) -> None:
    """Key by key, but for what is listed."""
    if name == "curves":
        pytest.importorskip("sklearn")
    with ThreadPoolExecutor() as pool:  # most of the time each waits for processes of its own
        theirs, ours = pool.map(lambda client: run_of(name, client, tmp_path), ("sdk", "compat"))
    found = {path: pair for path, pair in differences(theirs, ours).items() if not listed(path, MAY_DIFFER)}
    assert found == {}
