"""Promises of the documentation that its code blocks alone do not show: worked examples, and whole recipes."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, fences, save_files
from tests.patience import PATIENCE
from tests.ports import free_port
from wandb_logging._journal.seal import unseal
from wandb_logging.testing import LocalServer


def test_every_sealed_line_of_the_journal_page_has_the_right_checksum() -> None:
    """Whoever writes a reader from the page can try it on the page's own examples."""
    lines = re.findall(r'^\{.*"crc":.*\}$', (DOCS / "journal.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        assert unseal(line.encode()) is not None, line


def test_every_section_of_the_protocol_that_code_cites_is_there() -> None:
    """A comment that says "protocol 4.6" sends its reader to a section with that number."""
    numbers = set(re.findall(r"^#+ ([\d.]+?)\.? ", (DOCS / "protocol.md").read_text(encoding="utf-8"), re.MULTILINE))
    cited = {
        (path.name, number)
        for path in (ROOT / "wandb_logging").rglob("*.py")
        for number in re.findall(r"\bprotocol (\d+(?:\.\d+)?)", path.read_text(encoding="utf-8"))
    }
    assert len(cited) > 20
    assert {item for item in cited if item[1] not in numbers} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT], ids=lambda page: str(page.name))
def test_links_lead_somewhere(page: Path) -> None:
    """The pages that are read where they lie link to files that are there; those of docs/ Sphinx looks after."""
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_notice_in_the_reference_is_one_that_the_code_gives() -> None:
    """What a person reads on their screen is what the page explains."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "wandb_logging").rglob("*.py"))
    said = re.sub(r'"\n\s*f?"', "", sources)  # adjacent strings are one
    table = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8").partition("## Exceptions")[0]
    notices = [notice.strip("`") for notice in re.findall(r"^\| (`.*?`+) \|", table, re.MULTILINE)]
    assert len(notices) > 10
    for notice in notices:
        for part in re.split(r"\.\.\.|\bN\b", notice):
            assert part.strip(" ()") in said, notice


def test_every_test_that_a_page_names_is_there() -> None:
    """Who wants to see how a promise is tried finds it under the name that stands on the page."""
    named = {
        (page.name, path, name)
        for page in PAGES
        for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::\w+)*::(\w+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    assert [
        item
        for item in sorted(named)
        if not (ROOT / item[1]).is_file()
        or not re.search(rf"(def|class) {item[2]}\b", (ROOT / item[1]).read_text(encoding="utf-8"))
    ] == []


# --- the tutorial -----------------------------------------------------------------------------------------

# Where a reader's machine differs from the page, which says 8080. Making an environment is what CI does anyway.
PRINTED_ADDRESS = "127.0.0.1:8080"
PREPARATION = ("python3 -m venv ", "source ", "pip install ")
SERVER = "python -m wandb_logging.testing "
LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Reader:
    """Somebody who does what a page says: saves its files, types its commands, compares what they print."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {**os.environ, "PATH": self.path, "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}

    def follow(self, page: str) -> None:
        save_files(page)
        for _, language, text in fences(page):
            if language == "bash":
                for command in text.splitlines():
                    self.type(command, None)
            elif language == "console":
                for command, expected in re.findall(r"^\$ (.*\n)((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                    self.type(command.strip(), expected)

    def type(self, command: str, expected: str | None) -> None:
        if command.startswith(PREPARATION):
            return
        if command.startswith("export "):
            name, _, value = command[len("export ") :].partition("=")
            self.environment[name] = self.here(value)
            return
        if command.startswith(SERVER):
            self.server.api_key = command.partition("--key ")[2]
            self.server.add_key(self.server.api_key)
            self.server.start()
            return
        shell = ["bash", "-c", self.here(command)]
        done = subprocess.run(shell, capture_output=True, env=self.environment, timeout=PATIENCE, check=False)
        printed = (done.stdout + done.stderr).decode().replace(self.address, PRINTED_ADDRESS)
        if expected is not None:
            alike = doctest.OutputChecker().check_output(expected, printed, LOOSELY)
            assert alike, f"$ {command}\nThe page says:\n{expected}\nIt printed:\n{printed}"

    @property
    def address(self) -> str:
        return self.server.url.partition("://")[2]

    def here(self, text: str) -> str:
        return text.replace(PRINTED_ADDRESS, self.address)


@pytest.mark.skipif(sys.platform == "win32", reason="the tutorial's commands are a POSIX shell's")
def test_the_tutorial_does_what_it_says() -> None:
    """A reader who types what the tutorial says sees what it says."""
    server = LocalServer(port=free_port())
    try:
        Reader(server).follow((DOCS / "tutorial.md").read_text(encoding="utf-8"))
    finally:
        server.stop()
    assert [(run.id, run.state, len(run.history)) for run in server.runs] == [
        ("first", "finished", 20),
        ("second", "finished", 20),
        ("crashed", "failed", 5_432),
    ]
    assert server.violations == []
    assert list(Path("wandb_cache").glob("*")) == []
