"""The base of all kinds of media: a value that becomes a JSON object, mostly with a file beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from wandb_logging._errors import LogError
from wandb_logging._events.media_names import file_name, short_id
from wandb_logging._journal.copies import Kept, Source, blocks, new_digest

if TYPE_CHECKING:
    from wandb_logging._artifacts.artifact import Artifact

Keep = Callable[[Source, str], Kept]
"""Keeps the bytes of a file, or these, under a name with this extension. Raises OSError."""


Label = Callable[[str, str, dict[str, Any]], object]
"""Puts something into the part of the config where the page looks for it: (kind, key, what)."""


Earlier = Callable[[str], Any]
"""What a run that goes on had under a key before; None if nothing."""


def nothing_earlier(key: str) -> None:
    """Say that a run that just begins has logged nothing before."""
    del key


class LogArtifact(Protocol):
    """Logs an artifact to the run."""

    def __call__(self, artifact: Artifact, *, incremental: bool = False) -> object:
        """Log an artifact. If `incremental`, the server adds it to the version before it."""


class Place:
    """Where the files of one event's media go.

    Args:
        keep: copies a file into the run directory.
        log_artifact: logs an artifact to the run.
        label: writes into the run's config what the page has to know: names of classes, how to draw a chart.
        step: the part of the file names that stands for the step.
        run_id: id of the run.
        earlier: key -> what a continued run had logged under this key before.

    Attributes:
        files: the files that were kept: the member `media` of the event (`_names`).
        charts: dotted name -> chart, for the top of the row.
    """

    def __init__(
        self,
        keep: Keep,
        log_artifact: LogArtifact,
        label: Label,
        *,
        step: str,
        run_id: str,
        earlier: Earlier,
    ) -> None:
        self.label = label
        self.files: list[dict[str, str]] = []
        self.charts: dict[str, Any] = {}
        self.run_id = run_id
        self.log_artifact = log_artifact
        self.earlier = earlier
        self._keep = keep
        self._step = step

    def put(self, source: Source, folder: str, key: str, extension: str) -> dict[str, Any]:
        """Keep a file's bytes. Returns what a media object says about its file.

        Raises:
            LogError: the file is gone.
            OSError: it cannot be copied.
        """
        try:
            kept = self._keep(source, extension)
        except FileNotFoundError as exc:
            if isinstance(source, Path) and not source.is_file():
                raise LogError(f"there is no file {source} any more") from exc
            raise
        name = file_name(folder, key, self._step, kept.sha256, extension)
        self.files.append({"name": name, "path": kept.path})
        return {"sha256": kept.sha256, "size": kept.size, "path": name}


class Value:
    """A metric's value that is more than a number."""

    def json(self, key: str, place: Place) -> Any:
        """Make the JSON value, and keep its file at `place`.

        Raises:
            LogError: the value is not valid.
            OSError: its file cannot be kept.
        """
        raise NotImplementedError

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> Any:
        """The JSON value of several values of one kind."""
        return [item.json(key, place) for item in items]


class Media(Value):
    """A value with a file.

    Args:
        source: a file, which is read when the value is logged, or bytes.
        extension: extension of the file in the run, with its dot.
        caption: text below the value; also an attribute.
    """

    kind: ClassVar[str]
    folder: ClassVar[str]

    def __init__(self, source: Source, extension: str, caption: str | None = None) -> None:
        self._source = source
        self._extension = extension
        self.caption = caption

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """The JSON object of this value."""
        return {"_type": self.kind, **place.put(self._source, self.folder, key, self._extension), **self.about()}

    def about(self) -> dict[str, Any]:
        """The members of the JSON object that are not about the file."""
        return {} if self.caption is None else {"caption": str(self.caption)}

    def into(self, artifact: Artifact) -> dict[str, Any]:
        """Add the file to an artifact. Returns the JSON object for use in that artifact.

        Raises:
            LogError: the file is gone.
            OSError: it cannot be copied.
        """
        sha256 = _digest(self._source, new_digest("sha256"))
        # The names are the official SDK's, because they are part of the artifact's digest.
        if isinstance(self._source, Path):
            name = f"media/{self.folder}/{short_id(sha256)}/{self._source.name}"
        else:
            md5 = _digest(self._source, new_digest("md5"))
            name = f"media/{self.folder}/{short_id(md5)}{self._extension}"
        if name not in artifact.manifest.entries:
            if isinstance(self._source, Path):
                artifact.add_file(self._source, name)
            else:
                with artifact.new_file(name, "wb") as file:
                    file.write(self._source)
        return {"_type": self.kind, "path": name, "sha256": sha256, **self.about()}

    def column_type(self) -> dict[str, Any]:
        """The type of a table column that holds such values."""
        return {"wb_type": self.kind}


def _digest(source: Source, digest: Any) -> str:
    for block in blocks(source):
        digest.update(block)
    return str(digest.hexdigest())


def captions(items: Sequence[Media]) -> list[str | None] | bool:
    """The captions of several values as the official SDK lists them: none at all if the first value has none."""
    return False if items[0].caption is None else [item.caption for item in items]


def existing_file(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a file that a person named. The working directory may change before the file is logged.

    Raises:
        LogError: there is no such file.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise LogError(f"{file} is no file")
    return file.absolute()


def pillow_image(what: str) -> Any:
    """The module `PIL.Image`, imported only if a value needs it.

    Raises:
        LogError: Pillow is not installed.
    """
    try:
        from PIL import Image  # noqa: PLC0415
    except ImportError as exc:
        raise LogError(f"{what} needs Pillow: pip install wandb-logging[media]") from exc
    return Image


def opened_file(value: Any) -> Any:
    """The path of an open file; any other value unchanged. Paths and tensors may have a `name`, too."""
    name = getattr(value, "name", None)
    return name if isinstance(name, str) and hasattr(value, "read") else value


def read_all(stream: Any) -> bytes:
    """The whole content of a stream, from its beginning if the stream can be rewound."""
    if hasattr(stream, "seek"):
        stream.seek(0)
    content = stream.read()
    return content.encode() if isinstance(content, str) else bytes(content)


def known_extension(name: str, known: Sequence[str], what: str) -> str:
    """The extension of a file, with its dot, if it is one of those that can be shown.

    Raises:
        LogError: it is none of these.
    """
    for extension in known:
        if name.lower().endswith(f".{extension}"):
            return f".{extension}"
    raise LogError(f"{what}: expected a file of type {', '.join(known)}, got {name!r}")
