"""One side of benchmarks/search.py, as a program: SIDE TRIALS FOLDER.

The log of the trials goes to FOLDER/log.jsonl.
"""

import contextlib
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner as kt
from search_trials import BATCH, EPOCHS, NAME, OBJECTIVE, Listed, Logged, data, rates


def bare(trials, folder):
    """No tuner: a loop."""
    hypermodel = Logged(trials, folder / "log.jsonl")
    train, validation = data()
    for number, rate in enumerate(rates(trials)):
        keras.utils.clear_session()
        keras.utils.set_random_seed(number)
        hp = kt.HyperParameters()
        hp.values["rate"] = rate
        model = hypermodel.build(hp)
        hypermodel.fit(
            hp,
            model,
            *train,
            validation_data=validation,
            epochs=EPOCHS,
            batch_size=BATCH,
            verbose=0,
        )


def kerasblocks(trials, folder, **where):
    from kerasblocks.search import Splits, Study, run
    from kerasblocks.search.display import Display

    study = Study(
        name=NAME,
        hypermodel=Logged(trials, folder / "log.jsonl"),
        data=lambda: Splits(*data()),
        objective=OBJECTIVE,
        oracle=lambda objective, seed: Listed(objective=objective, seed=seed),
        trials=trials,
        epochs=EPOCHS,
        batch_size=BATCH,
    )
    run(study, out=folder / "study", display=Display(io.StringIO()), **where)


def pool(trials, folder):
    kerasblocks(trials, folder, workers=2)


def ray(trials, folder):
    kerasblocks(trials, folder, ray="local", workers=2)


def tuner(trials, folder):
    train, validation = data()
    search = kt.Tuner(
        Listed(objective=OBJECTIVE, max_trials=trials),
        Logged(trials, folder / "log.jsonl"),
        directory=folder,
        project_name=NAME,
    )
    search.search(
        *train,
        validation_data=validation,
        epochs=EPOCHS,
        batch_size=BATCH,
        verbose=0,
    )


def chief(trials, folder):
    """KerasTuner's own way to several processes: a chief and two workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}
    processes = []
    for name in ("chief", "tuner0", "tuner1"):
        environment = {**os.environ, **address, "KERASTUNER_TUNER_ID": name}
        command = [sys.executable, __file__, "tuner", str(trials), str(folder)]
        processes.append(subprocess.Popen(command, env=environment))
    server, *workers = processes
    try:
        for worker in workers:
            worker.wait()
        # The chief does not always see that they are done.
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(10)
    finally:
        for process in processes:
            process.kill()
            process.wait()


SIDES = {
    "bare": bare,
    "here": kerasblocks,
    "pool": pool,
    "ray": ray,
    "tuner": tuner,
    "chief": chief,
}


if __name__ == "__main__":
    side, count, root = sys.argv[1:]
    SIDES[side](int(count), Path(root))
