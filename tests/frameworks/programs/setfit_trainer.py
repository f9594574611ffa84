"""setfit's Trainer, with `report_to="wandb"`."""

import os
from pathlib import Path

import datasets
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.linear_model import LogisticRegression
from transformers import BertConfig, BertModel, BertTokenizerFast, set_seed

os.environ["WANDB_PROJECT"] = "p"
set_seed(1)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "the"]
Path("tiny").mkdir()
Path("tiny/vocab.txt").write_text("\n".join(words))
BertTokenizerFast("tiny/vocab.txt").save_pretrained("tiny")
config = BertConfig(
    vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
)
BertModel(config).save_pretrained("tiny")
body = SentenceTransformer(modules=[Transformer("tiny", max_seq_length=8), Pooling(8)], device="cpu")
model = SetFitModel(model_body=body, model_head=LogisticRegression())
data = datasets.Dataset.from_dict({"text": ["the good film", "the bad film"] * 4, "label": [1, 0] * 4})
arguments = TrainingArguments(
    "out",
    report_to="wandb",
    run_name="r",
    num_epochs=1,
    batch_size=4,
    logging_steps=1,
    logging_first_step=True,
    eval_strategy="epoch",
    save_strategy="no",
    seed=1,
)
trainer = Trainer(
    model=model,
    args=arguments,
    train_dataset=data,
    eval_dataset=data,
    metric=lambda guesses, truths: {"right": sum(int(guess) == truth for guess, truth in zip(guesses, truths))},
)
trainer.train()
trainer.evaluate()
