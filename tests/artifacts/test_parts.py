"""Promises of large files in artifacts: they go in parts, as the official SDK cuts them (protocol 7.1)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging import Artifact, Session, new_run, sync
from wandb_logging._artifacts.wire import part_size

if TYPE_CHECKING:
    from wandb_logging import Report
    from wandb_logging.testing import LocalServer

CONTENT = bytes(range(256)) * 10  # three parts of a thousand bytes at most
MIB = 2**20


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large begins at 2,000 bytes here, and a part has 1,000."""
    for name, value in {"MULTIPART_FROM": 2000, "PART_BYTES": 1000}.items():
        monkeypatch.setattr(f"wandb_logging._artifacts.wire.{name}", value)


def logged() -> Path:
    """The directory of an offline run with an artifact of a large file, two equal ones, and a small one."""
    for name, content in {"large": CONTENT, "same": CONTENT, "small": b"small"}.items():
        Path(name).write_bytes(content)
    with new_run("p", run_id="r", mode="offline", quiet=True, standard_files=False) as run:
        artifact = Artifact("data", "dataset")
        for name in ("large", "same", "small"):
            artifact.add_file(name)
        run.log_artifact(artifact)
    assert run.dir is not None
    return run.dir


def send(server: LocalServer, path: Path) -> Report:
    return sync(path, session=Session(server.api_key, server.url))[0]


def parts(server: LocalServer) -> list[str]:
    """The parts that were put, by number."""
    return [item.path.split("?")[0].rpartition("/")[2] for item in server.requests if "/parts/" in item.path]


def arrived(server: LocalServer) -> bool:
    (artifact,) = server.run("r").logged_artifacts
    return artifact.files == {"large": CONTENT, "same": CONTENT, "small": b"small"}


def test_a_large_file_goes_in_parts(wandb_server: LocalServer) -> None:
    """Each with its MD5 and nothing else in its headers; equal files once; the storage's ETags complete it."""
    assert send(wandb_server, logged()).ok
    assert arrived(wandb_server)
    assert parts(wandb_server) == ["1", "2", "3"] * 2  # both were asked for before one was there
    sent = [item for item in wandb_server.requests if "/parts/" in item.path]
    assert [len(item.body) for item in sent[:3]] == [1000, 1000, 560]
    assert all({"Content-MD5", "Content-Length"} <= set(item.headers) for item in sent)
    assert all({"Authorization", "Content-Type", "X-Local-Upload"}.isdisjoint(item.headers) for item in sent)
    (completed, _) = [item for item in wandb_server.requests if item.operation == "CompleteMultipartUploadArtifact"]
    tags = [f'"{hashlib.md5(CONTENT[start : start + 1000]).hexdigest()}"' for start in (0, 1000, 2000)]
    numbered = [{"partNumber": number, "hexMD5": tag} for number, tag in enumerate(tags, 1)]
    assert completed.json()["variables"]["parts"] == numbered


@pytest.mark.not_quick
def test_a_part_is_tried_again_alone(wandb_server: LocalServer) -> None:
    """The parts before it have arrived."""
    wandb_server.fail_next(2, where="storage", status=None)
    wandb_server.fail_next(where="storage", status=503, retry_after=0)
    assert send(wandb_server, logged()).ok
    assert parts(wandb_server) == ["1", "2", "3", "3", "1", "2", "3"]
    assert arrived(wandb_server)


def test_an_address_that_has_expired(wandb_server: LocalServer) -> None:
    """All of that file goes again, to new addresses."""
    wandb_server.fail_next(where="storage", status=None)
    wandb_server.fail_next(where="storage", status=403)
    assert send(wandb_server, logged()).ok
    assert arrived(wandb_server)


@pytest.mark.slow
@pytest.mark.parametrize("close", ["before", "after"])
@pytest.mark.parametrize("where", ["CreateArtifactFiles", "storage", "CompleteMultipartUploadArtifact"])
def test_an_answer_is_lost(wandb_server: LocalServer, where: str, close: Any) -> None:
    """One version comes of it, with all its bytes."""
    path = logged()
    fault: Any = {"where": "storage"} if where == "storage" else {"operation": where}
    wandb_server.fail_next(status=None, close=close, **fault)
    sync(path, session=Session(wandb_server.api_key, wandb_server.url), timeout=0)
    assert send(wandb_server, path).ok
    assert arrived(wandb_server)


@pytest.mark.parametrize("wrong", ["no ETag", "no address"])
def test_answers_without_sense(wandb_server: LocalServer, wrong: str) -> None:
    """The artifact is set aside with the reason, and the run ends."""
    path = logged()
    if wrong == "no ETag":
        wandb_server.fail_next(where="storage", status=200, body="")
    else:
        urls = {"uploadID": "u", "uploadUrlParts": [{"partNumber": "2", "uploadUrl": wandb_server.url}]}
        node = {"uploadUrl": "x", "uploadHeaders": [], "uploadMultipartUrls": urls}
        files = {"files": {"edges": [{"node": node}] * 3}}
        body = {"data": {"createArtifactFiles": files}}
        wandb_server.fail_next(operation="CreateArtifactFiles", status=200, body=body)
    report = send(wandb_server, path)
    assert (report.finished, report.set_aside) == (True, 1)
    said = {"no ETag": "took part 1 without an ETag", "no address": "without an address for part 1"}[wrong]
    assert said in json.loads((path / "aside.jsonl").read_text())["reason"]


def test_a_server_that_wants_it_whole(wandb_server: LocalServer) -> None:
    """Without addresses for parts it goes in one PUT."""
    path = logged()
    server = wandb_server
    server.fail_next(status=None, operation="CreateArtifactFiles")
    store = server._store.artifacts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "begin_upload", lambda *_: None)
        assert send(server, path).ok
    assert parts(server) == []
    assert arrived(server)


class TestSizes:
    @pytest.fixture(autouse=True)
    def _as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()

    @pytest.mark.parametrize(
        ("size", "part"),
        [
            (0, 0),
            (2048 * MIB - 1, 0),
            (2048 * MIB, 100 * MIB),
            (1_000_000 * MIB, 100 * MIB),
            (1_000_000 * MIB + 1, 100 * MIB + 4096),
            (5 * MIB * MIB, 549_756_928),
        ],
    )
    def test_what_the_official_sdk_makes_of_them(self, size: int, part: int) -> None:
        """Parts of 100 MiB from 2 GiB on; larger ones, in steps of 4 KiB, where that would be more than 10,000."""
        assert part_size(size) == part

    @given(st.integers(2048 * MIB, 5 * MIB * MIB))
    def test_never_more_than_a_storage_takes(self, size: int) -> None:
        """S3 takes 10,000 parts of at most 5 GiB."""
        part = part_size(size)
        assert -(-size // part) <= 10_000
        assert part <= 5 * 1024 * MIB
