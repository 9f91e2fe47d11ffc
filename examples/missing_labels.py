"""Three questions about a digit, of which three labels in ten are missing.

Each of digit, parity and amount of ink is known for 70 in 100 images, all three for no
more than 34 in 100. A head learns from the labels that it has: NaN, or -1 for classes,
stands for those that it has not. Beside it, what is left if each image must have all
its labels, and what could be reached if none were missing.
"""

from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb

PICTURE = Path("runs/missing_labels.png")
MISSING = {"digit": -1, "odd": np.nan, "ink": np.nan}


def load(seed):
    digits = load_digits()
    images = digits.images[..., None].astype("float32") / 16
    ink = images.sum(axis=(1, 2, 3))  # as if all were full or empty pixels: 12 to 27
    y = {
        "digit": digits.target.astype("float32"),
        "odd": (digits.target % 2).astype("float32"),
        "ink": (ink - 19.5) / 2,
    }
    rows = train_test_split(
        np.arange(len(images)), train_size=400, stratify=y["odd"], random_state=seed
    )
    return [
        (images[part], {name: labels[part] for name, labels in y.items()})
        for part in rows
    ]


def hide(y, share, generator):
    return {
        name: np.where(generator.random(len(labels)) < share, MISSING[name], labels)
        for name, labels in y.items()
    }


def build():
    images = keras.Input((8, 8, 1))
    x = kb.ConvBlock(32, 3, normalization=None)(images)
    x = kb.ResidualBlock(64, strides=2, order="book", normalization=None)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    heads = kb.MultiHeadOutput(
        {
            "digit": kb.heads.Multiclass(10, missing=-1),
            "odd": kb.heads.Binary(hidden=[32]),
            "ink": kb.heads.Regression(),
        }
    )
    return kb.MultiHeadModel(images, heads(x)), heads


def evaluate(x, y, test, steps, seed):
    """Trains for so many steps, however many rows there are."""
    keras.utils.set_random_seed(seed)
    model, heads = build()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.Adam(rate), **heads.compile_args())
    epochs = round(steps / np.ceil(len(x) / 32))
    model.fit(x, heads.route(y), batch_size=32, epochs=epochs, verbose=0)
    found = model.evaluate(*test, verbose=0, return_dict=True)
    return {
        "rows": len(x),
        "digit": found["digit_sparse_categorical_accuracy"],
        "odd": found["odd_binary_accuracy"],
        "ink": 2 * found["ink_mean_absolute_error"],
    }


def draw(rows):
    figure = Figure(figsize=(10, 3), layout="constrained")
    titles = {
        "digit": "accuracy of digit",
        "odd": "accuracy of odd",
        "ink": "error of ink in pixels",
    }
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        values = [row[name] for row in rows.values()]
        axes.bar(list(rows), values, color=["#9aa5b1", "#2563a8", "#d5dbe1"])
        axes.set(title=title, ylim=(0, None) if name == "ink" else (0.8, 1))
    PICTURE.parent.mkdir(exist_ok=True)
    unfinished = PICTURE.with_suffix(".part.png")
    figure.savefig(unfinished, dpi=130)
    unfinished.replace(PICTURE)


def main(seed=0, steps=400, share=0.3):
    """Returns a row for each way to deal with missing labels."""
    (x, y), test = load(seed)
    known = hide(y, share, np.random.default_rng(seed))
    whole = np.all([known[name] == labels for name, labels in y.items()], axis=0)
    complete = {name: labels[whole] for name, labels in known.items()}
    rows = {
        "complete rows": evaluate(x[whole], complete, test, steps, seed),
        "labels there are": evaluate(x, known, test, steps, seed),
        "no label missing": evaluate(x, y, test, steps, seed),
    }
    for way, row in rows.items():
        print(
            f"{way:17} {row['rows']:4} rows  digit {row['digit']:.3f}  "
            f"odd {row['odd']:.3f}  ink off by {row['ink']:.3f}"
        )
    draw(rows)
    return rows


if __name__ == "__main__":
    main()
