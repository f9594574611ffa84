"""Overlays of an image: boxes and masks, with names for their classes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from numbers import Number
from pathlib import Path
from typing import Any, ClassVar

from wandb_logging._errors import LogError
from wandb_logging._journal.copies import Source
from wandb_logging._media.base import Media, Place, existing_file, pillow_image
from wandb_logging._media.json import json_bytes, whole
from wandb_logging._values.arrays import as_numpy

Labels = dict[int, str]


class Overlay(Media):
    """The base of boxes and masks. The names of their classes are written to the run's config.

    Attributes:
        name: name of the overlay within its image, such as ground_truth.
        labels: number of a class -> its name.
    """

    label_kind: ClassVar[str]

    def __init__(self, source: Source, extension: str, name: str, labels: Labels) -> None:
        super().__init__(source, extension)
        self.name = name
        self.labels = labels

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """The JSON object of the overlay."""
        if self.labels:
            name = f"{key}_wandb_delimeter_{self.name}"  # the SDK's spelling
            place.label(self.label_kind, name, {"type": self.label_kind, "key": name, "value": self.labels})
        return super().json(key, place)


class Boxes(Overlay):
    """Boxes in the official SDK's form: `box_data`, and perhaps `class_labels`."""

    kind = "boxes2D"
    folder = "metadata/boxes2D"
    label_kind = "bounding_box/class_labels"

    def __init__(self, given: Any, name: str) -> None:
        boxes = given.get("box_data") if isinstance(given, Mapping) else None
        if not isinstance(boxes, list):
            raise LogError(f"boxes {name!r}: expected a mapping with box_data, a list of boxes")
        for number, box in enumerate(boxes):
            problem = _wrong_with(box)
            if problem:
                raise LogError(f"boxes {name!r}: box {number}: expected {problem}")
        self.boxes: list[Any] = whole(boxes)
        labels = _labels(given, name) if "class_labels" in given else _numbered(box.get("class_id") for box in boxes)
        super().__init__(json_bytes(given), ".boxes2D.json", name, labels)


def _wrong_with(box: Any) -> str | None:
    """What is wrong with a box; None if the box is valid."""
    if not isinstance(box, Mapping) or not isinstance(box.get("position"), Mapping):
        return "a mapping with a position"
    position = box["position"]
    middle = position.get("middle")
    corners = all(_is_number(position.get(side)) for side in ("minX", "maxX", "minY", "maxY"))
    around = hasattr(middle, "__len__") and len(middle) == 2
    if not corners and not (around and _is_number(position.get("width")) and _is_number(position.get("height"))):
        return "a position of minX, maxX, minY and maxY, or of middle, width and height"
    scores = box.get("scores", {})
    if not isinstance(scores, Mapping) or not all(_is_number(score) for score in scores.values()):
        return "scores as a mapping of name to number"
    if not isinstance(box.get("class_id", 0), int) or not isinstance(box.get("box_caption", ""), str):
        return "class_id as a whole number and box_caption as a text"
    return None


class Mask(Overlay):
    """A mask in the official SDK's form: `mask_data` and perhaps `class_labels`, or the `path` of a picture."""

    kind = "mask"
    folder = "images/mask"
    label_kind = "mask/class_labels"

    def __init__(self, given: Any, name: str) -> None:
        if not isinstance(given, Mapping) or not ("path" in given or hasattr(given.get("mask_data"), "shape")):
            raise LogError(f"mask {name!r}: expected a mapping with mask_data, an array, or with path")
        labels: Labels = {}  # for a picture file: the official SDK only examines arrays
        if "path" in given:
            source: Source = existing_file(given["path"])
            extension = Path(given["path"]).suffix
        else:
            data = as_numpy(given["mask_data"])
            if data is None or data.ndim != 2 or not ((data >= 0).all() and (data <= 255).all()):
                raise LogError(f"mask {name!r}: expected an array of height x width, of classes from 0 to 255")
            labels = _labels(given, name) if "class_labels" in given else _numbered(data.flatten().tolist())
            file = io.BytesIO()
            pillow_image("Image").fromarray(data.astype("uint8")).convert("L").save(file, format="PNG")
            source, extension = file.getvalue(), ".mask.png"
        super().__init__(source, extension, name, labels)


def _is_number(value: Any) -> bool:
    return isinstance(value, Number)


def _labels(given: Mapping[str, Any], name: str) -> Labels:
    labels = given["class_labels"]
    if not isinstance(labels, Mapping) or not all(_is_number(k) and isinstance(v, str) for k, v in labels.items()):
        raise LogError(f"class_labels of {name!r}: expected a mapping of numbers to names")
    return dict(labels)


def _numbered(classes: Any) -> Labels:
    return {number: f"class_{number}" for number in sorted({int(each) for each in classes if each is not None})}
