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
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import wandb_logging
from wandb_logging import _errors, _media, compat, testing

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "wandb_logging"

# The floors, from the ground up: what each may import besides itself. A new capability is a room on one of them, or a
# floor with a line here. Every floor may import the ground, `GROUND`.
GROUND = ("_version", "_errors", "_dataclass", "_report", "_collecting", "_wording")
# fmt: off
FLOORS: dict[str, tuple[str, ...]] = {
    "_values": (),
    "_mining": (),
    "_suggesting": ("_mining",),
    "_process": ("_values",),
    "_launch": (),
    "_events": ("_values",),
    "_settings": ("_values", "_mining", "_events"),
    "_journal": ("_values", "_events"),
    "_fold": ("_values", "_mining", "_events"),
    "_records": ("_values", "_mining", "_events", "_settings", "_fold"),
    "_server": ("_values", "_events", "_settings"),
    "_keys": ("_values", "_settings", "_journal", "_server"),
    "_artifacts": ("_values", "_events", "_journal", "_server"),
    "_reading": ("_values", "_events", "_journal", "_fold", "_server"),
    "_api": ("_values", "_server", "_keys", "_artifacts"),
    "_page": ("_values", "_events", "_journal", "_fold", "_reading"),
    "_media": ("_values", "_events", "_journal", "_artifacts"),
    "_sending": (
        "_values", "_process", "_events", "_settings", "_journal", "_fold", "_server", "_keys", "_artifacts",
    ),
    "_carrying": ("_values", "_events", "_journal", "_fold"),
    "_formats": ("_values", "_events", "_journal", "_fold", "_reading"),
    "_editing": ("_values", "_events", "_journal", "_fold", "_reading"),
    "_run": (
        "_values", "_process", "_launch", "_events", "_settings", "_journal", "_fold", "_records", "_server", "_keys",
        "_artifacts", "_reading", "_page", "_media", "_sending", "_carrying", "_formats",
    ),
    "_supervise": ("_values", "_process", "_launch", "_events", "_settings", "_journal", "_formats", "_run"),
    "_cli": (
        "_values", "_mining", "_suggesting", "_settings", "_journal", "_fold", "_server", "_keys", "_reading", "_page",
        "_sending", "_formats", "_editing", "_run", "_supervise",
    ),
    "compat": (
        "_values", "_process", "_events", "_settings", "_server", "_keys", "_artifacts", "_reading", "_api", "_media",
        "_run",
    ),
    "testing": (),
    "__init__": ("_api", "_events", "_settings", "_keys", "_artifacts", "_reading", "_media", "_sending", "_run"),
    "__main__": ("_cli",),
}
# fmt: on

# What only one room may import, so that replacing it changes one file.
SOLE_IMPORTERS = {
    "requests": {"_server/client.py"},
    "tenacity": {"_server/retry.py"},
    "isal": {"_values/zlib.py"},
    "netrc": {"_keys/netrc.py"},
    "orjson": {"_values/plain.py"},
}

# What the import of the handler leaves for later: most of the time it would take, or all that many programs never use.
LATER = [
    "requests", "urllib3", "tenacity", "http", "_hashlib", "shutil", "lzma", "tempfile", "ssl", "email", "asyncio",
    "importlib.metadata", "wandb_logging._mining.rules", "wandb_logging._process.sampling",
    "wandb_logging._server.client",
]  # fmt: skip

# Names under which a distribution is imported, where they are not its own.
IMPORT_NAMES = {
    "graphql-core": "graphql",
    "PyYAML": "yaml",
    "nvidia-ml-py": "pynvml",
    "pillow": "PIL",
    "python-json-logger": "pythonjsonlogger",
}


def name_of(path: Path) -> str:
    """A file of the package, as its path in there."""
    return path.relative_to(PACKAGE).as_posix()


def floor_of(path: Path) -> str:
    """The floor a file belongs to: its folder, or the module itself."""
    return name_of(path).split("/")[0].removesuffix(".py")


@cache
def text_of(path: Path) -> str:
    """What is in a file."""
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """A file as Python reads it."""
    return ast.parse(text_of(path))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """The full names of the modules and members that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def floors_imported(path: Path) -> Iterator[str]:
    """The floors of ours that a file imports. Taking a public name from the package counts as `__init__`."""
    for name in imports_of(path):
        if name.split(".")[0] == PACKAGE.name:
            floor = [*name.split("."), "__init__"][1]
            yield floor if floor in FLOORS or floor.startswith("_") else "__init__"


def allowed(floor: str) -> set[str]:
    """The floors that files of one may import."""
    return set(GROUND[: GROUND.index(floor)]) if floor in GROUND else {*GROUND, *FLOORS[floor], floor}


def modules_named(path: Path) -> set[Path]:
    """The files of ours that a file imports as it is loaded, or would if a type checker loaded it."""
    body = tree_of(path).body
    guarded = [node for branch in body if isinstance(branch, ast.If) for node in branch.body]
    return modules_of(path, [*body, *guarded])


def modules_imported(path: Path) -> set[Path]:
    """The files of ours that a file imports as it is loaded: not what it imports within a function."""
    return modules_of(path, tree_of(path).body)


def modules_of(path: Path, nodes: list[ast.stmt]) -> set[Path]:
    """The files of ours that these statements of a file import."""
    found: set[Path] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            module = ROOT.joinpath(*(node.module or "").split("."))
            for target in (module, *(module / alias.name for alias in node.names)):
                found.update(file for file in (target.with_suffix(".py"), target / "__init__.py") if file.is_file())
    return found - {path}


def names_for_checkers(path: Path) -> set[str]:
    """The public names that a module imports for type checkers alone, or for good."""
    body = tree_of(path).body
    guarded = [node for branch in body if isinstance(branch, ast.If) for node in branch.body]
    own = [
        node
        for node in (*body, *guarded)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name)
    ]
    names = {alias.asname or alias.name for node in own for alias in node.names}
    return {name for name in names if not name.startswith("_") or name == "__version__"}


def in_circles(imports: dict[Path, set[Path]]) -> list[str]:
    """The files that import themselves by way of others, and those that import such."""
    todo = dict(imports)
    while free := [path for path, needs in todo.items() if not needs & todo.keys()]:
        for path in free:
            del todo[path]
    return sorted(map(name_of, todo))


class TestTheDoor:
    def test_a_name_is_public_in_every_list(self) -> None:
        """Type checkers read the imports, `import *` reads `__all__`, and the program loads what the table says."""
        rooms = set(wandb_logging._ROOMS)
        errors = {name for name in wandb_logging.__all__ if name in vars(_errors)}
        assert set(wandb_logging.__all__) == rooms | errors | {"__version__"}
        assert names_for_checkers(PACKAGE / "__init__.py") == set(wandb_logging.__all__)
        assert list(wandb_logging.__all__) == sorted(wandb_logging.__all__)

    def test_so_it_is_in_testing(self) -> None:
        """Which loads nothing either until it is asked."""
        assert set(testing.__all__) == set(testing._HOMES) == names_for_checkers(PACKAGE / "testing" / "__init__.py")
        assert [name for name in testing.__all__ if not hasattr(testing, name)] == []

    def test_each_kind_of_media_is_at_both_doors(self) -> None:
        """One table names them: for us, and for scripts of the official SDK."""
        for door in ("", "compat/"):
            assert _media.ROOMS.keys() - names_for_checkers(PACKAGE / f"{door}__init__.py") == set()
        homes = [(path, tree_of(path)) for path in (PACKAGE / "_media").glob("*.py")]
        made = {
            node.name: f"_media.{path.stem}"
            for path, tree in homes
            for node in tree.body
            if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & {"Media", "Value"}
        }
        of_others = {"Media": "_media.base", "Overlay": "_media.overlays"}  # what kinds are made of, or have on them
        of_compat = {"Classes": "_media.classes", "Graph": "_media.graph", "_OfTables": "_media.joined"}
        assert made == {**_media.ROOMS, **of_others, **of_compat}
        assert _media.ROOMS.keys() - set(wandb_logging.__all__) == _media.ROOMS.keys() - set(compat.__all__) == set()

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
            if not isinstance(value, ModuleType)
        }
        assert ours - set(wandb_logging.__all__) == set()
        assert set(dir(wandb_logging)) == set(wandb_logging.__all__)

    def test_a_script_of_the_official_sdk_is_shown_the_way(self) -> None:
        """Whoever writes `import wandb_logging as wandb` is told of `compat`; other names are only unknown."""
        with pytest.raises(AttributeError, match=r"'init'; the official SDK's names are in wandb_logging\.compat"):
            wandb_logging.init  # noqa: B018  asking for it is what is tried
        with pytest.raises(AttributeError, match=r"has no attribute 'WandbHandlr'$"):
            wandb_logging.WandbHandlr  # noqa: B018  as above

    def test_modules_are_private(self) -> None:
        """Besides the package itself only `compat` and `testing` are public modules."""
        assert {floor_of(path) for path in sources() if not floor_of(path).startswith("_")} == {"compat", "testing"}

    def test_version_is_the_one_file(self) -> None:
        """`wandb_logging.__version__` is what the distribution is built with."""
        line = (PACKAGE / "_version.py").read_text(encoding="utf-8").splitlines()[-1]
        assert line == f'__version__ = "{wandb_logging.__version__}"'


class TestFloors:
    def test_each_floor_is_in_the_list_and_says_what_it_is(self) -> None:
        """Whatever is in the package has its line above, and a first sentence for who comes new."""
        assert {floor_of(path) for path in sources()} == {*FLOORS, *GROUND}
        assert [name_of(path) for path in sources() if not ast.get_docstring(tree_of(path))] == []

    def test_documents_name_rooms_that_are_there(self) -> None:
        """Who follows the map in `docs/why.md` finds each room that it names, and so in every other page."""
        named = {
            (page.name, f"{floor}/{room}.py")
            for page in (ROOT / "docs").rglob("*.md")
            for floor, room in re.findall(r"`(_[a-z]+)\.(\w+)", text_of(page))
            if floor in FLOORS
        }
        assert len(named) > 20
        assert {(page, room) for page, room in named if not (PACKAGE / room).is_file()} == set()

    def test_the_list_goes_up(self) -> None:
        """A floor imports only floors above it in the list, so there is no circle between folders."""
        order = list(FLOORS)
        assert [(floor, at) for floor in order for at in FLOORS[floor] if order.index(at) >= order.index(floor)] == []

    def test_imports_are_those_of_the_floor(self) -> None:
        """A file imports only what its floor may, so that it can be read knowing only that."""
        wrong = {name_of(path): sorted(set(floors_imported(path)) - allowed(floor_of(path))) for path in sources()}
        assert {name: floors for name, floors in wrong.items() if floors} == {}, "what they share belongs below both"

    def test_each_line_is_as_short_as_it_can_be(self) -> None:
        """What a floor may import, one of its files does: the list is the map that a newcomer reads."""
        used: dict[str, set[str]] = {floor: set() for floor in (*FLOORS, *GROUND)}
        for path in sources():
            used[floor_of(path)].update(floors_imported(path))
        unused = {floor: set(below) - used[floor] for floor, below in FLOORS.items()}
        assert {floor: floors for floor, floors in unused.items() if floors} == {}

    def test_no_file_imports_itself_by_way_of_others(self) -> None:
        """Within a floor, too, imports make no circle."""
        assert in_circles({path: modules_imported(path) - {PACKAGE / "__init__.py"} for path in sources()}) == []

    def test_nor_for_the_types_alone(self) -> None:
        """Two files whose types need each other are one; only doors, which list what is behind them, look inward.

        In `compat` the run that is active and what a run is need each other: the official SDK has them so.
        """
        doors = set(PACKAGE.rglob("__init__.py"))
        named = {path: modules_named(path) - doors for path in sources() if floor_of(path) != "compat"}
        assert in_circles(named) == []

    @pytest.mark.parametrize("module", SOLE_IMPORTERS)
    def test_one_dependency_one_importer(self, module: str) -> None:
        """A dependency that may have to be replaced is known to one room."""
        importers = {name_of(path) for path in sources() if module in {name.split(".")[0] for name in imports_of(path)}}
        assert importers - SOLE_IMPORTERS[module] == set()

    def test_a_class_is_made_by_our_dataclass(self) -> None:
        """The standard library's would take a third of the time that an import takes; `testing` waits for it."""
        importers = {floor_of(path) for path in sources() if "dataclasses.dataclass" in imports_of(path)}
        assert importers - {"testing", "_dataclass"} == set(), "from wandb_logging._dataclass import dataclass"

    def test_the_environment_is_read_in_one_room(self) -> None:
        """Variables are settings: `_settings` reads them. `_keys` looks up NETRC, `_launch` what a launcher set.

        What `compat._env` has is the official SDK's own functions of the environment, for programs.
        """
        reads = re.compile(r"\bos\.(environ|getenv)\b|from os import .*\b(environ|getenv)\b")
        rooms = [path for path in sources() if name_of(path) != "compat/_env.py"]
        readers = {floor_of(path) for path in rooms if reads.search(text_of(path))}
        assert readers - {"_settings", "_keys", "_launch", "_supervise", "testing"} == set()


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
        at_hand = {*sys.stdlib_module_names, PACKAGE.name}
        at_hand |= {"sre_constants", "sre_parse"}  # before Python 3.11
        at_hand |= {"_sha2", "_sha256"}  # from 3.12 on, and before
        at_hand |= {"imp"}  # before 3.12; asked for by Python 2 alone
        at_hand |= {"typing_extensions"}  # for type checkers, which bring it
        imported = {name.split(".")[0] for path in sources() for name in imports_of(path)} - at_hand
        assert imported - self.declared("cli", "compat", "dask", "fast", "media", "system", "testing") == set()
        assert self.declared() - imported == set()

    def test_importing_is_light(self) -> None:
        """The handler is imported without what takes long to import, unless logging needs it itself."""
        loaded = f"import sys; {{}}; print(sorted(set({LATER}) & set(sys.modules)))"
        needed, ours = (
            subprocess.run(
                [sys.executable, "-c", loaded.format(code)], cwd=ROOT, capture_output=True, check=True
            ).stdout
            for code in ("import logging.handlers, pathlib", "from wandb_logging import WandbHandler")
        )
        assert ours == needed


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

    def test_no_file_is_too_long_to_be_read_at_once(self) -> None:
        """None has more than 400 lines of code: what grows beyond that is two subjects, or can be said in fewer."""
        from tests.house import lines_of_code

        long = {path: text for path in sources() if (text := text_of(path)).count("\n") > 400}
        assert [name_of(path) for path, text in long.items() if lines_of_code(text) > 400] == []

    def test_what_is_made_of_the_settings_is_up_to_date(self) -> None:
        """Editors complete what `dictConfig` takes; `python -m wandb_logging._settings.schema` writes both files."""
        from wandb_logging._settings import schema

        assert json.loads(schema.SCHEMA_FILE.read_text(encoding="utf-8")) == schema.json_schema()
        assert schema.TYPES_FILE.read_text(encoding="utf-8") == schema.types()
