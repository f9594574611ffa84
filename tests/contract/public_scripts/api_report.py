"""Runs of a group written, then read and compared through `wandb.Api`, as scripts for reports and papers do."""

import pandas as pd
import wandb

for seed in range(3):
    with wandb.init(
        project="report",
        group="ppo",
        name=f"seed-{seed}",
        config={"seed": seed, "lr": 0.1},
        tags=["paper"],
        reinit=True,
    ) as run:
        for step in range(4):
            run.log({"return": float(seed * 10 + step), "loss": 1 / (step + 1)})
        path = run.path

api = wandb.Api(timeout=29)
entity, project, _ = path.split("/") if isinstance(path, str) else path
runs = api.runs(f"{entity}/{project}", filters={"group": "ppo", "tags": "paper"}, order="+created_at")
summary_list, config_list, name_list = [], [], []
for run in sorted(runs, key=lambda run: run.name):
    summary_list.append(run.summary._json_dict)
    config_list.append({k: v for k, v in run.config.items() if not k.startswith("_")})
    name_list.append(run.name)
frame = pd.DataFrame({"summary": summary_list, "config": config_list, "name": name_list})
frame.to_csv("project.csv")
best = max(runs, key=lambda run: run.summary.get("return"))
history = best.history(keys=["return", "loss"])
rows = list(best.scan_history(keys=["return"]))
best.tags.append("best")
best.summary["rank"] = 1
best.update()
with wandb.init(project="report", name="comparison", job_type="report") as run:
    run.log(
        {
            "best": best.name,
            "final": float(history["return"].iloc[-1]),
            "rows": len(rows),
            "names": str(sorted(name_list)),
        }
    )
    run.log(
        {
            "curves": wandb.plot.line_series(
                xs=[0, 1, 2, 3], ys=[[0, 1, 2, 3], [10, 11, 12, 13]], keys=["a", "b"], title="Return", xname="step"
            )
        }
    )
