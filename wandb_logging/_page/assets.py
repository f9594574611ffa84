"""The page's own files, which are kept beside the code. All its programs are sent as one file, and all its styles.

`index.html` names them one by one, in their order.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
STYLE, SCRIPT = "page.css", "page.js"
_PARTS = {
    STYLE: re.compile(r'<link rel="stylesheet" href="/assets/([\w.-]+)">\n'),
    SCRIPT: re.compile(r'<script defer src="/assets/([\w.-]+)"></script>\n'),
}
_LINKS = f"""<link rel="stylesheet" href="/assets/{STYLE}">
<script defer src="/assets/{SCRIPT}"></script>
<link rel="preload" href="/api/runs?" as="fetch" crossorigin>
"""  # the last: the list of runs is on its way before the program asks for it


def type_of(name: str) -> str:
    """The Content-Type of a file."""
    return TYPES[name[name.rindex(".") :]]


@cache
def names() -> frozenset[str]:
    """The names of all files that are sent."""
    found = (item.name for item in files("wandb_logging._page").joinpath("static").iterdir())
    return frozenset([STYLE, SCRIPT, *(name for name in found if name.endswith(tuple(TYPES)))])


@cache
def content(name: str) -> bytes:
    """The content of a file as it is sent."""
    if name in _PARTS:
        return b"\n".join(map(_kept, _PARTS[name].findall(_kept("index.html").decode())))
    return with_head(_LINKS).encode() if name == "index.html" else _kept(name)


def with_head(lines: str) -> str:
    """The page itself, with these lines at the end of its head in place of its styles and programs."""
    html = _kept("index.html").decode()
    for parts in _PARTS.values():
        html = parts.sub("", html)
    return html.replace("</head>", f"{lines}</head>")


def _kept(name: str) -> bytes:
    return files("wandb_logging._page").joinpath("static").joinpath(name).read_bytes()
