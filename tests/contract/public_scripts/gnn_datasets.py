"""A graph network with versions of its dataset as artifacts, used, changed and compared, as W&B's examples for PyG do."""

import json
import os

import wandb

PROJECT = "gnn"
with wandb.init(project=PROJECT, job_type="upload", config={"dataset": "MUTAG"}) as run:
    os.makedirs("data", exist_ok=True)
    for split, graphs in {"train": 150, "test": 38}.items():
        with open(f"data/{split}.json", "w") as f:
            json.dump({"graphs": graphs}, f)
    raw = wandb.Artifact("mutag", type="dataset", metadata={"graphs": 188, "classes": 2})
    raw.add_dir("data")
    run.log_artifact(raw, aliases=["raw"])
    raw.wait()

with wandb.init(project=PROJECT, job_type="preprocess") as run:
    used = run.use_artifact("mutag:raw", type="dataset")
    folder = used.download()
    train = json.load(open(os.path.join(folder, "train.json")))
    run.summary["graphs"] = train["graphs"]
    clean = wandb.Artifact("mutag", type="dataset", metadata={**used.metadata, "clean": True})
    clean.add_file(os.path.join(folder, "train.json"), name="train.json")
    table = wandb.Table(columns=["graph", "label"], data=[[i, i % 2] for i in range(5)])
    clean.add(table, "preview")
    run.log_artifact(clean, aliases=["clean"])
    clean.wait()

with wandb.init(project=PROJECT, job_type="train", config={"hidden": 64}) as run:
    data = run.use_artifact("mutag:latest")
    assert data.version == "v1" and sorted(data.aliases) == ["clean", "latest"], (data.version, data.aliases)
    path = data.get_entry("train.json").download()
    preview = data.get("preview")
    wandb.log({"rows": len(preview.data), "label_0": preview.get_column("label")[0]})
    for epoch in range(3):
        run.log({"train/acc": 0.6 + epoch / 10})
    with open("model.pt", "w") as f:
        f.write("weights")
    run.log_model("model.pt", name=f"gcn-{run.config.hidden}", aliases=["best"])
