"""Artifacts by hand: what the official client does right in the contract tests can be done wrong here."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.patience import PATIENCE
from wandb_logging.testing import _artifacts

if TYPE_CHECKING:
    from tests.testing.client import Client
    from wandb_logging.testing import StoredArtifact

CREATE = """
    mutation CreateArtifact($input: CreateArtifactInput!) {
      createArtifact(input: $input) { artifact { id state artifactSequence { latestArtifact { id } } } }
    }
"""
MANIFEST = """
    mutation CreateArtifactManifest($artifactID: ID!, $digest: String!) {
      createArtifactManifest(input: {artifactID: $artifactID, name: "wandb_manifest.json", digest: $digest,
        entityName: "local-team", projectName: "p", runName: "r", type: FULL}) {
        artifactManifest { id file { uploadUrl uploadHeaders } }
      }
    }
"""
FILES = """
    mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
      createArtifactFiles(input: $input) { files { edges { node { uploadUrl uploadHeaders artifact { id } } } } }
    }
"""
COMMIT = "mutation CommitArtifact($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id digest } } }"
PARTS = """
    mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
      createArtifactFiles(input: $input) {
        files {
          edges { node { storagePath uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } }
        }
      }
    }
"""
COMPLETE = """
    mutation CompleteMultipartUploadArtifact($input: CompleteMultipartUploadArtifactInput!) {
      completeMultipartUploadArtifact(input: $input) { digest }
    }
"""
USE = """
    mutation UseArtifact($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }
"""


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


class Draft:
    """An artifact `a` with the file `f`, on its way to the server; each step may be changed or left out."""

    def __init__(self, client: Client, data: bytes = b"bytes", **values: Any) -> None:
        self.client = client
        self.data = data
        self.entry: dict[str, Any] = {"digest": md5(data), "size": len(data)}
        self.manifest: dict[str, Any] = {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": {"f": self.entry},
        }
        lines = f"wandb-artifact-manifest-v1\nf:{md5(data)}\n"
        self.input = {
            "entityName": "local-team",
            "projectName": "p",
            "runName": "r",
            "artifactTypeName": "dataset",
            "artifactCollectionName": "a",
            "digest": hashlib.md5(lines.encode()).hexdigest(),
            "digestAlgorithm": "MANIFEST_MD5",
            "aliases": [{"artifactCollectionName": "a", "alias": "latest"}],
            "enableDigestDeduplication": True,
            "clientID": lines,
            **values,
        }

    def create(self) -> Any:
        made = self.client.data(CREATE, input=self.input)["createArtifact"]["artifact"]
        self.id = made["id"]
        return made

    def put_file(self, data: bytes | None = None) -> Any:
        spec = {"artifactID": self.id, "name": "f", "md5": md5(self.data)}
        made = self.client.data(FILES, input={"artifactFiles": [spec], "storageLayout": "V2"})
        node = made["createArtifactFiles"]["files"]["edges"][0]["node"]
        if node["uploadUrl"]:
            self.put(node, self.data if data is None else data)
        return node

    def put_manifest(self, digest: str | None = None) -> None:
        text = json.dumps(self.manifest).encode()
        made = self.client.data(MANIFEST, artifactID=self.id, digest=digest or md5(text))
        self.put(made["createArtifactManifest"]["artifactManifest"]["file"], text)

    def put(self, file: Any, data: bytes) -> None:
        headers = dict(header.split(":") for header in file["uploadHeaders"])
        requests.put(file["uploadUrl"], data=data, headers=headers, timeout=PATIENCE).raise_for_status()

    def commit(self) -> None:
        self.client.data(COMMIT, id=self.id)

    def log(self) -> StoredArtifact:
        self.create()
        self.put_file()
        self.put_manifest()
        self.commit()
        return self.client.stored.logged_artifacts[-1]


def test_all_steps(client: Client) -> None:
    """An artifact logged in the right order is version 0, with its files and aliases."""
    artifact = Draft(client, description="d", metadata='{"k": 1}').log()
    assert (artifact.name, artifact.type, artifact.state) == ("a:v0", "dataset", "COMMITTED")
    assert (artifact.files, artifact.aliases) == ({"f": b"bytes"}, ["latest"])
    assert (artifact.description, artifact.metadata) == ("d", {"k": 1})
    assert repr(artifact) == "<StoredArtifact a:v0 COMMITTED ['latest']>"
    assert client.rules() == []


def test_next_version(client: Client) -> None:
    """Other content is the next version, and takes the alias over."""
    first, second = Draft(client).log(), Draft(client, b"more").log()
    assert (second.name, second.aliases, first.aliases) == ("a:v1", ["latest"], [])


def test_same_content(client: Client) -> None:
    """The same content is the same version, at once committed, and gets the new aliases."""
    first = Draft(client).log()
    aliases = [{"artifactCollectionName": "a", "alias": "best"}]
    made = Draft(client, aliases=aliases, clientID="other").create()
    assert (made["id"], made["state"]) == (first.id, "COMMITTED")
    assert made["artifactSequence"]["latestArtifact"]["id"] == first.id
    assert (first.aliases, len(client.stored.logged_artifacts)) == (["latest", "best"], 1)


def test_lost_answer(client: Client) -> None:
    """Creating the same draft again makes no second one."""
    draft = Draft(client)
    assert draft.create() == draft.create()
    assert draft.create()["state"] == "PENDING"
    draft.put_file()
    draft.put_manifest()
    draft.commit()
    draft.commit()
    assert ([item.name for item in client.stored.logged_artifacts], client.rules()) == (["a:v0"], [])


def test_known_bytes(client: Client) -> None:
    """Bytes that the server has are not asked for again."""
    Draft(client).log()
    other = Draft(client, artifactCollectionName="b", clientID="other")
    other.create()
    assert other.put_file()["uploadUrl"] is None


class InParts:
    """A file of two parts on its way to the server."""

    data = b"first", b"second"

    def __init__(self, client: Client, numbers: tuple[int, int] = (1, 2)) -> None:
        self.client = client
        self.draft = Draft(client, b"".join(self.data))
        self.draft.create()
        announced = [
            {"partNumber": number, "hexMD5": hashlib.md5(part).hexdigest()} for number, part in zip(numbers, self.data)
        ]
        spec = {
            "artifactID": self.draft.id,
            "name": "f",
            "md5": md5(self.draft.data),
            "uploadPartsInput": announced,
        }
        made = client.data(PARTS, input={"artifactFiles": [spec], "storageLayout": "V2"})
        self.node = made["createArtifactFiles"]["files"]["edges"][0]["node"]
        self.tags: dict[int, str] = {}

    def put(self, index: int, data: bytes | None = None, checksum: str | None = None) -> None:
        data = self.data[index] if data is None else data
        part = self.node["uploadMultipartUrls"]["uploadUrlParts"][index]
        answer = requests.put(
            part["uploadUrl"], data=data, headers={"Content-MD5": checksum or md5(data)}, timeout=PATIENCE
        )
        self.tags[part["partNumber"]] = answer.headers["ETag"]

    def complete(self, action: str = "Complete", upload: str | None = None) -> Any:
        values = {
            "completeMultipartAction": action,
            "completedParts": [{"partNumber": number, "hexMD5": tag} for number, tag in self.tags.items()],
            "artifactID": self.draft.id,
            "storagePath": self.node["storagePath"],
            "uploadID": upload or self.node["uploadMultipartUrls"]["uploadID"],
        }
        return self.client.graphql(COMPLETE, input=values)


def test_parts(client: Client) -> None:
    """In any order, and one of them twice; when they are completed the file is there."""
    file = InParts(client)
    for index in (1, 0, 1):
        file.put(index)
    file.complete()
    file.complete()
    file.draft.put_manifest()
    file.draft.commit()
    assert client.stored.logged_artifacts[-1].files == {"f": b"firstsecond"}
    assert client.rules() == []


def test_parts_that_are_given_up(client: Client) -> None:
    """Nothing is there."""
    file = InParts(client)
    file.put(0)
    file.complete("Abort")
    assert (client.server._store.artifacts.blobs, client.rules()) == ({}, [])


def test_wrong_parts(client: Client) -> None:
    """Numbers begin at 1, bytes have their MD5, all of them come, the storage's own ETags complete the upload."""
    InParts(client, (2, 3))
    assert client.rules() == ["artifact-parts"]
    file = InParts(client)
    file.put(0, b"other")
    file.put(1, checksum=md5(b"other"))
    assert client.rules() == ["artifact-parts"] * 3
    file.complete()
    assert client.rules() == [*["artifact-parts"] * 4, "artifact-md5"]
    assert "not found" in str(file.complete(upload="nobody's"))
    assert client.rules()[-1] == "artifact-parts"


def test_wrong_bytes(client: Client) -> None:
    """Bytes have the MD5 that was announced."""
    draft = Draft(client)
    draft.create()
    draft.put_file(b"other")
    assert client.rules() == ["artifact-md5"]


def test_wrong_manifest(client: Client) -> None:
    """So does the manifest."""
    draft = Draft(client)
    draft.create()
    draft.put_manifest(md5(b"other"))
    assert client.rules() == ["artifact-manifest"]


def test_no_manifest(client: Client) -> None:
    """An artifact is committed with its manifest."""
    draft = Draft(client)
    draft.create()
    draft.commit()
    assert client.rules() == ["artifact-incomplete"]
    assert "no readable manifest" in client.server.violations[0].detail


def test_missing_bytes(client: Client) -> None:
    """An artifact is committed when its bytes have come."""
    draft = Draft(client)
    draft.create()
    draft.put_manifest()
    draft.commit()
    assert client.rules() == ["artifact-incomplete"]
    assert "bytes of f never came" in client.server.violations[0].detail


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"version": 2}, "manifest is of version"),
        ({"contents": {"f": {"digest": md5(b"bytes"), "size": 4}}}, "the manifest says 4"),
        ({"contents": {"g": {"digest": md5(b"bytes"), "size": 5}}}, "digest is"),
    ],
)
def test_manifest_that_does_not_fit(client: Client, change: Any, detail: str) -> None:
    """The manifest tells what is true of the artifact."""
    draft = Draft(client)
    draft.manifest.update(change)
    draft.log()
    assert client.rules() == ["artifact-incomplete"]
    assert detail in client.server.violations[0].detail


def test_reference(client: Client) -> None:
    """A reference has no bytes."""
    digest = hashlib.md5(b"wandb-artifact-manifest-v1\nx:https://example.com\n").hexdigest()
    draft = Draft(client, digest=digest)
    draft.manifest["contents"] = {"x": {"digest": "https://example.com", "ref": "https://example.com", "size": 0}}
    assert (draft.log().files, client.rules()) == ({}, [])


@pytest.mark.parametrize("name", ["", "a/b", "x" * 129])
def test_name(client: Client, name: str) -> None:
    """An artifact's name has 1 to 128 characters and no slash."""
    Draft(client, artifactCollectionName=name).create()
    assert client.rules() == ["artifact-name"]


def test_type(client: Client) -> None:
    """A collection has one type."""
    Draft(client).create()
    Draft(client, b"more", artifactTypeName="model").create()
    assert client.rules() == ["artifact-type"]


def test_features(client: Client) -> None:
    """What needs a server feature is not sent without it."""
    artifact = Draft(client).log()
    values = {"entityName": "local-team", "projectName": "p", "runName": "r", "artifactID": artifact.id}
    client.data(USE, input=values)
    assert (client.stored.used_artifacts, client.rules()) == ([artifact], [])
    client.data(USE, input={**values, "artifactProjectName": "p"})
    Draft(client, b"more", tags=[{"tagName": "t"}]).create()
    assert client.rules() == ["feature", "feature"]


def test_unknown(client: Client) -> None:
    """An artifact that the server did not make is an error."""
    assert "errors" in client.graphql(COMMIT, id="x")
    assert client.rules() == ["unknown-artifact"]


def test_changes(client: Client) -> None:
    """Description, metadata, tags and aliases of a version can be changed."""
    artifact = Draft(client).log()
    client.data(
        """mutation Change($input: UpdateArtifactInput!, $alias: [ArtifactCollectionAliasInput!]!, $id: ID!,
                           $old: [ArtifactCollectionAliasInput!]!) {
             updateArtifact(input: $input) { artifact { id } }
             addAliases(input: {artifactID: $id, aliases: $alias}) { success }
             deleteAliases(input: {artifactID: $id, aliases: $old}) { success }
           }""",
        input={
            "artifactID": artifact.id,
            "description": "new",
            "tagsToAdd": [{"tagName": "t"}, {"tagName": "u"}],
            "tagsToDelete": [{"tagName": "u"}],
        },
        id=artifact.id,
        alias=[{"artifactCollectionName": "a", "alias": "best"}],
        old=[{"artifactCollectionName": "a", "alias": "latest"}],
    )
    assert (artifact.description, artifact.tags, artifact.aliases) == ("new", ["t"], ["best"])


def test_find(client: Client) -> None:
    """A version is found by alias, by number, by the client's own id, and not at all."""
    artifact = Draft(client).log()
    query = """
        query Find($name: String!, $client: ID!) {
          project(name: "p") { artifactCollectionMembership(name: $name) { artifact { id } } }
          clientIDMapping(clientID: $client) { serverID }
        }
    """
    for name in ("a", "a:latest", "a:v0"):
        found = client.data(query, name=name, client=artifact.client_id)
        assert found["project"]["artifactCollectionMembership"]["artifact"]["id"] == artifact.id
        assert found["clientIDMapping"] == {"serverID": artifact.id}
    missing = {"project": {"artifactCollectionMembership": None}, "clientIDMapping": None}
    assert client.data(query, name="a:v1", client="x") == missing


def test_download_by_digest(client: Client) -> None:
    """A file is downloaded by its digest with the key, and not without."""
    Draft(client).log()
    place = f"{client.server.url}/artifactsV2/default/local-team/p/a/id"
    url = f"{place}/{hashlib.md5(b'bytes').hexdigest()}/f"
    auth = ("api", client.server.api_key)
    assert requests.get(url, auth=auth, timeout=PATIENCE).content == b"bytes"
    assert requests.get(f"{place}/0/f", auth=auth, timeout=PATIENCE).status_code == 404
    assert requests.get(url, timeout=PATIENCE).status_code == 401
    assert client.rules() == []


def test_digest() -> None:
    """The digest of a manifest is the one over its entries sorted by path."""
    entries = {"f1.txt": {"digest": "XUFAKrxLKna5cZ2REBfFkg=="}, "a": {"digest": "x"}}
    text = "wandb-artifact-manifest-v1\na:x\nf1.txt:XUFAKrxLKna5cZ2REBfFkg==\n"
    assert _artifacts.manifest_digest(entries) == hashlib.md5(text.encode()).hexdigest()
