"""Sends an artifact to the server: the requests of protocol 7.1, in their order.

Each request may be repeated: the server knows the artifact by its client id, and does not ask for bytes it already has.
A file of 2 GiB or more is sent in parts. After an interruption all of its parts are sent again.
"""

from __future__ import annotations

import base64
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._artifacts import wire
from wandb_logging._artifacts.keeping import LATEST, MANIFEST, KeptFolder, kept_in
from wandb_logging._artifacts.manifest import Entry, Manifest, base64_md5
from wandb_logging._artifacts.wire import PutTarget
from wandb_logging._errors import AuthError, GraphQLError, NotPossible, RequestRejected
from wandb_logging._events.run_info import Remote
from wandb_logging._journal.copies import md5_of
from wandb_logging._server.link import Link, OutOfTime
from wandb_logging._server.protocol import NoAnswerError, dig
from wandb_logging._values.plain import dumps

_BATCH = 25  # addresses requested at a time: signed ones expire while others are used (the official SDK begins so)
_ROUNDS = 3  # addresses requested in turn before a file is given up
_TRIES = 2  # tries with one address
_SENT_MANIFEST = "upload.json"


def upload_artifact(link: Link, remote: Remote, task: Mapping[str, Any], run_dir: Path) -> None:
    """Send an artifact to the server and remove its kept files. Content that is there already makes no new version.

    Args:
        task: what `describe` returned, with the `folder` that the files are kept in, and the run's `step`. With
            `incremental` the artifact is added to the version before it. With a `distributed_id` it is added to what
            other runs sent under that id; if `finalize` is false then, further parts will follow.
        run_dir: path of the run directory.

    Raises:
        OSError: a kept file cannot be read, or has changed.
        RequestRejected, NotPossible: the server refuses the artifact.
        TransportError, HTTPStatusError, GraphQLError: see `_errors`.
    """
    folder = kept_in(run_dir, task.get("folder"))
    data = link.graphql(wire.CREATE_ARTIFACT, {"input": wire.artifact_input(task, remote)})
    artifact = dig(data, "createArtifact", "artifact")
    state = dig(artifact, "state")
    if not isinstance(dig(artifact, "id"), str):
        raise GraphQLError("the server's answer to CreateArtifact holds no artifact")
    # Only looked for here: when a task is repeated after a crash, the artifact may be committed and its files removed.
    if state != "COMMITTED":
        _upload(link, remote, artifact, task, folder)
    folder.remove()


def _upload(
    link: Link, remote: Remote, artifact: Mapping[str, Any], task: Mapping[str, Any], folder: KeptFolder
) -> None:
    manifest, artifact_id = _kept_manifest(folder), artifact["id"]
    kind, name = wire.manifest_kind(task)
    announce = {
        "artifactID": artifact_id,
        "baseArtifactID": dig(artifact, "artifactSequence", "latestArtifact", "id"),
        "name": name,
        "entityName": remote.entity,
        "projectName": remote.project,
        "runName": remote.name,
        "manifestType": kind,
    }
    announced = link.graphql(wire.CREATE_ARTIFACT_MANIFEST, {**announce, "digest": "", "includeUpload": False})
    manifest_id = dig(announced, "createArtifactManifest", "artifactManifest", "id")
    _put_files(link, {"artifactID": artifact_id, "artifactManifestID": manifest_id}, manifest, folder)
    _put_manifest(link, announce, manifest_id, manifest, folder)
    if not task.get("finalize", True):
        return
    committed = link.graphql(wire.COMMIT_ARTIFACT, {"artifactID": artifact_id})
    if not isinstance(dig(committed, "commitArtifact", "artifact"), dict):
        raise NoAnswerError("the server's answer to CommitArtifact holds no artifact")


def _kept_manifest(folder: KeptFolder) -> Manifest:
    try:
        return Manifest.from_json(folder.read(MANIFEST))
    except ValueError as exc:
        raise OSError(f"{MANIFEST} is not what was kept: {exc}") from exc


def _put_files(link: Link, ids: Mapping[str, Any], manifest: Manifest, folder: KeptFolder) -> None:
    """Send the files that the server asks for, and note in the manifest which artifact first had their bytes."""
    # Entries with a birth artifact belong to a version that is on the server; their files are not here.
    waiting = {name: entry for name, entry in manifest.entries.items() if entry.ref is entry.birth_artifact_id is None}
    refused: NotPossible | RequestRejected = NotPossible("the server gave no address to upload it to")
    parts = {name: _part_digests(folder, name, entry) for name, entry in waiting.items()}
    for _ in range(_ROUNDS):
        for batch in _batches(waiting):
            for name, target in zip(batch, _targets(link, ids, batch, parts)):
                if link.pace.out_of_time():
                    raise OutOfTime("out of time; the rest stays in the run directory")
                if target.url is not None:
                    try:
                        with _kept_file(folder, name, batch[name]) as source:
                            if target.parts:
                                _put_parts(link, target, source, parts[name])
                            else:
                                _put(link, target, source)
                    except AuthError as exc:
                        # The status comes from the storage, not the API: the address has expired; the key is valid.
                        refused = RequestRejected(f"{name}: {exc}", exc.status)
                        continue
                manifest.entries[name] = dataclasses.replace(batch[name], birth_artifact_id=target.birth)
                del waiting[name]
        if not waiting:
            return
    raise refused


def _batches(entries: Mapping[str, Entry]) -> Iterator[dict[str, Entry]]:
    names = list(entries)
    for start in range(0, len(names), _BATCH):
        yield {name: entries[name] for name in names[start : start + _BATCH]}


def _targets(
    link: Link, ids: Mapping[str, Any], batch: Mapping[str, Entry], parts: Mapping[str, list[str]]
) -> list[PutTarget]:
    files = [
        {**ids, "name": name, "md5": entry.digest, "uploadPartsInput": _numbered(parts[name]) or None}
        for name, entry in batch.items()
    ]
    data = link.graphql(wire.CREATE_ARTIFACT_FILES, {"input": {"artifactFiles": files, "storageLayout": "V2"}})
    return wire.file_targets(data, len(files))


def _part_digests(folder: KeptFolder, name: str, entry: Entry) -> list[str]:
    """The MD5 of each part of a file, in hex; empty if the file is sent whole."""
    size = wire.part_size(entry.size or 0)
    if not size:
        return []
    with _kept_file(folder, name, entry) as source:
        return [md5_of(source, (start, size)) for start in range(0, entry.size or 0, size)]


def _numbered(digests: Iterable[str]) -> list[dict[str, Any]]:
    return [{"partNumber": number, "hexMD5": digest} for number, digest in enumerate(digests, 1)]


def _kept_file(folder: KeptFolder, name: str, entry: Entry) -> BinaryIO:
    file = folder.open(entry.hex_digest)
    if os.fstat(file.fileno()).st_size != entry.size:  # a power cut may leave a shortened file
        file.close()
        raise OSError(f"{entry.hex_digest} is not what was kept of {name}")
    return file


def _put_manifest(
    link: Link, announce: Mapping[str, Any], manifest_id: object, manifest: Manifest, folder: KeptFolder
) -> None:
    text = dumps(manifest.to_manifest_json())
    known = {"digest": base64_md5(text), "includeUpload": True}
    if announce["manifestType"] == "FULL":
        answer = link.graphql(wire.CREATE_ARTIFACT_MANIFEST, {**announce, **known})
        target = wire.manifest_target(answer)
    else:  # each part has an address, as announced
        asked = {"artifactManifestID": manifest_id, "baseArtifactID": None, **known}
        answer = link.graphql(wire.UPDATE_ARTIFACT_MANIFEST, asked)
        target = wire.manifest_target(answer, "updateArtifactManifest")
    folder.write(_SENT_MANIFEST, text)
    try:
        with folder.open(_SENT_MANIFEST) as file:
            _put(link, target, file)
    except AuthError as exc:
        raise RequestRejected(str(exc), exc.status) from exc


def _put(link: Link, target: PutTarget, source: BinaryIO) -> None:
    link.put(str(target.url), source, target.headers, attempts=_TRIES)


def _put_parts(link: Link, target: PutTarget, source: BinaryIO, digests: list[str]) -> None:
    """Send a file in parts. Each part is retried by itself, and the storage checks each against its MD5."""
    size = wire.part_size(os.fstat(source.fileno()).st_size)
    kind = {name: value for name, value in target.headers.items() if name.lower() == "content-type"}
    tags = []
    for number, digest in enumerate(digests, 1):
        url = target.parts.get(number)
        if url is None:
            raise GraphQLError(f"CreateArtifactFiles answered without an address for part {number}")
        headers = {**kind, "Content-MD5": base64.b64encode(bytes.fromhex(digest)).decode()}
        place = ((number - 1) * size, size)
        tags.append(link.put(url, source, headers, place, attempts=_TRIES))
        if not tags[-1]:
            raise GraphQLError(f"the storage took part {number} without an ETag")
    whole = {"artifactID": target.birth, "storagePath": target.storage_path, "uploadID": target.upload_id}
    link.graphql(wire.COMPLETE_MULTIPART, {"action": "Complete", "parts": _numbered(tags), **whole})


def use_artifact(link: Link, remote: Remote, task: Mapping[str, Any]) -> None:
    """Record that the run uses an artifact. Repeating this changes nothing.

    Args:
        link: the way to the server.
        remote: the run.
        task: has the `id` of the artifact, or what `known_by` needs to find it.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: see `_errors`.
    """
    run = {"entityName": remote.entity, "projectName": remote.project, "runName": remote.name}
    used = link.graphql(wire.USE_ARTIFACT, {"input": {"artifactID": known_by(link, remote, task), **run}})
    if not isinstance(dig(used, "useArtifact", "artifact"), dict):
        raise NoAnswerError("the server's answer to UseArtifact holds no artifact")


def link_artifact(link: Link, remote: Remote, task: Mapping[str, Any]) -> None:
    """Make an artifact a member of another collection. Repeating this changes nothing.

    Args:
        link: the way to the server.
        remote: the run.
        task: has the target's `collection`, `project` and `entity` (None means those of the run) and the `aliases`
            there; and the `id` of the artifact, or what `known_by` needs to find it.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: see `_errors`.
    """
    collection = str(task["collection"])
    place = {"entityName": task.get("entity") or remote.entity, "projectName": task.get("project") or remote.project}
    aliases = [{"artifactCollectionName": collection, "alias": str(alias)} for alias in task.get("aliases") or ()]
    artifact = {"artifactID": known_by(link, remote, task), "artifactPortfolioName": collection}
    linked = link.graphql(wire.LINK_ARTIFACT, {"input": {**artifact, **place, "aliases": aliases}})
    if not isinstance(dig(linked, "linkArtifact"), dict):
        raise NoAnswerError("the server's answer to LinkArtifact holds nothing")


def known_by(link: Link, remote: Remote, task: Mapping[str, Any]) -> str:
    """The server's id of an artifact: the `id` in a task, or the id of what the run logged under a `client_id`.

    If the same content was there before, the server may know the artifact by another client id. Then it is the artifact
    that `name` means now, if that has the same `digest`.

    Raises:
        NotPossible: the server does not have the artifact.
        TransportError, HTTPStatusError, GraphQLError: see `_errors`.
    """
    if isinstance(task.get("id"), str):
        return str(task["id"])
    found = dig(link.graphql(wire.ID_OF_CLIENT, {"clientID": task["client_id"]}), "clientIDMapping", "serverID")
    if isinstance(found, str):
        return found
    where = {"entity": remote.entity, "project": remote.project, "name": f"{task['name']}:{LATEST}"}
    answer = link.graphql(wire.ARTIFACT_BY_NAME, where)
    artifact = dig(answer, "project", "artifactCollectionMembership", "artifact")
    if dig(artifact, "digest") != task["digest"] or not isinstance(dig(artifact, "id"), str):
        raise NotPossible(f"the server has no artifact {task['name']} of this content")
    return str(artifact["id"])
