"""trl's SFTTrainer."""

import os

import datasets
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from trl import SFTConfig, SFTTrainer

os.environ["WANDB_PROJECT"] = "p"
transformers.set_seed(1)
words = Tokenizer(models.WordLevel({"a": 0, "b": 1, "c": 2, "<eos>": 3, "<unk>": 4}, unk_token="<unk>"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = transformers.PreTrainedTokenizerFast(
    tokenizer_object=words, eos_token="<eos>", pad_token="<eos>", unk_token="<unk>"
)
config = transformers.GPT2Config(
    vocab_size=5, n_positions=16, n_embd=8, n_layer=1, n_head=1, bos_token_id=3, eos_token_id=3
)
arguments = SFTConfig(
    "out",
    report_to="wandb",
    run_name="r",
    max_steps=3,
    logging_steps=1,
    use_cpu=True,
    save_strategy="no",
    per_device_train_batch_size=2,
    bf16=False,
)
data = datasets.Dataset.from_dict({"text": ["a b c", "b c a", "c a b", "a a b"] * 4})
SFTTrainer(transformers.GPT2LMHeadModel(config), arguments, train_dataset=data, processing_class=tokenizer).train()
