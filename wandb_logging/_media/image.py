"""`Image`: a picture from a file, Pillow, an array or a matplotlib figure."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wandb_logging._errors import LogError
from wandb_logging._journal.copies import Source
from wandb_logging._media.base import Media, Place, captions, existing_file, pillow_image
from wandb_logging._media.overlays import Boxes, Mask, Overlay
from wandb_logging._media.pixels import pixels
from wandb_logging._media.png import Way, png, way_of
from wandb_logging._values.arrays import as_numpy

if TYPE_CHECKING:
    from wandb_logging._artifacts.artifact import Artifact

_FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP"}  # of what we write ourselves
_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


class Encoded(NamedTuple):
    """A picture that another program has encoded: the bytes of its file, its format, and width and height."""

    data: bytes
    format: str
    size: tuple[int, int]


class Image(Media):
    """A picture. Needs Pillow (`pip install wandb-logging[media]`).

    Args:
        data_or_path: a file; a Pillow image; an array; a matplotlib figure, axes or `matplotlib.pyplot`; or another
            `Image`, whose caption, boxes and so on it has where no others are given. An array has the order height,
            width, channel (a torch tensor: channel, height, width) and 1, 3 or 4 channels. Its values are from 0 to
            255, floats from 0 to 1 or from -1 to 1, or flags. All but a file is encoded now, so later changes have no
            effect.
        mode: Pillow's mode for an array. Default: L, RGB or RGBA, depending on the channels.
        caption: text below the picture.
        grouping: number of the group that the picture belongs to.
        file_type: png (default), jpg, jpeg or bmp, for anything that is not a file yet.
        classes: `{"id": 1, "name": "cat"}` for each class.
        boxes: name -> `{"box_data": [...], "class_labels": {1: "cat"}}`. A box has a `position`: either `minX`,
            `maxX`, `minY` and `maxY`, or `middle`, `width` and `height`. These are fractions of the image, or pixels if
            the box's `domain` is "pixel". A box may also have `class_id`, `box_caption`, and `scores`, name -> number.
        masks: name -> `{"mask_data": array, "class_labels": {1: "road"}}`. The array has the class of each pixel, 0 to
            255. Instead of `mask_data` there may be a `path`, the path of a picture of the mask.

    Attributes:
        size: width and height in pixels.
        format: file type, such as png.

    Raises:
        LogError: there is no such file, the file is no picture, the array has another shape, boxes or masks are not
            valid, or Pillow is not installed.
    """

    kind = "image-file"
    folder = "images"
    MAX_ITEMS = 108  # in one list (protocol 5.7)

    def __init__(  # noqa: PLR0917  the official SDK's signature
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Iterable[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
    ) -> None:
        self._boxes = {name: Boxes(given, name) for name, given in _overlays("boxes", boxes)}
        self._masks = {name: Mask(given, name) for name, given in _overlays("masks", masks)}
        self._grouping = grouping
        source: Source
        if isinstance(data_or_path, Image):
            given: dict[str, Any] = vars(data_or_path)
            source, self.format, self.size = given["_source"], given["format"], given["size"]
            self._boxes, self._masks = self._boxes or given["_boxes"], self._masks or given["_masks"]
            self._grouping = given["_grouping"] if grouping is None else grouping
            caption = given["caption"] if caption is None else caption
            classes = given["_classes"] if classes is None else classes
        elif isinstance(data_or_path, Encoded):
            source, self.format, self.size = data_or_path
        elif isinstance(data_or_path, (str, os.PathLike)):
            source = file = existing_file(data_or_path)
            self.format = file.suffix[1:]
            self.size = _size_of(file)
        else:
            self.format = file_type or "png"
            if self.format not in _FORMATS:
                raise LogError(f"file_type={file_type!r}: expected {', '.join(_FORMATS)}")
            source, self.size = _written(data_or_path, mode, self.format)
        self._classes = _all_classes([*self._boxes.values(), *self._masks.values()], classes)
        extension = f".{self.format}" if re.fullmatch(r"\w+", self.format) else ""
        super().__init__(source, extension, caption)

    @property
    def image(self) -> Any:
        """The picture as a Pillow image.

        Raises:
            LogError: the file is gone, or Pillow is not installed.
        """
        pillow = pillow_image("Image")
        try:
            content = self._source if isinstance(self._source, bytes) else Path(self._source).read_bytes()
            return pillow.open(io.BytesIO(content))
        except OSError as exc:
            raise LogError(f"the picture cannot be read ({exc})") from exc

    def about(self) -> dict[str, Any]:
        """The members of the JSON object that are not about the file."""
        width, height = self.size
        grouping = {"grouping": self._grouping} if self._grouping else {}
        return {**super().about(), "format": self.format, "width": width, "height": height, **grouping}

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """The JSON object of the picture."""
        return {**super().json(key, place), **self._over(key, place)}

    def _over(self, key: str, place: Place) -> dict[str, Any]:
        """The members `boxes` and `masks`, if the picture has any."""
        overlays: dict[str, Mapping[str, Overlay]] = {"boxes": self._boxes, "masks": self._masks}
        return {
            what: {name: overlay.json(key, place) for name, overlay in named.items()}
            for what, named in overlays.items()
            if named
        }

    def into(self, artifact: Artifact) -> dict[str, Any]:
        """Add the file to an artifact, with classes and masks. Returns the JSON object for use in that artifact."""
        found = super().into(artifact)
        if self._classes:
            found["classes"] = _classes_in(artifact, self._classes)
        if self._boxes:
            found["boxes"] = {name: each.boxes for name, each in self._boxes.items()}
        if self._masks:
            found["masks"] = {name: each.into(artifact) for name, each in self._masks.items()}
        return found

    def column_type(self) -> dict[str, Any]:
        """The type of a table column with such pictures: which overlays and classes they have."""
        layers: dict[str, Any] = {
            "box_layers": {name: sorted(each.labels) for name, each in self._boxes.items()},
            "box_class_maps": {name: _texts(each.labels) for name, each in self._boxes.items()},
            "mask_layers": {name: sorted(each.labels) for name, each in self._masks.items()},
            "mask_class_maps": {name: _texts(each.labels) for name, each in self._masks.items()},
            "class_map": _texts({each["id"]: each["name"] for each in self._classes}),
        }
        scores = {score for each in self._boxes.values() for box in each.boxes for score in box.get("scores", ())}
        params = {name: _const(value) for name, value in layers.items()}
        return {"wb_type": self.kind, "params": {**params, "box_score_keys": _const(sorted(scores), is_set=True)}}

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several pictures: at most 108, shown in the size of the first."""
        items = items[: cls.MAX_ITEMS]
        width, height = items[0].size
        objects = [item.json(key, place) for item in items]
        shown = {"width": width, "height": height, "format": items[0].format, "count": len(items)}
        shown["filenames"] = [each["path"] for each in objects]
        texts = captions(items)
        if texts:
            shown["captions"] = texts
        for what in ("boxes", "masks"):
            if any(what in each for each in objects):
                shown[f"all_{what}"] = [each.get(what) for each in objects]
        return {"_type": "images/separated", **shown}


def _const(value: Any, *, is_set: bool = False) -> dict[str, Any]:
    return {"wb_type": "const", "params": {"val": value, "is_set": is_set}}


def _overlays(what: str, given: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(given or {}, Mapping):
        raise LogError(f"Image: {what}: expected a mapping of name to {what}, got {type(given).__name__}")
    return (given or {}).items()


def _all_classes(overlays: Iterable[Overlay], given: Any) -> list[dict[str, Any]]:
    """The classes of the overlays and the given classes, each once. Of several names for a class the last counts."""
    names: dict[Any, Any] = {}
    for overlay in overlays:
        names.update(overlay.labels)
    try:
        names.update((each["id"], each["name"]) for each in given or ())
    except (KeyError, TypeError) as exc:
        raise LogError('Image: classes: expected a list of {"id": 1, "name": "cat"}') from exc
    return [{"id": number, "name": name} for number, name in names.items()]


def _classes_in(artifact: Artifact, classes: list[dict[str, Any]]) -> dict[str, str]:
    """Add classes to an artifact, as the official SDK does. Returns where they are in the artifact."""
    name = f"media/classes/{hashlib.md5(str(classes).encode(), usedforsecurity=False).hexdigest()}_cls.classes.json"
    if name not in artifact.manifest.entries:
        with artifact.new_file(name, "wb") as file:
            file.write(json.dumps({"_type": "classes", "class_set": classes}, sort_keys=True).encode())
    return {"type": "classes-file", "path": name, "digest": artifact.manifest.entries[name].digest}


def _texts(labels: Mapping[Any, str]) -> dict[str, str]:
    return {str(number): name for number, name in labels.items()}


def _size_of(path: Path) -> tuple[int, int]:
    pillow = pillow_image("Image")
    try:
        with pillow.open(path) as picture:
            picture.load()
            return picture.size  # type: ignore[no-any-return]
    except (OSError, ValueError, SyntaxError) as exc:  # Pillow raises SyntaxError for a broken PNG
        raise LogError(f"{path} is no picture that Pillow can read ({exc})") from exc


def _written(data: Any, mode: str | None, file_type: str) -> tuple[bytes, tuple[int, int]]:
    """Encode a picture. Returns the bytes of the file, and width and height."""
    pillow = pillow_image("Image")
    file = io.BytesIO()
    figure = _figure(data)
    if figure is not None:
        figure.savefig(file, format=file_type)
        picture = pillow.open(file)
    elif isinstance(data, pillow.Image):
        picture = data
    else:
        array, own = _array(data)
        if file_type in {"jpg", "jpeg"} and own == "RGBA":
            mode = mode or "RGB"  # JPEG has no transparency
        if file_type == "png" and mode in {None, own} and (way := way_of(array)) is not Way.BY_PILLOW:
            return png(array, way), (array.shape[1], array.shape[0])
        picture = pillow.fromarray(array).convert(mode or own)
    file = io.BytesIO()
    # The transparency stored in an indexed picture may not fit the format.
    picture.save(file, format=_FORMATS[file_type], transparency=None)
    return file.getvalue(), picture.size


def _array(data: Any) -> tuple[Any, str]:
    """The pixels of an array, and Pillow's mode for its number of channels."""
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
    if data.ndim == 3 and channels == 1:
        data = data[..., 0]
    return pixels(data), _CHANNELS[channels]


def _figure(value: Any) -> Any:
    """The matplotlib figure that a value is or belongs to; None if the value is not from matplotlib."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and value is pyplot:
        return pyplot.gcf()
    if not type(value).__module__.startswith("matplotlib."):
        return None
    return value if hasattr(value, "savefig") else getattr(value, "figure", None)
