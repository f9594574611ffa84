"""`Video`: moving pictures from a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._keep import Source
from wandb_logging._media._base import Media, Place, captions, existing_file, known_extension, read_all


class Video(Media):
    """A video.

    Args:
        data_or_path: a file of type gif, mp4, webm or ogg, or an open one, read now. Frames as an array are not
            supported: encode them first.
        caption: text below it.
        fps: of the official SDK; a file has its own.
        format: the type of an open file.

    Raises:
        LogError: there is no such file, or it is of another type.
    """

    kind = "video-file"
    folder = "videos"
    EXTS = ("gif", "mp4", "webm", "ogg")

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,  # noqa: ARG002
        format: str | None = None,  # noqa: A002  the official SDK's name
    ) -> None:
        if isinstance(data_or_path, (str, os.PathLike)):
            source: Source = existing_file(data_or_path)
            extension = known_extension(str(source), self.EXTS, "Video")
        elif hasattr(data_or_path, "read"):
            extension = known_extension(f"video.{format}", self.EXTS, "Video")
            source = read_all(data_or_path)
        else:
            raise LogError(f"Video: expected a file, got {type(data_or_path).__name__}; encode frames first")
        super().__init__(source, extension, caption)

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several."""
        videos = [item.json(key, place) for item in items]
        return {"_type": "videos", "count": len(items), "videos": videos, "captions": captions(items)}
