"""Ray's `setup_wandb`."""

from ray.air.integrations.wandb import setup_wandb

run = setup_wandb({"lr": 0.1, "layers": [1, 2]}, trial_id="t", trial_name="n", project="p", rank_zero_only=False)
for step in range(3):
    run.log({"loss": 1 / (step + 1)})
run.finish()
