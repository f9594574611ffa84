"""One script, run by the official SDK and by us: the server has the same of both, key by key.

Ours is the very same script with another import, `wandb_logging.compat`. What differs is listed below, with its
reason; whatever else does is a fault of ours.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.test_official_sdk import execute, script
from tests.contract.twins import MISSING, differences, leaves, listed, named, read_back, with_time_to_measure
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.contract

CLIENTS = {"theirs": "wandb", "ours": "wandb_logging.compat"}

CHANCE = "at times: "  # the two may happen to be the same
# A second sample is taken after some seconds, and this is since the one before.
_SECOND_SAMPLE = {"*events/system.cpu": CHANCE + "how long it ran"}
# What may differ, as `workload: path`, and why. The same key with another value of the same type:
OTHER_VALUE = {
    "*/_timestamp": "when it ran",
    "*/startedAt": "when it ran",
    "*/_runtime": "how fast it ran",
    "*/_wandb/runtime": CHANCE + "how fast it ran, in whole seconds",
    "*/disk/*/used": CHANCE + "what else the machine did meanwhile",
    "*_wandb/cli_version": "each client's own version",
    "*_wandb/t/5": "each client's own version",
    "failed: *summary*/_step": "late_steps: a row of a lower step is not thrown away",
    "failed: *summary*/loss": "late_steps: a row of a lower step is not thrown away",
    "resumed in place: files/output.log": "the official SDK's file has the text since it was resumed, ours all of it",
    "*/password*": "mask_secrets: what looks like a secret is not sent",
    "offline: attributes/program": "the official SDK names its sync command in front of the script",
}
ONLY_THEIRS = {
    "*_wandb/t/3/*": "which features of the official SDK were used: not ours to claim",
    "*_wandb/t/12": "version of the official SDK's second process, which we have not",
    "*_wandb/t/13": "platform, as telemetry; it is in the environment, too",
    "*/codePath*": "we save no code",
    "resumed in place: *_wandb/m": "the official SDK forgets what was defined before",
    "resumed in place: *summary*/loss": "the official SDK forgets what was defined before",
    "*: artifacts/*/manifest/contents/*/local_path": "where the file was: of use to nobody else",
    "*: artifacts/*/manifest/contents/*/skip_cache": "the official SDK's own cache, which we have not",
    **_SECOND_SAMPLE,
}
ONLY_OURS = {
    "failed: history/2/*": "late_steps: a row of a lower step is not thrown away",
    "failed: *summary*/step": "late_steps: a row of a lower step is not thrown away",
    "offline: artifacts/*/step": "the official SDK forgets it when it syncs",
    "resumed in place: *_wandb/m/loss/*": "definitions hold when a run goes on where it was",
    "resumed in place: *summary*/loss/min": "definitions hold when a run goes on where it was",
    **_SECOND_SAMPLE,
}

EVERYTHING = """
    import argparse

    pathlib.Path("weights.txt").write_text("weights")
    pathlib.Path("sub").mkdir(exist_ok=True)
    pathlib.Path("sub/notes.txt").write_text("notes")
    run = wandb.init(
        project="digits", id="r", name="my run", notes="a note", tags=["b", "a"], group="g", job_type="train",
        config={"lr": 0.1, "net": {"n": 3, "act": None}, "list": [1, "two", [3.0]], "yes": True, "tuple": (1, "ü"),
                "password": "hunter22"},
    )
    print("on stdout")
    print("on stderr", file=sys.stderr)
    print()
    print("abc\\rX")
    wandb.define_metric("epoch")
    wandb.define_metric("val/*", step_metric="epoch", summary="max")
    wandb.define_metric("loss", summary="min,mean,last")
    wandb.define_metric("secret", hidden=True, summary="none")
    wandb.define_metric("late", step_metric="undefined")
    wandb.config.update(argparse.Namespace(batch=32, seed=None))
    wandb.config["nested"] = {"a": {"b": 1}}
    wandb.config.update({"lr": 0.2}, allow_val_change=True)
    for step in range(5):
        wandb.log({"loss": 1 / (step + 1), "deep": {"acc": step / 2}, "secret": step})
    wandb.log({"epoch": 1, "val/acc": 0.5})
    wandb.log({"val/acc": 0.7, "val/f1": 0.1})
    wandb.log({"val/acc": 0.6}, commit=False)
    wandb.log({"b": float("nan"), "c": [float("inf"), None, True, "x"]})
    wandb.log({"d": 1, "deep": {"one": 1}}, step=20)
    wandb.log({"d": 2, "deep": {"two": 2}}, step=20)
    wandb.log({"e": 1}, step=20, commit=True)
    wandb.log({"late": 3})
    wandb.log({"hist": wandb.Histogram([1, 2, 2, 3]), "html": wandb.Html("<p>x</p>")})
    wandb.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, None]])})
    wandb.summary["best"] = 0.25
    run.summary.update({"more": {"x": [1, 2]}, "text": "t"})
    run.tags += ("c",)
    wandb.save("weights.txt", policy="now")
    wandb.save("sub/*.txt")
    wandb.alert("a title", "a text", level="WARN", wait_duration=3)
    artifact = wandb.Artifact("data", type="dataset", description="some", metadata={"k": 1})
    artifact.add_file("weights.txt", name="sub/weights.txt")
    wandb.log_artifact(artifact, aliases=["best"])
    wandb.log({"loss": 0.01})
    wandb.finish()
"""

FIRST = """
    settings = {"config": {"lr": 0.1, "old": 1}, "tags": ["a"], "notes": "first", "group": "g", "job_type": "train"}
    with wandb.init(project="digits", id="r", name="my run", **settings) as run:
        print("first")
        run.define_metric("loss", summary="min")
        for step in range(3):
            run.log({"loss": step, "first": True})
        run.summary["by hand"] = 1
        run.alert("early", "a text")
        pathlib.Path("weights.txt").write_text("first")
        run.save("weights.txt", policy="now")
        artifact = wandb.Artifact("data", type="dataset")
        artifact.add_file("weights.txt")
        run.log_artifact(artifact).wait()
"""

SECOND = """
    with wandb.init(project="digits", id="r", config={"lr": 0.2}, resume="must") as run:
        print("second")
        run.log({"loss": 7})
        run.log({"loss": 8}, step=10)
        run.tags += ("b",)
        run.use_artifact("data:v0")
        run.alert("late", "a text")
        pathlib.Path("weights.txt").write_text("second")
        run.save("weights.txt", policy="now")
        artifact = wandb.Artifact("data", type="dataset")
        artifact.add_file("weights.txt")
        run.log_artifact(artifact, aliases=["best"])
"""

FAILED = """
    run = wandb.init(project="digits", id="r")
    run.log({"loss": 1})
    run.log({"loss": 2}, step=5)
    run.log({"loss": 3}, step=2)
    raise RuntimeError("on purpose")
"""

NOTHING = """
    wandb.init(project="digits", id="r", config={"lr": 1})
    sys.exit(3)
"""

READ = """
    api = wandb.Api()
    run = api.run("local-team/digits/r")

    def whole(artifact):
        files = [name for name, entry in artifact.manifest.entries.items() if entry.ref is None]
        texts = {name: pathlib.Path(artifact.get_entry(name).download("down")).read_text() for name in files}
        by = artifact.logged_by().id
        return [artifact.type, artifact.digest, artifact.metadata, sorted(artifact.aliases), by, texts]

    say({
        "attributes": [run.id, run.name, run.state, run.tags, run.notes, run.group, run.job_type, run.entity],
        "config": run.config,
        "summary": run.summary_metrics,
        "metadata": dict.fromkeys(run.metadata),
        "history": run.history(pandas=False),
        "scanned": list(run.scan_history()),
        "losses": list(run.scan_history(keys=["loss"])),
        "events": dict.fromkeys(key for row in run.history(stream="system", pandas=False) for key in row),
        "files": dict.fromkeys(file.name for file in run.files()),
        "saved": run.file("weights.txt").download("files").read(),
        "console": [line.content.split(" ", 1)[-1][-9:] for line in run.console_logs()],
        "artifacts": {each.name: whole(each) for each in run.logged_artifacts()},
    })
"""


@dataclass(frozen=True)
class Workload:
    """Scripts that run one after the other.

    Attributes:
        scripts: what they do.
        elsewhere: whether each has a folder of its own, as on another machine.
        code: exit code of each.
        mode: online, or offline and then synced.
        read: whether the official public API reads the run, too.
    """

    scripts: tuple[str, ...]
    elsewhere: bool = False
    code: int = 0
    mode: str = "online"
    read: bool = False


WORKLOADS = {
    "online": Workload((EVERYTHING,), read=True),
    "offline": Workload((EVERYTHING,), mode="offline", read=True),
    "resumed in place": Workload((FIRST, SECOND), read=True),
    "resumed elsewhere": Workload((FIRST, SECOND), elsewhere=True),
    "failed": Workload((FAILED,), code=1),
    "nothing": Workload((NOTHING,), code=3),
}


def run_of(workload: Workload, client: str, parent: Path) -> dict[str, Any]:
    """All that the server has of a workload's run in the end."""
    folder = parent
    with LocalServer() as server:
        for number, source in enumerate(workload.scripts):
            if workload.elsewhere:
                folder = parent / str(number)
                folder.mkdir()
            script(server, folder, source, wandb=CLIENTS[client], code=workload.code, WANDB_MODE=workload.mode)
        if workload.mode == "offline":
            assert server.runs == []
            if client == "theirs":
                execute(server, folder, "-m", "wandb", "sync", *map(str, (folder / "wandb").glob("offline-run-*")))
            else:
                execute(server, folder, "-m", "wandb_logging", "sync")
        run = server.run("r")
        tree = read_back(run, parent)
        if workload.read:
            tree["api"] = named(script(server, folder, READ).said, run, parent)
        assert [str(violation) for violation in server.violations] == []
        return tree


def measured_run_of(workload: Workload, client: str, parent: Path) -> dict[str, Any]:
    """The same of a run that had the time to measure its machine."""

    def attempt(number: int) -> dict[str, Any]:
        folder = parent / f"try-{number}"
        folder.mkdir()
        return run_of(workload, client, folder)

    return with_time_to_measure(attempt)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[dict[str, Any], dict[str, Any]]]:
    """Their run and ours of a workload, by its name; each runs once."""

    @cache
    def made(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        folders = [tmp_path_factory.mktemp(client) for client in CLIENTS]
        with ThreadPoolExecutor() as pool:  # most of the time each waits for processes of its own
            theirs, ours = pool.map(partial(measured_run_of, WORKLOADS[name]), CLIENTS, folders)
        return theirs, ours

    return made


def kind_of(theirs: Any, ours: Any) -> dict[str, str]:
    """Where a difference of this kind may be listed."""
    if theirs is MISSING or (theirs is None and ours is not MISSING):
        return ONLY_OURS
    return ONLY_THEIRS if ours is MISSING else OTHER_VALUE if type(theirs) is type(ours) else {}


AREAS = ("attributes", "config", "_wandb", "history", "summary", "events", "console", "files", "announced", "alerts")


@pytest.mark.parametrize("area", [*AREAS, "artifacts", "used artifacts", "api"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_server_has_the_same(workload: str, area: str, twins: Any) -> None:
    """Key by key, but for what is listed."""
    theirs, ours = ({area: tree.get(area)} for tree in twins(workload))
    found = {f"{workload}: {path}": pair for path, pair in differences(theirs, ours).items()}
    assert {path: pair for path, pair in found.items() if not listed(path, kind_of(*pair))} == {}


# What is promised to be the same, and where that is in the trees compared.
WORDS = {
    "config": "config/lr",
    "history rows": "history/*/loss",
    "summary": "summary/b*",
    "events' names": "events/system.proc.*",
    "name": "attributes/name",
    "tags": "attributes/tags/*",
    "notes": "attributes/notes",
    "group": "attributes/group",
    "job type": "attributes/job_type",
    "state": "attributes/state",
    "exit code": "attributes/exit_code",
    "files": "files/weights.txt",
    "config.yaml": "files/config.yaml/lr/value",
    "output.log": "files/output.log",
    "artifact digests": "artifacts/*/digest",
    "artifact manifests": "artifacts/*/manifest/contents/*weights.txt/digest",
    "artifact files": "artifacts/*/files/*weights.txt",
    "alerts": "alerts/*/title",
    "console text": "console/*",
    "run read through the API": "api/attributes/*",
    "config read through the API": "api/config/lr",
    "history read through the API": "api/scanned/*/loss",
    "summary read through the API": "api/summary/b*",
    "artifacts read through the API": "api/artifacts/*",
    "console read through the API": "api/console/*",
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("workload", [name for name, workload in WORKLOADS.items() if workload.read])
def test_each_word_of_the_promise_is_compared(workload: str, word: str, twins: Any) -> None:
    """There is something of it on both sides, and a difference in it would not be a listed one."""
    found = [
        path
        for tree in twins(workload)
        for path, value in leaves(tree)
        if fnmatchcase(path, WORDS[word]) and value not in (None, {}, [])
    ]
    named = [f"{workload}: {path}" for path in found]
    free = [path for path in named if not any(listed(path, kind) for kind in (OTHER_VALUE, ONLY_THEIRS, ONLY_OURS))]
    assert len(free) >= 2 or f"{workload}: {WORDS[word]}" in OTHER_VALUE


def test_nothing_is_listed_in_vain(twins: Any) -> None:
    """Each difference listed is there in some workload, but for what is left to chance."""
    met = {
        pattern
        for workload in WORKLOADS
        for path, pair in differences(*twins(workload)).items()
        if (pattern := listed(f"{workload}: {path}", kind_of(*pair)))
    }
    wanted = {path for path, why in {**OTHER_VALUE, **ONLY_THEIRS, **ONLY_OURS}.items() if not why.startswith(CHANCE)}
    assert wanted - met == set()
