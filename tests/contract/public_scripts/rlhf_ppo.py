"""RLHF: prompts, responses and rewards as a table of each step, beside KL and rewards, in the manner of trl's PPO."""

import numpy as np
import pandas as pd
import wandb

rng = np.random.default_rng(3)
config = {
    "exp_name": "ppo",
    "model_name": "gpt2",
    "steps": 4,
    "learning_rate": 1.41e-5,
    "adap_kl_ctrl": True,
    "target": 6,
    "reward": {"label_smoothing": None, "offset": [0.0, 1.0]},
    "seed": 0,
}
wandb.init(project="trl", config=config, name="ppo-imdb", **{"tags": ["ppo", "rlhf"], "save_code": False})
columns = ["iteration", "query", "response", "reward", "ref_reward"]
every = wandb.Table(columns=columns, log_mode="MUTABLE")
kl_coef = 0.2
for iteration in range(config["steps"]):
    queries = [f"This film {n}" for n in range(4)]
    responses = [f" was {word} 'quoted', \u00fc\n" for word in ("good", "bad", "fine", "odd")]
    rewards = rng.normal(size=4)
    kl = float(abs(rng.normal())) * 5
    kl_coef *= 1 + np.clip(kl / config["target"] - 1, -0.2, 0.2) * 0.1
    logs = {
        "objective/kl": kl,
        "objective/kl_dist": rng.normal(size=32),
        "objective/kl_coef": kl_coef,
        "ppo/returns/mean": rewards.mean(),
        "ppo/policy/entropy": np.float64(2.5),
        "ppo/learning_rate": np.array([1.41e-5], dtype=np.float32),
        "tokens/queries_len_mean": 3,
        "env/reward_mean": np.mean(rewards),
        "env/reward_dist": rewards.tolist(),
        "time/ppo/total": 1.5,
    }
    frame = pd.DataFrame({"query": queries, "response": responses, "reward": rewards.round(3)})
    logs["game_log"] = wandb.Table(dataframe=frame)
    for row in zip([iteration] * 4, queries, responses, rewards.round(3).tolist(), [0.0, 1.0, None, -1.5]):
        every.add_data(*row)
    logs["completions"] = wandb.Table(columns=every.columns, data=every.data)
    wandb.log(logs)
wandb.run.summary.update({"best/reward": 1.0, "verdict": {"kl": "low"}})
wandb.run.log({"final": every})
wandb.finish()
