"""`LocalServer` proved by a client that we did not write: the official SDK, in processes of its own.

Each script runs once, for all the promises that are read off it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.surroundings import without
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandb_logging.testing import StoredRun

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

pytestmark = pytest.mark.contract

ONLINE = """
    with wandb.init(
        project="digits", id="online", name="my run", notes="a note", tags=["a", "b"], group="g", job_type="train",
        config={"lr": 0.1, "net": {"width": 3}},
    ) as run:
        print("on stdout")
        print("on stderr", file=sys.stderr)
        print()
        print("abc\\rX")
        print("x" * 5000)
        for step in range(3):
            run.log({"loss": 1 / (step + 1), "val": {"acc": step / 2}})
        run.log({"odd": float("nan"), "more": [float("inf"), -float("inf")]})
        run.log({"late": "ü", "histogram": wandb.Histogram([1, 2, 2])}, step=10)
        run.config.update({"added": [1, None, True]})
        run.summary["best"] = 0.25
        pathlib.Path("weights.txt").write_text("weights")
        run.save("weights.txt", policy="now")
        run.alert("a title", "a text", level="WARN", wait_duration=3)
        artifact = wandb.Artifact("data", type="dataset", description="some", metadata={"k": 1})
        artifact.add_file("weights.txt", name="sub/weights.txt")
        artifact.add_reference("https://example.com/x", name="elsewhere", checksum=False)
        run.log_artifact(artifact, aliases=["best"]).wait()
        run.log({"table": wandb.Table(columns=["a"], data=[[1]])})
    with wandb.init(project="digits", id="user") as run:
        used = run.use_artifact("data:best")
        used.get_entry("sub/weights.txt").download("down")
        same = wandb.Artifact("data", type="dataset", description="some", metadata={"k": 1})
        same.add_file("weights.txt", name="sub/weights.txt")
        same.add_reference("https://example.com/x", name="elsewhere", checksum=False)
        run.log_artifact(same).wait()
        same = wandb.Artifact("data", type="dataset")
        same.add_file("weights.txt", name="renamed.txt")
        run.log_artifact(same).wait()
    say({"used": f"{used.collection.name}:{used.version}", "down": pathlib.Path("down/sub/weights.txt").read_text()})
"""

READ = """
    api = wandb.Api()
    run = api.run("local-team/digits/online")
    artifact = api.artifact("local-team/digits/data:v0")
    artifact.get_entry("sub/weights.txt").download("down")
    try:
        api.run("local-team/digits/nobody")
    except Exception as error:
        missing = str(error)
    say({
        "config": run.config,
        "summary": {key: run.summary[key] for key in ("best", "late")},
        "attributes": [run.name, run.state, run.tags, run.notes, run.group, run.job_type],
        "user": run.user.username,
        "metadata": run.metadata["program"],
        "history": run.history(pandas=False),
        "sampled": run.history(keys=["loss"], pandas=False),
        "scanned": list(run.scan_history()),
        "scanned_keys": list(run.scan_history(keys=["val.acc"])) or list(run.scan_history(keys=["loss"])),
        "system": len(run.history(stream="system", pandas=False)),
        "files": sorted(file.name for file in run.files()),
        "file": run.file("weights.txt").download("files").read(),
        "pattern": [file.name for file in run.files(pattern="%.txt")],
        "console": [line.content for line in run.console_logs()],
        "tail": [line.content for line in run.console_logs(last=1)],
        "runs": [each.id for each in api.runs("local-team/digits")],
        "filtered": [each.id for each in api.runs("local-team/digits", filters={"tags": "a"}, order="-created_at")],
        "logged": [each.name for each in run.logged_artifacts()],
        "used": [each.name for each in api.run("local-team/digits/user").used_artifacts()],
        "artifact": [artifact.name, artifact.type, artifact.description, artifact.metadata, artifact.size],
        "aliases": sorted(artifact.aliases),
        "artifact_files": sorted(file.name for file in artifact.files()),
        "down": pathlib.Path("down/sub/weights.txt").read_text(),
        "logged_by": artifact.logged_by().id,
        "used_by": [each.id for each in artifact.used_by()],
        "types": sorted(each.name for each in api.artifact_types("local-team/digits")),
        "collections": [each.name for each in api.artifact_collections("local-team/digits", "dataset")],
        "versions": [each.name for each in api.artifacts("dataset", "local-team/digits/data")],
        "exists": [api.artifact_exists("local-team/digits/data:v0"), api.artifact_exists("local-team/digits/no:v0")],
        "projects": [each.name for each in api.projects()],
        "missing": missing,
    })
"""


@dataclass(frozen=True)
class Outcome:
    """What a script left behind: `said` is the value that it gave to `say`."""

    server: LocalServer
    said: Any
    folder: Path


def execute(
    server: LocalServer, folder: Path, *arguments: str, code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with the SDK pointed at `server`, in `folder` and with nothing of this machine's settings."""
    kept = without("WANDB_", "NETRC")
    home = {"HOME": str(folder), "USERPROFILE": str(folder), "WANDB_DIR": str(folder), "WANDB_SILENT": "true"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, **home, **server.env(), **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def script(
    server: LocalServer, folder: Path, source: str, *, wandb: str = "wandb", code: int = 0, **variables: str
) -> Outcome:
    """Run a script of the SDK, or of what is to stand for it; what it says is the last line of its output."""
    path = folder / "script.py"
    head = f"import json, pathlib, sys\nimport {wandb} as wandb\ndef say(value):\n    print(json.dumps(value))\n"
    path.write_text(head + textwrap.dedent(source), encoding="utf-8")
    lines = execute(server, folder, str(path), code=code, **variables).stdout.splitlines()
    said = json.loads(lines[-1]) if "say(" in source else None
    return Outcome(server, said, folder)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running
    assert running.violations == []


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """A run with all kinds of data, and one that uses its artifact."""
    with LocalServer() as running:
        yield script(running, tmp_path_factory.mktemp("online"), ONLINE)


@pytest.fixture(scope="module")
def read(online: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `wandb.Api()` reads of it."""
    return script(online.server, tmp_path_factory.mktemp("read"), READ).said


@pytest.fixture
def run(online: Outcome) -> StoredRun:
    return online.server.run("online")


class TestOnline:
    def test_no_violation(self, online: Outcome, read: Any) -> None:
        """The official client breaks none of the rules, writing or reading."""
        assert online.server.violations == []

    def test_rows(self, run: StoredRun) -> None:
        """Rows arrive as logged: nested dicts nested, non-finite numbers bare, steps as given."""
        rows = [{key: value for key, value in row.items() if key[0] != "_"} for row in run.history]
        assert rows[:3] == [{"loss": 1 / (step + 1), "val": {"acc": step / 2}} for step in range(3)]
        assert math.isnan(rows[3]["odd"])
        assert rows[3]["more"] == [math.inf, -math.inf]
        assert rows[4]["late"] == "ü"
        assert rows[4]["histogram"]["_type"] == "histogram"
        assert [row["_step"] for row in run.history] == [0, 1, 2, 3, 10]

    def test_table_joins_the_open_step(self, run: StoredRun) -> None:
        """A table is a file of the run, an artifact of its own, and a value in the row."""
        table = run.history[-1]["table"]
        assert json.loads(run.files[table["path"]]) == {"columns": ["a"], "data": [[1]]}
        assert hashlib.sha256(run.files[table["path"]]).hexdigest() == table["sha256"]
        assert [item.type for item in run.logged_artifacts] == ["dataset", "run_table"]

    def test_system_rows(self, run: StoredRun) -> None:
        """System metrics arrive in the events stream."""
        assert run.events[0]["_wandb"] is True
        assert run.events[0]["system.memory_percent"] > 0

    def test_config(self, run: StoredRun) -> None:
        """Config is unwrapped, complete, and without the client's own part."""
        assert run.config == {"lr": 0.1, "net": {"width": 3}, "added": [1, None, True]}
        assert run.wandb_config["cli_version"] == "0.31.0"

    def test_attributes(self, run: StoredRun) -> None:
        """Name, notes, tags, group and job type are those of `init`."""
        assert (run.display_name, run.notes, run.tags) == ("my run", "a note", ["a", "b"])
        assert (run.group, run.job_type, run.project) == ("g", "train", "digits")

    def test_name_of_the_servers_choice(self, online: Outcome) -> None:
        """A run without a name gets one from the server."""
        assert online.server.run("user").display_name == "calm-river-2"

    def test_summary(self, run: StoredRun) -> None:
        """The summary has the last value of each metric and what was set by hand."""
        assert (run.summary["best"], run.summary["val"], run.summary["_step"]) == (0.25, {"acc": 1}, 10)

    def test_console(self, run: StoredRun) -> None:
        """Console text has a time in front, stderr a mark, long lines are cut, a carriage return overwrites."""
        texts = [line.split(" ", 2)[-1] if line.startswith("ERROR") else line.split(" ", 1)[-1] for line in run.output]
        marks = [line.startswith("ERROR ") for line in run.output]
        assert list(zip(texts, marks))[:5] == [
            ("on stdout", False),
            ("on stderr", True),
            ("", False),
            ("Xbc", False),
            ("x" * 4096, False),
        ]

    def test_files(self, run: StoredRun) -> None:
        """The saved file and the standard files are uploaded and announced."""
        assert run.files["weights.txt"] == b"weights"
        standard = {"config.yaml", "output.log", "requirements.txt", "wandb-metadata.json", "wandb-summary.json"}
        assert standard < set(run.files)
        assert sorted(run.uploaded) == sorted(run.files)

    def test_finished(self, run: StoredRun) -> None:
        """A run that ends well is finished, with exit code 0."""
        assert (run.state, run.exit_code) == ("finished", 0)

    def test_alert(self, run: StoredRun) -> None:
        """An alert arrives, its wait in milliseconds."""
        expected = {"title": "a title", "text": "a text", "severity": "WARN", "waitDuration": 3000}
        assert run.alerts == [expected]

    def test_artifact(self, run: StoredRun) -> None:
        """An artifact is stored with its files, references, description, metadata and aliases."""
        artifact = run.logged_artifacts[0]
        assert artifact.files == {"sub/weights.txt": b"weights"}
        assert artifact.entries["elsewhere"]["ref"] == "https://example.com/x"
        assert (artifact.name, artifact.type, artifact.description) == ("data:v0", "dataset", "some")
        assert (artifact.metadata, artifact.aliases) == ({"k": 1}, ["best"])

    def test_artifact_is_used(self, online: Outcome) -> None:
        """An artifact is found by alias, downloaded, and recorded as used."""
        assert online.said == {"used": "data:v0", "down": "weights"}
        assert [item.name for item in online.server.run("user").used_artifacts] == ["data:v0"]

    def test_artifact_is_not_stored_twice(self, online: Outcome) -> None:
        """The same content makes no new version; other content does, and takes `latest` over."""
        logged = online.server.run("user").logged_artifacts
        assert [(item.name, item.aliases) for item in logged] == [("data:v0", ["best"]), ("data:v1", ["latest"])]

    def test_bytes_are_not_sent_twice(self, online: Outcome) -> None:
        """Bytes that the server has are not uploaded again under another name."""
        digest = hashlib.md5(b"weights").hexdigest()
        puts = [item.path for item in online.server.requests if item.method == "PUT" and digest in item.path]
        assert len(puts) == 1


class TestApi:
    def test_run(self, read: Any) -> None:
        """`Api().run` gives config, summary and attributes back."""
        assert read["config"] == {"lr": 0.1, "net": {"width": 3}, "added": [1, None, True]}
        assert read["summary"] == {"best": 0.25, "late": "ü"}
        assert read["attributes"] == ["my run", "finished", ["a", "b"], "a note", "g", "train"]
        assert read["user"] == "local-user"
        assert read["metadata"].endswith("script.py")

    def test_history(self, read: Any, run: StoredRun) -> None:
        """`history` and `scan_history` give every row back, or the columns asked for."""
        assert repr(sort(read["history"])) == repr(sort(run.history))
        assert len(read["scanned"]) == 5
        losses = [{"_step": step, "loss": 1 / (step + 1)} for step in range(3)]
        assert read["sampled"] == losses
        assert read["scanned_keys"] == losses
        assert read["system"] == len(run.events)

    def test_files(self, read: Any, run: StoredRun) -> None:
        """Files are listed, filtered by pattern, and downloaded."""
        assert read["files"] == sorted(run.files)
        assert read["file"] == "weights"
        assert read["pattern"] == ["requirements.txt", "weights.txt"]

    def test_console(self, read: Any, run: StoredRun) -> None:
        """Console text is read from the start or from the end."""
        assert read["console"] == run.output
        assert read["tail"] == run.output[-1:]

    def test_runs(self, read: Any) -> None:
        """`Api().runs` lists the runs of a project, filtered and ordered; a missing run is said to be missing."""
        assert (read["runs"], read["filtered"]) == (["online", "user"], ["online"])
        assert "Could not find run" in read["missing"]
        assert read["projects"] == ["digits"]

    def test_artifacts(self, read: Any) -> None:
        """Artifacts are found from runs, by name and by type, with their files and their runs."""
        assert read["logged"] == ["data:v0", "run-online-table:v0"]
        assert read["used"] == ["data:v0"]
        assert read["artifact"] == ["data:v0", "dataset", "some", {"k": 1}, 7]
        assert read["aliases"] == ["best"]
        assert read["artifact_files"] == ["elsewhere", "sub/weights.txt"]
        assert read["down"] == "weights"
        assert (read["logged_by"], read["used_by"]) == ("online", ["user"])
        assert (read["types"], read["collections"]) == (["dataset", "run_table"], ["data"])
        assert read["versions"] == ["data:v1", "data:v0"]
        assert read["exists"] == [True, False]


def sort(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(sorted(row.items())) for row in rows]


def test_update_through_the_api(server: LocalServer, tmp_path: Path) -> None:
    """`Api().run(...).update()` changes a finished run and does not start it again."""
    server.create_run("old", "p", config={"lr": 1}, summary={"loss": 2}, tags=["a"])
    source = """
        run = wandb.Api().run("local-team/p/old")
        run.tags.append("b")
        run.config["more"] = 3
        run.summary["best"] = 4
        run.update()
    """
    script(server, tmp_path, source)
    run = server.run("old")
    assert (run.tags, run.config, run.summary) == (["a", "b"], {"lr": 1, "more": 3}, {"loss": 2, "best": 4})
    assert (run.state, run.exit_code) == ("finished", 0)


def test_failing_script(server: LocalServer, tmp_path: Path) -> None:
    """A script that dies of an exception leaves a failed run with exit code 1, and its rows."""
    source = """
        wandb.init(project="p", id="dies").log({"loss": 1})
        raise RuntimeError("on purpose")
    """
    script(server, tmp_path, source, code=1)
    run = server.run("dies")
    assert (run.state, run.exit_code, [row["loss"] for row in run.history]) == ("failed", 1, [1])
    assert run.output[-1].endswith("RuntimeError: on purpose")


def test_resume(server: LocalServer, tmp_path: Path) -> None:
    """`allow` and `must` go on where the run stood; `never` and a missing `must` refuse before anything is made."""
    old: dict[str, Any] = {"history": [{"loss": 3}, {"loss": 2}], "tags": ["a"]}
    old["output"] = ["2026-01-02T03:04:05.000001 old"]
    for name in ("allowed", "needed"):
        server.create_run(name, "p", config={"lr": 1}, summary={"loss": 2, "_step": 1, "best": 0}, **old)
    source = """
        def attempt(**given):
            try:
                with wandb.init(project="p", **given) as run:
                    print("new")
                    run.log({"loss": 1})
                    return run.resumed
            except wandb.errors.UsageError as error:
                return "refused"

        say([
            attempt(id="allowed", resume="allow"),
            attempt(id="needed", resume="must"),
            attempt(id="needed", resume="never"),
            attempt(id="missing", resume="must"),
            attempt(id="fresh", resume="never"),
        ])
    """
    said = script(server, tmp_path, source).said
    assert said == [True, True, "refused", "refused", False]
    for name in ("allowed", "needed"):
        run = server.run(name)
        assert [(row["_step"], row["loss"]) for row in run.history] == [(0, 3), (1, 2), (2, 1)]
        assert [line.split(" ")[-1] for line in run.output][:2] == ["old", "new"]
        assert (run.config, run.summary["best"], run.tags) == ({"lr": 1}, 0, ["a"])
        assert (run.state, run.summary["loss"]) == ("finished", 1)
    assert [run.id for run in server.runs] == ["allowed", "needed", "fresh"]


def test_same_id_without_resume(server: LocalServer, tmp_path: Path) -> None:
    """A second run of the same id that does not resume appends its rows and counts its steps from 0."""
    server.create_run("again", "p", history=[{"loss": 3}, {"loss": 2}])
    script(server, tmp_path, 'wandb.init(project="p", id="again").log({"loss": 1})')
    assert [row["_step"] for row in server.run("again").history] == [0, 1, 0]


def test_rewind_and_fork(server: LocalServer, tmp_path: Path) -> None:
    """Rewinding cuts the rows after a step and goes on from there; a fork starts a run of its own there."""
    server.create_run("old", "p", history=[{"loss": n} for n in range(5)])
    source = """
        with wandb.init(project="p", id="new", fork_from="old?_step=3") as run:
            run.log({"loss": 20})
        with wandb.init(project="p", resume_from="old?_step=2") as run:
            run.log({"loss": 10})
    """
    script(server, tmp_path, source)
    assert [(row["_step"], row["loss"]) for row in server.run("old").history] == [(0, 0), (1, 1), (2, 2), (3, 10)]
    assert [(row["_step"], row["loss"]) for row in server.run("new").history] == [(4, 20)]
    assert server.run("new").wandb_config["branch_point"] == {"run_id": "old", "step": 3}


def test_sync(server: LocalServer, tmp_path: Path) -> None:
    """An offline run arrives whole with `wandb sync`."""
    source = """
        with wandb.init(project="p", id="off", mode="offline", config={"lr": 1}, tags=["a"]) as run:
            print("text")
            for step in range(300):
                run.log({"loss": step})
            pathlib.Path("f.txt").write_text("file")
            run.save("f.txt")
            run.alert("a title", "a text")
    """
    script(server, tmp_path, source)
    assert server.runs == []
    execute(server, tmp_path, "-m", "wandb", "sync", *map(str, (tmp_path / "wandb").glob("offline-run-*")))
    run = server.run("off")
    assert [(row["_step"], row["loss"]) for row in run.history] == [(n, n) for n in range(300)]
    assert (run.config, run.tags, run.summary["loss"]) == ({"lr": 1}, ["a"], 299)
    assert (run.state, run.exit_code, run.files["f.txt"]) == ("finished", 0, b"file")
    assert ([line.split(" ")[-1] for line in run.output], run.alerts[0]["title"]) == (["text"], "a title")


def test_server_features(server: LocalServer, tmp_path: Path) -> None:
    """With the features on, the body is gzip and console lines are JSON."""
    server.features |= {"STRUCTURED_CONSOLE_LOGS", "FILESTREAM_GZIP"}
    source = """
        with wandb.init(project="p", id="r", settings=wandb.Settings(x_file_stream_no_gzip=False)) as run:
            print("out")
            print("err", file=sys.stderr)
            run.log({"loss": 1})
    """
    script(server, tmp_path, source)
    lines = [json.loads(line) for line in server.run("r").output]
    assert [(line["content"], line.get("level")) for line in lines] == [("out", None), ("err", "error")]
    streams = [item for item in server.requests if item.path.endswith("/file_stream")]
    assert {item.headers.get("Content-Encoding") for item in streams} == {"gzip"}
    assert len(server.run("r").history) == 1


def test_faults(server: LocalServer, tmp_path: Path) -> None:
    """Refused requests and lost answers cost the official client nothing."""
    server.fail_next(status=500, where="graphql", operation="UpsertBucket", retry_after=0.05)
    server.fail_next(close="after", where="file_stream")
    server.fail_next(status=429, where="file_stream", retry_after=0.05)
    server.fail_next(status=503, where="storage", retry_after=0.05)
    source = """
        with wandb.init(project="p", id="r") as run:
            print("text")
            for step in range(5):
                run.log({"loss": step})
    """
    script(server, tmp_path, source)
    run = server.run("r")
    assert [row["loss"] for row in run.history] == list(range(5))
    assert (run.state, sorted(run.uploaded)) == ("finished", sorted(run.files))
    assert [item.status for item in server.requests].count(None) == 1


def test_wrong_key(server: LocalServer, tmp_path: Path) -> None:
    """A key that the server does not know ends `init` with the server's words."""
    done = execute(
        server,
        tmp_path,
        "-c",
        "import wandb; wandb.init(project='p')",
        code=1,
        WANDB_API_KEY="0" * 40,
    )
    assert "user is not logged in" in done.stderr
    assert server.runs == []
