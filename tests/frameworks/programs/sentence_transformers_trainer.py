"""sentence-transformers' SentenceTransformerTrainer, with `report_to="wandb"`."""

import os
from pathlib import Path

import datasets
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.evaluation import EmbeddingSimilarityEvaluator
from sentence_transformers.losses import CosineSimilarityLoss
from sentence_transformers.models import Pooling, Transformer
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
words_in = Transformer("tiny", max_seq_length=8)
model = SentenceTransformer(modules=[words_in, Pooling(8)], device="cpu")
pairs = {
    "sentence1": ["the good film", "the bad film"] * 4,
    "sentence2": ["good film", "good film"] * 4,
    "score": [1.0, 0.2] * 4,
}
data = datasets.Dataset.from_dict(pairs)
evaluator = EmbeddingSimilarityEvaluator(pairs["sentence1"], pairs["sentence2"], pairs["score"], name="pairs")
arguments = SentenceTransformerTrainingArguments(
    "out",
    report_to="wandb",
    run_name="r",
    num_train_epochs=2,
    logging_steps=1,
    eval_strategy="epoch",
    per_device_train_batch_size=4,
    use_cpu=True,
    save_strategy="no",
)
SentenceTransformerTrainer(
    model, arguments, train_dataset=data, eval_dataset=data, loss=CosineSimilarityLoss(model), evaluator=evaluator
).train()
