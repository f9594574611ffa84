"""Workers that log from threads of their own, and one that empties a queue, as actors of RL and of serving do it."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import wandb

run = wandb.init(project="threads", config={"workers": 3})
run.define_metric("worker/step")
run.define_metric("worker/*", step_metric="worker/step")
turn, lock = [0], threading.Condition()


def worker(number):
    for step in range(3):
        with lock:  # in turn, so that the rows have one order
            lock.wait_for(lambda: turn[0] % 3 == number)
            wandb.log({"worker/step": step, f"worker/reward_{number}": number + step / 10})
            turn[0] += 1
            lock.notify_all()


threads = [threading.Thread(target=worker, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

messages = queue.Queue()


def drain():
    while (message := messages.get()) is not None:
        run.log(message, commit=message.pop("commit", True))
        messages.task_done()


logger = threading.Thread(target=drain, daemon=True)
logger.start()
for step in range(4):
    messages.put({"latency": 0.5 * step, "commit": False})
    messages.put({"served": step, "errors": None if step else 0})
messages.put(None)
logger.join()
with ThreadPoolExecutor(2) as pool:
    images = list(pool.map(lambda n: wandb.Html(f"<b>{n}</b>"), range(2)))
wandb.log({"pages": images[0], "done": True})


def late():
    time.sleep(0.01)
    run.summary["from a thread"] = threading.current_thread().name
    run.alert("done", text="all workers have ended", level=wandb.AlertLevel.WARN, wait_duration=0)


thread = threading.Thread(target=late, name="late")
thread.start()
thread.join()
run.finish()
