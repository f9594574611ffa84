"""Promises of artifacts: what one holds, how it gets to the server, and how it comes back."""

from __future__ import annotations

import base64
import contextlib
import gc
import gzip
import hashlib
import importlib.util
import itertools
import json
import logging
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from tests.runs import SENT_SO, Clock
from wandb_logging import (
    Artifact,
    GraphQLError,
    JournalError,
    LogError,
    Run,
    Session,
    TransportError,
    WandbHandler,
    new_run,
    sync,
)
from wandb_logging._artifacts import download
from wandb_logging._artifacts.download import _checked, find_artifact, targets_of
from wandb_logging._artifacts.keeping import describe
from wandb_logging._artifacts.manifest import Entry, Manifest, most_bytes
from wandb_logging._journal.rundir import RunDir
from wandb_logging._records.encoding import change_event, now
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.client import Client
from wandb_logging._server.link import Link, Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging.testing import LocalServer, StoredArtifact


def offline(**settings: Any) -> Run:
    return new_run("p", **{"mode": "offline", "quiet": True, "run_id": "r", **settings})


def online(server: LocalServer, **settings: Any) -> Run:
    session = Session(server.api_key, server.url)
    fixed = {"mode": "online", "quiet": True, "run_id": "r", "standard_files": False}
    return new_run("p", session=session, **{**fixed, **settings})


def file(name: str, content: bytes = b"content") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def artifact(files: dict[str, bytes] | None = None, name: str = "data") -> Artifact:
    made = Artifact(name, "dataset")
    for entry, content in (files or {"a.txt": b"a", "sub/b.txt": b"bb"}).items():
        with made.new_file(entry, "wb") as target:
            target.write(content)
    return made


def patient_link(server: LocalServer) -> Link:
    """A link that does not sleep between two tries."""
    clock = Clock()
    return Link(lambda: Client(server.url, server.api_key), clock.pace(), clock)


def drain(server: LocalServer, run_dir: Path) -> Uploader:
    """What the listener does, and `sync`."""
    uploader = Uploader(RunDir(run_dir), patient_link(server), SENT_SO)
    try:
        uploader.drain()
    finally:
        uploader.close()
    return uploader


def stored(server: LocalServer, number: int = 0) -> StoredArtifact:
    return server.run("r").logged_artifacts[number]


def asked(server: LocalServer) -> list[str | None]:
    """Names of the requests that have to do with artifacts, in order."""
    return [
        item.operation or f"{item.method} {item.path.split('/')[2]}"
        for item in server.requests
        if "Artifact" in str(item.operation) or item.path.startswith("/storage/")
    ]


def puts(server: LocalServer) -> int:
    return sum(name == "PUT artifacts" for name in asked(server))


def journal(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in run_dir.glob("journal-*.jsonl") for line in path.read_bytes().splitlines()]


def kept(run: Run) -> dict[str, bytes]:
    """The files of artifacts in the run directory, by their digest."""
    assert run.dir is not None
    paths = [path for path in run.dir.glob("files/artifacts/*/*") if not path.suffix]
    return {base64.b64encode(bytes.fromhex(path.name)).decode(): path.read_bytes() for path in paths}


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


# --- what it holds ---

_part = st.text(st.characters(codec="utf-8", exclude_characters='/\\\0:*?"<>|\r\n'), min_size=1, max_size=8).filter(
    lambda text: text.strip(". ") == text
)
_names = st.lists(_part, min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(_names, st.binary(max_size=50), max_size=6))
def test_the_digest_is_the_protocols(files: dict[str, bytes]) -> None:
    """MD5 over a header and each name with the MD5 of its bytes, in the order of names (protocol 7.2)."""
    made = artifact(files) if files else Artifact("data", "dataset")
    lines = "".join(f"{name}:{md5(content)}\n" for name, content in sorted(files.items()))
    assert made.digest == hashlib.md5(b"wandb-artifact-manifest-v1\n" + lines.encode()).hexdigest()
    assert made.size == sum(map(len, files.values()))


def test_the_manifest_is_the_protocols() -> None:
    """Digest and size of a file, digest and address of a reference; read back it is the same."""
    made = artifact({"sub/a": b"hello"})
    made.add_reference("https://example.com/x.txt")
    assert made.manifest.to_manifest_json() == {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": {
            "sub/a": {"digest": "XUFAKrxLKna5cZ2REBfFkg==", "size": 5},
            "x.txt": {"digest": "https://example.com/x.txt", "ref": "https://example.com/x.txt"},
        },
    }
    text = json.dumps(made.manifest.to_manifest_json()).encode()
    assert Manifest.from_json(text).to_manifest_json() == made.manifest.to_manifest_json()


def test_it_holds_what_a_file_was_when_it_was_added() -> None:
    """A script overwrites its checkpoint and adds it again under another name: both are there."""
    made = Artifact("model", "model")
    made.add_file(file("checkpoint", b"first"), "first")
    made.add_file(file("checkpoint", b"second"), "second")
    Path("checkpoint").unlink()
    with offline() as run:
        run.log_artifact(made)
    assert kept(run) == {md5(b"first"): b"first", md5(b"second"): b"second"}


def test_a_file_that_should_not_change_did() -> None:
    """An immutable file is copied only when the artifact is logged; by then it must be what it was."""
    made = Artifact("model", "model")
    made.add_file(file("weights", b"first"), policy="immutable")
    file("weights", b"other")
    with offline() as run, pytest.raises(LogError, match="changed since it was added"):
        run.log_artifact(made)


def test_add_dir_takes_everything_below() -> None:
    """With folders, through links; a link to a folder around it does not go on for ever."""
    file("d/a")
    file("d/e/b")
    file("elsewhere/c")
    Path("d/link").symlink_to("../elsewhere")
    Path("d/e/loop").symlink_to("..")
    made = Artifact("data", "dataset")
    made.add_dir("d", "in")
    assert sorted(made.manifest.entries) == ["in/a", "in/e/b", "in/link/c"]
    made = Artifact("data", "dataset")
    made.add_dir("d")
    assert sorted(made.manifest.entries) == ["a", "e/b", "link/c"]


def test_a_new_file_is_added_when_it_is_written() -> None:
    """Text is UTF-8; what an exception leaves is not added; x does not overwrite, w does."""
    made = Artifact("data", "dataset")
    with made.new_file("text.txt") as text:
        text.write("ü")
    with contextlib.suppress(ZeroDivisionError), made.new_file("half.txt") as half:
        half.write("half")
        _ = 1 / 0
    assert {name: entry.digest for name, entry in made.manifest.entries.items()} == {"text.txt": md5("ü".encode())}
    with pytest.raises(LogError, match=r"text\.txt is in the artifact already"), made.new_file("text.txt", "x"):
        pass
    with made.new_file("text.txt", "w") as text:
        text.write("u")
    assert made.manifest.entries["text.txt"].digest == md5(b"u")


def test_one_name_is_one_file() -> None:
    """Other content under a name that is taken is an error unless it may overwrite; the same content is not."""
    made = artifact({"a": b"1"})
    made.add_file(file("a", b"1"))
    with pytest.raises(LogError, match="a is in the artifact already, with other content"):
        made.add_file(file("a", b"2"))
    made.add_file("a", overwrite=True)
    assert made.manifest.entries["a"].digest == md5(b"2")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://example.com/x/y.csv", "y.csv"),
        ("s3://bucket/folder/key", "folder/key"),
        ("gs://bucket", "bucket"),
    ],
)
def test_a_reference_is_named_after_its_address(uri: str, name: str) -> None:
    """Its digest is its address; nobody looks at what is there."""
    (entry,) = Artifact("data", "dataset").add_reference(uri)
    assert (entry.digest, entry.ref, entry.size) == (uri, uri, None)
    made = Artifact("data", "dataset")
    made.add_reference(uri)
    assert list(made.manifest.entries) == [name]


@pytest.mark.parametrize("name", ["", "a/b", "x" * 129, "a:b", "..\\a", "a b", None])
def test_wrong_artifact_names(name: Any) -> None:
    """Letters, digits, dashes, underscores and dots, at most 128."""
    with pytest.raises(LogError, match="artifact name"):
        Artifact(name, "dataset")


@pytest.mark.parametrize("kind", ["", "a/b", "a:b", "x" * 129, None])
def test_wrong_types(kind: Any) -> None:
    """At most 128 characters, no / and no :."""
    with pytest.raises(LogError, match="artifact type"):
        Artifact("data", kind)


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "C:/a", "a\0b", "", "\udcff"])
def test_names_cannot_leave_the_artifact(name: str) -> None:
    """Nor hold a NUL, nor be no UTF-8."""
    path = file("a")
    made = Artifact("data", "dataset")
    with pytest.raises(LogError, match="file name"):
        made.add_file(path, name)
    with pytest.raises(LogError, match="file name"):
        made.add_reference("s3://bucket/key", name)
    with pytest.raises(LogError, match="file name"), made.new_file(name):
        pass
    assert made.manifest.entries == {}


def test_wrong_content() -> None:
    """What is not there, is no file, has no scheme, or asks for what is not done."""
    made = Artifact("data", "dataset")
    with pytest.raises(LogError, match="missing is no file"):
        made.add_file("missing")
    with pytest.raises(LogError, match="missing is no folder"):
        made.add_dir("missing")
    with pytest.raises(LogError, match="policy"):
        made.add_file(file("a"), policy="movable")
    with pytest.raises(LogError, match="expected a URI"):
        made.add_reference("just/a/path")
    with pytest.raises(LogError, match="give a name"):
        made.add_reference("ftp://host/file")
    with pytest.raises(LogError, match="checksum"):
        made.add_reference("https://example.com/x", checksum=True)
    with pytest.raises(LogError, match="mode"), made.new_file("a", "r+"):
        pass
    with pytest.raises(LogError, match="has not been logged"):
        made.wait()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_does_not_hang() -> None:
    """A named pipe in a folder is an error; opening it would wait for ever."""
    file("d/a")
    os.mkfifo("d/pipe")
    with pytest.raises(LogError, match="pipe is no file"):
        Artifact("data", "dataset").add_dir("d")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({str(key): key for key in range(101)}, "100 keys"),
        ({"a": {"b": object()}}, r"a\.b"),
        ({"a": float("inf")}, "infinity"),
    ],
)
def test_wrong_metadata(metadata: dict[str, Any], message: str) -> None:
    """At most 100 keys, values that JSON has, no infinity."""
    with offline() as run, pytest.raises(LogError, match=message):
        run.log_artifact(Artifact("data", "dataset", metadata=metadata))
    with pytest.raises(LogError, match="expected a mapping"):
        Artifact("data", "dataset", metadata=[1])  # type: ignore[arg-type]


def test_copies_go_with_the_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it copied to the temporary folder does not outlive it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    made = artifact()
    assert set(tmp_path.iterdir()) != before
    del made
    gc.collect()
    assert set(tmp_path.iterdir()) == before


# --- how it gets to the server ---


def test_everything_arrives(wandb_server: LocalServer) -> None:
    """Files, references, type, description, metadata, aliases with `latest`, the step, and who logged it."""
    made = Artifact("data", "dataset", "some", {"k": 1, "nan": float("nan")})
    made.add_file(file("w.txt", b"weights"), "sub/w.txt")
    made.add_file(file("empty", b""))
    made.add_reference("s3://bucket/key")
    with online(wandb_server) as run:
        run.log({"x": 1})
        assert run.log_artifact(made, aliases=["best"]) is made
    there = stored(wandb_server)
    assert there.files == {"sub/w.txt": b"weights", "empty": b""}
    assert there.entries["key"] == {"digest": "s3://bucket/key", "ref": "s3://bucket/key"}
    assert there.entries["empty"]["birthArtifactID"] == there.id
    assert (there.name, there.type, there.description) == ("data:v0", "dataset", "some")
    assert (there.metadata, there.aliases, there.history_step) == ({"k": 1, "nan": None}, ["best", "latest"], 1)
    assert (there.digest, there.state) == (made.digest, "COMMITTED")
    assert wandb_server.run("r").state == "finished"


def test_the_calls_are_the_protocols(wandb_server: LocalServer) -> None:
    """CreateArtifact, the manifest announced, files, the manifest with its digest, commit (protocol 7.1)."""
    with online(wandb_server) as run:
        run.log_artifact(artifact({"a": b"1"}))
    assert asked(wandb_server) == [
        "CreateArtifact",
        "CreateArtifactManifest",
        "CreateArtifactFiles",
        "PUT artifacts",
        "CreateArtifactManifest",
        "PUT manifests",
        "CommitArtifact",
    ]


def test_the_same_content_makes_no_new_version(wandb_server: LocalServer) -> None:
    """The server has it: nothing but CreateArtifact is asked. The aliases move, other content is the next version."""
    with online(wandb_server) as run:
        run.log_artifact(artifact())
        run.log_artifact(artifact(), aliases="again")
        run.log_artifact(artifact({"other": b"!"}))
    logged = wandb_server.run("r").logged_artifacts
    assert [(item.name, item.aliases) for item in logged] == [("data:v0", ["again"]), ("data:v1", ["latest"])]
    assert asked(wandb_server).count("CreateArtifactManifest") == 4
    assert asked(wandb_server).count("CommitArtifact") == 2


def test_bytes_the_server_has_are_not_sent_again(wandb_server: LocalServer) -> None:
    """Neither in a new version nor in another artifact."""
    with online(wandb_server) as run:
        run.log_artifact(artifact({"a": b"1", "b": b"2"}))
        run.log_artifact(artifact({"a": b"1", "b": b"3"}))
        run.log_artifact(artifact({"c": b"3"}, name="other"))
    assert puts(wandb_server) == 3
    assert [item.files for item in wandb_server.run("r").logged_artifacts] == [
        {"a": b"1", "b": b"2"},
        {"a": b"1", "b": b"3"},
        {"c": b"3"},
    ]


def test_many_files_go_in_batches(wandb_server: LocalServer) -> None:
    """More than one request asks for addresses; each file arrives."""
    files = {f"f{number}": str(number).encode() for number in range(60)}
    with online(wandb_server, close_timeout=PATIENCE) as run:
        run.log_artifact(artifact(files))
    assert stored(wandb_server).files == files
    assert asked(wandb_server).count("CreateArtifactFiles") == 3


@pytest.mark.parametrize(("given", "name"), [("w.txt", "run-r-w.txt"), ("d", "run-r-d"), ("s3://b/key", "run-r-key")])
def test_a_path_will_do(wandb_server: LocalServer, given: str, name: str) -> None:
    """A file, a folder or an address becomes an artifact named after the run and itself."""
    file("w.txt", b"w")
    file("d/a/b", b"b")
    with online(wandb_server) as run:
        run.log_artifact(given)
        run.log_artifact(given, name="mine", type="model", aliases=["x"])
    first, second = wandb_server.run("r").logged_artifacts
    assert (first.collection.name, first.type, second.collection.name, second.type) == (
        name,
        "unspecified",
        "mine",
        "model",
    )
    assert first.entries.keys() == {"w.txt": {"w.txt"}, "d": {"a/b"}, "s3://b/key": {"key"}}[given]


def test_the_run_directory_holds_it_when_the_call_returns(wandb_server: LocalServer) -> None:
    """Files by their MD5, equal ones once; the originals may go. `sync` sends it from there."""
    file("d/a", b"same")
    file("d/b", b"same")
    with offline() as run:
        made = run.log_artifact("d", name="data")
        assert kept(run) == {md5(b"same"): b"same"}
        (event,) = [event["artifact"] for event in journal(run.dir or Path()) if "artifact" in event]
        assert (event["name"], event["digest"], event["aliases"]) == ("data", made.digest, ["latest"])
    Path("d/a").unlink()
    Path("d/b").unlink()
    (report,) = sync(session=Session(wandb_server.api_key, wandb_server.url))
    assert (report.finished, report.set_aside) == (True, 0)
    assert stored(wandb_server).files == {"a": b"same", "b": b"same"}


def test_a_copy_of_ours_is_not_copied_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the artifact holds already is given another name in the run directory, where the system can."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the same file system
    made = Artifact("data", "dataset")
    with offline() as run:
        entry = made.add_file(file("a"))
        run.log_artifact(made)
        (there,) = (run.dir or Path()).glob(f"files/artifacts/*/{entry.hex_digest}")
        assert entry.local_path is not None
        assert there.samefile(entry.local_path)


def test_without_hard_links_it_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that has none."""

    def refuse(*_paths: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", refuse)
    with offline() as run:
        run.log_artifact(artifact({"a": b"1"}))
    assert kept(run) == {md5(b"1"): b"1"}


def test_one_that_is_logged_does_not_change() -> None:
    """Nothing can be added any more; logging it again, to this run or another, is fine."""
    with offline() as run, offline(run_id="other") as other:
        made = run.log_artifact(artifact())
        with pytest.raises(LogError, match="has been logged"):
            made.add_file(file("x"))
        other.log_artifact(made)
        assert {event["artifact"]["digest"] for event in journal(other.dir or Path()) if "artifact" in event} == {
            made.digest
        }


def test_wait_waits_until_it_is_sent(wandb_server: LocalServer) -> None:
    """As `run.log_artifact(...).wait()` of the official SDK; offline it does not wait."""
    with online(wandb_server) as run:
        made = run.log_artifact(artifact())
        assert made.wait(PATIENCE) is made
        assert stored(wandb_server).state == "COMMITTED"
    with offline(run_id="off") as run:
        run.log_artifact(artifact()).wait()


def test_wrong_things_to_log() -> None:
    """Paths that are not there, aliases with / or :, things that are no artifact."""
    with offline() as run:
        with pytest.raises(LogError, match="no such file or folder"):
            run.log_artifact("missing")
        with pytest.raises(LogError, match="expected an Artifact or a path"):
            run.log_artifact(3)  # type: ignore[arg-type]
        for alias in ("a/b", "a:b", ""):
            with pytest.raises(LogError, match="alias"):
                run.log_artifact(artifact(), aliases=[alias])
        made = artifact()
        made.description = 3  # type: ignore[assignment]
        with pytest.raises(LogError, match="description"):
            run.log_artifact(made)
    with pytest.raises(LogError, match="finished"):
        run.log_artifact(artifact())


def test_disabled_checks_and_keeps_nothing() -> None:
    """A disabled run takes what it would take otherwise, and writes nothing."""
    with offline(mode="disabled") as run:
        run.log_artifact(artifact())
        run.log_artifact(file("a"))
        with pytest.raises(LogError, match="no such file"):
            run.log_artifact("missing")
    assert not Path("wandb_cache").exists()


def test_without_a_run_directory_it_is_refused(wandb_server: LocalServer) -> None:
    """Rows can go from memory; files cannot. The error says what to do."""
    file("occupied")
    with online(wandb_server, cache_dir="occupied") as run, pytest.raises(JournalError, match="set cache_dir"):
        run.log_artifact(artifact())


# --- trouble on the way ---


@pytest.fixture
def waiting() -> Path:
    """The directory of a run that ended offline with an artifact of two files."""
    with offline() as run:
        run.log_artifact(artifact({"a": b"1", "b": b"2"}))
    assert run.dir is not None
    return run.dir


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "CreateArtifact"},
        {"operation": "CreateArtifactManifest"},
        {"operation": "CreateArtifactFiles"},
        {"operation": "CommitArtifact"},
        {"where": "storage"},
    ],
    ids=lambda fault: "".join(fault.values()),
)
@pytest.mark.parametrize("close", ["before", "after"])
def test_a_lost_answer_changes_nothing(
    wandb_server: LocalServer, waiting: Path, fault: dict[str, Any], close: Any
) -> None:
    """Each request may be lost, or only its answer: one version, with all its bytes, comes of it."""
    wandb_server.fail_next(1, status=None, close=close, **fault)
    drain(wandb_server, waiting)
    assert [item.name for item in wandb_server.run("r").logged_artifacts] == ["data:v0"]
    assert stored(wandb_server).files == {"a": b"1", "b": b"2"}


def test_what_is_sent_is_not_kept(wandb_server: LocalServer, waiting: Path) -> None:
    """A checkpoint an hour does not fill the disk: the folder goes when the server has the artifact."""
    assert list(waiting.glob("files/artifacts/*"))
    drain(wandb_server, waiting)
    assert list(waiting.glob("files/artifacts/*")) == []


def test_a_journal_cannot_have_other_folders_removed(wandb_server: LocalServer) -> None:
    """A folder's name in a journal that somebody tampered with is not followed."""
    file("mine/a")
    with offline() as run:
        event = {**describe(artifact(), None), "folder": "../../../../../mine"}
        run._background.append(change_event("artifact", event, now(), run._background.report_aside))
    assert run.dir is not None
    assert drain(wandb_server, run.dir).state.set_aside == 1
    assert Path("mine/a").exists()


def test_done_twice_is_done_once(wandb_server: LocalServer, waiting: Path) -> None:
    """A crash after the commit, before the cursor was saved: the next drain finds it done."""
    drain(wandb_server, waiting)
    (waiting / "cursor.json").unlink()
    drain(wandb_server, waiting)
    assert [item.name for item in wandb_server.run("r").logged_artifacts] == ["data:v0"]
    assert asked(wandb_server).count("CommitArtifact") == 1


def test_an_interrupted_upload_goes_on(wandb_server: LocalServer, waiting: Path) -> None:
    """What was put before the server went away is not put again."""
    with pytest.MonkeyPatch.context() as patch:
        put = Client.put
        calls = []

        def once(self: Client, *arguments: Any) -> None:
            calls.append(arguments)
            if len(calls) > 1:
                raise TransportError("gone")
            put(self, *arguments)

        patch.setattr(Client, "put", once)
        with pytest.raises(TransportError):
            drain(wandb_server, waiting)
    drain(wandb_server, waiting)
    assert puts(wandb_server) == 2
    assert stored(wandb_server).files == {"a": b"1", "b": b"2"}


def test_expired_addresses_are_asked_for_again(wandb_server: LocalServer, waiting: Path) -> None:
    """403 from the storage is about the address, not about the key."""
    wandb_server.fail_next(1, status=403, where="storage")
    drain(wandb_server, waiting)
    assert stored(wandb_server).files == {"a": b"1", "b": b"2"}


def test_addresses_that_never_work_are_given_up(wandb_server: LocalServer, waiting: Path) -> None:
    """The artifact is set aside with the reason; the run goes on to its end."""
    wandb_server.fail_always(status=403, where="storage")
    uploader = drain(wandb_server, waiting)
    assert uploader.report(0).finished
    assert uploader.state.set_aside == 1
    assert "403" in (waiting / "aside.jsonl").read_text()


@pytest.mark.parametrize("damage", ["file", "manifest", "no file"])
def test_damaged_copies_are_set_aside(wandb_server: LocalServer, waiting: Path, damage: str) -> None:
    """What a power cut left of the kept files is not sent; the run goes on to its end."""
    (copy,) = waiting.glob(f"files/artifacts/*/{hashlib.md5(b'1').hexdigest()}")
    if damage == "file":
        copy.write_bytes(b"")
    elif damage == "manifest":
        copy.with_name("manifest.json").write_bytes(b'{"version": 1, "conte')
    else:
        copy.unlink()
    uploader = drain(wandb_server, waiting)
    assert (uploader.report(0).finished, uploader.state.set_aside) == (True, 1)
    assert wandb_server.run("r").logged_artifacts == []


@pytest.mark.parametrize("kind", ["artifact", "use_artifact", "alert", "file"])
def test_events_without_sense_are_set_aside(wandb_server: LocalServer, kind: str) -> None:
    """What we did not write into a journal neither stops the run nor is tried for ever."""
    with offline() as run:
        run._background.append(
            change_event(kind, {"title": "t", "wait": "long", "folder": "0" * 16}, now(), run._background.report_aside)
        )
    assert run.dir is not None
    uploader = drain(wandb_server, run.dir)
    assert (uploader.report(0).finished, uploader.state.set_aside) == (True, 1)


@pytest.mark.parametrize("path", ["../../../secret.txt", "/etc/hostname"])
def test_a_changed_journal_cannot_send_what_is_elsewhere(wandb_server: LocalServer, path: str) -> None:
    """A file event names a copy in the run directory, and nothing else is sent for it."""
    Path("secret.txt").write_text("secret")
    with offline() as run:
        run._background.append(
            change_event("file", {"name": "a.txt", "path": path}, now(), run._background.report_aside)
        )
    assert run.dir is not None
    drain(wandb_server, run.dir)
    assert "a.txt" not in wandb_server.run("r").files


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        ("CreateArtifact", {"createArtifact": {"artifact": None}}),
        ("CreateArtifactManifest", {"createArtifactManifest": None}),
        ("CreateArtifactFiles", {"createArtifactFiles": {"files": {"edges": []}}}),
        ("CreateArtifact", None),
    ],
)
def test_answers_without_sense_are_set_aside(
    wandb_server: LocalServer, waiting: Path, operation: str, data: Any
) -> None:
    """Nulls and lists of the wrong length are reported; nothing else is lost."""
    wandb_server.allow_violations()  # what a server that answers so is told next makes no sense to it either
    wandb_server.fail_always(status=200, operation=operation, body={"data": data})
    uploader = drain(wandb_server, waiting)
    assert (uploader.report(0).finished, uploader.state.set_aside) == (True, 1)


# --- how it comes back ---


@pytest.fixture
def logged(wandb_server: LocalServer) -> Run:
    """A run that is online, whose artifact is on the server."""
    made = artifact({"a.txt": b"a", "sub/b.txt": b"bb"})
    made.description, made.metadata = "some", {"k": 1}
    made.add_reference("https://example.com/x")
    run = online(wandb_server)
    run.log_artifact(made, aliases=["best"]).wait(PATIENCE)
    return run


def contents(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def gets(server: LocalServer) -> int:
    return sum(name == "GET artifacts" for name in asked(server))


def test_use_and_download(wandb_server: LocalServer, logged: Run) -> None:
    """Found by alias, its files fetched, and recorded as used by the run."""
    used = logged.use_artifact("data:best")
    assert (used.name, used.version, used.type, used.description) == ("data:v0", "v0", "dataset", "some")
    assert (used.metadata, sorted(used.aliases)) == ({"k": 1}, ["best", "latest"])
    assert used.digest == used.manifest.digest() == stored(wandb_server).digest
    folder = used.download("down")
    assert (folder, contents(folder)) == ("down", {"a.txt": b"a", "sub/b.txt": b"bb"})
    logged.finish()
    assert [item.name for item in wandb_server.run("r").used_artifacts] == ["data:v0"]


def test_one_file_of_many(wandb_server: LocalServer, logged: Run) -> None:
    """Each can be looked at and fetched alone; a reference only looked at."""
    with logged:
        used = logged.use_artifact("data")
        entry = used.get_entry("sub/b.txt")
        assert (entry.path, entry.size, entry.ref) == ("sub/b.txt", 2, None)
        assert entry.digest == base64.b64encode(hashlib.md5(b"bb").digest()).decode()
        assert entry.download("down") == str(Path("down/sub/b.txt").absolute())
        assert (contents("down"), gets(wandb_server)) == ({"sub/b.txt": b"bb"}, 1)
        assert [item.path for item in used.files()] == ["a.txt", "sub/b.txt"]
        assert [item.path for item in used.files(["a.txt", "x"])] == ["a.txt"]
        assert (used.get_entry("x").ref, used.get_entry("x").size) == ("https://example.com/x", None)
        with pytest.raises(LogError, match=r"x is a reference to https://example\.com/x"):
            used.get_entry("x").download()
        with pytest.raises(LogError, match="has no 'nothing'"):
            used.get_entry("nothing")
        with pytest.raises(LogError, match="has 2 files, not one"):
            used.file()
        logged.log_artifact(artifact({"only.txt": b"1"}, "single")).wait(PATIENCE)
        assert Path(logged.use_artifact("single").file("down")).read_bytes() == b"1"


@pytest.mark.contract
@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="the official SDK is not installed")
@pytest.mark.parametrize("options", [{}, {"checksum": False}, {"name": "under/it"}])
@pytest.mark.parametrize("target", ["d", "d/", "d/a.txt"])
def test_local_references_are_the_official_ones(target: str, options: dict[str, Any]) -> None:
    """A file's digest is that of its bytes, or of its path if asked; a folder is as many addresses as files."""
    import wandb

    file("d/a.txt", b"a")
    file("d/e/b.txt", b"bb")
    uri = f"file://{Path.cwd()}/{target}"
    theirs, ours = wandb.Artifact("data", "dataset"), Artifact("data", "dataset")
    theirs.add_reference(uri, **options)
    ours.add_reference(uri, **options)
    seen = {name: (entry.ref, entry.digest, entry.size) for name, entry in theirs.manifest.entries.items()}
    assert {name: (entry.ref, entry.digest, entry.size) for name, entry in ours.manifest.entries.items()} == seen
    assert ours.digest == theirs.digest


def test_wrong_local_references() -> None:
    """Nothing there, or too much of it."""
    file("d/a.txt")
    file("d/b.txt")
    made = Artifact("data", "dataset")
    with pytest.raises(LogError, match="no such file or folder"):
        made.add_reference(f"file://{Path.cwd()}/nothing")
    with pytest.raises(LogError, match="more than 1 files"):
        made.add_reference(f"file://{Path.cwd()}/d", max_objects=1)


@pytest.mark.parametrize("offered", [True, False])
def test_tags(wandb_server: LocalServer, *, offered: bool) -> None:
    """Where the server offers them; elsewhere the artifact goes without."""
    wandb_server.features = {"ARTIFACT_TAGS"} if offered else set()
    with online(wandb_server) as run:
        run.log_artifact(artifact(), tags=["one", "two words", "one"])
        with pytest.raises(LogError, match="tag 'a/b'"):
            run.log_artifact(artifact(), tags=["a/b"])
    assert stored(wandb_server).tags == (["one", "two words"] if offered else [])


@pytest.mark.parametrize("name", ["data", "data:latest", "data:v0", "p/data:v0", "local-team/p/data:best"])
def test_names_of_artifacts(logged: Run, name: str) -> None:
    """With or without alias, project and entity."""
    with logged:
        assert logged.use_artifact(name).name == "data:v0"


def test_the_default_folder_is_the_official_one(logged: Run) -> None:
    """`artifacts/<name>:<version>`."""
    with logged:
        folder = logged.use_artifact("data").download()
    assert Path(folder) == Path("artifacts", "data-v0" if os.name == "nt" else "data:v0")
    assert set(contents(folder)) == {"a.txt", "sub/b.txt"}


def test_what_is_there_is_not_fetched_again(wandb_server: LocalServer, logged: Run) -> None:
    """A file with the right content stays, one with other content is replaced, a stranger is left alone."""
    with logged:
        used = logged.use_artifact("data")
        used.download("down")
        assert gets(wandb_server) == 2
        file("down/a.txt", b"X")
        file("down/stranger", b"!")
        used.download("down")
    assert gets(wandb_server) == 3
    assert contents("down") == {"a.txt": b"a", "sub/b.txt": b"bb", "stranger": b"!"}


@pytest.mark.not_quick
def test_many_files_come_in_pages(wandb_server: LocalServer) -> None:
    """More than one request asks for addresses."""
    files = {f"f{number}": str(number).encode() for number in range(120)}
    with online(wandb_server, close_timeout=PATIENCE) as run:
        run.log_artifact(artifact(files)).wait(PATIENCE)
        assert contents(run.use_artifact("data").download("down")) == files
    assert asked(wandb_server).count("ArtifactFiles") == 2


def test_the_use_of_a_run_without_rows_is_recorded(wandb_server: LocalServer, logged: Run) -> None:
    """`use_artifact` comes first in most scripts: before there is anything else to send."""
    logged.finish()
    with online(wandb_server, run_id="second") as run:
        run.use_artifact("data")
    assert [item.name for item in wandb_server.run("second").used_artifacts] == ["data:v0"]


def test_wrong_uses(wandb_server: LocalServer, logged: Run) -> None:
    """Names that are none, artifacts that are not there or of another type, runs that have no server."""
    with logged:
        for name in ("nothing", "data:v7", "elsewhere/data"):
            with pytest.raises(LogError, match="there is no artifact"):
                logged.use_artifact(name)
        for name in ("", "a/b/c/d:v0", "//data", ":v0"):
            with pytest.raises(LogError, match="expected name:alias"):
                logged.use_artifact(name)
        with pytest.raises(LogError, match="is of type dataset, not model"):
            logged.use_artifact("data", type="model")
    with pytest.raises(LogError, match="finished"):
        logged.use_artifact("data")
    with offline(run_id="off") as run, pytest.raises(LogError, match="is offline"):
        run.use_artifact("data")


def test_its_own_requests_are_no_records(wandb_server: LocalServer, logged: Run) -> None:
    """With the root logger at DEBUG, what `requests` logs on the caller's thread stays out of the run."""
    handler = WandbHandler(run=logged)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    logging.getLogger("urllib3").addHandler(handler)
    logged.use_artifact("data").download("down")
    logged.finish()
    assert wandb_server.run("r").output == []


# --- what the server says is not trusted ---


@contextlib.contextmanager
def reach(server: LocalServer) -> Iterator[Link]:
    link = patient_link(server)
    yield link
    link.close()


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:\\x", "..\\x", "a\0b", ""])
def test_names_from_the_server_cannot_leave_the_folder(name: str) -> None:
    """The download ends before anything is written."""
    manifest = Manifest({"fine": Entry(md5(b""), 0), name: Entry(md5(b""), 0)})
    with pytest.raises(GraphQLError, match="name that is not allowed"):
        targets_of(manifest, Path("down"))


@pytest.mark.parametrize("name", ["NUL", "sub/con.txt", "COM1", "lpt9.log", "ab:c", "dot.", "space ", "a?"])
def test_names_that_windows_takes_for_something_else(name: str) -> None:
    """Devices, streams and names it changes are refused there; elsewhere they are names like any other."""
    with pytest.raises(GraphQLError, match="cannot be a file on Windows"):
        _checked(name, windows=True)
    assert _checked(name, windows=False) == name
    assert _checked("console.txt", windows=True) == "console.txt"


def test_links_in_the_folder_do_not_lead_out() -> None:
    """A link that was there before is not followed out of the folder."""
    Path("outside").mkdir()
    Path("down").mkdir()
    Path("down/link").symlink_to("../outside")
    with pytest.raises(GraphQLError, match="would leave"):
        targets_of(Manifest({"link/x": Entry(md5(b""), 0)}), Path("down"))


def test_damaged_bytes_are_not_kept(wandb_server: LocalServer, logged: Run) -> None:
    """MD5 decides; it is tried again, and what was there before stays."""
    logged.finish()
    used = find_artifact(lambda: reach(wandb_server), "data", None, "p")
    blobs = wandb_server._store.artifacts.blobs
    blobs[hashlib.md5(b"a").hexdigest()] = b"X"
    file("down/a.txt", b"mine")
    with pytest.raises(TransportError, match="not what the server announced"):
        used.download("down")
    assert contents("down") == {"a.txt": b"mine"}
    assert gets(wandb_server) == 3


def test_more_bytes_than_the_manifest_says(wandb_server: LocalServer, logged: Run) -> None:
    """Are not written: a file has the size that was announced. What was there before stays."""
    logged.finish()
    used = find_artifact(lambda: reach(wandb_server), "data", None, "p")
    assert used.manifest.entries["a.txt"].size == 1
    wandb_server.fail_always(
        status=200, where="storage", body=gzip.compress(b"0" * 50_000_000), headers={"Content-Encoding": "gzip"}
    )
    file("down/a.txt", b"mine")
    with pytest.raises(TransportError, match="more bytes come than the 1 that there can be"):
        used.download("down")
    assert contents("down") == {"a.txt": b"mine"}


def test_a_manifest_without_end(wandb_server: LocalServer, logged: Run) -> None:
    """Bytes that unpack to more than so many entries could have are not kept in memory: of three, a megabyte."""
    logged.finish()
    used = find_artifact(lambda: reach(wandb_server), "data", None, "p")
    wandb_server.fail_always(
        status=200, where="storage", body=gzip.compress(b" " * 50_000_000), headers={"Content-Encoding": "gzip"}
    )
    with pytest.raises(TransportError, match="more bytes come than the 1060864 that there can be"):
        used.download("down")


def test_a_manifest_may_be_as_large_as_its_entries_make_it() -> None:
    """A million files need 250 MB; a server that announces any number gets a gigabyte at most."""
    assert most_bytes(1_000_000) > 250 * 10**6
    assert most_bytes(10**18) == 2**30
    assert {most_bytes(unknown) for unknown in (None, "7", -1, 1e9)} == {2**28 + 2**20}


def test_pages_without_end() -> None:
    """A server whose list of files goes on for ever, without the files, is asked no more than these could fill."""
    asked = itertools.count(1)

    class Endless(Link):
        def call(self, request: Any, *, attempts: Any = None) -> Any:  # type: ignore[override]
            edges = [{"node": {"name": "other", "directUrl": "http://127.0.0.1:9/other"}}]
            info = {"hasNextPage": True, "endCursor": str(next(asked))}
            return {"artifact": {"files": {"pageInfo": info, "edges": edges}}}

    wanted = {"a.txt": Path("a.txt"), "b.txt": Path("b.txt")}
    assert list(download._addresses(Endless(Session, Pace()), "id", wanted, most=2)) == []  # type: ignore[arg-type]
    assert next(asked) == 3


def test_a_download_that_breaks_off_is_tried_again(wandb_server: LocalServer, logged: Run) -> None:
    """As any request."""
    logged.finish()
    used = find_artifact(lambda: reach(wandb_server), "data", None, "p")
    wandb_server.fail_next(1, status=None, where="storage", close="before")
    assert used.manifest.digest() == used.digest
    wandb_server.fail_next(1, status=503, where="storage")
    assert contents(used.download("down")) == {"a.txt": b"a", "sub/b.txt": b"bb"}


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b'{"version": 2, "contents": {}}', b'{"version": 1}', b'{"version": 1, "contents": {"a": {}}}'],
)
def test_what_is_no_manifest(wandb_server: LocalServer, logged: Run, text: bytes) -> None:
    """A manifest that makes no sense is reported as the server's fault."""
    logged.finish()
    used = find_artifact(lambda: reach(wandb_server), "data", None, "p")
    wandb_server.fail_always(status=200, where="storage", body=text)
    with pytest.raises(GraphQLError, match="manifest cannot be read"):
        used.download("down")
    wandb_server.fail_always(status=200, operation="ArtifactManifest", body={"data": {"artifact": None}})
    with pytest.raises(GraphQLError, match="no address for the artifact's manifest"):
        used.download("down")


def test_files_without_an_address(wandb_server: LocalServer, logged: Run) -> None:
    """They are named; an endless list of pages ends."""
    logged.finish()
    used = find_artifact(lambda: reach(wandb_server), "data", None, "p")
    for entry in used.manifest.entries.values():
        vars(entry)["birth_artifact_id"] = None  # as an older server has them
    stranger = {"node": {"name": "../x", "directUrl": "/"}}
    page = {"pageInfo": {"hasNextPage": True, "endCursor": "1"}, "edges": [stranger]}
    wandb_server.fail_always(status=200, operation="ArtifactFiles", body={"data": {"artifact": {"files": page}}})
    with pytest.raises(GraphQLError, match=r"no address for a\.txt, sub/b\.txt"):
        used.download("down")


def test_files_are_asked_for_by_their_digest(wandb_server: LocalServer, logged: Run) -> None:
    """Of the API itself, with the key, where it gives no addresses (protocol 7.3)."""
    with logged:
        page = {"pageInfo": {"hasNextPage": False}, "edges": [{"node": {"name": "a.txt", "directUrl": None}}]}
        wandb_server.fail_next(status=200, operation="ArtifactFiles", body={"data": {"artifact": {"files": page}}})
        folder = logged.use_artifact("data").download("down")
    assert contents(folder) == {"a.txt": b"a", "sub/b.txt": b"bb"}
    direct = [request for request in wandb_server.requests if request.path.startswith("/artifactsV2/")]
    assert [request.path.rpartition("/")[2] for request in direct] == ["a.txt", "sub%2Fb.txt"]


def test_other_digests_are_not_taken_for_md5() -> None:
    """XXH128 is as long as MD5: the manifest says which it is."""
    manifest = Manifest({"a": Entry(base64.b64encode(secrets.token_bytes(16)).decode(), 1, extra={"alg": "XXH128"})})
    with pytest.raises(GraphQLError, match="only MD5 can be verified"):
        targets_of(manifest, Path("down"))


def test_the_key_stays_with_the_api(wandb_server: LocalServer, logged: Run) -> None:
    """Storage on another host does not see it."""
    logged.finish()
    used = find_artifact(lambda: reach(wandb_server), "data", None, "p")
    used.download("down")
    address = next(item.path for item in wandb_server.requests if (item.method, item.path[:9]) == ("GET", "/storage/"))
    assert not any("Authorization" in item.headers for item in wandb_server.requests if item.method == "PUT")
    client = Client(wandb_server.url, wandb_server.api_key)
    got: list[bytes] = []
    foreign = wandb_server.url.replace("127.0.0.1", "localhost") + address
    client.get(foreign, got.append, 10_000)
    client.close()
    assert got
    assert "Authorization" not in wandb_server.requests[-1].headers
    assert wandb_server.requests[-1].headers["Host"].startswith("localhost")
