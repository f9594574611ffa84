"""Optuna's WeightsAndBiasesCallback."""

import optuna
from optuna_integration import WeightsAndBiasesCallback

optuna.logging.set_verbosity(optuna.logging.WARNING)
callback = WeightsAndBiasesCallback(
    metric_name="accuracy", wandb_kwargs={"project": "p", "name": "r"}, as_multirun=False
)


@callback.track_in_wandb()
def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 2) ** 2


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
study.optimize(objective, n_trials=3, callbacks=[callback])
