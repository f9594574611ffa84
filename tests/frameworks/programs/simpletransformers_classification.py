"""simpletransformers' ClassificationModel, with `wandb_project`."""

from pathlib import Path

import pandas as pd
from simpletransformers.classification import ClassificationModel
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, set_seed

set_seed(1)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "the"]
Path("tiny").mkdir()
Path("tiny/vocab.txt").write_text("\n".join(words))
BertTokenizerFast("tiny/vocab.txt").save_pretrained("tiny")
config = BertConfig(
    vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
)
BertForSequenceClassification(config).save_pretrained("tiny")
frame = pd.DataFrame([["the good film", 1], ["the bad film", 0]] * 8, columns=["text", "labels"])
settings = {
    "wandb_project": "p",
    "num_train_epochs": 2,
    "logging_steps": 1,
    "train_batch_size": 4,
    "manual_seed": 1,
    "evaluate_during_training": True,
    "evaluate_during_training_verbose": False,
    "overwrite_output_dir": True,
    "no_save": True,
    "no_cache": True,
    "save_eval_checkpoints": False,
    "use_multiprocessing": False,
    "use_multiprocessing_for_evaluation": False,
    "dataloader_num_workers": 0,
    "silent": True,
}
model = ClassificationModel("bert", "tiny", use_cuda=False, args=settings)
model.train_model(frame, eval_df=frame)
