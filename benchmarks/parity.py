"""The published networks, made of blocks, against `keras.applications`.

python benchmarks/parity.py [--docs]

Each takes the weights of the Keras model, made random, and is run on the same images
of the size that the paper has. `--docs` writes the table into docs/networks.md.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from networks import EXAMPLES, NETWORKS, data, makers
from pages import markdown, write_section
from random_weights import randomize

import kerasblocks as kb


def features(model):
    """Of the whole image: where the classifier starts."""
    pooling = keras.layers.GlobalAveragePooling2D
    last = [layer for layer in model.layers if isinstance(layer, pooling)][-1]
    return keras.Model(model.input, last.output)


def difference(one, other, images):
    """The largest, relative to the largest value."""
    one, other = (np.asarray(model(images)) for model in (one, other))
    return abs(one - other).max() / abs(other).max()


def row(name):
    keras.utils.clear_session()
    sides = makers(name)
    ours, theirs = sides["ours"](), sides["keras"]()
    images = data(name)[0]
    randomize(theirs, images)
    kb.transfer_weights(theirs, ours)
    expanded = kb.expand(ours)
    equal = np.array_equal(expanded(images), ours(images))
    lines = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").count("\n")
    return [
        NETWORKS[name][0],
        f"{lines}",
        f"{ours.count_params():,}",
        f"{theirs.count_params():,}",
        f"{kb.summary(ours).macs / 1e9:.3f}",
        f"{difference(ours, theirs, images):.1e}",
        f"{difference(features(ours), features(theirs), images):.1e}",
        "bit-equal" if equal else "differs",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", action="store_true", help="write docs/networks.md")
    options = parser.parse_args()
    header = [
        *("network", "lines", "parameters", "of Keras", "10⁹ MACs"),
        *("outputs differ by", "features differ by", "expanded"),
    ]
    rows = [row(name) for name in NETWORKS]
    text = f"{markdown(header, rows)}\n\n`python benchmarks/parity.py --docs`"
    print(text)
    if options.docs:
        write_section("networks.md", "parity", text)


if __name__ == "__main__":
    main()
