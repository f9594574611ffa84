"""An entry of a `wandb.Artifact`: a file, or a reference to one elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandb_logging._artifacts.artifact import StrPath
from wandb_logging._dataclass import dataclass

if TYPE_CHECKING:
    from wandb_logging.compat._artifact import Artifact


@dataclass(frozen=True)
class ManifestEntry:
    """A file or a reference of an artifact.

    Attributes:
        artifact: the artifact that contains the entry.
        path: name of the entry in the artifact.
    """

    artifact: Artifact
    path: str

    def __getattr__(self, name: str) -> Any:
        if name in {"digest", "size", "ref", "extra", "local_path", "birth_artifact_id"}:
            return getattr(self.artifact.manifest.entries[self.path], name)
        raise AttributeError(name)

    @property
    def name(self) -> str:
        """The same as `path`."""
        return self.path

    def parent_artifact(self) -> Artifact:
        """The artifact that contains the entry."""
        return self.artifact

    def download(self, root: StrPath | None = None, **_: Any) -> str:
        """Fetch the file. Returns its path."""
        return self.artifact.on_server().get_entry(self.path).download(root)

    def ref_target(self) -> str:
        """The address that the reference points to.

        Raises:
            ValueError: the entry is a file.
        """
        if self.ref is None:
            raise ValueError("Only reference entries support ref_target().")
        return str(self.ref)
