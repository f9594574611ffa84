"""A Kaggle notebook: folds, each a run of a group, out-of-fold scores and a table, in the manner of tabular kernels."""

import numpy as np
import pandas as pd
import wandb
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold

try:
    from kaggle_secrets import UserSecretsClient

    wandb.login(key=UserSecretsClient().get_secret("wandb_api"))
except ImportError:
    wandb.login()


class CFG:
    seed = 42
    n_folds = 3
    n_estimators = 8
    learning_rate = 0.1


def class2dict(f):
    return dict((name, getattr(f, name)) for name in dir(f) if not name.startswith("__"))


rng = np.random.default_rng(CFG.seed)
train = pd.DataFrame(rng.normal(size=(90, 4)), columns=[f"f{i}" for i in range(4)])
train["target"] = (train.f0 + train.f1 > 0).astype(int)
oof = np.zeros(len(train))
skf = StratifiedKFold(n_splits=CFG.n_folds, shuffle=True, random_state=CFG.seed)
for fold, (tr, va) in enumerate(skf.split(train, train.target)):
    run = wandb.init(
        project="tps", name=f"fold-{fold}", config=class2dict(CFG), group="xgb-baseline", job_type="train", reinit=True
    )
    model = GradientBoostingClassifier(
        n_estimators=CFG.n_estimators, learning_rate=CFG.learning_rate, random_state=CFG.seed
    )
    model.fit(train.iloc[tr, :4], train.target.iloc[tr])
    for i, proba in enumerate(model.staged_predict_proba(train.iloc[va, :4])):
        wandb.log({"validation_0-logloss": log_loss(train.target.iloc[va], proba[:, 1]), "epoch": i})
    oof[va] = model.predict_proba(train.iloc[va, :4])[:, 1]
    wandb.run.summary["fold_acc"] = accuracy_score(train.target.iloc[va], oof[va] > 0.5)
    wandb.run.summary["Feature Importance"] = dict(zip(train.columns[:4], model.feature_importances_.round(6)))
    run.finish()
run = wandb.init(project="tps", name="oof", group="xgb-baseline", job_type="eval", reinit=True)
table = wandb.Table(dataframe=pd.DataFrame({"target": train.target[:10], "oof": oof[:10].round(4)}))
wandb.log(
    {
        "OOF": table,
        "importances": wandb.plot.bar(
            wandb.Table(data=[[c, float(i)] for i, c in enumerate("abcd")], columns=["feature", "gain"]),
            "feature",
            "gain",
            title="Gain",
        ),
    }
)
wandb.log({"roc": wandb.plot.roc_curve(train.target[:40], np.stack([1 - oof, oof], 1)[:40], labels=["no", "yes"])})
run.finish()
