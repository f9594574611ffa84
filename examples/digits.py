"""Train a classifier on scikit-learn's handwritten digits, and see the run.

The training knows nothing of Weights & Biases: it logs. `logging.yaml`, beside this file, makes a run of it:
on this disk if there is no API key, on the server as well if there is one (`wandb-logging login`).
"""

from __future__ import annotations

import logging
import logging.config
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import plotext
import yaml
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from wandb_logging import Run, WandbHandler, read_run

log = logging.getLogger("digits")
step_log = logging.getLogger("digits.step")


def train(hidden_units: int, learning_rate: float, batch_size: int, epochs: int, seed: int) -> None:
    """Train with mini-batches. Each batch logs its loss, each epoch how well unseen digits are read."""
    images, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images / 16, digits, random_state=seed)
    model = MLPClassifier([hidden_units], learning_rate_init=learning_rate, random_state=seed)
    shuffle = np.random.default_rng(seed)

    for epoch in range(1, epochs + 1):
        order = shuffle.permutation(len(train_x))
        for batch in np.array_split(order, len(order) // batch_size):
            model.partial_fit(train_x[batch], train_y[batch], classes=range(10))
            step_log.info("batch", extra={"metrics": {"train": {"loss": model.loss_}}})

        probabilities = model.predict_proba(test_x)
        loss = log_loss(test_y, probabilities)
        accuracy = accuracy_score(test_y, probabilities.argmax(axis=1))
        log.info(
            "epoch %2d: %.1f %% of the test digits read right",
            epoch,
            100 * accuracy,
            extra={"metrics": {"epoch": epoch, "test": {"loss": loss, "accuracy": accuracy}}},
        )


def show(run: Run) -> None:
    """Draw the run's curves in the terminal, and say where the run is."""
    rows = read_run(run.dir).rows if run.dir else []
    for group, metric in [("train", "loss"), ("test", "loss"), ("test", "accuracy")]:
        points = [(row["_step"], row[group][metric]) for row in rows if group in row]
        if points:
            print(chart(f"{group}/{metric}", points))
    command = "wandb-logging" if shutil.which("wandb-logging") else f"{sys.executable} -m wandb_logging"
    print(f"The run is at {run.url or run.dir}. To see it in the browser: {command} ui")


def chart(title: str, points: list[tuple[int, float]]) -> str:
    """Draw one curve, as wide as the terminal allows."""
    steps, values = zip(*points)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(min(shutil.get_terminal_size().columns, 100), 14)
    plotext.title(title)
    plotext.plot(steps, values)
    return str(plotext.uncolorize(plotext.build()))


def main() -> None:
    """Configure logging, train, show."""
    settings: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("logging.yaml").read_text())
    logging.config.dictConfig(settings)
    train(**settings["handlers"]["wandb"]["config"])

    handler = next(each for each in logging.getLogger().handlers if isinstance(each, WandbHandler))
    handler.flush()
    show(handler.run)


if __name__ == "__main__":
    # A pipe's encoding may lack the characters that curves are drawn with.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    main()
