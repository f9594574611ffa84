"""`Object3D`: a three-dimensional object or a cloud of points."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._journal.copies import Source
from wandb_logging._media.base import Media, Place, existing_file, known_extension, opened_file, read_all
from wandb_logging._media.json import json_bytes, whole


class Object3D(Media):
    """A three-dimensional object.

    Args:
        data_or_path: a file of a type in `SUPPORTED_TYPES`, an open file of such a type, or a stream; or points, an
            array of n rows x, y, z, each perhaps followed by a category from 1 to 14 or by r, g, b; or a scene,
            `{"type": "lidar/beta", "points": array, "boxes": array, "vectors": array}`.
        caption: text below the object.
        file_type: the type of a stream.

    Raises:
        LogError: there is no such file, the file is of another type, or the array has another shape.
    """

    kind = "object3D-file"
    folder = "object3D"
    SUPPORTED_TYPES = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        data = opened_file(data_or_path)
        extension = ".pts.json"
        if isinstance(data, (str, os.PathLike)):
            source: Source = existing_file(data)
            extension = known_extension(str(source), self.SUPPORTED_TYPES, "Object3D")
        elif hasattr(data, "read"):
            extension = known_extension(f"object.{file_type}", self.SUPPORTED_TYPES, "Object3D")
            source = read_all(data)
        elif isinstance(data, Mapping):
            source = json_bytes(_scene(data))
        else:
            source = json_bytes(_points(data))
        super().__init__(source, extension, caption)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Make an object from a file or a stream.

        Args:
            data_or_path: path of the file, or an open text file.
            file_type: type of a stream, such as obj; that of a file is the ending of its name.

        Raises:
            LogError: there is no such file, or none of its type is taken.
        """
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Make an object from points, an array as `Object3D` takes it."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls, points: Any, boxes: Any, vectors: Any = None, point_cloud_type: str = "lidar/beta"
    ) -> Object3D:
        """Make a scene.

        Args:
            points: x, y, z of each point, each perhaps followed by a category or a colour.
            boxes: results of `box3d`, or mappings with `corners`, `color` and `label`.
            vectors: mappings with `start` and `end`.
            point_cloud_type: lidar/beta is the only type.
        """
        return cls({"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors or []})

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several objects."""
        objects = [item.json(key, place) for item in items]
        names = [item["path"][len(f"media/{cls.folder}/") :] for item in objects]
        return {"_type": "object3D", "filenames": names, "count": len(items), "objects": objects}


def box3d(
    *, center: Any, size: Any, orientation: Any, color: Any, label: str | None = None, score: float | None = None
) -> dict[str, Any]:
    """Make a box for a scene. Needs no numpy.

    Args:
        center: x, y, z of the box's middle.
        size: the box's three lengths.
        orientation: the quaternion r, x, y, z that turns the axes of the space into those of the box.
        color: red, green and blue.
        label: text beside the box.
        score: how certain the box is.

    Raises:
        LogError: one of the first three arguments has another number of values.
    """
    for name, value, count in (("center", center, 3), ("size", size, 3), ("orientation", orientation, 4)):
        if len(value) != count:
            raise LogError(f"box3d: {name}: expected {count} numbers, got {len(value)}")
    rows = _rotation(*(float(part) for part in orientation))
    corners = []
    for signs in itertools.product((-1, 1), repeat=3):
        edge = [0.5 * float(length) * sign for length, sign in zip(size, signs)]
        turned = (sum(edge[i] * rows[i][axis] for i in range(3)) for axis in range(3))
        corners.append([float(middle) + offset for middle, offset in zip(center, turned)])
    return {"corners": corners, "color": color, "label": label, "score": score}


def _rotation(r: float, x: float, y: float, z: float) -> list[list[float]]:
    """The rotation matrix of a quaternion. Its rows are the directions of the turned axes."""
    s = 2 / (r * r + x * x + y * y + z * z)
    return [
        [1 - s * (y * y + z * z), s * (x * y - z * r), s * (x * z + y * r)],
        [s * (x * y + z * r), 1 - s * (x * x + z * z), s * (y * z - x * r)],
        [s * (x * z - y * r), s * (y * z + x * r), 1 - s * (x * x + y * y)],
    ]


def _scene(scene: Mapping[str, Any]) -> dict[str, Any]:
    if scene.get("type") != "lidar/beta":
        raise LogError(f"Object3D: expected a scene of type 'lidar/beta', got {scene.get('type')!r}")
    return {"type": "lidar/beta", **{part: whole(scene.get(part, [])) for part in ("vectors", "points", "boxes")}}


def _points(points: Any) -> Any:
    shape = tuple(getattr(points, "shape", ()))
    if len(shape) != 2 or shape[1] not in {3, 4, 6}:
        what = f"an array of shape {shape}" if shape else type(points).__name__
        raise LogError(f"Object3D: expected a file, or an array of n x 3, 4 or 6, got {what}")
    return points
