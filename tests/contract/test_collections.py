"""Types, collections and links of artifacts, rows of many runs: the official `Api` and ours give the same answers."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

from tests.contract.test_official_sdk import script
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.contract

QUESTIONS = """
    answers = {}

    def ask(name, question):
        try:
            answers[name] = question()
        except Exception as error:
            # Each has words of its own; ours are kinds of one error.
            answers[name] = "CommError" if isinstance(error, wandb.errors.CommError) else type(error).__name__

    def logged(run, name, kind, content, **more):
        artifact = wandb.Artifact(name, kind)
        with artifact.new_file("x.txt") as file:
            file.write(content)
        return run.log_artifact(artifact, **more).wait()

    def about(artifact):
        name = artifact.name.partition(":")[0]  # what follows is an alias there if one was given, and the version here
        where = [artifact.entity, artifact.project, name, artifact.version, sorted(artifact.aliases)]
        return [where, artifact.is_link, artifact.source_qualified_name]

    with wandb.init(project="p") as run:
        for number in range(3):
            logged(run, "data", "dataset", str(number), tags=["t"] if number else None)
            run.log({"loss": number})
        net = logged(run, "net", "model", "m", aliases=["best"])
        linked = run.link_artifact(net, "model-registry/mine", aliases=["prod"])
        ask("linked", lambda: [about(linked), linked.collection.name, linked.source_collection.name, linked.type])
        ask("within a run", lambda: about(net.link("others")))
    with wandb.init(project="p") as run:
        run.log({"loss": 7, "acc": 1})

    api = wandb.Api()
    team = api.default_entity

    def names(*arguments, **more):
        return [artifact.name for artifact in api.artifacts(*arguments, **more)]

    def pages():
        found = api.artifacts("dataset", "p/data", per_page=1)
        first = next(found).name
        return [first, *names("dataset", "p/data", per_page=1, start=found.cursor)], len(found)

    def collection(kind, name):
        found = api.artifact_collection(kind, name)
        versions = [[each.name, each.is_link, sorted(each.aliases)] for each in found.artifacts()]
        what = [found.name, found.type, found.description, sorted(found.tags), found.entity, found.project]
        return [what, found.is_sequence(), sorted(found.aliases), versions, len(found.artifacts()), repr(found)]

    def changed():
        found = api.artifact_collection("dataset", "p/data")
        found.name, found.type, found.description, found.tags = "data2", "set", "text", ["a", "b"]
        found.save()
        again = api.artifact_collection("set", "p/data2")
        again.tags = ["b"]
        again.save()
        return collection("set", "p/data2"), api.artifact_collection_exists("p/data", "dataset")

    def with_type(kind, path, new):
        found = api.artifact_collection(kind, path)
        found.type = new
        found.save()

    for order in (None, "version_index", "+version_index", "-version_index", "-created_at"):
        ask(f"order {order}", lambda: names("dataset", "p/data", order))
    ask("tags", lambda: names("dataset", "p/data", tags=["t"]))
    ask("pages", pages)
    ask("no collection", lambda: names("dataset", "p/nothing"))
    ask("of another type", lambda: names("model", "p/data"))
    ask("types", lambda: sorted(each.name for each in api.artifact_types("p")))
    ask("type", lambda: [api.artifact_type("model", f"{team}/p").name, repr(api.artifact_type("model", "p"))])
    ask("no type", lambda: api.artifact_type("nothing", "p"))
    ask("collections", lambda: [each.name for each in api.artifact_collections("p", "model")])
    ask("in order", lambda: [each.name for each in api.artifact_collections("p", "model", "-name")])
    ask("filtered", lambda: [each.name for each in api.artifact_type("model", "p").collections({"name": "net"})])
    ask("collection", lambda: collection("dataset", "p/data"))
    ask("of links", lambda: collection("model", f"{team}/model-registry/mine"))
    ask("exists", lambda: [api.artifact_collection_exists(*each) for each in (
        ("p/data", "dataset"), ("p/data", "model"), ("q/data", "dataset"))])
    ask("changed", changed)
    ask("a reserved type", lambda: with_type("set", "p/data2", "job"))
    ask("another type of links", lambda: with_type("model", "model-registry/mine", "set"))
    art = api.artifact("p/net")
    ask("without a run", lambda: about(art.link("q/there", aliases=["one"])))
    ask("without a project", lambda: about(art.link("there")))
    ask("all links", lambda: sorted(each.qualified_name for each in art.linked_artifacts))
    ask("by name", lambda: about(api.artifact("q/there:one")))
    ask("its source", lambda: api.artifact("q/there").source_artifact.qualified_name)
    ask("links of a link", lambda: api.artifact("q/there").linked_artifacts)
    ask("unlinked", lambda: [
        api.artifact("q/there").unlink(), api.artifact_exists("q/there:latest"), api.artifact_exists("p/net:v0")])
    ask("no link", art.unlink)
    draft = wandb.Artifact("draft", "kind")
    ask("a draft", lambda: [about(draft.link("q/drafted")), draft.is_draft()])
    ask("deleted", lambda: [
        api.artifact_collection("set", "p/data2").delete(), api.artifact_collection_exists("p/data2", "set")])

    runs = api.runs("p")
    numbers = {run.id: number for number, run in enumerate(runs)}

    def plain(row):
        return {"run": numbers[row["run_id"]], **{key: row[key] for key in ("loss", "acc", "_step") if key in row}}

    def frame(format, keys=None):
        found = runs.histories(format=format, keys=keys)
        return [list(found.columns), list(found["loss"])]

    ask("histories", lambda: [plain(row) for row in runs.histories()])
    ask("some keys", lambda: [plain(row) for row in runs.histories(keys=["acc"])])
    ask("a pandas frame", lambda: frame("pandas"))
    ask("a polars frame", lambda: frame("polars", ["loss"]))
    ask("another frame", lambda: runs.histories(format="excel"))
    ask("of no run", lambda: api.runs("p", {"state": "crashed"}).histories())
    ask("runs", lambda: [len(runs), len(api.runs("p", per_page=1)), runs[1].id == runs[-1].id, repr(runs)])
    ask("no project", lambda: len(api.runs("nothing")))
    ask("none of no project", lambda: list(api.runs("nothing")))
    say(answers)
"""


def answers_of(client: str, parent: Path) -> Any:
    """The answers that a client gives."""
    folder = parent / client
    folder.mkdir()
    with LocalServer(features=["ARTIFACT_TAGS", "ARTIFACT_COLLECTIONS_FILTERING_SORTING"]) as server:
        said = script(server, folder, QUESTIONS, wandb=client).said
        assert [str(violation) for violation in server.violations] == []
    return said


def test_the_answers_are_the_same(tmp_path: Path) -> None:
    """Question by question."""
    pytest.importorskip("polars")
    with ThreadPoolExecutor() as pool:  # most of the time each waits for processes of its own
        theirs, ours = pool.map(lambda client: answers_of(client, tmp_path), ("wandb", "wandb_logging.compat"))
    assert len(theirs) > 40
    assert {name: ours[name] for name in theirs} == theirs
