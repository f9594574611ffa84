"""The three commands of the page about legacy programs, typed for a trainer, a booster and a solver in C."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from wandb_logging import read_runs

if os.name == "nt":
    pytest.skip("run needs a POSIX system", allow_module_level=True)

from tests.supervise.programs import environment

NANOGPT = """
print("number of parameters: 0.10M")
for i in range(8):
    if i % 4 == 0:
        print(f"step {i}: train loss {4 - i / 10:.4f}, val loss {4.1 - i / 10:.4f}")
    print(f"iter {i}: loss {4 - i / 10:.4f}, time {700 + i:.2f}ms, mfu {i / 8:.2f}%", flush=True)
"""
XGBOOST = """
import sys
sys.stderr.write("[10:00:00] WARNING: src/learner.cc:740: Parameters: { \\"silent\\" } are not used.\\n")
for i in range(8):
    print(f"[{i}]\\ttrain-logloss:{0.69 - i / 100:.5f}\\tvalid-logloss:{0.7 - i / 100:.5f}")
"""
SOLVER = """
#include <stdio.h>
int main(void) {
    double residual = 1.0;
    printf("Reading mesh ... 12084 cells\\n   iter    residual      cfl   time\\n");
    for (int i = 1; i <= 8; i++) {
        residual /= 2;
        printf("%7d  %.4e  %7.1f  %4.1fs\\n", i, residual, 0.5, i / 10.0);
    }
    printf("converged after 8 iterations\\n");
    return 0;
}
"""


def typed(*command: str) -> str:
    program = [sys.executable, "-m", "wandb_logging", *command]
    done = subprocess.run(program, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def three_commands(program: list[str]) -> list[dict[str, float]]:
    """What the program prints once, then `mine`, `suggest` and `run`; the rows of the run by their steps."""
    log = subprocess.run(program, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    Path("train.log").write_text(log)
    assert "rule 0" in typed("mine", "train.log")
    Path("rules.yaml").write_text(typed("suggest", "train.log"))
    assert typed("run", "--project", "legacy", "--mode", "offline", "--rules", "rules.yaml", "--", *program) == log
    (run,) = read_runs("wandb_cache")
    assert run.exit_code == 0
    assert [line.partition(" ")[2] for line in run.lines if not line.startswith("ERROR")] == log.splitlines()
    return run.rows


def test_a_trainer() -> None:
    """Lines as nanoGPT prints them: each step a row, with the losses of training and validation."""
    rows = three_commands([sys.executable, "-c", NANOGPT])
    assert [(row["_step"], row["loss"]) for row in rows] == [(i, 4 - i / 10) for i in range(8)]
    assert [(row["_step"], row["val loss"]) for row in rows if "val loss" in row] == [(0, 4.1), (4, 3.7)]


def test_a_booster() -> None:
    """Lines as XGBoost prints them, beside a warning on stderr."""
    rows = three_commands([sys.executable, "-c", XGBOOST])
    assert [(row["_step"], row["valid-logloss"]) for row in rows] == [(i, round(0.7 - i / 100, 5)) for i in range(8)]


def test_a_solver_in_c() -> None:
    """A table that a C program prints into a pipe, where it comes all at once."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    Path("solver.c").write_text(SOLVER)
    subprocess.run([compiler, "solver.c", "-o", "solver"], check=True, timeout=PATIENCE)
    rows = three_commands(["./solver"])
    assert [(row["_step"], row["residual"]) for row in rows] == [(i, float(f"{0.5**i:.4e}")) for i in range(1, 9)]
