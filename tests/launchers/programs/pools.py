"""What each engine of workers starts: ten rows in the run of this process, or, of Ray Tune, in one a trial."""

from __future__ import annotations

import contextlib
import logging
import logging.config
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import wandb_logging

# Of workers elsewhere: this is another folder in each working directory, so they do not see that of the program.
SETTINGS = {"cache_dir": "/proc/self/cwd/wandb_cache"} if sys.argv[-1].endswith("-apart") else {}


def work(i: int) -> int:
    logging.getLogger("work").info("row", extra={"metrics": {"i": i}})
    return i


def with_joblib() -> None:
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", initializer=wandb_logging.join()):
        Parallel(n_jobs=2)(delayed(work)(i) for i in range(10))


def with_joblib_alone() -> None:
    from joblib import Parallel, delayed

    logging.getLogger("begin").info("begin")
    Parallel(n_jobs=2, backend="loky")(delayed(work)(i) for i in range(10))


def with_ray() -> None:
    import ray

    ray.init(num_cpus=2, runtime_env={"worker_process_setup_hook": wandb_logging.join()})
    ray.get([ray.remote(work).remote(i) for i in range(10)])
    ray.shutdown()


class Actor:
    def work(self, i: int) -> int:
        return work(i)


def with_actors() -> None:
    import ray

    ray.init(num_cpus=2, runtime_env={"worker_process_setup_hook": wandb_logging.join()})
    actors = [ray.remote(Actor).remote() for _ in range(2)]
    ray.get([actors[i % 2].work.remote(i) for i in range(10)])
    ray.shutdown()


def share(_config: object) -> None:
    from ray import train

    context = train.get_context()
    for i in range(context.get_world_rank(), 10, context.get_world_size()):
        work(i)


def with_train() -> None:
    import ray
    from ray.train import ScalingConfig
    from ray.train.torch import TorchTrainer

    ray.init(num_cpus=4, runtime_env={"worker_process_setup_hook": wandb_logging.join()})
    TorchTrainer(share, train_loop_config={}, scaling_config=ScalingConfig(num_workers=2)).fit()
    ray.shutdown()


def trial(config: dict[str, int]) -> None:
    from ray import tune

    configure(f"lr-{config['lr']}")
    for i in range(10):
        work(i)
        tune.report({"i": i})
    logging.shutdown()


def with_tune() -> None:
    import ray
    from ray import tune

    ray.init(num_cpus=2)
    tune.Tuner(trial, param_space={"lr": tune.grid_search([1, 2])}).fit()
    ray.shutdown()
    if not Path("wandb_cache").is_dir():
        sys.exit("the trials' runs are not in the project")


def with_dask() -> None:
    from dask.distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        client.register_plugin(wandb_logging.join().dask_plugin())
        client.gather(client.map(work, range(5)))
        client.restart()
        client.gather(client.map(work, range(5, 10)))


def with_spark(master: str = "local[2]") -> None:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master(master).config("spark.ui.enabled", "false").getOrCreate()
    join = wandb_logging.join()

    def share(numbers: Iterable[int]) -> Iterator[int]:
        join()
        return map(work, numbers)

    spark.sparkContext.parallelize(range(10), 2).mapPartitions(share).collect()
    spark.stop()


def with_spark_apart() -> None:
    with_spark("local-cluster[2,1,1024]")  # its executors work in folders of their own


def with_dask_apart() -> None:
    from dask.distributed import Client

    dask = str(Path(sys.executable).with_name("dask"))
    with (
        elsewhere(dask, "scheduler", "--port", "8793", "--no-dashboard"),
        elsewhere(dask, "worker", "tcp://127.0.0.1:8793", "--nworkers", "2", "--nthreads", "1", "--no-dashboard"),
        Client("tcp://127.0.0.1:8793", timeout=300) as client,
    ):
        client.wait_for_workers(2)
        client.register_plugin(wandb_logging.join().dask_plugin())
        client.gather(client.map(work, range(10)))


def with_ray_apart() -> None:
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))  # of this cluster alone
    import ray

    tool = str(Path(sys.executable).with_name("ray"))
    with elsewhere(
        tool, "start", "--head", "--port", "6391", "--num-cpus", "2", "--include-dashboard=false", "--block"
    ):
        ray.init(address="127.0.0.1:6391", runtime_env={"worker_process_setup_hook": wandb_logging.join()})
        ray.get([ray.remote(work).remote(i) for i in range(10)])
        ray.shutdown()


@contextlib.contextmanager
def elsewhere(*command: str) -> Iterator[None]:
    """Have a program run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def configure(name: str) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "wandb": {"class": "wandb_logging.WandbHandler", "project": "launchers", "name": name, **SETTINGS}
            },
            "root": {"level": "INFO", "handlers": ["wandb"]},
        }
    )


ENGINES = {
    "joblib": with_joblib,
    "joblib-alone": with_joblib_alone,
    "ray": with_ray,
    "actors": with_actors,
    "train": with_train,
    "tune": with_tune,
    "dask": with_dask,
    "spark": with_spark,
    "ray-apart": with_ray_apart,
    "dask-apart": with_dask_apart,
    "spark-apart": with_spark_apart,
}

if __name__ == "__main__":
    if sys.argv[1] != "tune":
        configure("vit")
    ENGINES[sys.argv[1]]()
