"""Keeps a logged artifact: what the journal says about it, and its files in the run directory.

The files stay in a folder that is removed once they have been sent:

    files/artifacts/<random>/manifest.json    the manifest
    files/artifacts/<random>/<MD5 in hex>     a file of it, or several equal ones
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._artifacts.artifact import Artifact, StrPath, matches
from wandb_logging._artifacts.manifest import Entry, copy
from wandb_logging._errors import LogError
from wandb_logging._journal import safe_files
from wandb_logging._values.plain import Aside, dumps, plain

ARTIFACTS = Path("files", "artifacts")  # folder in a run directory
MANIFEST = "manifest.json"
LATEST = "latest"
MAX_METADATA = 100  # the most keys; the official SDK's limit


def artifact_of(  # noqa: PLR0917  those of `Run.log_artifact`, and what is known of the run
    artifact_or_path: Artifact | StrPath,
    name: str | None,
    kind: str | None,
    run_id: str,
    folder: Path | None,
    make: type[Artifact] = Artifact,
) -> Artifact:
    """The artifact to log: the given one, or one made from a file, a folder or an address.

    Args:
        name: name of a new artifact. Default: the run's id and the last part of the path.
        kind: type of a new artifact. Default: unspecified.
        folder: where `keep` will put the artifact: a copy that is made there need not be copied again. None if unknown.
        make: makes the artifact if none is given.

    Raises:
        LogError: there is no such file or folder, or a name or type is wrong.
        OSError: a file cannot be read or copied.
    """
    if isinstance(artifact_or_path, Artifact):
        return artifact_or_path
    if not isinstance(artifact_or_path, (str, os.PathLike)):
        raise LogError(f"expected an Artifact or a path, got {artifact_or_path!r}")
    text = os.fspath(artifact_or_path)
    artifact = make(name or f"run-{run_id}-{os.path.basename(text)}", kind or "unspecified")  # noqa: PTH119  a URI
    artifact._stage_in(folder)  # noqa: SLF001  the same floor
    if os.path.isfile(text):  # noqa: PTH113  a URI is no path
        artifact.add_file(text)
    elif os.path.isdir(text):  # noqa: PTH112  a URI is no path
        artifact.add_dir(text)
    elif "://" in text:
        artifact.add_reference(text)
    else:
        raise LogError(f"{text}: no such file or folder, and no address such as s3://bucket/key")
    return artifact


def describe(
    artifact: Artifact, aliases: str | Iterable[str] | None, tags: str | Iterable[str] | None = None
) -> dict[str, Any]:
    """What the journal says about a logged artifact, which is also what the server is told.

    Raises:
        LogError: an alias, a tag, the description or the metadata cannot be sent.
    """
    if artifact.description is not None and not isinstance(artifact.description, str):
        raise LogError(f"description: expected a text, got {artifact.description!r}")
    return {
        "name": artifact.name,
        "type": artifact.type,
        "description": artifact.description or None,
        "metadata": metadata_json(artifact.metadata),
        "aliases": _aliases(aliases),
        "tags": tags_of(tags),
        "digest": artifact.digest,
        "client_id": artifact._client_id,  # noqa: SLF001  the same floor
        "sequence_client_id": artifact._sequence_client_id,  # noqa: SLF001  the same floor
    }


def keep(artifact: Artifact, folder: Path) -> str:
    """Put all of an artifact into a new folder below `folder`.

    Returns:
        Name of the new folder.

    Raises:
        LogError: a file has changed since it was added as immutable.
        OSError: a file cannot be read or written.
    """
    kept = folder / secrets.token_hex(8)
    kept.mkdir(parents=True)
    try:
        for name, entry in artifact.manifest.entries.items():
            if entry.local_path is not None:
                _keep_file(artifact, name, entry, entry.local_path, kept / entry.hex_digest)
        (kept / MANIFEST).write_bytes(dumps(artifact.manifest.to_manifest_json()))
    except BaseException:
        shutil.rmtree(kept, ignore_errors=True)
        raise
    return kept.name


def kept_in(run_dir: Path, name: object) -> KeptFolder:
    """The folder that `keep` made in a run directory, by its name in the journal.

    Raises:
        OSError: the name leads elsewhere. Such a name is refused, because the folder will be removed later.
    """
    if not matches("[0-9a-f]{16}", name):
        raise OSError(f"{name!r} is no folder of an artifact")
    return KeptFolder(run_dir, f"{ARTIFACTS.as_posix()}/{name}")


class KeptFolder:
    """The files of an artifact in a run directory. Only regular files are read, and links are not followed.

    Args:
        run_dir: path of the run directory.
        name: name of the folder there.
    """

    def __init__(self, run_dir: Path, name: str) -> None:
        self._run_dir = run_dir
        self._name = name

    def open(self, file: str) -> BinaryIO:
        """Open a file of the folder.

        Raises:
            OSError: the file cannot be read.
        """
        return safe_files.open_to_read(self._run_dir, f"{self._name}/{file}")

    def read(self, file: str) -> bytes:
        """Read a file of the folder.

        Raises:
            OSError: the file cannot be read.
        """
        return safe_files.read(self._run_dir, f"{self._name}/{file}")

    def write(self, file: str, data: bytes) -> None:
        """Write a file into the folder.

        Raises:
            OSError: the file cannot be written.
        """
        safe_files.replace(self._run_dir, f"{self._name}/{file}", data, durable=False)

    def remove(self) -> None:
        """Remove the folder with everything in it. Failures are ignored."""
        with contextlib.suppress(OSError):
            safe_files.make_folder(self._run_dir, self._name)  # makes sure that no link is on the path
            shutil.rmtree(self._run_dir / self._name, ignore_errors=True)


def _keep_file(artifact: Artifact, name: str, entry: Entry, source: Path, target: Path) -> None:
    if target.exists():  # two entries with the same content
        return
    # A hard link to our own copy is safe, because nobody writes to that copy. The user's own file may be written to.
    if artifact._is_staged(source) and _link(source, target):  # noqa: SLF001  the same floor
        return
    if copy(source, target).digest != entry.digest:
        raise LogError(f"{name}: {source} has changed since it was added")


def finalize(artifact: Artifact, send: Callable[[float | None], object]) -> None:
    """Mark an artifact as logged: nothing can be added any more, and its `wait` calls `send` with a timeout."""
    artifact._finalize(send)  # noqa: SLF001  the same floor


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        return False
    return True


def _aliases(given: str | Iterable[str] | None) -> list[str]:
    aliases = [given] if isinstance(given, str) else list(given or ())
    for alias in aliases:
        if not matches(r"[^/:]+", alias):
            raise LogError(f"alias {alias!r}: expected a text without / and :")
    return list(dict.fromkeys([*aliases, LATEST]))


def tags_of(given: str | Iterable[str] | None) -> list[str]:
    """The tags, each once.

    Raises:
        LogError: one of them is no valid tag.
    """
    tags = [given] if isinstance(given, str) else list(given or ())
    for tag in tags:
        if not matches(r"[-\w]+( +[-\w]+)*", tag):
            raise LogError(
                f"invalid tag {tag!r}: expected letters, digits, dashes and underscores, spaces between them"
            )
    return list(dict.fromkeys(tags))


def metadata_json(metadata: Mapping[str, Any]) -> str | None:
    """Metadata as the server accepts it: strict JSON with NaN as null; None if there is none.

    Raises:
        LogError: there are more than 100 keys, or a value is infinite or no JSON.
    """
    if len(metadata) > MAX_METADATA:
        raise LogError(f"metadata: expected at most {MAX_METADATA} keys, got {len(metadata)}")
    aside: Aside = {}
    tree = plain(metadata, aside=aside)
    for name, reason in aside.items():
        raise LogError(f"metadata {name}: {reason}")
    return dumps(_without_nan(tree)).decode() if tree else None


def _without_nan(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _without_nan(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_nan(value) for value in tree]
    if isinstance(tree, float) and tree in {float("inf"), float("-inf")}:
        raise LogError("metadata: the server takes no infinity")
    return None if isinstance(tree, float) and tree != tree else tree
