"""lm-eval's WandbLogger, with results and samples of a task."""

import datasets
import lm_eval
from lm_eval.loggers import WandbLogger

rows = {"question": ["one and one?", "two and one?", "two and two?"], "answer": [0, 1, 2]}
task = {
    "task": "sums",
    "custom_dataset": lambda **_: {"test": datasets.Dataset.from_dict(rows)},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_target": "answer",
    "doc_to_choice": ["two", "three", "four"],
    "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
}
results = lm_eval.simple_evaluate(model="dummy", tasks=[task], log_samples=True, random_seed=1, bootstrap_iters=10)
samples = results.pop("samples")
logger = WandbLogger(init_args={"project": "p", "name": "r"}, config_args={"note": "tiny"})
logger.post_init(results)
logger.log_eval_result()
logger.log_eval_samples(samples)
logger.run.finish()
