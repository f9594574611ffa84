"""Checkpoints linked to a registry, then promoted and thinned out by a script over `wandb.Api`, as teams' tools do it."""

import pathlib

import wandb

with wandb.init(project="registry", job_type="train", config={"arch": "resnet18"}, tags=["candidate"]) as run:
    for epoch, accuracy in enumerate([0.5, 0.75, 0.7]):
        pathlib.Path("model.txt").write_text(f"weights {epoch}")
        model = wandb.Artifact("classifier", type="model", metadata={"epoch": epoch, "accuracy": accuracy})
        model.add_file("model.txt")
        run.log_artifact(model, aliases=[f"epoch-{epoch}"]).wait()
        run.log({"epoch": epoch, "accuracy": accuracy})
    entity, project = run.entity, run.project

api = wandb.Api(overrides={"entity": entity, "project": project})
versions = list(api.artifacts("model", f"{entity}/{project}/classifier"))
best = max(versions, key=lambda version: version.metadata["accuracy"])
best.aliases.append("best")
best.description = "highest accuracy"
best.metadata["promoted"] = True
best.save()
link = best.link(f"{entity}/model-registry/Classifier", aliases=["staging"])
registered = api.artifact(f"{entity}/model-registry/Classifier:staging", type="model")
facts = {
    "versions": sorted(version.version for version in versions),
    "types": sorted(kind.name for kind in api.artifact_types(f"{entity}/{project}")),
    "collections": [each.name for each in api.artifact_collections(f"{entity}/{project}", "model")],
    "registered": [registered.version, registered.source_version, registered.is_link, sorted(registered.aliases)],
    "logged by": registered.logged_by().config["arch"],
    "content": pathlib.Path(registered.download("registered"), "model.txt").read_text(),
    "files": [file.name for file in registered.files()],
    "size": registered.size,
}
for version in versions:
    if not set(version.aliases) & {"best", "latest"}:
        version.delete(delete_aliases=True)
facts["left"] = sorted(version.version for version in api.artifacts("model", f"{entity}/{project}/classifier"))
facts["there"] = [api.artifact_exists(f"{entity}/{project}/classifier:v{n}") for n in range(4)]
rows = api.runs(f"{entity}/{project}", filters={"tags": {"$in": ["candidate"]}}).histories(
    samples=10, keys=["accuracy"]
)
facts["rows"] = [row["accuracy"] for row in rows]
trained = api.runs(f"{entity}/{project}")[0]
trained.config["reviewed"] = True
trained.tags.append("reviewed")
trained.update()
with wandb.init(project="registry", job_type="report", config=facts) as run:
    used = run.use_artifact(f"{entity}/model-registry/Classifier:staging")
    run.log({"accuracy": used.metadata["accuracy"]})
