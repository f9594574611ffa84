"""`Classes`: names for the numbers in masks and boxes, to be added to an artifact or given to `Image(classes=...)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._media.base import Media


class Classes(Media):
    """Names of classes. They go into an artifact, not into a row.

    Args:
        class_set: `{"id": 1, "name": "cat"}` for each class.

    Raises:
        LogError: `class_set` is something else.
    """

    kind = "classes"
    folder = "cls"

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(b"", "")
        self.class_set = [dict(each) for each in class_set]
        if not all("id" in each and "name" in each for each in self.class_set):
            raise LogError('Classes: expected a list of {"id": 1, "name": "cat"}')

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.class_set)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self.class_set == other.class_set

    __hash__ = Media.__hash__

    def into(self, artifact: object) -> dict[str, Any]:  # noqa: ARG002  it has no file
        """The JSON object of the classes in an artifact."""
        return {"_type": self.kind, "class_set": self.class_set}

    def json(self, key: str, place: object) -> dict[str, Any]:  # noqa: ARG002  as of all media
        """Raise an error, because classes cannot be logged in a row.

        Raises:
            LogError: always.
        """
        raise LogError(f"{key}: Classes are a part of an image or of an artifact, and no value of a row")
