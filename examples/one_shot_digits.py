"""A Siamese network compares digits of two classes that it has never seen.

It learns on eight digits whether two images show the same one, and is tested on the
other two (one-shot learning: Lake et al., 2011). Five splits hold out 0 and 1, 2 and 3,
and so on: each digit once. Raw pixels are asked the same. Where the digits are centred,
pixels do better than eight classes can teach; where they lie anywhere, pixels guess.
"""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

import kerasblocks as kb

SPLITS = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
ROOM = {"centred": 0, "anywhere": 4}  # how many pixels a digit may be moved by
PICTURE = Path("runs/one_shot_digits.png")


def place(images, room, rng):
    """Each image somewhere on a canvas that is larger by `room`."""
    placed = np.zeros((len(images), 8 + room, 8 + room, 1), "float32")
    for canvas, image in zip(placed, images, strict=True):
        row, column = rng.integers(0, room + 1, 2)
        canvas[row : row + 8, column : column + 8, 0] = image / 16
    return placed


def build(size):
    encoder = [
        kb.ConvBlock(32, 3, normalization=None),
        kb.ConvBlock(64, 3, strides=2, normalization=None),
        kb.ConvBlock(64, 3, normalization=None),
        keras.layers.GlobalMaxPooling2D(),
        keras.layers.Dense(32),
    ]
    siamese = kb.SiameseEncoder(encoder, merge="euclidean")
    inputs = [keras.Input((size, size, 1), name=name) for name in ("left", "right")]
    return keras.Model(inputs, siamese(inputs)), siamese


def verification(questions, vectors):
    """How well distance tells pairs of two digits from pairs of one: the AUC."""
    left, right = questions.positions(0)
    apart = np.linalg.norm(vectors[left] - vectors[right], axis=-1)
    return roc_auc_score(questions.codes[left] != questions.codes[right], apart)


def run_split(unseen, room, epochs, seed):
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    digits = load_digits()
    new = np.isin(digits.target, unseen)
    copies = 4 if room else 1
    x = place(np.repeat(digits.images[~new], copies, axis=0), room, rng)
    y = np.repeat(digits.target[~new], copies)
    x_new, y_new = place(digits.images[new], room, rng), digits.target[new]

    model, siamese = build(8 + room)
    model.compile("adam", kb.losses.Contrastive(margin=1.0))
    pairs = kb.data.Pairs(x, y, batch_size=128, pairs=6000, seed=seed)
    model.fit(pairs, epochs=epochs, verbose=0)

    embeddings = siamese.encoder_model().predict(x_new, verbose=0)
    questions = kb.data.Pairs(x_new, y_new, batch_size=4000, pairs=4000, seed=seed)
    row = {}
    for name, vectors in (
        ("encoder", embeddings),
        ("pixels", x_new.reshape(len(x_new), -1)),
    ):
        row[f"{name} AUC"] = verification(questions, vectors)
        row[f"{name} one-shot"] = kb.metrics.one_shot_accuracy(vectors, y_new, 2)
    return row, embeddings, y_new


def draw(embedded, splits):
    """The embeddings of unseen digits, in their first two principal directions."""
    figure, axes = plt.subplots(
        1, len(splits), figsize=(3 * len(splits), 3), squeeze=False
    )
    for axis, split, (vectors, labels) in zip(axes[0], splits, embedded, strict=True):
        centred = vectors - vectors.mean(axis=0)
        points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
        for digit in split:
            axis.scatter(*points[labels == digit].T, s=6, label=str(digit))
        axis.set(xticks=[], yticks=[])
        axis.legend(title="unseen")
    PICTURE.parent.mkdir(exist_ok=True)
    unfinished = PICTURE.with_suffix(".part.png")
    figure.savefig(unfinished, bbox_inches="tight")
    unfinished.replace(PICTURE)
    plt.close(figure)


def main(seed=0, epochs=4, splits=SPLITS):
    """Returns the means over the splits."""
    means = {}
    for where, room in ROOM.items():
        rows, *embedded = zip(
            *(run_split(split, room, epochs, seed) for split in splits), strict=True
        )
        for name in rows[0]:
            values = [row[name] for row in rows]
            means[f"{where}, {name}"] = float(np.mean(values))
            each = " ".join(f"{value:.3f}" for value in values)
            print(f"{where:9} {name:17} {np.mean(values):.3f}   by split: {each}")
    draw(list(zip(*embedded, strict=True)), splits)
    return means


if __name__ == "__main__":
    main()
