"""What int8 costs in accuracy: a network that is trained, on images it has not seen.

python benchmarks/int8.py [--epochs N] [--docs]

Our MobileNetV2 (its strides as for larger images) learns scikit-learn's digits, drawn
16 times as large. Then every route of routes.py tells the digits of the test set.
`--docs` writes the table into docs/folding.md.
"""

import argparse
import os
import runpy
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from networks import EXAMPLES
from pages import markdown, write_section
from routes import CALIBRATION, ROUTES, open_route
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb

BATCH = 50  # of the test set's 450


def digits():
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).repeat(4, 1).repeat(4, 2) / 8 - 1
    return train_test_split(
        images.astype("float32"), labels, test_size=450, random_state=0
    )


def trained(x, y, epochs):
    keras.utils.set_random_seed(0)
    make = runpy.run_path(str(EXAMPLES / "mobilenet_v2.py"))["mobilenet_v2"]
    model = make((32, 32, 1), classes=10)
    steps = epochs * -(-len(x) // 32)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    for layer in kb.expand(model).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # 0.999 is for a million steps
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(x, y, epochs=epochs, verbose=2)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--docs", action="store_true", help="write docs/folding.md")
    options = parser.parse_args()
    x, test_x, y, test_y = digits()
    model = trained(x, y, options.epochs)
    rows, first = [], None
    with tempfile.TemporaryDirectory() as folder:
        for name in ROUTES:
            run = open_route(name, model, Path(folder), x[:CALIBRATION])
            batches = test_x.reshape(-1, BATCH, *test_x.shape[1:])
            outputs = np.concatenate([run(batch).copy() for batch in batches])
            first = outputs if first is None else first
            accuracy = (outputs.argmax(-1) == test_y).mean()
            agrees = (outputs.argmax(-1) == first.argmax(-1)).mean()
            off = abs(outputs - first).max()
            rows.append([name, f"{accuracy:.4f}", f"{agrees:.4f}", f"{off:.1e}"])
            print(" | ".join(rows[-1]), flush=True)
    header = ["route", "accuracy", "same answer as Keras", "probabilities off by"]
    text = (
        f"{markdown(header, rows)}\n\n`python benchmarks/int8.py --epochs "
        f"{options.epochs} --docs`, {len(test_y)} digits that it had not seen."
    )
    print(text)
    if options.docs:
        write_section("folding.md", "int8", text)


if __name__ == "__main__":
    main()
