"""spacy-loggers' WandbLogger, in `spacy.training`."""

from pathlib import Path

import spacy
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Config

blank = spacy.blank("en")
docs = DocBin()
for text, good in [("the good film", 1.0), ("the bad film", 0.0)] * 4:
    doc = blank(text)
    doc.cats = {"GOOD": good, "BAD": 1.0 - good}
    docs.add(doc)
docs.to_disk("data.spacy")
text = """
[paths]
train = "data.spacy"
dev = "data.spacy"
[nlp]
lang = "en"
pipeline = ["textcat"]
[components]
[components.textcat]
factory = "textcat"
[components.textcat.model]
@architectures = "spacy.TextCatBOW.v3"
exclusive_classes = true
ngram_size = 1
no_output_layer = false
length = 64
[corpora]
[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}
[corpora.dev]
@readers = "spacy.Corpus.v1"
path = ${paths.dev}
[training]
seed = 1
dev_corpus = "corpora.dev"
train_corpus = "corpora.train"
max_steps = 6
eval_frequency = 2
[training.logger]
@loggers = "spacy.WandbLogger.v5"
project_name = "p"
run_name = "r"
remove_config_values = ["paths.dev"]
model_log_interval = 2
log_dataset_dir = "dataset"
log_best_dir = "out/model-best"
log_latest_dir = "out/model-last"
log_custom_stats = ["^epoch"]
"""
Path("dataset").mkdir()
Path("dataset/data.spacy").write_bytes(Path("data.spacy").read_bytes())
base = Config().from_str(text)
filled = spacy.util.load_model_from_config(base, auto_fill=True).config
nlp = init_nlp(filled)
Path("out").mkdir()
train(nlp, Path("out"))
