"""accelerate's tracker."""

from accelerate import Accelerator

accelerator = Accelerator(log_with="wandb", cpu=True)
accelerator.init_trackers(
    "p", config={"lr": 0.1, "net": {"width": 3}}, init_kwargs={"wandb": {"name": "r", "tags": ["a"]}}
)
for step in range(3):
    accelerator.log({"loss": 1 / (step + 1)}, step=step)
tracker = accelerator.get_tracker("wandb")
tracker.log_table("table", columns=["a", "b"], data=[[1, 2]], step=3)
tracker.tracker.summary["best"] = 1
accelerator.end_training()
