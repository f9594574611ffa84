"""How the package is drawn, in figures: `python -m tests.house`. What the documentation says of it can be counted."""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from typing import TYPE_CHECKING

from tests.test_project import (
    FLOORS,
    GROUND,
    PACKAGE,
    floor_of,
    floors_imported,
    in_circles,
    modules_imported,
    name_of,
    sources,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def lines_of_code(text: str) -> int:
    """Lines that hold code: not empty ones, comments and docstrings."""
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - docstring_lines(ast.parse(text)))


def docstring_lines(tree: ast.Module) -> set[int]:
    """The lines of all docstrings."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, DEFINITIONS) and ast.get_docstring(node, clean=False) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }


def function_lengths(text: str) -> Iterator[int]:
    """How many lines of code each function has below its signature."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = node.body[1:] if ast.get_docstring(node) is not None else node.body
            yield (docstring[-1].end_lineno or 0) - docstring[0].lineno + 1 if docstring else 0


def arrows() -> set[tuple[str, str]]:
    """Pairs of floors of which the first imports the second; the ground is not counted, since all stand on it."""
    floors = {*FLOORS} - {*GROUND}
    pairs = {(floor_of(path), floor) for path in sources() for floor in floors_imported(path)}
    return {(one, other) for one, other in pairs if one in floors and other in floors and one != other}


def figures() -> dict[str, object]:
    """All figures by what they count."""
    texts = {path: path.read_text(encoding="utf-8") for path in sources()}
    sizes = {name_of(path): lines_of_code(text) for path, text in texts.items()}
    lengths = sorted(length for text in texts.values() for length in function_lengths(text))
    imports = {path: modules_imported(path) - {PACKAGE / "__init__.py"} for path in texts}
    largest = max(sizes, key=sizes.__getitem__)
    return {
        "files": len(sizes),
        "lines of code": sum(sizes.values()),
        "floors": len(FLOORS) - 2,  # `__init__` and `__main__` are doors
        "arrows between floors": len(arrows()),
        "imports between files": sum(map(len, imports.values())),
        "files in import circles": len(in_circles(imports)),
        "largest file": f"{largest}, {sizes[largest]} lines of code",
        "files over 400 lines of code": sum(size > 400 for size in sizes.values()),
        "lines of a function, median": statistics.median(lengths),
        "lines of a function, 95 of 100 within": lengths[len(lengths) * 95 // 100],
    }


def main() -> None:
    """Print them."""
    for what, figure in figures().items():
        print(f"{what:38} {figure}")


if __name__ == "__main__":
    main()
