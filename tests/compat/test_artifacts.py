"""Promises of `wandb.Artifact` and of what a run does with one: beyond files, and offline too."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wandb_logging
import wandb_logging.compat as wandb
from tests.patience import PATIENCE
from wandb_logging.compat._artifact import ArtifactNotLogged
from wandb_logging.compat._refused import NotCovered
from wandb_logging.testing import LocalServer


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    yield
    wandb.teardown()


def logged(run: wandb.Run, artifact: wandb.Artifact) -> wandb.Artifact:
    return run.log_artifact(artifact).wait(PATIENCE)


def of_file(name: str = "data", kind: str = "dataset", text: str = "data") -> wandb.Artifact:
    Path("data.txt").write_text(text)
    artifact = wandb.Artifact(name, kind, description="d", metadata={"rows": 1})
    artifact.add_file("data.txt")
    return artifact


# --- tables and media ---


def test_a_table_comes_back_from_an_artifact(wandb_server: LocalServer) -> None:
    """Its numbers and texts, None, times; under its name with the ending or without."""
    when = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)
    rows = [[1, "x", when, None], [2, "y", when, 0.5]]
    with wandb.init(project="p") as run:
        artifact = wandb.Artifact("eval", "predictions")
        entry = artifact.add(wandb.Table(columns=["n", "t", "when", "maybe"], data=rows), "sub/predictions")
        assert entry.path == "sub/predictions.table.json"
        logged(run, artifact)
        for name in ("sub/predictions", "sub/predictions.table.json"):
            table = run.use_artifact("eval:latest").get(name)
            assert (table.columns, table.data) == (["n", "t", "when", "maybe"], rows)
        assert artifact.get("nothing") is None


@pytest.mark.not_quick
def test_media_come_back_from_an_artifact(wandb_server: LocalServer) -> None:
    """Each kind as itself, with what was said of it."""
    pytest.importorskip("PIL", reason="Pillow makes the image")
    np = pytest.importorskip("numpy")
    Path("m.pdb").write_text("ATOM")
    Path("v.gif").write_bytes(b"GIF89a")
    classes = wandb.Classes([{"id": 1, "name": "cat"}])
    box = {"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}, "class_id": 1}
    image = wandb.Image(
        np.zeros((4, 6, 3), dtype="uint8"),
        caption="c",
        classes=classes,
        boxes={"truth": {"box_data": [box]}},
        masks={"truth": {"mask_data": np.ones((4, 6), dtype="uint8")}},
    )
    given: dict[str, Any] = {
        "image": image,
        "page": wandb.Html("<p>x</p>"),
        "points": wandb.Object3D(np.zeros((2, 3))),
        "molecule": wandb.Molecule("m.pdb", caption="m"),
        "video": wandb.Video("v.gif"),
        "sound": wandb.Audio(np.zeros(10), sample_rate=100),
        "classes": classes,
    }
    with wandb.init(project="p") as run:
        artifact = wandb.Artifact("media", "dataset")
        for name, value in given.items():
            artifact.add(value, name)
        logged(run, artifact)
        found = {name: run.use_artifact("media:latest").get(name) for name in given}
    assert {name: type(value) for name, value in found.items()} == {name: type(v) for name, v in given.items()}
    assert (found["image"].size, found["image"].caption, found["molecule"].caption) == ((6, 4), "c", "m")
    assert found["image"].image.size == (6, 4)
    assert found["classes"] == classes


def test_the_image_in_a_cell_comes_back(wandb_server: LocalServer) -> None:
    """Also of a table that was logged in a row."""
    pytest.importorskip("PIL", reason="Pillow makes the image")
    np = pytest.importorskip("numpy")
    with wandb.init(project="p", id="r") as run:
        run.log({"t": wandb.Table(columns=["i"], data=[[wandb.Image(np.zeros((4, 6), dtype="uint8"))]])})
    with wandb.init(project="p") as run:
        table = run.use_artifact("run-r-t:latest").get("t")
    assert table.data[0][0].size == (6, 4)


def test_joined_and_partitioned_tables(wandb_server: LocalServer) -> None:
    """A table that was added before is not added again; parts are read one after the other."""
    left = wandb.Table(columns=["id", "a"], data=[[1, "x"]])
    right = wandb.Table(columns=["id", "b"], data=[[1, "p"]])
    with wandb.init(project="p") as run:
        artifact = wandb.Artifact("tables", "dataset")
        artifact.add(left, "parts/left")
        joined = wandb.JoinedTable(left, right, "id")
        artifact.add(joined, "joined")
        artifact.add(wandb.Table(columns=["id", "a"], data=[[2, "y"]]), "parts/more")
        artifact.add(wandb.data_types.PartitionedTable("parts"), "all")
        logged(run, artifact)
        assert len(artifact.manifest.entries) == 5
        found = run.use_artifact("tables:latest")
        assert [table.data for table in found.get("joined").tables] == [[[1, "x"]], [[1, "p"]]]
        assert list(found.get("all").iterrows()) == [(0, [1, "x"]), (1, [2, "y"])]
        run.log({"joined": joined})
    row = wandb_server.runs[0].history[0]["joined"]
    assert row["_type"] == "joined-table"
    assert row["artifact_path"].endswith("/joined.joined-table.json")
    for wrong in (("a", right, "id"), (left, right, ["id"]), (left, 3, "id")):
        with pytest.raises(wandb.Error, match="JoinedTable"):
            wandb.JoinedTable(*wrong)
    with pytest.raises(wandb.Error, match=r"has no 'none.table.json'"):
        wandb.Artifact("a", "t").add(wandb.JoinedTable("none.table.json", left, "id"), "j")


def test_what_is_no_media_is_refused() -> None:
    """By its type; as with the official SDK."""
    with pytest.raises(TypeError, match=r"Artifact.add: .*got dict"):
        wandb.Artifact("a", "t").add({"a": 1}, "x")
    with pytest.raises(NotCovered, match=r"wandb\.Artifact\(storage_region"):
        wandb.Artifact("a", "t", storage_region="eu")
    with pytest.raises(NotCovered, match=r"wandb\.Artifact\.json_encode"):
        _ = wandb.Artifact("a", "t").json_encode


# --- what the server knows of it ---


def test_an_artifact_knows_its_version_once_it_is_sent(wandb_server: LocalServer) -> None:
    """And its id, names and place; before it is logged it says that it is not."""
    artifact = of_file()
    assert artifact.is_draft()
    assert (artifact.name, artifact.state) == ("data", "PENDING")
    for name in ("version", "id", "aliases", "qualified_name"):
        with pytest.raises(ArtifactNotLogged, match="logged"):
            getattr(artifact, name)
    with wandb.init(project="p") as run:
        run.log_artifact(artifact, aliases=["best"]).wait(PATIENCE)
        assert (artifact.name, artifact.version, artifact.state) == ("data:v0", "v0", "COMMITTED")
        assert artifact.id == wandb_server.runs[0].logged_artifacts[0].id
        assert sorted(artifact.aliases) == ["best", "latest"]
        assert artifact.qualified_name == f"{run.entity}/p/data:v0"
        with pytest.raises(wandb.Error, match="has been logged"):
            artifact.add_file("data.txt", "other.txt")
        again = logged(run, of_file())
        assert again.version == "v0", "the same content is no new version"


@pytest.mark.not_quick
def test_what_is_changed_is_sent_by_save(wandb_server: LocalServer) -> None:
    """Metadata, description, names that it gets and loses; also of one that was found."""
    with wandb.init(project="p") as run:
        artifact = run.log_artifact(of_file(), aliases=["old"]).wait(PATIENCE)
        artifact.metadata["rows"] = 5
        artifact.description = "later"
        artifact.aliases.append("best")
        artifact.aliases.remove("old")
        artifact.save()
        found = wandb.Api().artifact("p/data:best")
        assert (found.metadata, found.description) == ({"rows": 5}, "later")
        found.aliases = ["final"]
        found.save()
    assert sorted(wandb_server.runs[0].logged_artifacts[0].aliases) == ["final"]


def test_tags_are_sent_by_save(wandb_server: LocalServer) -> None:
    """Added, taken out, set; what is no tag is an error before anything is sent."""
    wandb_server.features.add("ARTIFACT_TAGS")
    with wandb.init(project="p") as run:
        artifact = run.log_artifact(of_file(), tags=["old", "kept"]).wait(PATIENCE)
        artifact.tags.append("new")
        artifact.tags.remove("old")
        artifact.save()
    found = wandb.Api().artifact("p/data:v0")
    assert sorted(found.tags) == ["kept", "new"]
    found.tags.append("no/tag")
    with pytest.raises(ValueError, match="invalid tag 'no/tag'"):
        found.save()
    with pytest.raises(ValueError, match="invalid tag"):
        found.tags = ["no:tag"]


def test_an_artifact_saves_itself(wandb_server: LocalServer) -> None:
    """Into the current run; without one into a run of its own, which ends with it."""
    with wandb.init(project="p") as run:
        of_file("one").save()
    alone = of_file("two")
    alone.save(project="q")
    assert alone.version == "v0"
    assert [(each.project, each.job_type, each.state) for each in wandb_server.runs] == [
        ("p", None, "finished"),
        ("q", "auto", "finished"),
    ]
    assert run.id == wandb_server.runs[0].id


def test_files_of_an_artifact(wandb_server: LocalServer) -> None:
    """By name, as entries; downloaded whole, in part, one; compared with what is there."""
    with wandb.init(project="p") as run:
        artifact = of_file()
        entry = artifact.add_file("data.txt", "sub/copy.txt")
        assert (entry.path, entry.size) == ("sub/copy.txt", 4)
        assert artifact.get_added_local_path_name("data.txt") == "sub/copy.txt"
        artifact.add_file("data.txt", "gone/1.txt")
        artifact.remove("gone")
        with pytest.raises(FileNotFoundError):
            artifact.remove("gone")
        logged(run, artifact)
        found = run.use_artifact("data:latest")
        assert sorted(file.name for file in found.files()) == ["data.txt", "sub/copy.txt"]
        assert Path(found.get_path("sub/copy.txt").download()).read_text() == "data"
        with pytest.raises(KeyError, match="none"):
            found.get_entry("none")
        folder = found.download("part", path_prefix="sub")
        assert [path.name for path in Path(folder).rglob("*.txt")] == ["copy.txt"]
        folder = found.download("all")
        found.verify(folder)
        Path(folder, "data.txt").write_text("changed")
        with pytest.raises(ValueError, match="Digest mismatch"):
            found.verify(folder)
        Path(folder, "more.txt").write_text("more")
        with pytest.raises(ValueError, match=r"more\.txt"):
            found.verify(folder)


@pytest.mark.not_quick
def test_who_made_it_and_who_uses_it(wandb_server: LocalServer) -> None:
    """As runs of `wandb.Api`."""
    with wandb.init(project="p") as maker:
        logged(maker, of_file())
    with wandb.init(project="p") as user:
        found = user.use_artifact("data:latest")
    assert found.logged_by().id == maker.id
    assert [run.id for run in found.used_by()] == [user.id]


def test_a_version_is_deleted(wandb_server: LocalServer) -> None:
    """One that has names only if that is asked for."""
    with wandb.init(project="p") as run:
        artifact = logged(run, of_file())
        with pytest.raises(wandb.Error, match="aliases"):
            artifact.delete()
        artifact.delete(delete_aliases=True)
    assert not wandb.Api().artifact_exists("p/data:v0")


# --- what a run does with it ---


@pytest.mark.parametrize("offline", [False, True])
def test_an_artifact_made_here_is_used(wandb_server: LocalServer, offline: bool) -> None:
    """It goes to the server, as used and not as logged; also from a run that is sent later."""
    with wandb.init(project="p", mode="offline" if offline else "online") as run:
        used = run.use_artifact(of_file(), aliases=["best"])
        assert not used.is_draft()
        folder = run.sync_dir
    if offline:
        with pytest.raises(ArtifactNotLogged, match="offline"):
            _ = used.version
        wandb_logging.sync(folder)
    stored = wandb_server.runs[0]
    assert [artifact.name for artifact in stored.used_artifacts] == ["data:v0"]
    assert stored.logged_artifacts == []


def test_one_that_was_logged_is_used_by_another_run(wandb_server: LocalServer) -> None:
    with wandb.init(project="p") as run:
        artifact = logged(run, of_file())
    with wandb.init(project="p") as other:
        assert other.use_artifact(artifact) is artifact
    assert [each.name for each in wandb_server.runs[1].used_artifacts] == ["data:v0"]


@pytest.mark.parametrize("offline", [False, True])
def test_an_artifact_is_linked(wandb_server: LocalServer, offline: bool) -> None:
    """To a collection of its project, of another, of another team; by itself; before it is logged, too."""
    wandb_server.entities.add("others")
    with wandb.init(project="p", mode="offline" if offline else "online") as run:
        artifact = run.link_artifact(of_file("net", "model"), "mine", aliases=["prod"])
        artifact.link("q/theirs")
        run.link_artifact(artifact, "others/q/far")
        for wrong in ("a/b/c/d", "", "a//b", "a:v0"):
            with pytest.raises(wandb.Error, match="target_path"):
                run.link_artifact(artifact, wrong)
        folder = run.sync_dir
    if offline:
        wandb_logging.sync(folder)
    portfolios = wandb_server._store.artifacts.portfolios
    places = {place: [link.aliases for link in each.links] for place, each in portfolios.items()}
    team = wandb_server.entity
    assert places == {
        (team, "p", "mine"): [["prod"]],
        (team, "q", "theirs"): [[]],
        ("others", "q", "far"): [[]],
    }
    assert wandb.Api().artifact(f"{team}/p/mine:prod").digest == artifact.digest
    assert [str(violation) for violation in wandb_server.violations] == []


def test_a_link_is_changed_and_deleted_by_itself(wandb_server: LocalServer) -> None:
    """Its aliases are its own; what it is a link to stays."""
    with wandb.init(project="p") as run:
        run.link_artifact(of_file("net", "model"), "q/mine", aliases=["prod"])
    link, source = wandb.Api().artifact("q/mine:prod"), wandb.Api().artifact("p/net")
    link.aliases = ["best"]
    link.save()
    assert (link.name, link.aliases, link.is_link) == ("mine:v0", ["best"], True)
    assert (wandb.Api().artifact("q/mine:best").source_name, source.aliases) == ("net:v0", ["latest"])
    link.delete()
    assert [wandb.Api().artifact_exists(name) for name in ("q/mine:v0", "p/net:v0")] == [False, True]
    assert [str(violation) for violation in wandb_server.violations] == []


def test_the_same_content_is_linked_again(wandb_server: LocalServer) -> None:
    """Although the server knows it by the id of the run that logged it first."""
    for name in ("one", "two"):
        with wandb.init(project="p") as run:
            run.link_artifact(of_file("net", "model"), name)
    assert {place[2] for place in wandb_server._store.artifacts.portfolios} == {"one", "two"}
    assert [run.state for run in wandb_server.runs] == ["finished", "finished"]


def test_a_model_is_linked(wandb_server: LocalServer) -> None:
    Path("model.pt").write_text("weights")
    with wandb.init(project="p"):
        wandb.link_model("model.pt", "registered", name="net", aliases=["prod"])
    assert (wandb_server.entity, "model-registry", "registered") in wandb_server._store.artifacts.portfolios


def test_artifacts_of_our_own_are_taken(wandb_server: LocalServer) -> None:
    """`wandb_logging.Artifact` beside `wandb.Artifact`: a program may have both."""
    Path("data.txt").write_text("data")
    artifact = wandb_logging.Artifact("ours", "dataset")
    artifact.add_file("data.txt")
    with wandb.init(project="p") as run:
        run.log_artifact(artifact)
    assert [each.name for each in wandb_server.runs[0].logged_artifacts] == ["ours:v0"]


# --- several runs, several versions ---


@pytest.mark.not_quick
def test_runs_of_a_group_put_an_artifact_together(wandb_server: LocalServer) -> None:
    """Each logs its part; it is one version when one says that it was the last."""
    for rank in range(3):
        with wandb.init(project="p", group="g", id=f"rank{rank}") as run:
            part = wandb.Artifact("whole", "dataset")
            Path("part.txt").write_text(str(rank))
            part.add_file("part.txt", f"{rank}.txt")
            (run.finish_artifact if rank == 2 else run.upsert_artifact)(part).wait(PATIENCE)
            assert part.state == ("COMMITTED" if rank == 2 else "PENDING")
    (whole,) = {artifact.id: artifact for run in wandb_server.runs for artifact in run.logged_artifacts}.values()
    assert whole.files == {f"{rank}.txt": str(rank).encode() for rank in range(3)}
    assert wandb_server.violations == []


def test_parts_need_a_name_together() -> None:
    """A group or an id: otherwise nobody knows whose parts they are."""
    with wandb.init(mode="offline") as run, pytest.raises(TypeError, match="distributed_id"):
        run.upsert_artifact(wandb.Artifact("parts", "dataset"))


def test_what_is_new_is_added_to_the_version_before(wandb_server: LocalServer) -> None:
    """Also where it was logged offline."""
    with wandb.init(project="p") as run:
        logged(run, of_file())
        new = wandb.Artifact("data", "dataset", incremental=True)
        Path("more.txt").write_text("more")
        new.add_file("more.txt")
        logged(run, new)
        assert sorted(new.manifest.entries) == ["data.txt", "more.txt"]
    assert wandb_server.run(run.id).logged_artifacts[-1].files == {"data.txt": b"data", "more.txt": b"more"}


def test_a_draft_of_a_version_sends_only_what_is_new(wandb_server: LocalServer) -> None:
    """The rest is there: its bytes are not fetched, and not sent."""
    with wandb.init(project="p") as run:
        logged(run, of_file())
        draft = run.use_artifact("data:latest").new_draft()
        Path("more.txt").write_text("more")
        draft.add_file("more.txt")
        logged(run, draft)
        assert draft.version == "v1"
    assert wandb_server.run(run.id).logged_artifacts[-1].files == {"data.txt": b"data", "more.txt": b"more"}


@pytest.mark.parametrize(
    ("ttl", "told", "read"),
    [(dt.timedelta(days=1), 86400, dt.timedelta(days=1)), (None, -2, None), (wandb.ArtifactTTL.INHERIT, -1, None)],
)
def test_how_long_it_is_kept(wandb_server: LocalServer, ttl: Any, told: int, read: dt.timedelta | None) -> None:
    """As it is logged, and later by `save`."""
    with wandb.init(project="p") as run:
        artifact = of_file()
        artifact.ttl = ttl
        logged(run, artifact)
        assert wandb_server.run(run.id).logged_artifacts[0].ttl_duration_seconds == told
        assert artifact.ttl == read
        artifact.ttl = dt.timedelta(seconds=5)
        artifact.save()
        assert run.use_artifact("data:latest").ttl == dt.timedelta(seconds=5)


def test_no_time_at_all_is_no_time() -> None:
    with pytest.raises(ValueError, match="positive"):
        wandb.Artifact("a", "b").ttl = dt.timedelta(0)


def test_another_type_is_refused_at_the_call(wandb_server: LocalServer) -> None:
    """Where the server can say so; it would refuse it later, when nobody looks."""
    with wandb.init(project="p") as run:
        logged(run, of_file())
        with pytest.raises(ValueError, match="already exists with type 'dataset'"):
            run.log_artifact(of_file(kind="model", text="other"))


def test_what_was_logged_does_not_change(wandb_server: LocalServer) -> None:
    """Said by the official SDK's error."""
    exceptions: Any = importlib.import_module("wandb_logging.compat.sdk.artifacts.exceptions")
    with wandb.init(project="p") as run:
        artifact = logged(run, of_file())
        for change in (lambda: artifact.remove("data.txt"), lambda: artifact.add_file("data.txt", "again.txt")):
            with pytest.raises(exceptions.ArtifactFinalizedError, match="new Artifact"):
                change()


@pytest.mark.parametrize("wrong", [123, [("a", 1)]])
def test_metadata_are_a_mapping(wrong: Any) -> None:
    """Given at first or later."""
    with pytest.raises(TypeError, match="mapping"):
        wandb.Artifact("a", "b", metadata=wrong)
    with pytest.raises(TypeError, match="mapping"):
        wandb.Artifact("a", "b").metadata = wrong


# --- in a config ---


def test_an_artifact_in_the_config(wandb_server: LocalServer) -> None:
    """The program has the artifact back, the server is told which it is, and that the run uses it."""
    with wandb.init(project="p") as run:
        artifact = logged(run, of_file())
    config = {"data": artifact, "named": f"wandb-artifact://_id/{artifact.id}", "lr": 0.1}
    with wandb.init(project="p", config=config) as run:
        assert (run.config.data, run.config.named.id, run.config.lr) == (artifact, artifact.id, 0.1)
        with pytest.raises(ValueError, match="top level"):
            run.config.deep = {"data": [artifact]}
    stored = wandb_server.run(run.id)
    told = {"_type": "artifactVersion", "_version": "v0", "id": artifact.id, "version": "v0"}
    assert stored.config["data"] == {**told, "sequenceName": "data", "usedAs": None}
    assert [used.name for used in stored.used_artifacts] == ["data:v0"]


def test_offline_it_is_a_text() -> None:
    """There is no server to say which it is."""
    with wandb.init(mode="offline", config={"data": "wandb-artifact://team/p/data:v0"}) as run:
        assert run.config.data == "wandb-artifact://team/p/data:v0"


def test_a_disabled_run_takes_artifacts() -> None:
    """And nothing is left of them."""
    with wandb.init(mode="disabled") as run:
        artifact = of_file()
        artifact.add(wandb.Table(columns=["a"], data=[[1]]), "t")
        run.log_artifact(artifact).wait(1)
        run.use_artifact(of_file("b"))
        run.link_artifact(artifact, "c")
    assert not Path("wandb_cache").exists()
