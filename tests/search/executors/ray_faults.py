"""Has Ray's workers succeed, fail, die and hang, and prints what the driver saw.

python ray_faults.py FOLDER
"""

import contextlib
import dataclasses
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import keras
import keras_tuner as kt
import psutil

from kerasblocks.search import load_study
from kerasblocks.search.checkpoint import epochs_done
from kerasblocks.search.errors import ExecutorLost
from kerasblocks.search.executors.ray import Ray
from kerasblocks.search.jobs import Job


def job(number, what="train", **changes):
    hp = kt.HyperParameters()
    hp.Choice("what", ["train", what])
    hp.Float("x", 0.0, 1.0)
    hp.values = {"what": what, "x": 0.3}
    settings = {"attempt": 1, "point": hp.get_config(), "seed": number, "epochs": 3}
    settings |= {"every": 0.0, "checkpoint": str(folder / f"{number}.npz")}
    settings |= {"model": str(folder / f"{number}.keras")}
    return Job(number, **settings | changes)


def run(*jobs, on_epoch=lambda epoch: True):
    """Runs trials to their ends; returns names, outcomes and epochs by number."""
    epochs = {each.number: [] for each in jobs}

    def take(epoch):
        epochs[epoch.number].append(epoch.epoch)
        return on_epoch(epoch)

    names, ended = {}, {}
    for each in jobs:
        while len(names) - len(ended) >= executor.slots:
            ended |= {outcome.number: outcome for outcome in executor.wait(take)}
        names[each.number] = executor.submit(each)
        # Two start at the same time; both are wanted from here on.
        while executor.slots < 2 and each is jobs[0] and len(jobs) > 1:
            executor.wait(take)
    while len(ended) < len(jobs):
        ended |= {outcome.number: outcome for outcome in executor.wait(take)}
    return names, {n: dataclasses.asdict(each) for n, each in ended.items()}, epochs


def listening():
    """The addresses that anything on this machine listens on."""
    found = psutil.net_connections("inet")
    return sorted({each.laddr.ip for each in found if each.status == "LISTEN"})


def processes(word):
    """The processes of Ray, but this one, that are of such a name."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            names = process.name(), *process.cmdline()[:1]
            if process.status() != "zombie" and any(word in name for name in names):
                found.append(process.pid)
    return found


folder = Path(sys.argv[1])
begun = time.monotonic()
executor = Ray(load_study(Path(__file__).with_name("ray_study.py")), "local", workers=2)
seen = {"connected": time.monotonic() - begun}

endless = job(2, epochs=10_000)
names, outcomes, epochs = run(
    job(1), endless, on_epoch=lambda epoch: epoch.number == 1 or epoch.epoch < 2
)
seen["well"] = {"names": names, "outcomes": outcomes, "epochs": epochs}
seen["ready"] = time.monotonic() - begun
seen["listening"] = listening()
seen["model"] = keras.saving.load_model(job(1).model).count_params()

begun = time.monotonic()
_, outcomes, _ = run(*(job(number, epochs=1) for number in range(10, 20)))
seen["ten"] = {
    "seconds": time.monotonic() - begun,
    "trials": [outcome["seconds"] for outcome in outcomes.values()],
}

_, outcomes, _ = run(job(3, "raise"), job(4, "leave"))
seen["faults"] = outcomes


def kill(epoch):
    if epoch.epoch == 2:
        os.kill(int(epoch.metrics["process"]), signal.SIGKILL)
    return True


_, outcomes, epochs = run(job(5), on_epoch=kill)
kept = epochs_done(folder / "5.npz")
_, again, later = run(job(5, attempt=2))
seen["killed"] = {
    "outcomes": [outcomes[5], again[5]],
    "epochs": [epochs[5], later[5]],
    "kept": kept,
}

begun = time.monotonic()
_, outcomes, _ = run(job(6, "hang", hang=2.0))
seen["hang"] = {"outcome": outcomes[6], "seconds": time.monotonic() - begun}

seen["scratch"] = [path.name for path in Path(tempfile.gettempdir()).glob("*/*.npz")]

executor.submit(job(7, epochs=10_000))
(head,) = processes("gcs_server")
os.kill(head, signal.SIGKILL)
psutil.wait_procs([psutil.Process(head)])
begun = time.monotonic()
try:
    while True:
        executor.wait(lambda epoch: True)
except ExecutorLost as error:
    seen["lost"] = {"error": str(error), "seconds": time.monotonic() - begun}
begun = time.monotonic()
executor.close()
executor.close()
seen["closed"] = time.monotonic() - begun
until = time.monotonic() + 30
# Ray's own agents try for another minute to tell the head that they end.
while (
    left := processes("TrialActor") + processes("/raylet")
) and time.monotonic() < until:
    time.sleep(0.1)
seen["left"] = left
sys.stdout.write(json.dumps(seen) + "\n")
