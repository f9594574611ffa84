"""One command per check, the same for a person and for CI.

nox -s quick          what a change of one room breaks, in under a minute; what follows `--` goes to pytest
nox -s tests-3.9      the test suite on one interpreter, in an environment of its own
nox -s coverage-3.11  the same, and which lines of the package they run: takes them half as long again
nox -s thorough       what takes long and tells little that the tests have not asked: before a release
nox -s arrays         the tests of jax, TensorFlow and PyTorch, in an environment of its own; `-- jax` of one alone
nox -s page           the page of runs in Chromium; `-- --pictures` takes those of the docs anew
nox -s frameworks     programs of frameworks with the official SDK and with compat, compared; writes a table
nox -s frameworks-fast  those of them that install in under a minute, in an environment of their own; writes nothing
nox -s launchers      programs started by the real torchrun, srun, mpirun, Ray ...: what came of it, as a table
nox -s lint           ruff, and its formatter as a check
nox -s types          mypy
nox -s docs           the documentation, warnings being errors
nox -s house          the figures of how the package is drawn: files, floors, arrows, circles

`tests`, `coverage`, `arrays` and `page` skip interpreters that are not installed. The others run in the environment
that nox itself was installed in, which `pip install -e '.[dev]'` fills.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

HERE = Path(__file__).parent

nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "quick"]

# 3.15 is not in the classifiers: not all that the tests import has wheels for it.
INTERPRETERS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]

# Tests that start whole programs, or the official SDK, or hours of weather: they say what the package promises, and
# take minutes. `quick` leaves them out, and what is marked slow or not_quick.
LONG = [f"tests/{name}" for name in ("contract", "docs", "promises", "robustness", "supervise", "test_benchmarks.py")]
LONG.append("tests/compat/test_install.py")


@nox.session(venv_backend="none")
def quick(session: nox.Session) -> None:
    """Run the tests of the rooms, on all cores, with few examples of each rule."""
    leave_out = [f"--ignore={path}" for path in LONG]
    options = [
        "-q",
        "-n",
        "auto",
        "-m",
        "not slow and not not_quick and not contract and not arrays",
        "--hypothesis-profile=quick",
    ]
    command = [sys.executable, "-m", "pytest", *options, *leave_out, "--durations=5", *session.posargs]
    session.run(*command, env={"PYTHONDONTWRITEBYTECODE": ""})  # else each program compiles the package anew


@nox.session(python=INTERPRETERS)
def tests(session: nox.Session) -> None:
    """Run the test suite. What follows `--` goes to pytest."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=INTERPRETERS)
def coverage(session: nox.Session) -> None:
    """Run the test suite and say which lines of the package it ran, in the processes that it starts, too.

    Not by the interpreter's own events, which would be faster (COVERAGE_CORE=sysmon, from Python 3.12 on): coverage
    then takes a lock with each call, and a child that is forked meanwhile waits for it without end.
    """
    session.install("-e", ".[test]")
    session.run("python", "-m", "coverage", "run", "-m", "pytest", *session.posargs)
    session.run("python", "-m", "coverage", "combine", "-q")
    session.run("python", "-m", "coverage", "report")


@nox.session(venv_backend="none")
def thorough(session: nox.Session) -> None:
    """Run what the test suite skips for its length: all idioms and scripts with the official SDK and with compat.

    The test suite compares the two by fewer and larger programs. This one is for a release, and for who changes compat.
    """
    session.run(sys.executable, "-m", "pytest", "-n", "auto", "-m", "thorough", *session.posargs)


@nox.session(python="3.12")
def arrays(session: nox.Session) -> None:
    """Run the tests of arrays with the packages named behind `--`: by default all."""
    packages = session.posargs or ["jax", "tensorflow-cpu", "torch"]
    session.install("-e", ".[media,testing]", "hypothesis", *packages)
    files = ["tests/promises/test_arrays.py", "tests/promises/test_processes.py"]
    session.run("python", "-m", "pytest", "-m", "arrays", *files, env={"TF_CPP_MIN_LOG_LEVEL": "3"})
    if any(package.startswith("torch") for package in packages):
        # By itself: what compiles a model ends the process where TensorFlow or jax is loaded.
        session.run("python", "-m", "pytest", "-m", "arrays", "tests/compat/test_watch.py")


@nox.session(python="3.11")
def page(session: nox.Session) -> None:
    """Look at the page of runs in Debian's chromium, by its chromium-driver. What follows `--` goes to pytest."""
    session.install("-e", ".[test]", "selenium>=4.20")
    session.run("python", "-m", "pytest", "tests/page/browser", "-m", "browser", *session.posargs)


@nox.session(python="3.11")
def frameworks(session: nox.Session) -> None:
    """Run the frameworks' programs, or those named behind `--`, write what comes of them, and run the pages on them."""
    packages = (HERE / "tests" / "frameworks" / "requirements.txt").read_text(encoding="utf-8").split()
    session.install("-e", ".[test]", *packages)
    session.run("python", "-m", "tests.frameworks", "--write", *session.posargs, success_codes=[0, 1])
    session.run(
        "python", "-m", "pytest", "-W", "ignore", "tests/docs/test_code_blocks.py", "-k", "howto and frameworks"
    )


# Program of `tests/frameworks` -> what it needs. CatBoost, Keras and Ray take longer, and PyTorch is too large.
FAST = {
    "lightgbm_callback": "lightgbm",
    "optuna_callback": "optuna-integration",
    "xgboost_callback": "xgboost-cpu",
}


@nox.session(name="frameworks-fast")
def frameworks_fast(session: nox.Session) -> None:
    """Compare what installs in under a minute with the official SDK; fails where something differs."""
    lines = (HERE / "setup.cfg").read_text(encoding="utf-8").splitlines()
    official = [line.strip() for line in lines if line.strip().startswith("wandb==")]
    # What these packages hold is compiled as it is imported: of most nothing is, and pip would take longer than them.
    session.install("--no-compile", "-e", ".[testing]", official[0], *FAST.values())
    session.run("python", "-m", "tests.frameworks", *FAST)


@nox.session(python="3.11")
def launchers(session: nox.Session) -> None:
    """Start programs with real launchers: SLURM and MPI are the system's. Names behind `--` choose some."""
    packages = ["torch", "accelerate", "lightning", "joblib", "ray[train,tune]", "dask[distributed]", "pyspark"]
    session.install("-e", ".[testing]", *packages)
    session.run("python", "-m", "tests.launchers", *session.posargs)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Look for what ruff finds, and for what its formatter would change."""
    session.run(sys.executable, "-m", "ruff", "check")
    session.run(sys.executable, "-m", "ruff", "format", "--check")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Check the types."""
    session.run(sys.executable, "-m", "mypy")


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build."""
    session.run(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build")


@nox.session(venv_backend="none")
def house(session: nox.Session) -> None:
    """Print how the package is drawn."""
    session.run(sys.executable, "-m", "tests.house")
