"""Training that resumes after a crash: the id in a file, the checkpoint restored from the run, as cluster scripts do it."""

import json
import pathlib
import secrets

import wandb

ID, CHECKPOINT = pathlib.Path("wandb_run_id.txt"), "checkpoint.json"


def train(crash_at=None, epochs=5):
    run_id = ID.read_text() if ID.exists() else secrets.token_hex(4)
    run = wandb.init(project="resume", id=run_id, resume="allow", config={"epochs": epochs, "lr": 0.1})
    ID.write_text(run_id)
    start, state = 0, {"w": 1.0}
    found = {"resumed": bool(run.resumed), "starting step": run.starting_step, "step": run.step}
    if run.resumed:
        pathlib.Path(CHECKPOINT).unlink()
        state = json.load(wandb.restore(CHECKPOINT))
        start = state["epoch"] + 1
        run.config.update({"resumed_at": start}, allow_val_change=True)
    for epoch in range(start, epochs):
        if epoch == crash_at:
            raise RuntimeError("preempted")
        state = {"w": state["w"] * 0.5, "epoch": epoch}
        with open(CHECKPOINT, "w") as file:
            json.dump(state, file)
        wandb.save(CHECKPOINT)
        wandb.log({"loss": state["w"], "epoch": epoch})
    run.summary["found"] = found
    run.summary["best"] = min(state["w"], run.summary.get("best", 1.0))
    run.finish()


try:
    train(crash_at=3)
except RuntimeError:
    wandb.finish(exit_code=1)
train()
try:
    wandb.init(project="resume", id="never-there", resume="must")
except wandb.Error:
    with wandb.init(project="resume", name="another") as run:
        run.log({"fallback": 1})
