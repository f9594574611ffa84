"""`Video`: moving pictures from a file, or as a GIF from frames."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._journal.copies import Source
from wandb_logging._media.base import (
    Media,
    Place,
    captions,
    existing_file,
    known_extension,
    pillow_image,
    read_all,
)
from wandb_logging._media.pixels import pixels
from wandb_logging._values.arrays import as_numpy

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class Video(Media):
    """A video.

    Args:
        data_or_path: a file of type gif, mp4, webm or ogg, or an open one, which is read now; or frames. Frames are an
            array of values from 0 to 255 in the order time, channel, height, width, with 1, 3 or 4 channels. A further
            dimension in front means several videos, shown side by side. Frames become a GIF, which needs Pillow.
        caption: text below the video.
        fps: frames per second for an array, default 4. A file has its own rate.
        format: the type of an open file. For an array only gif, the default.

    Raises:
        LogError: there is no such file, the file is of another type, the array has another shape, or frames are to
            become anything but a GIF.
    """

    kind = "video-file"
    folder = "videos"
    EXTS = ("gif", "mp4", "webm", "ogg")

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,  # noqa: A002  the official SDK's name
    ) -> None:
        self._size: tuple[int, int] | None = None  # None for a file, which is not examined
        if isinstance(data_or_path, (str, os.PathLike)):
            source: Source = existing_file(data_or_path)
            extension = known_extension(str(source), self.EXTS, "Video")
        elif hasattr(data_or_path, "read"):
            extension = known_extension(f"video.{format}", self.EXTS, "Video")
            source = read_all(data_or_path)
        elif hasattr(data_or_path, "shape"):
            if format not in {None, "gif"}:
                raise LogError(f"Video: frames become a GIF here: encode {format} yourself, as moviepy and ffmpeg do")
            frames = _frames(data_or_path)
            source, extension = _gif(frames, fps or 4), ".gif"
            self._size = frames.shape[2], frames.shape[1]
        else:
            raise LogError(f"Video: expected a file or an array of frames, got {type(data_or_path).__name__}")
        super().__init__(source, extension, caption)

    def about(self) -> dict[str, Any]:
        """The members of the JSON object that are not about the file."""
        return {**super().about(), **dict(zip(("width", "height"), self._size or ()))}

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several videos."""
        videos = [item.json(key, place) for item in items]
        return {"_type": "videos", "count": len(items), "videos": videos, "captions": captions(items)}


def _frames(given: Any) -> Any:
    """Frames in the order time, height, width, channel. Several videos are arranged as in the official SDK."""
    array = as_numpy(given)
    if array is None or array.ndim not in {4, 5} or array.shape[-3] not in _MODES or 0 in array.shape:
        shape = tuple(given.shape)
        raise LogError(f"Video: expected an array of time x 1, 3 or 4 channels x height x width, got shape {shape}")
    array = pixels(array).reshape(-1, *array.shape[-4:])
    count = len(array)
    places = 1 << (count - 1).bit_length()
    rows = 1 << (count.bit_length() - 1) // 2
    padded = array.repeat([1] * (count - 1) + [1 + places - count], axis=0)  # empty videos fill the grid
    padded[count:] = 0
    time, channels, height, width = array.shape[1:]
    tiles = padded.reshape(rows, places // rows, time, channels, height, width).transpose(2, 0, 4, 1, 5, 3)
    return tiles.reshape(time, rows * height, places // rows * width, channels)


def _gif(frames: Any, fps: float) -> bytes:
    pillow = pillow_image("Video of frames")
    mode = _MODES[frames.shape[-1]]
    pictures = [pillow.fromarray(frame[..., 0] if mode == "L" else frame) for frame in frames]
    file = io.BytesIO()
    pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:], duration=1000 / fps, loop=0)
    return file.getvalue()
