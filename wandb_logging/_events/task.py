"""Work that an event asks for besides lines: a file, an alert, an artifact. cursor.json keeps it until done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._dataclass import dataclass

FILES = ("file", "standard", "media")  # kinds that upload a file of the run


@dataclass(frozen=True)
class Task:
    """Work to be done once. Doing it twice, after a crash in between, is harmless.

    Attributes:
        kind: file, standard, media, artifact, use_artifact, link_artifact or alert. Other versions may have more kinds.
        what: the members of the event that asks for the work, and the step of the event.
    """

    kind: str
    what: Mapping[str, Any]

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Task:
        """Read a task from the JSON in a cursor, or from the fold."""
        return cls(str(kept.get("kind")), {key: value for key, value in kept.items() if key != "kind"})

    def to_json(self) -> dict[str, Any]:
        """The JSON for a cursor."""
        return {"kind": self.kind, **self.what}

    @property
    def is_file(self) -> bool:
        """Whether the task uploads a file of the run."""
        return self.kind in FILES

    @property
    def name(self) -> str:
        """Name of the task's file in the run."""
        return str(self.what.get("name"))

    @property
    def path(self) -> str:
        """Path of the file's copy, relative to the run directory."""
        return str(self.what.get("path"))

    def __str__(self) -> str:
        return f"{self.kind} {self.what.get('name') or self.what.get('title') or ''}".strip()
