"""`Molecule`: a molecule from a file."""

from __future__ import annotations

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
    opened_file,
    read_all,
)


class Molecule(Media):
    """A molecule.

    Args:
        data_or_path: a file of a type in `SUPPORTED_TYPES`, an open file of such a type, or a stream.
        caption: text below the molecule.
        file_type: the type of a stream.

    Raises:
        LogError: there is no such file, or the file is of another type.
    """

    kind = "molecule-file"
    folder = "molecule"
    SUPPORTED_TYPES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        data = opened_file(data_or_path)
        if isinstance(data, (str, os.PathLike)):
            source: Source = existing_file(data)
            extension = known_extension(str(source), self.SUPPORTED_TYPES, "Molecule")
        elif hasattr(data, "read"):
            extension = known_extension(f"molecule.{file_type}", self.SUPPORTED_TYPES, "Molecule")
            source = read_all(data)
        else:
            raise LogError(f"Molecule: expected a file, got {type(data).__name__}")
        super().__init__(source, extension, caption)

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several molecules."""
        names = [item.json(key, place)["path"] for item in items]
        return {"_type": "molecule", "filenames": names, "count": len(items), "captions": captions(items)}
