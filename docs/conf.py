"""How Sphinx builds the documentation: Markdown pages, and a reference made from the code itself.

Parts of the reference are written down nowhere but in the code: settings, command line, errors, and whatever of the
public names the pages do not arrange by hand. A page says where one goes with a line `<!-- generated: NAME -->`.
"""

from __future__ import annotations

import argparse
import ast
import importlib.metadata
import os
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygments.lexers.javascript import JavascriptLexer  # type: ignore[import-untyped]

import wandb_logging
from wandb_logging import _cli, _errors
from wandb_logging._settings import given as _given, schema as _schema
from wandb_logging._settings.settings import SETTINGS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "wandb-logging"
author = "The wandb-logging contributors"
copyright = f"2026, {author}"  # noqa: A001 -- the name Sphinx reads
version = release = importlib.metadata.version(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
default_role = "code"  # `like_this` in docstrings is code
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False

# A public name of ours that leads nowhere is an error. Private ones stand in annotations and have no page. Other
# projects' names are not looked up: building needs no network.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!wandb_logging\b).*"), ("py:.*", r"wandb_logging(\.\w+)*\._.*")]

html_theme = "furo"
html_title = f"wandb-logging {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["pages.js"]


# --- generated parts ----------------------------------------------------------------------------------------


def settings() -> Iterator[str]:
    """Every key of a handler entry: what it means, what it takes, its type, default and environment variable."""
    properties: Any = _schema.json_schema()["properties"]
    types = types_given()
    for name, setting in SETTINGS.items():
        facts = [f"Takes {takes(properties[name])}."]
        facts.append(f"Type: `{types[name]}`.")
        if setting.default is not None:
            facts.append(f"Default: {shown(setting.default)}.")
        if setting.env:
            facts.append(f"Environment: `{setting.env}`.")
        yield f"### `{name}`\n\n{code_in(setting.doc)}\n\n{' '.join(facts)}\n"


def types_given() -> dict[str, str]:
    """The type of each setting as it may be given in Python; that None means "not given" is said once, on the page."""
    tree = ast.parse(Path(_given.__file__).read_text(encoding="utf-8"))
    lines = (node for kind in tree.body if isinstance(kind, ast.ClassDef) for node in kind.body)
    given = (node for node in lines if isinstance(node, ast.AnnAssign))
    return {ast.unparse(node.target): ast.unparse(node.annotation).removesuffix(" | None") for node in given}


def takes(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in words."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema and "type" not in schema:
        return ", or ".join(takes(part) for part in schema["anyOf"])
    if schema.get("pattern", "").startswith("^(ext|cfg)"):
        return "a callable, in a file `ext://package.function`"
    if schema["type"] == "array":
        return f"a list, each item {takes(schema['items'])}" if "items" in schema else "a list"
    words = {"string": "a text", "number": "a number", "integer": "a whole number", "object": "a mapping"}
    text = words.get(schema["type"], "`true` or `false`")
    if "maxLength" in schema:
        text += f" of at most {schema['maxLength']} characters"
    return f"{text}, at least {schema['minimum']}" if schema.get("minimum") else text


def shown(default: object) -> str:
    """A default as a person would write it in a configuration."""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, int) and default >= 2**20 and default % 2**20 == 0:
        return f"`{default}` ({default // 2**20} MiB)"
    if isinstance(default, (tuple, dict)):
        return "empty"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def code_in(doc: str) -> str:
    """The text of a setting, its pieces of code set as code."""
    return re.sub(r"(?<![`\w])((?:log\.info\(.*?\}\))|sys\.\w+(?:\(\w+\))?|[A-Z]+_[A-Z_]+|extra=)(?!\w)", r"`\1`", doc)


def command_line() -> Iterator[str]:
    """The help of the program and of each of its commands."""
    os.environ["COLUMNS"] = "88"  # what argparse wraps at: so much a block of code is wide beside a list of contents
    parser = _cli.parser()
    yield f"```text\n{parser.format_help()}```\n"
    for action in parser._actions:  # noqa: SLF001 -- argparse has no other way to list subcommands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- as above
            for name, command in action.choices.items():
                yield f"## `{name}`\n\n```text\n{command.format_help()}```\n"


def errors() -> Iterator[str]:
    """The error tree, and each error."""
    tree = textwrap.dedent((_errors.__doc__ or "").split("\n\n")[1])
    yield f"```text\n{tree}\n```\n"
    for name in _errors.__all__:
        yield f"```{{eval-rst}}\n.. autoexception:: wandb_logging.{name}\n```\n"


def other_names(page: str) -> Iterator[str]:
    """What is public, no error, and not on the page yet."""
    for name in wandb_logging.__all__:
        arranged = re.search(rf"auto\w+:: wandb_logging\.{name}$", page, re.MULTILINE)
        if not (arranged or name.startswith("__") or name in _errors.__all__):
            value = getattr(wandb_logging, name)
            kind = "class" if isinstance(value, type) else "function" if callable(value) else "data"
            yield f"```{{eval-rst}}\n.. auto{kind}:: wandb_logging.{name}\n```\n"


def floors() -> Iterator[str]:
    """Every floor with its sentence, what it may import, and its rooms, in the order that the project's tests hold."""
    tests = ast.parse((Path(__file__).parents[1] / "tests" / "test_project.py").read_text(encoding="utf-8"))
    lists = (node for node in tests.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "FLOORS")
    table = ast.literal_eval(ast.unparse(next(node.value for node in lists if node.value)))
    yield "| room | what it is for |\n|---|---|"
    for floor, imports in table.items():
        path = Path(wandb_logging.__file__).parent / floor
        if path.is_dir():
            below = f" Imports {', '.join(f'`{name}`' for name in imports)}." if imports else " Imports none of these."
            yield f"| **`{floor}`** | **{first_line(path / '__init__.py')}**{below} |"
            rooms = (file for file in sorted(path.glob("*.py")) if file.name not in {"__init__.py", "__main__.py"})
            yield from (f"| `{floor}.{file.stem}` | {first_line(file)} |" for file in rooms)
        else:
            yield f"| **`{floor}`** | **{first_line(path.with_suffix('.py'))}** |"


def first_line(path: Path) -> str:
    """What a file says it is for."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def generate(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put the generated parts where the page wants them."""
    makers: dict[str, Callable[[], Iterator[str]]] = {
        "settings": settings,
        "command line": command_line,
        "errors": errors,
        "map": floors,
        "other names": lambda: other_names(source[0]),
    }
    for name, maker in makers.items():
        place = f"<!-- generated: {name} -->"
        if place in source[0]:
            source[0] = source[0].replace(place, "\n".join(maker()))


# --- docstrings ---------------------------------------------------------------------------------------------


COLON = "\ue000"  # stands for a colon while napoleon looks for one


def hide_colon(_app: Sphinx, what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Keep napoleon from reading "Name people see: ..." as a type: ours are in the annotations."""
    if what in {"attribute", "data", "property"} and lines:
        lines[0] = lines[0].replace(":", COLON)


def show_colon(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Give back what `hide_colon` took."""
    lines[:] = [line.replace(COLON, ":") for line in lines]


def short_signature(_app: Sphinx, _what: str, name: str, *_: Any) -> tuple[str, str] | None:
    """Say `**settings` where Python would print each of them with a default made by a function."""
    return ("(**settings)", "") if name == "wandb_logging.Settings" else None


def setup(app: Sphinx) -> None:
    """Connect the above to the build."""
    app.add_lexer("jsonl", JavascriptLexer)
    app.connect("source-read", generate)
    app.connect("autodoc-process-docstring", hide_colon, priority=100)  # napoleon has 500
    app.connect("autodoc-process-docstring", show_colon, priority=900)
    app.connect("autodoc-process-signature", short_signature)
