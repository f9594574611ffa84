"""Promises of `wandb.Api` in `compat`: the official SDK's arguments, over `wandb_logging.Api`."""

from __future__ import annotations

from pathlib import Path

import pytest

import wandb_logging.compat as wandb
from tests.patience import PATIENCE
from wandb_logging.compat._refused import NotCovered
from wandb_logging.testing import LocalServer
from wandb_logging.testing._rules import EVENTS


@pytest.mark.not_quick
def test_a_run_is_read_as_scripts_read_it(wandb_server: LocalServer, tmp_path: Path) -> None:
    """Settings by `overrides`; a data frame by default; files come opened; what is not covered says so."""
    Path("w.txt").write_text("weights")
    with wandb.init(project="p", name="first", config={"lr": 0.1}) as run:
        run.log({"loss": 1})
        run.log({"loss": 2})
        run.save("w.txt")
        run.log_artifact("w.txt", "data", "dataset").wait(PATIENCE)
    api = wandb.Api(overrides={"project": "p", "base_url": wandb_server.url}, timeout=int(PATIENCE))
    found = api.run(run.path)
    assert (found.display_name, found.path, found.config, found.lastHistoryStep) == (
        "first",
        [run.entity, "p", run.id],
        {"lr": 0.1},
        1,
    )
    assert [row["loss"] for row in found.scan_history(["loss"], 1)] == [1, 2]
    assert [row["loss"] for row in found.history(pandas=False)] == [1, 2]
    pandas = pytest.importorskip("pandas")
    assert isinstance(found.history(keys=["loss"]), pandas.DataFrame)
    with found.file("w.txt").download(str(tmp_path)) as file:
        assert file.read() == "weights"
    with found.file("w.txt").download(str(tmp_path), exist_ok=True) as file:
        assert file.read() == "weights"
    assert [artifact.name for artifact in found.logged_artifacts()] == ["data:v0"]
    assert api.artifact("p/data:v0", type="dataset").type == "dataset"
    with pytest.raises(wandb.Error, match="of type dataset, not model"):
        api.artifact("p/data:v0", type="model")
    assert [each.id for each in api.runs()] == [run.id]
    assert api.runs()[0].id == api.runs()[-1].id == run.id
    with pytest.raises(IndexError):
        api.runs()[1]
    assert (api.default_entity, [project.name for project in api.projects()]) == (run.entity, ["p"])
    for versions in (api.artifacts, api.artifact_versions):
        assert [each.version for each in versions("dataset", "p/data")] == ["v0"]
    assert (api.artifact_exists("p/data:v0"), api.artifact_exists("p/data:v1")) == (True, False)
    assert found.metadata is not None
    assert "python" in found.metadata
    for use in (lambda: found.beta_scan_history, lambda: api.sweep("s")):
        with pytest.raises(NotCovered, match=r"wandb.Api\(\)"):
            use()  # type: ignore[no-untyped-call]


def test_a_summary_is_sent_when_it_is_updated(wandb_server: LocalServer) -> None:
    """With `summary.update`, as scripts that read runs do; `_json_dict` is a copy of it."""
    with wandb.init(project="p") as run:
        run.log({"loss": 1})
    found = wandb.Api().run(run.path)
    found.summary["best"] = 3
    found.summary.update({"worst": 5})
    assert wandb_server.runs[0].summary["best"] == 3
    assert wandb.Api().run(run.path).summary._json_dict["worst"] == 5


def test_a_run_and_a_file_are_deleted(wandb_server: LocalServer) -> None:
    """For good: neither is found again."""
    Path("w.txt").write_text("weights")
    with wandb.init(project="p") as run:
        run.save("w.txt")
    found = wandb.Api().run(run.path)
    found.file("w.txt").delete()
    assert "w.txt" not in [file.name for file in found.files()]
    found.delete()
    with pytest.raises(wandb.errors.CommError, match="no run"):
        wandb.Api().run(run.path)


def test_files_come_back(wandb_server: LocalServer, tmp_path: Path) -> None:
    """`restore`, of this run or another; what is there already is not fetched again; None if there is no such file."""
    Path("w.txt").write_text("weights")
    with wandb.init(project="p") as run:
        run.save("w.txt")
        path = run.path
    with wandb.init(project="p") as other:
        fetched = other.restore("w.txt", path, root=str(tmp_path))
        assert fetched is not None
        with fetched as file:
            assert file.read() == "weights"
        (tmp_path / "w.txt").write_text("mine")
        kept = wandb.restore("w.txt", path, root=str(tmp_path))
        assert kept is not None
        with kept as file:
            assert file.read() == "mine"
        assert other.restore("nothing", path) is None
    with pytest.raises(wandb.Error, match=r"wandb.init\(\) before wandb.restore"):
        wandb.restore("w.txt")


def test_source_files_are_an_artifact(wandb_server: LocalServer) -> None:
    """`log_code`: Python files, or those that a function names; none where there is none."""
    for name in ("a.py", "sub/b.py", "c.txt", "wandb/d.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    with wandb.init(project="p") as run:
        code = run.log_code(name="code")
        assert code is not None
        assert sorted(code.manifest.entries) == ["a.py", "sub/b.py"]
        texts = run.log_code(include_fn=lambda path, root: path.endswith(".txt") and root in path)
        assert texts is not None
        assert sorted(texts.manifest.entries) == ["c.txt"]
        assert run.log_code("sub", include_fn=lambda path: path.endswith(".rs")) is None
    assert {artifact.type for artifact in wandb_server.runs[0].logged_artifacts} == {"code"}


def test_a_run_has_what_scripts_ask_for(wandb_server: LocalServer) -> None:
    """System metrics, the config as it is stored, its page; and it takes files and artifacts."""
    with wandb.init(project="p", config={"lr": 1}) as run:
        for number in range(2):
            Path("x.txt").write_text(str(number))
            run.log_artifact("x.txt", "data", "dataset").wait(PATIENCE)
            run.log({"loss": number})
    wandb_server.runs[0].lines[EVENTS].append('{"system.cpu": 12.5, "_timestamp": 1.0, "_runtime": 0.5}')
    api = wandb.Api(overrides={"project": "p"})
    found = api.run(run.path)
    assert found.history(stream="system", pandas=False)[-1]["system.cpu"] == found.system_metrics["system.cpu"] == 12.5
    assert found.history(stream="events", keys=["system.cpu"], pandas=False)[-1] == {"system.cpu": 12.5}
    assert list(found.history(keys=["loss"], x_axis="_runtime", pandas=False)[0]) == ["_runtime", "loss"]
    for keys in ("loss", [1]):
        with pytest.raises(ValueError, match="list"):
            found.history(keys=keys)
    assert set(found.rawconfig) == {"lr", "_wandb"}
    assert found.summary_metrics["loss"] == 1
    assert found.url in found.to_html()
    found.wait_until_finished()
    assert found.upload_file("x.txt").name == "x.txt"
    with found.file("x.txt").download(replace=True) as file:
        assert file.read() == "1"
    with pytest.raises(wandb.Error, match="root="):
        found.upload_file("x.txt", root="elsewhere")
    artifact = api.artifact("p/data:v0")
    assert (artifact.history_step, api.artifact("p/data:v1").history_step) == (None, 0)
    assert found.use_artifact(artifact) is artifact
    assert [each.id for each in artifact.used_by()] == [run.id]
    with pytest.raises(wandb.Error, match="existing"):
        found.use_artifact(wandb.Artifact("a", "b"))
    assert [str(violation) for violation in wandb_server.violations] == []


def test_a_folder_is_made_what_the_artifact_is(wandb_server: LocalServer, tmp_path: Path) -> None:
    """What is not in it is deleted; `download` leaves it. Both return a whole path."""
    Path("x.txt").write_text("1")
    with wandb.init(project="p") as run:
        artifact = run.log_artifact("x.txt", "data", "dataset").wait(PATIENCE)
        assert [each.id for each in run.use_artifact(artifact).used_by()] == [run.id]  # what the run has just used
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "old").write_text("")
    assert artifact.download(folder) == artifact.checkout(str(folder)) == str(folder)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["x.txt"]
    assert Path(artifact.download()).is_absolute()


@pytest.mark.parametrize(
    ("name", "kind"), [("a", "wandb-x"), ("a", "job"), ("source-a", "code"), ("run-a", "run_table")]
)
def test_types_that_are_the_services_own(name: str, kind: str) -> None:
    """As with the official SDK: such an artifact would take the place of one of W&B's."""
    with pytest.raises(ValueError, match="reserved for internal use"):
        wandb.Artifact(name, kind)


def test_a_project_and_a_run_are_made_and_found(wandb_server: LocalServer) -> None:
    """A run that no program writes to takes files; a project has its collections of artifacts."""
    api = wandb.Api()
    team = wandb_server.entity
    api.create_project("made", team)
    run = api.create_run(project="made", run_id="by-hand")
    assert run.path == [team, "made", "by-hand"]
    assert api.create_run(project="made").id != api.create_run(project="made").id
    Path("x.txt").write_text("1")
    with wandb.init(project="made") as logging_run:
        linked = logging_run.link_artifact(logging_run.log_artifact("x.txt", "data", "dataset"), "chosen")
        assert api.artifact("made/chosen").source_name == "data:v0"  # which has waited for the server
        assert linked.is_link
    project = api.project(f"{team}/made")
    assert (project.path, project.url.rpartition("/")[2], bool(project.id)) == ([team, "made"], "workspace", True)
    assert {each.name for each in project.collections()} == {"data", "chosen"}
    assert [each.name for each in project.artifacts_types()] == ["dataset"]
    with pytest.raises(NotCovered, match="ordering"):
        project.collections(order="name")
    with pytest.raises(NotCovered, match=r"project\(\)\.sweeps"):
        project.sweeps()
    with pytest.raises(wandb.Error, match="no project"):
        _ = api.project("nothing").id
    with pytest.raises(wandb.Error, match="upsert_artifact"):
        logging_run.upsert_artifact("x.txt", "data", "dataset", distributed_id="d")
    assert [str(violation) for violation in wandb_server.violations] == []
