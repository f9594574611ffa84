"""pykeen's WANDBResultTracker, in its pipeline."""

import numpy as np
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

names = ["a", "b", "c", "d"]
triples = TriplesFactory.from_labeled_triples(
    np.array([[head, "likes", tail] for head in names for tail in names if head != tail])
)
pipeline(
    training=triples,
    testing=triples,
    model="TransE",
    model_kwargs={"embedding_dim": 4},
    training_kwargs={"num_epochs": 3, "batch_size": 4, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=1,
    device="cpu",
    result_tracker="wandb",
    result_tracker_kwargs={"project": "p", "group": "g"},
    metadata={"title": "r"},
)
