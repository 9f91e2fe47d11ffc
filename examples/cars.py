"""Three questions about a car, whose losses differ a hundredfold.

From a car's name and five numbers, one sometimes unknown: its miles per gallon, unknown
for some cars, its origin, and whether it was built after 1976. How much of the gradient
on the shared layers is that of the largest loss (Deep Learning with Python, 7.1.3)?
"""

import json
from pathlib import Path

import keras
import numpy as np
from keras import layers
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split
from vega_datasets import data

import kerasblocks as kb

NUMBERS = ["Cylinders", "Displacement", "Weight_in_lbs", "Acceleration", "Horsepower"]
RUNS = Path("runs")


def load(seed):
    cars = json.loads(data.cars.raw())
    names, origins = (np.array([c[key] for c in cars]) for key in ("Name", "Origin"))
    train, test = train_test_split(
        np.arange(len(cars)), test_size=0.25, stratify=origins, random_state=seed
    )
    words = layers.TextVectorization(output_sequence_length=6)
    words.adapt(names[train])
    numbers = np.array([[c[key] for key in NUMBERS] for c in cars], "float32")
    numbers = (numbers - np.nanmean(numbers[train], 0)) / np.nanstd(numbers[train], 0)
    power = numbers[:, -1:]  # NaN where unknown
    x = {
        "name": np.asarray(words(names), "int32"),
        "numbers": numbers[:, :-1],
        "power": (power, ~np.isnan(power)),
    }
    y = {
        "mpg": np.array([c["Miles_per_Gallon"] for c in cars], "float32"),  # or NaN
        "origin": np.searchsorted(["Europe", "Japan", "USA"], origins),
        "after_1976": np.array([c["Year"] > "1977" for c in cars], "float32"),
    }
    return take((x, y), train), take((x, y), test), words.vocabulary_size()


def take(arrays, rows):
    return keras.tree.map_structure(lambda array: array[rows], arrays)


def build(vocabulary, balancing):
    inputs = {
        "name": keras.Input((6,), dtype="int32", name="name"),
        "numbers": keras.Input((4,), name="numbers"),
        "power": (keras.Input((1,)), keras.Input((1,), dtype="bool")),
    }
    words = [layers.Embedding(vocabulary, 8, mask_zero=True)]
    encoders = {
        "name": [*words, layers.GlobalAveragePooling1D(), layers.Dropout(0.3)],
        "numbers": layers.Dense(16, activation="relu"),
        "power": layers.Dense(8, activation="relu"),
    }
    x = kb.MultiInput(encoders, optional=["power"])(inputs)
    x = layers.Dropout(0.3)(layers.Dense(32, activation="relu")(x))
    three = {"mpg": kb.heads.Regression(), "origin": kb.heads.Multiclass(3)}
    heads = kb.MultiHeadOutput(
        {**three, "after_1976": kb.heads.Binary()}, balancing=balancing
    )
    return kb.MultiHeadModel(inputs, heads(x)), heads


def train(train, test, vocabulary, epochs, balancing=None, weights=None):
    model, heads = build(vocabulary, balancing)
    model.compile(keras.optimizers.Adam(0.01), **heads.compile_args(weights))
    monitor = kb.heads.HeadMonitor(*take(train, slice(128)))
    model.fit(*train, 32, epochs, verbose=0, callbacks=[monitor])
    share = monitor.history["mpg"]["share"]
    found = model.evaluate(*test, verbose=0, return_dict=True)
    return {
        "mpg error": found["mpg_mean_absolute_error"],
        "origin": found["origin_sparse_categorical_accuracy"],
        "after 1976": found["after_1976_binary_accuracy"],
        "mpg's gradient, before": share[0],
        "mpg's gradient, last 10": float(np.mean(share[-10:])),
    }, monitor


def draw(monitors):
    figure = Figure(figsize=(3.2 * len(monitors), 3.4), layout="constrained")
    panels = figure.subplots(1, len(monitors), sharey=True)
    for axes, (way, monitor) in zip(panels, monitors.items(), strict=True):
        monitor.plot(RUNS / f"cars-{way.replace(' ', '-')}.png")
        for name, noted in monitor.history.items():
            axes.plot(noted["share"], label=name)
        axes.set(title=way, xlabel="epoch", ylim=(0, 1))
    panels[0].legend(title="share of gradient", frameon=False)
    figure.savefig(RUNS / "cars.part.png", dpi=130)
    (RUNS / "cars.part.png").replace(RUNS / "cars.png")


def main(seed=0, epochs=60, only=None):
    """Returns a row of measures on new cars for each way to weigh the losses."""
    ways = {
        "equal": {},
        "by hand": {"weights": {"mpg": 0.02}},
        "uncertainty": {"balancing": "uncertainty"},
        "scale": {"balancing": "scale"},
        "average": {"balancing": kb.heads.DynamicWeightAverage(period=10)},  # an epoch
    }
    splits, rows, monitors = load(seed), {}, {}
    for way in only or ways:
        keras.utils.set_random_seed(seed)
        rows[way], monitors[way] = train(*splits, epochs, **ways[way])
        print(f"{way:12}", *(f"{key} {value:.3f} " for key, value in rows[way].items()))
    draw(monitors)
    return rows


if __name__ == "__main__":
    main()
