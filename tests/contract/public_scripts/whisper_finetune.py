"""A speech model fine-tuned: predictions as tables with audio, in the manner of scripts for openai/whisper."""

import numpy as np
import wandb

wandb.init(project="whisper", name="whisper-small-hi", config={"model": "small", "language": "hi", "fp16": True})
rate = 8000
tones = {n: np.sin(2 * np.pi * 220 * (n + 1) * np.arange(rate // 50) / rate) for n in range(2)}
for step in (1000, 2000):
    columns = ["id", "audio", "label_str", "pred_str", "wer"]
    records = wandb.Table(columns=columns)
    for n, tone in tones.items():
        records.add_data(
            n,
            wandb.Audio(tone, sample_rate=rate, caption=f"clip {n}"),
            "namaste",
            "namaste" if n else "namste",
            1.0 - n,
        )
    wandb.log({"eval/wer": 50.0 - step / 100, "eval/predictions": records, "eval/loss": np.float16(0.25), "step": step})
wandb.run.summary["best_wer"] = 30.0
wandb.finish()
