"""One search against the clock: what `quality.py` runs, each in its own process.

    python racers.py RACER DATA.npz SECONDS SEED RECORDS.jsonl

A racer gets the same arrays, objective and batch size, and tells a `Recorder` of its
epochs. Whenever one of them beats all before it, the model of that moment is tested,
with the clock stopped: a line of the records is the time, the validation score and the
test accuracy. When the time is up the process ends, whatever it is in.
"""

import dataclasses
import json
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

DIRECTIONS = {"val_accuracy": 1, "val_loss": -1}
TRIALS = 10_000  # the time is up before


class Settings(NamedTuple):
    """The same for all."""

    seed: int
    epochs: int
    batch: int


class Clock:
    """Processor seconds since the search began, without those when it was stopped.

    On a core of its own and with one thread they are what a wall clock shows, but for
    waiting for the disk; beside other work they stay the same.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._stopped = 0.0
        self._begun = time.process_time()

    def now(self):
        return time.process_time() - self._begun - self._stopped

    @contextmanager
    def stopped(self):
        begin = time.process_time()
        with self._lock:
            yield
            self._stopped += time.process_time() - begin

    def end(self, seconds, last_words):
        """Ends the process after so many seconds."""

        def watch():
            while True:
                time.sleep(0.02)
                with self._lock:
                    if self.now() >= seconds:
                        last_words()
                        os._exit(0)

        threading.Thread(target=watch, daemon=True).start()


class Recorder(keras.callbacks.Callback):
    """Writes down each epoch that is better than all before it, in any trial."""

    def __init__(self, clock, objective, x_test, y_test, file):
        super().__init__()
        self.clock, self.objective, self.file = clock, objective, file
        self.x_test, self.y_test = x_test, y_test
        self.best = -np.inf
        self.trials = self.epochs = 0

    def __deepcopy__(self, memo):
        # KerasTuner gives each trial a copy.
        return self

    def set_model(self, model):
        super().set_model(model)
        # XLA compiles for longer than a trial of these trains: off for everyone.
        model.jit_compile = False

    def on_train_begin(self, logs=None):
        self.trials += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        score = DIRECTIONS[self.objective] * logs[self.objective]
        if score > self.best:
            seconds = self.clock.now()
            with self.clock.stopped():
                self.best = score
                self.write(
                    seconds=seconds,
                    validation=logs[self.objective],
                    test=self.test(),
                    trial=self.trials,
                    epoch=epoch + 1,
                    parameters=self.model.count_params(),
                )

    def test(self):
        """The accuracy, of one probability or of one for each class."""
        found = self.model.predict(self.x_test, batch_size=512, verbose=0)
        one = found.shape[-1] == 1
        guesses = found[:, 0] > 0.5 if one else found.argmax(axis=-1)
        return float(np.mean(guesses == self.y_test))

    def write(self, **record):
        with Path(self.file).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def kerasblocks(data, recorder, settings, folder):
    """The ready hypermodel, as it comes."""
    import kerasblocks as kb

    study = kb.hypermodels.study_for(
        data["x"],
        data["y"],
        validation=(data["x_validation"], data["y_validation"]),
        test=0,
        objective=recorder.objective,
        batch_size=settings.batch,
        epochs=settings.epochs,
        trials=TRIALS,
        seed=settings.seed,
    )
    own = study.callbacks
    study = dataclasses.replace(study, callbacks=lambda: [*own(), recorder])
    kb.search.run(study, out=folder)


def hyper_resnet(data, recorder, settings, folder):
    """KerasTuner's, by its random search, as its guide has it."""
    from keras_tuner.applications import HyperResNet

    _random_search(HyperResNet, data, recorder, settings, folder)


def hyper_xception(data, recorder, settings, folder):
    """KerasTuner's, by its random search, as its guide has it."""
    from keras_tuner.applications import HyperXception

    _random_search(HyperXception, data, recorder, settings, folder)


def _random_search(hypermodel, data, recorder, settings, folder):
    import keras_tuner

    x, y, validation = in_rows(data)
    tuner = keras_tuner.RandomSearch(
        hypermodel(input_shape=x.shape[1:], classes=y.shape[1]),
        objective=objective(recorder),
        max_trials=TRIALS,
        seed=settings.seed + 1,  # it takes 0 for none
        directory=folder,
        project_name="race",
    )
    recorder.x_test = as_images(recorder.x_test)
    tuner.search(
        x,
        y,
        validation_data=validation,
        epochs=settings.epochs,
        batch_size=settings.batch,
        callbacks=[recorder],
        verbose=0,
    )


def autokeras(data, recorder, settings, folder):
    """AutoKeras' ImageClassifier, as it comes; it ends trials by early stopping."""
    import autokeras

    recorder.x_test = as_images(recorder.x_test)
    classifier = autokeras.ImageClassifier(
        max_trials=TRIALS,
        objective=objective(recorder),
        directory=folder,
        overwrite=True,
        seed=settings.seed + 1,
    )
    classifier.fit(
        as_images(data["x"]),
        data["y"],
        validation_data=(as_images(data["x_validation"]), data["y_validation"]),
        batch_size=settings.batch,
        callbacks=[recorder],
        verbose=0,
    )


RACERS = {
    "kerasblocks": kerasblocks,
    "HyperResNet": hyper_resnet,
    "HyperXception": hyper_xception,
    "AutoKeras": autokeras,
}


def objective(recorder):
    import keras_tuner

    direction = "max" if DIRECTIONS[recorder.objective] > 0 else "min"
    return keras_tuner.Objective(recorder.objective, direction)


def as_images(x):
    """Images as they are; a series is one as high as it is long, and 1 wide."""
    return x if x.ndim == 4 else x[:, :, None]


def in_rows(data):
    """Images, a 1 among 0s for each class, and the same to validate on."""
    to_rows, classes = keras.utils.to_categorical, int(data["y"].max()) + 1
    validation = (
        as_images(data["x_validation"]),
        to_rows(data["y_validation"], classes),
    )
    return as_images(data["x"]), to_rows(data["y"], classes), validation


def warm_up(data):
    """What a process does once, before any clock: load, and trace a first graph."""
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("adam", "mse", jit_compile=False)
    model.fit(data["x"][:8], data["y"][:8], verbose=0)
    model.predict(data["x"][:8], verbose=0)


def race(racer, data, seconds, seed, file):
    with np.load(data, allow_pickle=False) as arrays:
        data = dict(arrays)
    settings = Settings(seed, *(int(data.pop(key)) for key in ("epochs", "batch")))
    goal = str(data.pop("objective"))
    keras.utils.set_random_seed(seed)
    warm_up(data)
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        recorder = Recorder(clock, goal, data["x_test"], data["y_test"], file)
        clock.end(
            seconds,
            lambda: recorder.write(trials=recorder.trials, epochs=recorder.epochs),
        )
        RACERS[racer](data, recorder, settings, folder)


if __name__ == "__main__":
    race(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
