"""The part of `wandb.Artifact` that reads what is in an artifact on the server: its entries, values and files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._artifacts.manifest import read_digest
from wandb_logging.compat._entry import ManifestEntry

if TYPE_CHECKING:
    from wandb_logging._artifacts.artifact import StrPath
    from wandb_logging._artifacts.download import UsedArtifact
    from wandb_logging._artifacts.manifest import Manifest


class Content:
    """The members of `wandb.Artifact` that read its content."""

    if TYPE_CHECKING:

        def on_server(self) -> UsedArtifact: ...
        @property
        def manifest(self) -> Manifest: ...

    def __getitem__(self, name: str) -> Any:
        """The same as `get`."""
        return self.get(name)

    def get(self, name: str) -> Any:
        """The table or media that was added under this name with `add`; None if there is none."""
        from wandb_logging._media import members  # noqa: PLC0415  few programs read media

        self.on_server()
        return members.read(self, name)

    def fetch(self, name: str) -> Path:
        """Fetch one of the files. Returns its path."""
        return Path(self.on_server().get_entry(name).download())

    def get_entry(self, name: StrPath) -> ManifestEntry:
        """A file or reference in the artifact.

        Raises:
            KeyError: there is no entry of that name.
        """
        from wandb_logging._media import members  # noqa: PLC0415  as above

        held = self.on_server().manifest
        found = os.fspath(name)
        if found not in held.entries:
            member = members.find(held, found)
            if member is None:
                raise KeyError(f"Path not contained in artifact: {found}")
            found = member[0]
        return ManifestEntry(self, found)  # type: ignore[arg-type]  # which is an Artifact

    get_path = get_entry

    def files(self, names: list[str] | None = None, per_page: int = 50) -> list[ManifestEntry]:
        """All files, or only those of the given names."""
        del per_page
        return [self.get_entry(each.path) for each in self.on_server().files(names)]

    def download(
        self,
        root: StrPath | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: StrPath | None = None,
        multipart: bool | None = None,
    ) -> str:
        """Fetch all files, or those whose names begin with `path_prefix`. Returns their folder."""
        del allow_missing_references, skip_cache, multipart
        server = self.on_server()
        if path_prefix is None:
            return os.path.abspath(server.download(root))  # noqa: PTH100  as the official SDK: no links resolved
        folder = Path(root) if root is not None else Path("artifacts", server.name)
        for each in server.files():
            if each.path.startswith(os.fspath(path_prefix)):
                each.download(folder)
        return os.path.abspath(folder)  # noqa: PTH100  as above

    def checkout(self, root: str | None = None) -> str:
        """Make a folder the same as the artifact: fetch all files, and delete those that are not in the artifact.

        Args:
            root: the folder. Default: `artifacts/NAME` in the working directory.

        Returns:
            The path of the folder.
        """
        folder = Path(root) if root is not None else Path("artifacts", self.on_server().name.rpartition(":")[0])
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.relative_to(folder).as_posix() not in self.manifest.entries:
                path.unlink()
        return self.download(folder)

    def file(self, root: StrPath | None = None) -> str:
        """Fetch the only file. Returns its path.

        Raises:
            ValueError: the artifact does not have exactly one file.
        """
        return self.on_server().file(root)

    def verify(self, root: StrPath | None = None) -> None:
        """Compare the files in a folder with the artifact.

        Args:
            root: the folder. Default: where `download` puts it.

        Raises:
            ValueError: a file is not in the artifact, is missing, or has other content.
        """
        server = self.on_server()
        folder = Path(root) if root is not None else Path("artifacts", server.name)
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        if there - server.manifest.entries.keys():
            raise ValueError(f"Found file {min(there - server.manifest.entries.keys())} which is not in the artifact")
        for name, entry in server.manifest.entries.items():
            if entry.ref is None and (name not in there or read_digest(folder / name) != entry.digest):
                raise ValueError(f"Digest mismatch for file: {folder / name}")
