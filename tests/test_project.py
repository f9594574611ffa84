"""What the project promises about itself: its one public door, who may import whom, what it depends on."""

from __future__ import annotations

import ast
import configparser
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wandb_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wandb_logging"

# A room may import those above it, never one below. A new room gets a line here, above all that will use it.
ROOMS = [
    "_version",
    "_errors",
    "_zlib",
    "_report",
    "_values",
    "_metrics",
    "_secrets",
    "_settings",
    "_autoresume",
    "_yaml",
    "_environment",
    "_locks",
    "_journal",
    "_reader",
    "_cursor",
    "_keep",
    "_identity",
    "_rundir",
    "_bound",
    "_verify",
    "_repair",
    "_memory",
    "_artifacts",
    "_media",
    "_alerts",
    "_terminal",
    "_fold",
    "_records",
    "_standard_files",
    "_save",
    "_protocol",
    "_body",
    "_artifact_protocol",
    "_read",
    "_auth",
    "_client",
    "_login",
    "_notices",
    "_retry",
    "_link",
    "_stream",
    "_batch",
    "_files",
    "_opening",
    "_artifact_upload",
    "_artifact_download",
    "_tasks",
    "_uploader",
    "_recover",
    "_turns",
    "_listener",
    "_capture",
    "_system",
    "_exit",
    "_summary",
    "_place",
    "_background",
    "_run",
    "_handler",
    "_sync",
    "_cli",
    "compat",
    "testing",
    "__init__",
    "__main__",
]

# What only one room may import, so that replacing it changes one file.
SOLE_IMPORTERS = {
    "requests": {"_client"},
    "tenacity": {"_retry"},
    "isal": {"_zlib"},
    "netrc": {"_auth"},
    "orjson": {"_values"},
}

# Names under which a distribution is imported, where they are not its own.
IMPORT_NAMES = {
    "graphql-core": "graphql",
    "PyYAML": "yaml",
    "nvidia-ml-py": "pynvml",
    "pillow": "PIL",
    "python-json-logger": "pythonjsonlogger",
}


def room_of(path: Path) -> str:
    """The room a file belongs to: its module, or its folder."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@cache
def imports_of(path: Path) -> frozenset[str]:
    """The full names of the modules and members that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def rooms_imported(path: Path) -> Iterator[str]:
    """The rooms of ours that a file imports. Taking a public name from the package counts as `__init__`."""
    for name in imports_of(path):
        if name.split(".")[0] == PACKAGE.name:
            room = [*name.split("."), "__init__"][1]
            yield room if room in ROOMS or room.startswith("_") else "__init__"


class TestTheDoor:
    def test_what_is_listed_can_be_imported(self) -> None:
        """Each name in `__all__` exists, once."""
        assert len(set(wandb_logging.__all__)) == len(wandb_logging.__all__)
        assert [name for name in wandb_logging.__all__ if not hasattr(wandb_logging, name)] == []

    def test_what_is_not_listed_cannot(self) -> None:
        """A name of ours without an underscore is public, so there is none beside those in `__all__`."""
        ours = {
            name
            for name, value in vars(wandb_logging).items()
            if not name.startswith("_") and getattr(value, "__module__", "").startswith(PACKAGE.name)
        }
        assert ours - set(wandb_logging.__all__) == set()
        assert set(dir(wandb_logging)) == set(wandb_logging.__all__)

    def test_modules_are_private(self) -> None:
        """Besides the package itself only `compat` and `testing` are public modules."""
        assert {room_of(path) for path in sources() if not room_of(path).startswith("_")} == {"compat", "testing"}

    def test_version_is_the_one_file(self) -> None:
        """`wandb_logging.__version__` is what the distribution is built with."""
        line = (PACKAGE / "_version.py").read_text(encoding="utf-8").splitlines()[-1]
        assert line == f'__version__ = "{wandb_logging.__version__}"'


class TestRooms:
    @pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
    def test_imports_point_down_the_list(self, path: Path) -> None:
        """A room imports only rooms above it, so that each can be read knowing only those."""
        room = room_of(path)
        assert room in ROOMS, f"{room} is a new room: give it its place in ROOMS, in {Path(__file__).name}"
        above = ROOMS[: ROOMS.index(room) + 1]
        wrong = sorted(set(rooms_imported(path)) - set(above))
        assert wrong == [], f"{path.name} imports {wrong}: what they share belongs in a room above both"

    @pytest.mark.parametrize("module", SOLE_IMPORTERS)
    def test_one_dependency_one_importer(self, module: str) -> None:
        """A dependency that may have to be replaced is known to one room."""
        importers = {room_of(path) for path in sources() if module in {name.split(".")[0] for name in imports_of(path)}}
        assert importers - SOLE_IMPORTERS[module] == set()

    def test_the_environment_is_read_in_one_room(self) -> None:
        """Variables are settings: `_settings` reads them. `_auth` looks up NETRC, `testing` clears what is set."""
        reads = re.compile(r"\bos\.(environ|getenv)\b|from os import .*\b(environ|getenv)\b")
        readers = {room_of(path) for path in sources() if reads.search(path.read_text(encoding="utf-8"))}
        assert readers - {"_settings", "_auth", "testing"} == set()


class TestDependencies:
    def declared(self, *extras: str) -> set[str]:
        config = configparser.ConfigParser()
        config.read(ROOT / "setup.cfg", encoding="utf-8")
        lines = [config["options"]["install_requires"]]
        lines += [config["options.extras_require"][extra] for extra in extras]
        names = re.findall(r"^([\w-]+)", "\n".join(lines), re.MULTILINE)
        return {IMPORT_NAMES.get(name, name) for name in names}

    @pytest.mark.skipif(sys.version_info < (3, 10), reason="sys.stdlib_module_names is new in 3.10")
    def test_imported_is_declared_and_declared_is_imported(self) -> None:
        """setup.cfg lists what the package imports: nothing less, and nothing more."""
        at_hand = {*sys.stdlib_module_names, PACKAGE.name, "typing_extensions"}  # type checkers bring the last
        imported = {name.split(".")[0] for path in sources() for name in imports_of(path)} - at_hand
        assert imported - self.declared("cli", "compat", "fast", "media", "system", "testing") == set()
        assert self.declared() - imported == set()

    def test_importing_is_light(self) -> None:
        """The handler is imported without requests and tenacity: they are most of the time an import would take."""
        code = "import sys; from wandb_logging import WandbHandler; "
        code += "print({'requests', 'urllib3', 'tenacity'} & set(sys.modules))"
        shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert shown.stdout.strip() == "set()"


class TestFiles:
    def test_nothing_names_a_machine(self) -> None:
        """No file holds a path into somebody's home, or the address of a package index."""
        private = re.compile(rb"(?<![\w.])/(?:root|home|Users)/[\w.]+/|py[p]i\.org|python[h]osted\.org")
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
        if listed.returncode:
            pytest.skip("not a git checkout")
        files = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
        found = {
            str(path.relative_to(ROOT)): match.group()
            for path in files
            if path.is_file()
            for match in private.finditer(path.read_bytes())
        }
        assert found == {}

    def test_the_schema_in_the_docs_is_the_settings_schema(self) -> None:
        """Editors complete what `dictConfig` takes: `python -m wandb_logging._settings` writes the file."""
        from wandb_logging import _settings

        kept = json.loads((ROOT / "docs" / "settings.schema.json").read_text(encoding="utf-8"))
        assert kept == _settings.json_schema()
