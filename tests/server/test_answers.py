"""Whatever a server answers to a request: it is reported, nothing is lost, and the next time it goes on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.runs import drain
from wandb_logging import Artifact, WandbLoggingError, new_run
from wandb_logging._journal.rundir import RunDir

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

ROWS = [0, 1, 2]

# Operations, and the field of the answer that each looks for.
ASKED = {
    "ServerFeaturesQuery": "serverInfo",
    "RunResumeStatus": "model",
    "UpsertBucket": "upsertBucket",
    "CreateRunFiles": "createRunFiles",
    "CreateArtifact": "createArtifact",
    "CreateArtifactManifest": "createArtifactManifest",
    "CreateArtifactFiles": "createArtifactFiles",
    "CommitArtifact": "commitArtifact",
    "NotifyScriptableRunAlert": "notifyScriptableRunAlert",
    "UseArtifact": "useArtifact",
}


def each(value: Any) -> dict[str, Any]:
    """An answer with this in the place of what any of them asks for."""
    return {"data": dict.fromkeys(ASKED.values(), value)}


ANSWERS: dict[str, Any] = {
    "an error": {"errors": [{"message": "on purpose"}], "data": None},
    "an error beside data": {"errors": ["on purpose"], "data": {"upsertBucket": {"bucket": {}}}},
    "an error without words": {"errors": [{}]},
    "no data": {"data": None},
    "null for an object": each(None),
    "nothing in the object": each({}),
    "a text for an object": each("text"),
    "a list for an object": each([1, None]),
    "a number for a list": {"data": {"createRunFiles": {"files": 5}, "createArtifactFiles": {"files": {"edges": 5}}}},
    "a list": [],
    "a number": "17",
    "half a JSON": '{"data": {"upsertBucket": {"buck',
    "a web page": "<html><body>Please log in</body></html>",
    "nothing": "",
    "no UTF-8": b"\xff\xfe{}",
    "endless brackets": "[" * 100_000,
}


@pytest.fixture
def waiting(wandb_server: LocalServer) -> RunDir:
    """An offline run with something of everything, which goes on with one that is there."""
    wandb_server.create_run("r", "p")
    wandb_server.allow_violations()  # what such a server is told next makes no sense to it
    Path("x.txt").write_text("text")
    with new_run("p", run_id="r", resume="allow", mode="offline", quiet=True, standard_files=False) as run:
        for number in ROWS:
            run.log({"n": number})
        run.upload_file("x.txt")
        run.alert("a title")
        artifact = Artifact("data", "dataset")
        artifact.add_file("x.txt")
        run.log_artifact(artifact)
        run._background.append_change("use_artifact", {"id": "nobody's", "name": "x:v0"})
    assert run.dir is not None
    return RunDir(run.dir)


def rows(server: LocalServer) -> list[int]:
    return [row["n"] for row in server.run("r").history]


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("operation", ASKED)
def test_once(wandb_server: LocalServer, waiting: RunDir, operation: str, answer: str) -> None:
    """The rows are there once, and the run ends. What the server refused is set aside; what it did not is done."""
    wandb_server.fail_next(status=200, operation=operation, body=ANSWERS[answer])
    with contextlib.suppress(WandbLoggingError):
        drain(waiting, wandb_server, ending=None)
    aside = drain(waiting, wandb_server, ending=None).state.set_aside - 1  # the use of what is not there
    run = wandb_server.run("r")
    assert (rows(wandb_server), run.state) == (ROWS, "finished")
    assert [bool(run.files), bool(run.alerts), bool(run.logged_artifacts)].count(False) == aside
    assert aside == 0 or isinstance(ANSWERS[answer], dict)  # what is no answer at all is nobody's refusal


@pytest.mark.not_quick
@pytest.mark.parametrize("operation", ["CreateRunFiles", "CommitArtifact", "NotifyScriptableRunAlert"])
def test_always(wandb_server: LocalServer, waiting: RunDir, operation: str) -> None:
    """What never gets an answer with sense in it is set aside in the end, and the run ends without."""
    wandb_server.fail_always(status=200, operation=operation, body="<html>")
    assert drain(waiting, wandb_server, ending=None).state.set_aside == 2
    assert (rows(wandb_server), wandb_server.run("r").state) == (ROWS, "finished")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["UpsertBucket", "CreateRunFiles", "CreateArtifactFiles", "file_stream"])
def test_a_hundred_megabytes(wandb_server: LocalServer, waiting: RunDir, where: str) -> None:
    """Are not read to their end."""
    body = b'{"data": "' + b"x" * 100_000_000 + b'"}'
    if where == "file_stream":
        wandb_server.fail_next(where="file_stream", status=500, body=body, retry_after=0)
    else:
        wandb_server.fail_next(operation=where, status=200, body=body)
    with contextlib.suppress(WandbLoggingError):
        drain(waiting, wandb_server, ending=None)
    drain(waiting, wandb_server, ending=None)
    assert (rows(wandb_server), wandb_server.run("r").state) == (ROWS, "finished")
