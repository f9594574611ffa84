"""open_clip's training program, with `--report-to wandb --debug`."""

import json
from pathlib import Path

import open_clip
from open_clip_train.main import main

Path("configs").mkdir()
Path("configs/tiny.json").write_text(
    json.dumps(
        {
            "embed_dim": 8,
            "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
            "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
        }
    )
)
open_clip.add_model_config("configs")
asked = "--model tiny --dataset-type synthetic --train-num-samples 8 --batch-size 4 --epochs 2 --workers 0"
more = "--log-every-n-steps 1 --device cpu --report-to wandb --wandb-project-name p --wandb-notes n --debug --name r"
main([*asked.split(), *more.split(), "--lr", "1e-3", "--warmup", "1", "--logs", "logs", "--precision", "fp32"])
