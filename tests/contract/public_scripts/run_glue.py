"""A text classifier trained by a loop of its own, flags from the environment, in the manner of `run_glue_no_trainer.py`."""

import os

os.environ["WANDB_PROJECT"] = "glue"
os.environ["WANDB_NAME"] = "bert-mrpc"
os.environ["WANDB_TAGS"] = "mrpc,bert"
os.environ["WANDB_NOTES"] = "seed 42"
os.environ["WANDB_RUN_GROUP"] = "seeds"
os.environ["WANDB_JOB_TYPE"] = "finetune"
os.environ["WANDB_SILENT"] = "true"

import wandb

run = wandb.init(config={"task_name": "mrpc", "max_length": 128, "lr_scheduler_type": "linear", "weight_decay": 0.0})
run.define_metric("train/global_step")
run.define_metric("*", step_metric="train/global_step", step_sync=True)
completed_steps = 0
for epoch in range(3):
    for step in range(4):
        completed_steps += 1
        if completed_steps % 2 == 0:
            run.log(
                {
                    "train/loss": 0.7 / completed_steps,
                    "train/learning_rate": 5e-5 * (1 - completed_steps / 12),
                    "train/global_step": completed_steps,
                }
            )
    run.log({"eval/accuracy": 0.68 + 0.05 * epoch, "eval/f1": 0.8 + 0.02 * epoch, "train/global_step": completed_steps})
with open("all_results.json", "w") as f:
    f.write('{"eval_accuracy": 0.78}')
artifact = wandb.Artifact(
    name=f"model-{run.name}", type="model", metadata={"accuracy": 0.78, "final_model": True}, description="MRPC"
)
artifact.add_file("all_results.json")
with artifact.new_file("README.md", mode="w") as f:
    f.write("# MRPC")
run.log_artifact(artifact, aliases=["best", f"step-{completed_steps}"])
run.finish()
