"""`Image`: a picture from a file, Pillow, an array or a matplotlib figure."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._keep import Source
from wandb_logging._media._base import Media, Place, captions, existing_file
from wandb_logging._values import as_numpy

_FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP"}  # of what we write ourselves
_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
_LAYERS = ("box_layers", "box_class_maps", "mask_layers", "mask_class_maps", "class_map")


class Image(Media):
    """A picture. Needs Pillow (`pip install wandb-logging[media]`).

    Args:
        data_or_path: a file; or a Pillow image; or an array of values from 0 to 255 in the order height, width,
            channel (a torch tensor: channel, height, width), with 1, 3 or 4 channels; or a matplotlib figure, axes
            or `matplotlib.pyplot`. Other than a file it is written down now: later changes change nothing.
        mode: Pillow's mode to convert an array to. Default: by its channels L, RGB or RGBA.
        caption: text below it.
        grouping: number of the group it belongs to.
        file_type: png (default), jpg, jpeg or bmp, for what is not a file yet.
        **layers: boxes, masks and classes of the official SDK, which are not supported.

    Attributes:
        size: width and height in pixels.
        format: file type, such as png.

    Raises:
        LogError: there is no such file, it is no picture, the array has another shape, or Pillow is not installed.
    """

    kind = "image-file"
    folder = "images"
    MAX_ITEMS = 108  # of a list (protocol 5.7)

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        file_type: str | None = None,
        **layers: Any,
    ) -> None:
        if any(layer is not None for layer in layers.values()):
            raise LogError(f"Image: {', '.join(layers)} not supported")
        self._grouping = grouping
        if isinstance(data_or_path, (str, os.PathLike)):
            file = existing_file(data_or_path)
            source: Source = file
            self.format = file.suffix[1:]
            self.size = _size_of(file)
        else:
            self.format = file_type or "png"
            if self.format not in _FORMATS:
                raise LogError(f"file_type={file_type!r}: expected {', '.join(_FORMATS)}")
            source, self.size = _written(data_or_path, mode, self.format)
        extension = f".{self.format}" if re.fullmatch(r"\w+", self.format) else ""
        super().__init__(source, extension, caption)

    def about(self) -> dict[str, Any]:
        """What its JSON object says beside its file."""
        width, height = self.size
        grouping = {"grouping": self._grouping} if self._grouping else {}
        return {**super().about(), "format": self.format, "width": width, "height": height, **grouping}

    def column_type(self) -> dict[str, Any]:
        """The type of a table's column of it: without boxes, masks and classes."""
        empty = {name: {"wb_type": "const", "params": {"val": {}, "is_set": False}} for name in _LAYERS}
        scores = {"wb_type": "const", "params": {"val": [], "is_set": True}}
        return {"wb_type": self.kind, "params": {**empty, "box_score_keys": scores}}

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several: at most 108, shown with the size of the first."""
        items = items[: cls.MAX_ITEMS]
        width, height = items[0].size
        names = [item.json(key, place)["path"] for item in items]
        shown = {"width": width, "height": height, "format": items[0].format, "count": len(items)}
        texts = captions(items)
        return {"_type": "images/separated", **shown, "filenames": names, **({"captions": texts} if texts else {})}


def _pillow() -> Any:
    try:
        from PIL import Image as Pillow  # noqa: PLC0415  only where such a value comes
    except ImportError as exc:
        raise LogError("Image needs Pillow: pip install wandb-logging[media]") from exc
    return Pillow


def _size_of(path: Path) -> tuple[int, int]:
    pillow = _pillow()
    try:
        with pillow.open(path) as picture:
            picture.load()
            return picture.size  # type: ignore[no-any-return]
    except (OSError, ValueError, SyntaxError) as exc:  # SyntaxError is Pillow's word for a broken PNG
        raise LogError(f"{path} is no picture that Pillow can read ({exc})") from exc


def _written(data: Any, mode: str | None, file_type: str) -> tuple[bytes, tuple[int, int]]:
    """A picture as the bytes of a file, with its width and height."""
    pillow = _pillow()
    file = io.BytesIO()
    figure = _figure(data)
    if figure is not None:
        figure.savefig(file, format=file_type)
        picture = pillow.open(file)
    elif isinstance(data, pillow.Image):
        picture = data
    else:
        picture = _from_array(pillow, data, mode, file_type)
    file = io.BytesIO()
    # transparency: what an indexed picture carries of it may not fit the format.
    picture.save(file, format=_FORMATS[file_type], transparency=None)
    return file.getvalue(), picture.size


def _from_array(pillow: Any, data: Any, mode: str | None, file_type: str) -> Any:
    kind = type(data).__name__
    if callable(getattr(data, "permute", None)) and data.ndim == 3:  # torch
        data = data.permute(1, 2, 0)
    data = as_numpy(data) if hasattr(data, "shape") else None
    if data is None:
        raise LogError(f"Image: expected a file, a Pillow image, an array or a figure, got {kind}")
    given = tuple(data.shape)
    if data.ndim > 2:
        data = data.squeeze()
    channels = 1 if data.ndim == 2 else data.shape[-1] if data.ndim == 3 else 0
    if channels not in _CHANNELS or 0 in given:
        raise LogError(f"Image: expected an array of height x width, or with 1, 3 or 4 channels, got shape {given}")
    if data.dtype.kind not in "biuf":
        raise LogError(f"Image: expected an array of numbers, got {data.dtype}")
    if file_type in {"jpg", "jpeg"} and channels == 4:
        mode = mode or "RGB"  # JPEG has no transparency
    if data.ndim == 3 and channels == 1:
        data = data[..., 0]
    return pillow.fromarray(data.astype("uint8")).convert(mode or _CHANNELS[channels])


def _figure(value: Any) -> Any:
    """The matplotlib figure that a value is, or belongs to; None if it is nothing of matplotlib."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and value is pyplot:
        return pyplot.gcf()
    if not type(value).__module__.startswith("matplotlib."):
        return None
    return value if hasattr(value, "savefig") else getattr(value, "figure", None)
