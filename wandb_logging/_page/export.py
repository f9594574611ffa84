"""Writes the page as one HTML document that opens anywhere: the page's own files and all data it would ask for."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wandb_logging._errors import WandbLoggingError
from wandb_logging._journal import safe_files
from wandb_logging._journal.whole import whole
from wandb_logging._page import assets, guard
from wandb_logging._page.answers import Answers, strict
from wandb_logging._page.bins import grids_of
from wandb_logging._page.cache import Cache
from wandb_logging._page.parts import text_page
from wandb_logging._page.runs import Run, Runs
from wandb_logging._version import __version__

_BINS = 512
_AXES = ("_step", "_runtime")
_LINES = 1000  # number of last lines of each run's text that are included
_MEDIA = 32 * 2**20  # most bytes of all media together
_PICTURE = 4 * 2**20  # most bytes of one media file


def export(root: Path, cache: Path, target: Path) -> list[Run]:
    """Write the page of the runs at or below a folder as one file.

    Args:
        root: the folder, or one run directory.
        cache: where readings are kept.
        target: the file; one that is there is replaced.

    Returns:
        The runs in it. Of one that cannot be read, `error` or that of its `card` says why, in it as well.

    Raises:
        OSError: the file cannot be written.
    """
    runs = Runs(root, Cache(cache), lambda _: None, 0)
    runs.scan()
    content = document(runs)
    with whole(target) as path:
        path.write_text(content, encoding="utf-8")
    return list(runs.by_key.values())


def document(runs: Runs) -> str:
    """The page of some runs as HTML. The runs are read to their ends."""
    return page_of(told_of(runs))


def told_of(runs: Runs) -> dict[str, Any]:
    """All data that the page would ask for, in the form in which its server would send it."""
    answers = Answers(runs)
    for run in runs.by_key.values():
        for axis in _AXES:
            runs.read(run, axis)
    shown = [run for run in runs.by_key.values() if "_step" in run.readings]
    left = [_MEDIA]
    told: dict[str, Any] = {
        "runs": answers.listed(list(runs.by_key)),
        "bins": {axis: {"data": _bins(answers, shown, axis)} for axis in _AXES},
        "details": {run.key: answers.details(run) for run in shown},
        "text": {run.key: _text(run) for run in shown},
        "media": {run.key: dict(_media(run, left)) for run in shown},
        "about": f"exported {time.strftime('%Y-%m-%d %H:%M')} by wandb-logging {__version__}",
    }
    return told


def _bins(answers: Answers, runs: list[Run], axis: str) -> str:
    system = [(run, run.readings["_step"].system, True) for run in runs]
    drawn = [(run, run.readings[axis].drawn, True) for run in runs if axis in run.readings]
    over_time = drawn + system if axis == "_runtime" else drawn
    names = dict.fromkeys(name for _, bins, _ in over_time for name in bins.series)
    grids = grids_of([bins for _, bins, _ in over_time], names, _BINS)
    return base64.b64encode(answers.packed({"complete": True}, over_time, grids)).decode()


def _text(run: Run) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = text_page(run, run.readings["_step"], -_LINES, _LINES)["lines"]
    return lines


def _media(run: Run, left: list[int]) -> Iterable[tuple[str, str]]:
    """The media files of a run as `data:` addresses, as long as there is room."""
    for name, place in run.readings["_step"].files.items():
        path = guard.inside(run.run_dir.path, place)
        kind = guard.type_of(name)
        if path is None or kind is None:
            continue
        size = path.stat().st_size
        if size <= min(_PICTURE, left[0]):
            left[0] -= size
            with contextlib.suppress(OSError):  # the file was removed or replaced
                content = base64.b64encode(safe_files.read(run.run_dir.path, place, _PICTURE)).decode()
                yield name, f"data:{kind.replace(' ', '')};base64,{content}"


def page_of(told: dict[str, Any]) -> str:
    """Make one HTML document of the page's own files and the data."""
    style, script = assets.content(assets.STYLE).decode(), assets.content(assets.SCRIPT).decode()
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; "
        "style-src 'unsafe-inline'; "  # for values that were logged as HTML: their frame has this policy
        "worker-src blob:; img-src data: blob:; media-src data:; frame-src data:; connect-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n'
    data = strict(told).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    tail = (
        f'<script type="text/plain" id="matcher">{assets.content("matcher.js").decode()}</script>\n'
        f'<script type="application/json" id="told">{data}</script>\n<script>{script}</script>\n'
    )
    return assets.with_head(head).replace("</body>", f"{tail}</body>")


def _hash(text_of: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text_of.encode()).digest()).decode()}"


def html_of_run(path: Path) -> str | None:
    """The page of one run for a notebook, in a frame of its own; None if the run cannot be read."""
    runs = Runs(path, Cache(Path(os.devnull)), lambda _: None, 0)  # with this folder the cache keeps nothing
    try:
        runs.scan()
        content = document(runs)
    except (OSError, WandbLoggingError):
        return None
    escaped = content.replace("&", "&amp;").replace('"', "&quot;")
    plain = "Charts of a run, which are shown only in a notebook that is trusted."
    style = "display: block; width: 100%; height: 560px; border: 0"
    return f'<iframe sandbox="allow-scripts allow-downloads" srcdoc="{escaped}" style="{style}">{plain}</iframe>'
