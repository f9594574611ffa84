"""Values as members of an artifact: `add` adds one, with the files it needs; `read` makes the value again.

A member is a JSON file whose name ends with its kind, `predictions.table.json`. Names and form are the official SDK's.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wandb_logging._errors import LogError
from wandb_logging._media.base import Media
from wandb_logging._media.increments import INCREMENTAL, in_order

if TYPE_CHECKING:
    from wandb_logging._artifacts.artifact import Artifact
    from wandb_logging._artifacts.manifest import Manifest

# The ending of a member's name, and the kind that it stands for.
KINDS = {
    "audio-file": "audio:Audio",
    "classes": "classes:Classes",
    "html-file": "html:Html",
    "image-file": "image:Image",
    "joined-table": "joined:JoinedTable",
    "molecule-file": "molecule:Molecule",
    "object3D-file": "object3d:Object3D",
    "partitioned-table": "joined:PartitionedTable",
    "table": "table:Table",
    "video-file": "video:Video",
}


class ArtifactFiles(Protocol):
    """An artifact whose files can be fetched, so that members can be read from it."""

    @property
    def manifest(self) -> Manifest:
        """The artifact's content."""

    def fetch(self, name: str) -> Path:
        """Fetch one of its files. Returns the path of the local copy."""


def add(artifact: Artifact, value: Any, name: str, *, overwrite: bool = False) -> str:
    """Add a value to an artifact. The same value is added only once: a second call returns the place of the first.

    Args:
        artifact: the artifact to add to.
        value: a table, an image, or another of the kinds in `KINDS`.
        name: name in the artifact, without the ending, which is appended.
        overwrite: whether the value may replace another one of that name.

    Returns:
        The name, with the ending.

    Raises:
        LogError: the value is of another kind, or as for `Artifact.new_file`.
        OSError: a file of the value cannot be kept.
    """
    kind = kind_of(value)
    if kind is None:
        raise LogError(f"Artifact.add: expected a Table or media, got {type(value).__name__}")
    known = artifact.added.get(id(value))
    if known is not None:
        return known[1]
    content = value.into(artifact)
    full = named(name, kind)
    if full not in artifact.manifest.entries or overwrite:
        with artifact.new_file(full, "w") as file:
            json.dump(content, file, sort_keys=True)
    artifact.added[id(value)] = (value, full)  # keeps the value alive: another value could get its id later
    return full


def kind_of(value: Any) -> str | None:
    """Which of `KINDS` a value is; None if it is none of them."""
    if not isinstance(value, Media):
        return None
    kind = "table" if value.kind == "table-file" else value.kind
    return kind if kind in KINDS else None


def named(name: str, kind: str) -> str:
    """The name of a member of this kind."""
    ending = f".{kind}.json"
    return name if name.endswith(ending) else name + ending


def find(manifest: Manifest, name: str) -> tuple[str, str] | None:
    """Full name and kind of the member that was added under this name; None if there is none."""
    found = ((named(name, kind), kind) for kind in KINDS)
    return next(((full, kind) for full, kind in found if full in manifest.entries), None)


def read(source: ArtifactFiles, name: str) -> Any:
    """The value that was added under this name; None if there is none.

    Raises:
        LogError: the member's file is not valid.
        TransportError, HTTPStatusError, GraphQLError, OSError: a file of the member cannot be fetched.
    """
    found = find(source.manifest, name)
    if found is None:
        return None
    full, kind = found
    try:
        content = json.loads(source.fetch(full).read_bytes())
    except ValueError as exc:
        raise LogError(f"{full}: expected JSON ({exc})") from exc
    return made(source, kind, content)


def made(source: ArtifactFiles, kind: str, content: Mapping[str, Any]) -> Any:
    """Make the value that a member's content describes."""
    module, _, name = KINDS[kind].partition(":")
    cls: Any = getattr(importlib.import_module(f"wandb_logging._media.{module}"), name)
    make = _MADE.get(kind)
    return make(cls, source, content) if make else _of_file(cls, source, content)


def _of_file(cls: Any, source: ArtifactFiles, content: Mapping[str, Any]) -> Any:
    caption = {"caption": content["caption"]} if content.get("caption") is not None else {}
    return cls(str(source.fetch(content["path"])), **caption)


def _html(cls: Any, source: ArtifactFiles, content: Mapping[str, Any]) -> Any:
    return cls(source.fetch(content["path"]), inject=False)


def _image(cls: Any, source: ArtifactFiles, content: Mapping[str, Any]) -> Any:
    where = content.get("classes")
    classes = read(source, where["path"]) if where else None
    return cls(
        str(source.fetch(content["path"])),
        caption=content.get("caption"),
        grouping=content.get("grouping"),
        classes=classes,
        boxes={name: {"box_data": boxes} for name, boxes in (content.get("boxes") or {}).items()} or None,
        masks={name: {"path": str(source.fetch(mask["path"]))} for name, mask in (content.get("masks") or {}).items()}
        or None,
    )


def _classes(cls: Any, source: ArtifactFiles, content: Mapping[str, Any]) -> Any:
    del source
    return cls(content["class_set"])


def _table(cls: Any, source: ArtifactFiles, content: Mapping[str, Any]) -> Any:
    columns = content["columns"]
    types = content.get("column_types", {}).get("params", {}).get("type_map", {})
    times = {column for column in columns if _is_time(types.get(str(column)))}
    table = cls(columns=columns, log_mode=content.get("log_mode") or "IMMUTABLE")
    for row in _rows(source, content):
        table.add_data(*(_cell(source, value, time=column in times) for column, value in zip(columns, row)))
    return table


def _rows(source: ArtifactFiles, content: Mapping[str, Any]) -> Iterator[Any]:
    """The rows of a table. If the table grew by increments, the rows of all of them."""
    if content.get("log_mode") != INCREMENTAL:
        yield from content["data"]
        return
    for name in in_order(source.manifest.entries):
        yield from json.loads(source.fetch(name).read_bytes())["data"]


def _is_time(column_type: Any) -> bool:
    """Whether a column's type is a time, or a time or None."""
    if not isinstance(column_type, Mapping):
        return False
    either = column_type.get("params", {}).get("allowed_types") or [column_type]
    return any(each.get("wb_type") == "timestamp" for each in either)


def _cell(source: ArtifactFiles, value: Any, *, time: bool) -> Any:
    if isinstance(value, Mapping) and value.get("_type") in KINDS:
        return made(source, value["_type"], value)
    if time and isinstance(value, (int, float)):
        return dt.datetime.fromtimestamp(value / 1000, tz=dt.timezone.utc)
    return value


def _joined(cls: Any, source: ArtifactFiles, content: Mapping[str, Any]) -> Any:
    tables = (read(source, content[name]) or content[name] for name in ("table1", "table2"))
    return cls(*tables, content["join_key"])


def _partitioned(cls: Any, source: ArtifactFiles, content: Mapping[str, Any]) -> Any:
    folder = content["parts_path"].rstrip("/") + "/"
    parts: dict[str, Callable[[], Any]] = {
        name: partial(read, source, name)
        for name in source.manifest.entries
        if name.startswith(folder) and name.endswith(".table.json")
    }
    return cls(content["parts_path"]).of_parts(parts)


_MADE: dict[str, Callable[[Any, ArtifactFiles, Mapping[str, Any]], Any]] = {
    "classes": _classes,
    "html-file": _html,
    "image-file": _image,
    "joined-table": _joined,
    "partitioned-table": _partitioned,
    "table": _table,
}
