"""InceptionTime of our blocks and aeon's, on the UCR series that ship with aeon.

python benchmarks/inception_time.py [--seeds N] [--epochs N] [--batch N]
    [--only SERIES ...] [--of MAKER] [--results FILE] [--docs]

A run trains one network: a series, ours or aeon's, and a seed for its initial weights
and the order of the batches. It is kept in the results file as soon as it is done, with
the probabilities that it gives to the test series: what is stopped goes on where it
was, and an ensemble is the mean of the runs. `--docs` trains nothing: it writes the
tables of the results there are into docs/inception-time.md.

Ours and aeon's are trained with the same epochs, batches, optimizer and schedule, one
after the other, without XLA, which is slower here.
"""

import argparse
import itertools
import json
import os
import runpy
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from pages import markdown, write_section

import kerasblocks as kb
from kerasblocks.files import replacing

ROOT = Path(__file__).parent.parent
EXAMPLE = runpy.run_path(str(ROOT / "examples" / "networks" / "inception_time.py"))
RESULTS = ROOT / "runs" / "inception_time.jsonl"


class Series(NamedTuple):
    """Epochs that were affordable, the authors' mini-batch, and what was published."""

    epochs: int
    batch: int  # min(cases // 10, 16)
    published: str


SERIES = {
    "ItalyPowerDemand": Series(60, 6, "0.968"),
    "GunPoint": Series(60, 5, "1.000"),
    "ArrowHead": Series(80, 3, "0.829"),
    "OSULeaf": Series(40, 16, "0.934"),
    "ACSF1": Series(30, 10, "0.91, single"),
}


class Clock(keras.callbacks.Callback):
    """Processor seconds: of the whole training, and of an epoch's steps alone.

    It must come first among the callbacks. Other work on the machine changes the
    seconds that pass, but hardly those that the processor works. Ours and aeon's
    compile their models themselves: so this is also where XLA is turned off.
    """

    def set_model(self, model):
        super().set_model(model)
        model.jit_compile = False
        self.ends, self.steps = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(time.process_time())
        self.steps.append(self.ends[-1] - self.begin)

    def on_train_end(self, logs=None):
        self.ends.append(time.process_time())

    def seconds(self):
        """Without the first epoch, in which TensorFlow traces the model."""
        return {
            "training": self.ends[-1] - self.ends[0],
            "epoch": statistics.median(self.steps[1:]),
        }


def load(name, split):
    from aeon.datasets import load_classification

    x, y = load_classification(name, split=split)
    x = x.transpose(0, 2, 1).astype("float32")  # aeon's channels are first
    return x, np.unique(y, return_inverse=True)[1]


def train_ours(x, y, *, seed, epochs, batch, clock):
    keras.utils.set_random_seed(seed)
    model = EXAMPLE["inception_time"](x.shape[1:], classes=int(y.max()) + 1)
    EXAMPLE["train"](model, x, y, epochs, batch, callbacks=[clock])
    return model


def train_aeons(x, y, *, seed, epochs, batch, clock):
    """A member of `InceptionTimeClassifier`: the ensemble is their mean."""
    from aeon.classification.deep_learning import IndividualInceptionClassifier

    with tempfile.TemporaryDirectory() as folder:  # for its best weights
        classifier = IndividualInceptionClassifier(
            n_epochs=epochs,
            batch_size=batch,
            callbacks=[clock, EXAMPLE["slower"](epochs)],
            file_path=f"{folder}/",
            random_state=seed,
        )
        classifier.fit(x.transpose(0, 2, 1), y)
    classifier.model_.jit_compile = False
    return classifier.model_


MAKERS = {"kerasblocks": train_ours, "aeon": train_aeons}


def run(name, maker, seed, epochs, batch):
    """Trains one network: what the results file keeps of it."""
    (x, y), (x_test, y_test) = load(name, "train"), load(name, "test")
    clock, start = Clock(), time.perf_counter()
    model = MAKERS[maker](x, y, seed=seed, epochs=epochs, batch=batch, clock=clock)
    as_trained = tested(model, x_test, y_test)
    renew_statistics(model, x)
    result = {
        "series": name,
        "maker": maker,
        "seed": seed,
        "epochs": epochs,
        "batch": batch,
        "cases": len(x),
        "length": x.shape[1],
        "parameters": model.count_params(),
        "minutes": (time.perf_counter() - start) / 60,
        "processor_seconds": clock.seconds(),
        "labels": y_test.tolist(),
        **as_trained,
        "renewed": tested(model, x_test, y_test),
    }
    keras.utils.clear_session()
    return result


def tested(model, x, labels):
    probabilities = model.predict(x, verbose=0)
    return {
        "accuracy": accuracy(probabilities, labels),
        "probabilities": np.round(probabilities, 6).tolist(),
    }


def renew_statistics(model, x):
    """Batch normalization gets the statistics of the whole training set.

    Its moving averages are behind the weights where the epochs were few.
    """
    plain = kb.expand(model)
    for layer in plain.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    plain(x, training=True)


def accuracy(probabilities, labels):
    return float(np.mean(np.argmax(probabilities, axis=-1) == labels))


def read(file):
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def keep(file, results):
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as draft:
        draft.write_text("".join(json.dumps(r) + "\n" for r in results), "utf-8")


def measure(file, names, makers, seeds, epochs, batch):
    """Trains what the file lacks; by seeds, so that a part of it is of all series."""
    results = read(file)
    keys = ("series", "maker", "seed", "epochs", "batch")
    done = {tuple(result[key] for key in keys) for result in results}
    for seed, name, maker in itertools.product(range(seeds), names, makers):
        wanted = (epochs or SERIES[name].epochs, batch or SERIES[name].batch)
        if (name, maker, seed, *wanted) not in done:
            results.append(run(name, maker, seed, *wanted))
            keep(file, results)
            print(name, maker, seed, *told(results[-1]), sep=", ", flush=True)


def told(result):
    yield f"accuracy {result['accuracy']:.3f}"
    yield f"renewed {result['renewed']['accuracy']:.3f}"
    yield f"{result['minutes']:.1f} minutes"
    yield f"{result['processor_seconds']['epoch']:.3f} processor seconds an epoch"


def tables(results):
    """What the results say, in Markdown; the oldest have no renewed statistics."""
    renewed = [{**run, **run["renewed"]} for run in results if "renewed" in run]
    return "\n\n".join(
        [
            accuracies(grouped(results)),
            RENEWED,
            accuracies(grouped(renewed)),
            TIMES,
            times(grouped(results)),
        ]
    )


def grouped(results):
    """The runs by series, batch and epochs, then maker, then seed."""
    groups = {}
    for run in results:
        key = (run["series"], run["batch"], run["epochs"])
        makers = groups.setdefault(key, {maker: {} for maker in MAKERS})
        makers[run["maker"]][run["seed"]] = run
    order = list(SERIES)
    return dict(sorted(groups.items(), key=lambda group: order.index(group[0][0])))


def accuracies(groups):
    networks = ("ours, one", "ours, ensemble", "aeon's, one", "aeon's, ensemble")
    head = ["series", "cases", "length", "batch", "epochs", *networks, "published"]
    rows = []
    for (name, *_), makers in groups.items():
        some = next(run for of in makers.values() for run in of.values())
        about = [str(some[key]) for key in head[:5]]
        cells = [cell for of in makers.values() for cell in accuracy_cells(of)]
        rows.append([*about, *cells, SERIES[name].published])
    return markdown(head, rows)


def accuracy_cells(runs):
    """Mean and deviation of single networks, and their ensemble."""
    if not runs:
        return "", ""
    singles = [run["accuracy"] for run in runs.values()]
    mean = f"{statistics.mean(singles):.3f}"
    if len(singles) == 1:
        return mean, ""
    probabilities = np.mean([run["probabilities"] for run in runs.values()], axis=0)
    ensemble = accuracy(probabilities, next(iter(runs.values()))["labels"])
    deviation = f"{statistics.stdev(singles):.3f}"
    return f"{mean} ± {deviation}", f"{ensemble:.3f} of {len(runs)}"


RENEWED = """\
The same networks with the mean and variance of the whole training set in their batch
normalizations, instead of moving averages that few steps leave behind:"""

TIMES = """\
Processor seconds of ours over those of aeon's, the median of the pairs of one seed: for
the whole training but its first epoch, and for the steps of an epoch (the median one)
without the callbacks:"""


def times(groups):
    head = ["series", "batch", "epochs", "parameters, ours", "aeon's"]
    rows = []
    for about, makers in groups.items():
        ours, aeons = makers.values()
        pairs = [(ours[seed], aeons[seed]) for seed in ours if seed in aeons]
        if pairs:
            counts = [f"{run['parameters']:,}" for run in pairs[0]]
            ratios = [ratio(pairs, key) for key in ("training", "epoch")]
            rows.append([*map(str, about), *counts, str(len(pairs)), *ratios])
    return markdown([*head, "pairs", "training", "steps"], rows)


def ratio(pairs, key):
    """The median of ours over aeon's."""
    seconds = [[run["processor_seconds"][key] for run in pair] for pair in pairs]
    return f"{statistics.median(ours / aeons for ours, aeons in seconds):.2f}"


def main():
    parser = argparse.ArgumentParser(description="InceptionTime, ours and aeon's.")
    parser.add_argument("--seeds", type=int, default=5, help="how many (5)")
    parser.add_argument("--epochs", type=int, help="instead of each series' own")
    parser.add_argument("--batch", type=int, help="instead of the authors'")
    parser.add_argument("--only", nargs="+", choices=SERIES, help="some series")
    parser.add_argument("--of", choices=MAKERS, help="one maker's")
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        help="the file, else runs/inception_time.jsonl",
    )
    parser.add_argument(
        "--docs", action="store_true", help="write the page, train nothing"
    )
    options = parser.parse_args()
    if options.epochs is not None and options.epochs < 2:
        parser.error(f"--epochs must be 2 or more, got {options.epochs}")
    if not options.docs:
        measure(
            options.results,
            names=options.only or SERIES,
            makers=[options.of] if options.of else MAKERS,
            seeds=options.seeds,
            epochs=options.epochs,
            batch=options.batch,
        )
    table = tables(read(options.results))
    print(table)
    if options.docs:
        write_section("inception-time.md", "results", table)


if __name__ == "__main__":
    main()
