"""What each engine of workers starts: ten rows by workers that join the run of this process."""

from __future__ import annotations

import logging
import logging.config
import sys

import wandb_logging


def work(i: int) -> int:
    logging.getLogger("work").info("row", extra={"metrics": {"i": i}})
    return i


def with_joblib() -> None:
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", initializer=wandb_logging.join()):
        Parallel(n_jobs=2)(delayed(work)(i) for i in range(10))


def with_ray() -> None:
    import ray

    ray.init(num_cpus=2, runtime_env={"worker_process_setup_hook": wandb_logging.join()})
    ray.get([ray.remote(work).remote(i) for i in range(10)])
    ray.shutdown()


def with_dask() -> None:
    from dask.distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        client.run(wandb_logging.join())
        client.gather(client.map(work, range(10)))


if __name__ == "__main__":
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"wandb": {"class": "wandb_logging.WandbHandler", "project": "launchers", "name": "vit"}},
            "root": {"level": "INFO", "handlers": ["wandb"]},
        }
    )
    {"joblib": with_joblib, "ray": with_ray, "dask": with_dask}[sys.argv[1]]()
