"""The names of the official SDK beside those of `compat`: the table in docs/reference/compat-names.md.

    python -m tests.contract.names --write

`test_compat_names.py` holds the table to the installed SDK.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "compat-names.md"
BEGIN, END = "<!-- written: names -->", "<!-- end: names -->"

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


def main() -> int:
    """Write the table, or print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    made = table()
    if parser.parse_args().write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    else:
        print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
