"""A dataset as tables in artifacts, read back by the next job: prepare, train, evaluate, as for Hugging Face datasets."""

import datetime
import json
import pathlib

import numpy as np
import wandb

PROJECT = "hf-datasets"
rows = [
    {"idx": 0, "text": "a good film", "label": 1, "score": 0.0, "tokens": [1, 2, 3], "empty": None},
    {"idx": 1, "text": "a bad film", "label": 0, "score": 1.0, "tokens": [4], "empty": None},
    {"idx": 2, "text": "\u00dcber", "label": 1, "score": 0.25, "tokens": [], "empty": None},
]
with wandb.init(project=PROJECT, job_type="prepare", config={"split": "train[:1%]"}) as run:
    table = wandb.Table(columns=list(rows[0]))
    for row in rows:
        table.add_data(*row.values())
    artifact = wandb.Artifact("imdb", type="dataset", metadata={"rows": len(rows), "names": ["neg", "pos"]})
    artifact.add(table, "train")
    artifact.add(
        wandb.Table(
            columns=["image", "day", "vector"],
            data=[
                [
                    wandb.Image(np.full((4, 4, 3), n * 40, np.uint8)),
                    datetime.date(2024, 1, n + 1),
                    np.arange(3) * 0.5 * n,
                ]
                for n in range(2)
            ],
        ),
        "images",
    )
    pathlib.Path("dataset_info.json").write_text(json.dumps({"splits": {"train": 3}}))
    artifact.add_file("dataset_info.json")
    run.log_artifact(artifact, aliases=["raw"]).wait()
    run.log({"preview": table})

with wandb.init(project=PROJECT, job_type="train") as run:
    used = run.use_artifact("imdb:raw")
    folder = pathlib.Path(used.download())
    info = json.loads((folder / "dataset_info.json").read_text())
    train = used.get("train")
    images = used.get("images")
    for number, row in train.iterrows():
        run.log({"score": row[3], "label": row[2], "kind of score": type(row[3]).__name__, "row": number})
    run.summary["columns"] = train.columns
    run.summary["splits"] = info["splits"]
    run.summary["frame"] = {name: list(map(str, values)) for name, values in train.get_dataframe().items()}
    run.summary["first"] = {"vector": str(images.data[1][2]), "image": type(images.data[0][0]).__name__}
    run.summary["metadata"] = used.metadata
    sample = wandb.Artifact("imdb-sample", type="dataset", description="every second row")
    sample.add(wandb.Table(columns=train.columns, data=train.data[::2]), "train")
    run.log_artifact(sample)
