"""One script of artifacts and alerts, run by the official SDK and by us: what each leaves on its server is the same."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.test_official_sdk import script
from tests.patience import PATIENCE
from wandb_logging import Artifact, Session, new_run, sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging.testing import StoredArtifact, StoredRun

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="the official SDK is not installed"),
]

# What may differ in an entry of a manifest, and why.
MAY_DIFFER = {
    "local_path": "where the file was on the machine that logged it: nobody else can use it (protocol 7.2)",
    "skip_cache": "whether the official SDK puts the file into its own cache; we have none",
    "birthArtifactID": "each server numbers its artifacts in the order they come, which the SDK leaves to threads",
    "size": "of a reference: the SDK says 0 bytes, we say nothing (protocol 7.2: not needed)",
}

FILES = {
    "weights.txt": b"weights",
    "d/empty": b"",
    "d/e/ü b.bin": bytes(range(256)) * 5000,
    "d/e/same.txt": b"weights",
    "d/Z": b"upper case is sorted before lower case",
    "d/10": b"",
    "d/9": b"",
}

BODY = """
    import datetime

    run.log({"x": 1})
    run.log({"x": 2})
    metadata = {"k": 1, "nested": {"nan": float("nan"), "text": "ü"}, "list": [1, 2.5, None, True], "t": (1, 2)}
    data = Artifact("data", type="dataset", description="some", metadata=metadata)
    data.add_file("weights.txt", name="./sub//weights.txt")
    data.add_file("weights.txt")
    data.add_dir("d")
    data.add_dir("d", name="again")
    data.add_reference("https://example.com/x/y.csv?q=1", checksum=False)
    data.add_reference("https://example.com/z", name="elsewhere/z", checksum=False)
    with data.new_file("new/file.txt", mode="w") as file:
        file.write("new")
    run.log_artifact(data, aliases=["best", "v-one"])
    run.log_artifact("weights.txt")
    run.log_artifact("d", name="folder", type="model", aliases=["latest"])
    run.log_artifact(Artifact("nothing", "dataset"))
    run.alert("a title", "a text")
    run.alert("worse", "", level="ERROR", wait_duration=90)
    run.alert("much worse", "text", level="WARN", wait_duration=datetime.timedelta(hours=1))
"""

SDK = """
    with wandb.init(project="p", id="r") as run:
        exec(pathlib.Path("body.py").read_text(encoding="utf-8"), {"run": run, "Artifact": wandb.Artifact})
"""

READ = """
    artifact = wandb.Api().artifact("local-team/p/data:best")
    for name in artifact.manifest.entries:
        if artifact.manifest.entries[name].ref is None:
            artifact.get_entry(name).download("down")
    down = pathlib.Path("down")
    say({
        "digest": artifact.digest,
        "computed": artifact.manifest.digest(),
        "metadata": artifact.metadata,
        "aliases": sorted(artifact.aliases),
        "files": sorted(path.relative_to(down).as_posix() for path in down.rglob("*") if path.is_file()),
        "logged_by": artifact.logged_by().id,
    })
"""


def lay_out(folder: Path) -> None:
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "body.py").write_text(textwrap.dedent(BODY), encoding="utf-8")


@pytest.fixture(scope="module")
def their_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """The server that the official SDK ran the script with."""
    folder = tmp_path_factory.mktemp("theirs")
    lay_out(folder)
    with LocalServer() as server:
        script(server, folder, SDK)
        yield server
        assert server.violations == []


@pytest.fixture
def theirs(their_server: LocalServer) -> StoredRun:
    """The run of the official SDK."""
    return their_server.run("r")


@pytest.fixture(params=["online", "offline, then synced"])
def ours(request: pytest.FixtureRequest, wandb_server: LocalServer) -> StoredRun:
    """The same run, ours."""
    lay_out(Path.cwd())
    session = Session(wandb_server.api_key, wandb_server.url)
    mode = request.param.split(",")[0]
    with new_run("p", session=session, run_id="r", mode=mode, quiet=True, close_timeout=PATIENCE) as run:
        exec((Path.cwd() / "body.py").read_text(encoding="utf-8"), {"run": run, "Artifact": Artifact})
    if mode == "offline":
        sync(session=session)
    return wandb_server.run("r")


def seen(artifact: StoredArtifact) -> dict[str, Any]:
    """Everything of an artifact, without what may differ."""
    entries = {
        name: {
            member: value
            for member, value in entry.items()
            if member not in MAY_DIFFER or (member == "size" and "ref" not in entry)
        }
        for name, entry in artifact.entries.items()
    }
    return {
        "name": artifact.name,
        "type": artifact.type,
        "digest": artifact.digest,
        "state": artifact.state,
        "description": artifact.description,
        "metadata": artifact.metadata_json and artifact.metadata,
        "aliases": sorted(artifact.aliases),  # the SDK sends them in the order of a set
        "step": artifact.history_step,
        "manifest": {**artifact.manifest, "contents": entries},
        "files": artifact.files,
    }


def by_name(run: StoredRun) -> dict[str, dict[str, Any]]:
    return {artifact.name: seen(artifact) for artifact in run.logged_artifacts}


def test_artifacts_are_the_same(ours: StoredRun, theirs: StoredRun) -> None:
    """Digests, manifests, bytes, aliases, metadata, steps."""
    assert by_name(theirs).keys() == {"data:v0", "run-r-weights.txt:v0", "folder:v0", "nothing:v0"}
    assert by_name(ours) == by_name(theirs)


def test_alerts_are_the_same(ours: StoredRun, theirs: StoredRun) -> None:
    """Title, text, severity, and the wait in milliseconds."""
    assert len(theirs.alerts) == 3
    assert ours.alerts == theirs.alerts


def test_the_official_api_reads_ours(ours: StoredRun, wandb_server: LocalServer, tmp_path: Path) -> None:
    """`wandb.Api()` finds it, computes the same digest, and fetches every file."""
    folder = tmp_path / "read"
    folder.mkdir()
    stored = ours.logged_artifacts[0]
    assert script(wandb_server, folder, READ).said == {
        "digest": stored.digest,
        "computed": stored.digest,
        "metadata": stored.metadata,
        "aliases": ["best", "latest", "v-one"],
        "files": sorted(stored.files),
        "logged_by": "r",
    }
    for name, content in stored.files.items():
        assert (folder / "down" / name).read_bytes() == content


def test_we_read_theirs(their_server: LocalServer, theirs: StoredRun) -> None:
    """`use_artifact` fetches what the official SDK logged."""
    (stored,) = (item for item in theirs.logged_artifacts if item.name == "data:v0")
    session = Session(their_server.api_key, their_server.url)
    with new_run("p", session=session, mode="online", run_id="user", quiet=True) as run:
        used = run.use_artifact("data:v-one")
        down = Path(used.download("down"))
    files = {path.relative_to(down).as_posix(): path.read_bytes() for path in down.rglob("*") if path.is_file()}
    assert files == stored.files
    assert their_server.run("user").used_artifacts == [stored]
