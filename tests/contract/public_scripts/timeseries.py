"""Forecasts: metrics defined by patterns, a figure for each horizon, a table of errors, as time-series libraries do it."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import wandb

rng = np.random.default_rng(5)
time = pd.date_range("2024-01-01", periods=48, freq="h")
series = pd.Series(np.sin(np.arange(48) / 4) + rng.normal(scale=0.1, size=48), index=time)
run = wandb.init(project="forecasting", config={"model": "nbeats", "horizons": [4, 8], "lags": range(3).stop})
run.define_metric("epoch")
run.define_metric("train/*", step_metric="epoch")
run.define_metric("val/*", step_metric="epoch", summary="min")
run.define_metric("val/r2", summary="max")
run.define_metric("horizon/*", hidden=True)
for epoch in range(4):
    for batch in range(3):
        run.log({"train/loss": 1 / (epoch * 3 + batch + 1), "epoch": epoch + batch / 3})
    run.log({"val/mae": 1 / (epoch + 1), "val/r2": 0.2 * epoch, "epoch": epoch + 1}, commit=False)
    run.log({"val/smape": np.float32(0.5) / (epoch + 1)})
errors = []
for horizon in run.config["horizons"]:
    forecast = series.shift(horizon).dropna()
    error = (series - forecast).abs().dropna()
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.plot(series.index, series.values)
    run.log({f"horizon/{horizon}/mae": error.mean(), "horizon": horizon, "worst": str(error.idxmax())})
    plt.close(figure)
    errors.append({"horizon": horizon, "when": error.idxmax(), "mae": error.mean(), "n": len(error)})
frame = pd.DataFrame(errors)
run.log({"errors": wandb.Table(dataframe=frame)})
run.log(
    {"mae by horizon": wandb.plot.bar(wandb.Table(dataframe=frame[["horizon", "mae"]]), "horizon", "mae", title="MAE")}
)
xs = list(range(8))
run.log(
    {
        "forecast": wandb.plot.line_series(
            xs, [series.values[:8].tolist(), series.values[4:12].tolist()], ["true", "shifted"]
        )
    }
)
run.summary["span"] = str(series.index[-1] - series.index[0])
run.finish()
