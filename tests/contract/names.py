"""The names of the official SDK beside those of `compat`: the table in docs/reference/compat.md.

    python -m tests.contract.names            prints it
    python -m tests.contract.names --write    writes it, and `compat/names.txt`: the names of all its modules

`test_compat_names.py` holds both to the installed SDK.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tests.written import Passage
from wandb_logging.compat._names import FILE

PART = Passage("reference/compat.md", "names")

# Names that are there because of how the official SDK is built, not for people: modules of it, and its own helpers.
OF_ITS_OWN = frozenset(
    [
        "agents",
        "analytics",
        "automations",
        "box3d",
        "data_types",
        "env",
        "errors",
        "gym",
        "helper",
        "integration",
        "jupyter",
        "patched",
        "profiler",
        "proto",
        "sacred",
        "sagemaker_auth",
        "sdk",
        "tensorboard",
        "tensorflow",
        "trigger",
        "util",
        "wandb",
        "wandb_agent",
        "wandb_lib",
        "wandb_sdk",
        "wandb_torch",
    ]
)


def official_names() -> dict[str, list[str]]:
    """What people see of `wandb` and `wandb.Run`."""
    import wandb

    of_module = [name for name in {*dir(wandb), "Api"} if not name.startswith("_") and name != "annotations"]
    return {"wandb": sorted(of_module), "wandb.Run": sorted(name for name in dir(wandb.Run) if name[0] != "_")}


def kind_of(where: str, name: str) -> str:
    """Whether a name is covered, refused, or not there."""
    import wandb_logging.compat as ours
    from wandb_logging.compat import _refused

    if where == "wandb.Run":
        return "covered" if hasattr(ours.Run, name) else "refused"
    if name in {"run", "config", "summary"}:
        return "covered"
    try:
        found = getattr(ours, name)
    except AttributeError:
        return "without meaning here" if name in OF_ITS_OWN else "refused"
    if type(found) is _refused._Refusing:
        return "refused"
    return "covered" if not isinstance(found, ModuleType) or name == "plot" else "module"


def table() -> str:
    """The table, in Markdown."""
    lines = ["| | covered | refused by name when used | modules that can be imported | without meaning here |"]
    lines.append("|---|---|---|---|---|")
    for where, names in official_names().items():
        kinds: dict[str, list[str]] = {}
        for name in names:
            kinds.setdefault(kind_of(where, name), []).append(f"`{name}`")
        columns = ("covered", "refused", "module", "without meaning here")
        cells = [f"{len(kinds.get(kind, []))}: " + " ".join(kinds.get(kind, [])) for kind in columns]
        lines.append(f"| `{where}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def defined(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements define; those that they import are not among them."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))
        elif isinstance(node, ast.Try):
            yield from defined([*node.body, *node.orelse, *(each for one in node.handlers for each in one.body)])
        elif isinstance(node, ast.If):
            yield from defined([*node.body, *node.orelse])


def imported(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements take from the official SDK's other modules."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("wandb")):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, (ast.If, ast.Try)):
            yield from imported(node.body)


def official_modules() -> dict[str, list[str]]:
    """Each module that people may import -> the names that it defines, or is there to hand on. Nothing is imported."""
    spec = importlib.util.find_spec("wandb")
    assert spec is not None
    assert spec.origin is not None
    root, found = Path(spec.origin).parent, {}
    for path in sorted(root.rglob("*.py")):
        module = path.relative_to(root).with_suffix("").as_posix().replace("/", ".")
        hands_on = module.endswith("__init__") or "." not in module
        module = module.removesuffix("__init__").rstrip(".")
        if module and not module.startswith(("vendor", "bin.")) and "._" not in f".{module}":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            names = {*defined(body), *(imported(body) if hands_on else ())}
            found[module] = sorted(name for name in names if not name.startswith("_"))
    folders = {module.rpartition(".")[0] for module in found} - {""}  # of which some have no file of their own
    return dict(sorted({**{folder: [] for folder in folders}, **found}.items()))


def listing() -> str:
    """The content of `compat/names.txt`."""
    return "".join(f"{module}: {' '.join(names)}".rstrip() + "\n" for module, names in official_modules().items())


def main() -> int:
    """Write the table, or print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if asked.write:
        FILE.write_text(listing(), encoding="utf-8")
    made = table()
    if asked.write:
        PART.write(made)
    else:
        print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
