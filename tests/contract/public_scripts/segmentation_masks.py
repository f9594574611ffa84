"""Images with masks and boxes, in one list and in a table, in the manner of U-Net repositories."""

import numpy as np
import wandb

experiment = wandb.init(project="U-Net", resume="allow", anonymous="must")
experiment.config.update(
    dict(epochs=2, batch_size=1, learning_rate=1e-5, val_percent=0.1, save_checkpoint=True, img_scale=0.5, amp=False)
)
labels = {0: "background", 1: "car", 2: "road"}
rng = np.random.default_rng(0)
global_step = 0
for epoch in range(1, 3):
    for batch in range(2):
        global_step += 1
        experiment.log({"train loss": 1.0 / global_step, "step": global_step, "epoch": epoch})
    image = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
    true, pred = (rng.integers(0, 3, (12, 12), dtype=np.uint8) for _ in range(2))
    histograms = {f"Weights/layer{i}": wandb.Histogram(rng.normal(size=64)) for i in range(2)}
    experiment.log(
        {
            "learning rate": 1e-5,
            "validation Dice": 0.5 + 0.1 * epoch,
            "images": wandb.Image(image),
            "masks": {"true": wandb.Image(true.astype(np.float32) * 100), "pred": wandb.Image(pred * 100, mode="L")},
            "overlay": wandb.Image(
                image,
                masks={
                    "predictions": {"mask_data": pred, "class_labels": labels},
                    "ground_truth": {"mask_data": true, "class_labels": labels},
                },
            ),
            "step": global_step,
            "epoch": epoch,
            **histograms,
        }
    )
table = wandb.Table(columns=["id", "image", "iou"])
table.add_data(
    0,
    wandb.Image(
        image,
        masks={"prediction": {"mask_data": pred, "class_labels": labels}},
        classes=[{"id": k, "name": v} for k, v in labels.items()],
    ),
    0.7,
)
wandb.log({"test_predictions": table})
