"""`Html`: a page, or a piece of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._media.base import Media, Place, read_all

_HEAD = (
    '<base target="_blank">'
    '<link rel="stylesheet" type="text/css" href="https://app.wandb.ai/normalize.css" />'  # the official SDK's own
)


class Html(Media):
    """HTML to look at.

    Args:
        data: HTML, an open file with HTML, or the path of a file that ends in .html.
        inject: whether to add a stylesheet and let links open in a new tab, as the official SDK does.
        data_is_not_path: whether to take a string as HTML even if there is a file of that name.

    Raises:
        LogError: `data` is none of these.
        OSError: the file cannot be read.
    """

    kind = "html-file"
    folder = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:  # noqa: FBT001, FBT002
        if isinstance(data, (str, Path)) and not data_is_not_path and _is_html_file(data):
            content = Path(data).read_bytes()
        elif isinstance(data, str):
            content = data.encode("utf-8", "replace")
        elif hasattr(data, "read"):
            content = read_all(data)
        else:
            raise LogError(f"Html: expected HTML, a .html file or an open file, got {data!r:.80}")
        super().__init__(_with_head(content.decode()).encode() if inject else content, ".html")

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several pages."""
        return {"_type": "html", "count": len(items), "html": [item.json(key, place) for item in items]}


def _is_html_file(data: str | Path) -> bool:
    # Tested in this order, because for a long text the system refuses even to look for a file.
    return str(data).endswith(".html") and Path(data).is_file()


def _with_head(html: str) -> str:
    if "<head>" in html:
        return html.replace("<head>", f"<head>{_HEAD}", 1).strip()
    if "<html>" in html:
        return html.replace("<html>", f"<html><head>{_HEAD}</head>", 1).strip()
    return f"{_HEAD}{html}".strip()
