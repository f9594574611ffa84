"""Each code block of the README and the docs does what it says: it is run, or held against what it names.

Python runs, the blocks of a page one after the other, as a reader would. A configuration that `dictConfig` or
`fileConfig` takes is applied and logged to. Shell commands are checked: that the program, its subcommand, its
options and its files exist. `LocalServer` stands in for W&B throughout.
"""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import io
import json
import logging
import logging.config
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import graphql
import pytest
import yaml
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from tests.docs.pages import PAGES, ROOT, fences, save_files
from wandb_logging import _cli
from wandb_logging.testing import LocalServer

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sybil.example import Example

# What a page may import and this environment need not have: `nox -s frameworks` runs those pages where it has.
FRAMEWORKS = {"keras", "lightgbm", "lightning", "sklearn", "torch", "transformers", "xgboost"}

# Shown, not run: output, pictures, and the lines of a journal's grammar.
PLAIN = {"text"}


# --- configurations ---------------------------------------------------------------------------------------


def apply(configuration: object) -> None:
    """Log through a configuration, if it is a whole one."""
    if isinstance(configuration, dict) and {"version", "handlers"} <= set(configuration):
        logging.config.dictConfig(configuration)
        logging.getLogger("docs").error("a record", extra={"metrics": {"loss": 0.5}})


def run_yaml(example: Example) -> None:
    apply(yaml.safe_load(example.parsed))


def run_toml(example: Example) -> None:
    apply(tomllib.loads(example.parsed))


def run_json(example: Example) -> None:
    apply(json.loads(example.parsed))


def run_jsonl(example: Example) -> None:
    for line in example.parsed.splitlines():
        json.loads(line)


def run_graphql(example: Example) -> None:
    graphql.parse(example.parsed)


def run_ini(example: Example) -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(example.parsed)
    if parser.has_section("loggers"):
        logging.config.fileConfig(parser)
        logging.getLogger("docs").error("a record", extra={"metrics": {"loss": 0.5}})


# --- shell commands ---------------------------------------------------------------------------------------


def run_bash(example: Example) -> None:
    check_script(example.parsed)


def run_console(example: Example) -> None:
    """Check the lines behind a `$ `; the others are output."""
    check_script("\n".join(line[2:] for line in example.parsed.splitlines() if line.startswith("$ ")))


def check_script(script: str) -> None:
    bash = shutil.which("bash")
    if bash is not None:
        subprocess.run([bash, "-n"], input=script, text=True, check=True)
    for line in script.replace("\\\n", " ").splitlines():
        for words in commands_in(line):
            check_command(words)


def commands_in(line: str) -> Iterator[list[str]]:
    """The commands of a line, each as its words, without the variables set in front."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|()"):
            if words:
                yield words
            words = []
        elif words or not re.match(r"\w+=", word):
            words.append(word)


def check_command(words: list[str]) -> None:
    program = Path(words[0]).name
    check = PROGRAMS.get(program)
    assert check is not None, f"{program!r} is new here: say in PROGRAMS how to check it"
    check(words[1:])


def check_our_command(arguments: list[str]) -> None:
    """The subcommand exists, and has the options given."""
    subcommand = [word for word in arguments[:1] if not word.startswith("-")]
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        code = _cli.main([*subcommand, "--help"])
    assert code == 0, f"wandb-logging has no {subcommand}"
    for word in arguments:
        if word.startswith("-"):
            assert word.split("=")[0] in shown.getvalue(), f"wandb-logging {subcommand} has no {word}"


def check_python(arguments: list[str]) -> None:
    """The script is there, or the module is."""
    if arguments[:2] == ["-m", "wandb_logging"]:
        check_our_command(arguments[2:])
    elif arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1]) is not None, f"no module {arguments[1]}"
    else:
        script = arguments[0]
        assert (ROOT / script).is_file() or Path(script).is_file(), f"no script {script}"


def check_pip(arguments: list[str]) -> None:
    """The extras asked for are in setup.cfg."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    for word in arguments:
        named = re.fullmatch(r"(?:\.|wandb-logging)\[([\w,]+)\]", word)
        for extra in named[1].split(",") if named else []:
            assert extra in config["options.extras_require"], f"no extra {extra}"


def check_nox(arguments: list[str]) -> None:
    """The session is in the noxfile."""
    assert arguments[0] == "-s"
    session = arguments[1].split("-")[0]
    assert f"def {session}(" in (ROOT / "noxfile.py").read_text(encoding="utf-8"), f"no session {session}"


def check_nothing(arguments: list[str]) -> None:
    """The shell's own, or a program of everybody's."""


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "wandb-logging": check_our_command,
    "python": check_python,
    "python3": check_python,
    "pip": check_pip,
    "nox": check_nox,
    "run": lambda _arguments: None,  # .ci/run
    **dict.fromkeys(
        ["cd", "export", "flask", "jq", "cat", "grep", "head", "ls", "rm", "rsync", "sed", "kill", "source"],
        check_nothing,
    ),
}


# --- pages ------------------------------------------------------------------------------------------------

RUN: dict[str, Callable[[Example], None]] = {
    "yaml": run_yaml,
    "toml": run_toml,
    "json": run_json,
    "jsonl": run_jsonl,
    "graphql": run_graphql,
    "ini": run_ini,
    "bash": run_bash,
    "console": run_console,
}
SYBIL = Sybil([PythonCodeBlockParser(), *(CodeBlockParser(language, evaluator) for language, evaluator in RUN.items())])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A server that the page's code reaches in place of W&B, with a key that it takes."""
    with LocalServer(entity="my-team") as server:  # the team of all our examples
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        yield server


def run_tests_in(example: Example) -> None:
    """Run the tests that a block shows, as a reader's pytest would."""
    if isinstance(example.parsed, str) and re.search(r"^def test_", example.parsed, re.MULTILINE):
        Path("test_block.py").write_text(example.parsed, encoding="utf-8")
        subprocess.run([sys.executable, "-m", "pytest", "-q", "test_block.py"], check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_block_holds(page: Path, server: LocalServer) -> None:
    """Each code block of the page runs, and makes the server see nothing it objects to."""
    text = page.read_text(encoding="utf-8")
    # `{...}` is a directive of Sphinx's, not code.
    languages = {language for _, language, _ in fences(text) if not language.startswith("{")}
    assert languages - {"python", *RUN} - PLAIN == set(), "no way to check these languages"
    save_files(text)
    document = SYBIL.parse(page)
    document.namespace["the_server"] = server  # for blocks that the reader does not see
    for example in document.examples():
        try:
            example.evaluate()
            run_tests_in(example)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in FRAMEWORKS:
                raise
        except Exception as error:
            raise AssertionError(f"{page.relative_to(ROOT)}, line {example.line}: {error!r}") from error
    logging.shutdown()
    assert server.violations == []


def test_the_readme_example_becomes_a_run(server: LocalServer) -> None:
    """The README's configuration makes one finished run of its two records, at the steps it says."""
    for example in SYBIL.parse(ROOT / "README.md").examples():
        if "dictConfig" in example.parsed:
            example.evaluate()
    logging.shutdown()
    [run] = server.runs
    assert (run.entity, run.project, run.state) == ("my-team", "digits", "finished")
    assert run.config == {"learning_rate": 0.01}
    assert [row["_step"] for row in run.history] == [0, 120]
    assert run.history[0]["val"] == {"acc": 0.97}
