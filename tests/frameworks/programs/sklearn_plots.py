"""The plots for scikit-learn that the official SDK ships."""

import wandb
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

x, y = load_iris(return_X_y=True)
with wandb.init(project="p", name="r"):
    model = LogisticRegression(max_iter=500).fit(x, y)
    wandb.sklearn.plot_roc(y, model.predict_proba(x), ["a", "b", "c"])
    wandb.sklearn.plot_confusion_matrix(y, model.predict(x), ["a", "b", "c"])
    wandb.sklearn.plot_summary_metrics(model, x, y, x, y)
