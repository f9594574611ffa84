"""The names of media files in a run (protocol 5.7). Pure.

A name holds the step of its row, which only the fold knows. Until then `{step}` is in its place, both in the value and
in the list of kept copies that the event carries:

    {"metrics": {"cat": {"_type": "image-file", "path": "media/images/cat_{step}_1f..e0.png", ...}},
     "media": [{"name": "media/images/cat_{step}_1f..e0.png", "path": "files/media/1f....png"}], ...}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._values.utf8 import with_utf8

STEP = "{step}"
_ID_LENGTH = 20  # number of hex digits of the SHA-256


def file_name(folder: str, key: str, step: str, sha256: str, extension: str) -> str:
    """The name of a media file in its run.

    Args:
        folder: the folder for this kind of media, such as images.
        key: the metric's name. A slash in it makes a folder; it cannot lead out of `folder`.
        step: the row's step, or "summary", or `STEP` while the step is not known.
        sha256: digest of the file's bytes, hexadecimal.
        extension: the extension, with its dot.
    """
    return f"media/{folder}/{safe_key(key)}_{step}_{short_id(sha256)}{extension}"


def safe_key(key: str) -> str:
    """A metric's name as a relative path, made safe as the official SDK makes it."""
    # A file name cannot hold a NUL. The server takes no backslash, which would lead into folders on Windows.
    text = with_utf8(key).replace("\0", "_").replace("\\", "_")
    *folders, last = text.lstrip("/").split("/")
    parts = [*filter(None, folders), last]  # an empty part makes no folder: the file would not be found again
    return "/".join(part.replace(".", "_") if part in {".", ".."} else part for part in parts)


def short_id(sha256: str) -> str:
    """The part of a digest that is used in a name."""
    return sha256[:_ID_LENGTH]


def fill_step(name: str, step: int) -> str:
    """Put the step into a name. The last `{step}` is replaced, because the key before it may hold the same text."""
    return str(step).join(name.rsplit(STEP, 1))


def step_in(name: str) -> int | None:
    """The step in the name of a file; None if the name has none."""
    step = name.rpartition("_")[0].rpartition("_")[2]
    return int(step) if step.isascii() and step.isdigit() else None


def fill_steps(metrics: Mapping[str, Any], files: object, step: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Put the step into all names of an event.

    Returns the metrics, and a mapping `{"kind": "media", "name", "path"}` for each file that is to be uploaded.

    Args:
        metrics: the metrics of the event.
        files: the event's member `media`; entries that make no sense are left out.
        step: the step of the row that the event belongs to.
    """
    names: dict[str, str] = {}
    tasks: dict[str, dict[str, Any]] = {}
    for file in files if isinstance(files, list) else ():
        if not isinstance(file, dict) or not all(isinstance(file.get(key), str) for key in ("name", "path")):
            continue
        name = fill_step(file["name"], step)
        names[file["name"]] = name
        # A list of 3D objects names its files without their folder.
        names[_without_folder(file["name"])] = _without_folder(name)
        tasks[name] = {"kind": "media", "name": name, "path": file["path"]}
    return _renamed(metrics, names), list(tasks.values())


def _without_folder(name: str) -> str:
    return name.split("/", 2)[-1]


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
