"""One command per check, the same for a person and for CI.

nox -s tests-3.9      the test suite on one interpreter, in an environment of its own
nox -s arrays         the tests of jax, TensorFlow and PyTorch, in an environment of its own; `-- jax` of one alone
nox -s lint           ruff, and its formatter as a check
nox -s types          mypy
nox -s docs           the documentation, warnings being errors

`tests` and `arrays` skip interpreters that are not installed. The other three run in the environment that nox itself
was installed in, which `pip install -e '.[dev]'` fills.
"""

from __future__ import annotations

import sys

import nox

nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"


@nox.session(python=["3.9", "3.10", "3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the test suite. What follows `--` goes to pytest."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python="3.12")
def arrays(session: nox.Session) -> None:
    """Run the tests of arrays with the packages named behind `--`: by default all."""
    packages = session.posargs or ["jax", "tensorflow-cpu", "torch"]
    session.install("-e", ".[media,testing]", "hypothesis", *packages)
    files = ["tests/promises/test_arrays.py", "tests/promises/test_processes.py"]
    session.run("python", "-m", "pytest", "-m", "arrays", *files, env={"TF_CPP_MIN_LOG_LEVEL": "3"})


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
