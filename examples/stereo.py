"""A Siamese network finds in the right picture what is seen in the left one.

One encoder describes patches of 11 x 11 pixels of both pictures, so that one point gets
one description (as in Zbontar and LeCun, Stereo Matching by Training a Convolutional
Neural Network, 2016). It learns on the upper part of a scene and is tested on the
lower, of which it saw no pixel, beside the squared differences of the same patches.
"""

from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import uniform_filter
from skimage.data import stereo_motorcycle

import kerasblocks as kb

PATCH = 11
FARTHEST = 70  # the largest disparity that is looked at; the scene's is 60
TRAINED, TESTED = slice(0, 300), slice(310, 500)
PICTURE = Path("runs/stereo.png")
EDGE = PATCH // 2


def load():
    """Both pictures, and how far left of itself each left pixel is in the right."""
    left, right, disparity = stereo_motorcycle()
    left, right = (np.asarray(x, "float32") / 255 - 0.5 for x in (left, right))
    return left, right, disparity  # inf where it is not known


def make_pairs(left, right, disparity, count, rng):
    """Patches of one point, and of points 4 to 14 pixels apart, half and half."""
    known = np.isfinite(disparity)
    known[:EDGE] = known[-EDGE:] = False
    known[:, : FARTHEST + 20] = known[:, -20:] = False
    rows, columns = rng.choice(np.argwhere(known), count).T
    same = np.arange(count) % 2 == 0
    off = rng.integers(4, 15, count) * rng.choice([-1, 1], count)
    matches = columns - np.rint(disparity[rows, columns]).astype(int)
    matches += np.where(same, 0, off)

    def patches(picture, columns):
        windows = sliding_window_view(picture, (PATCH, PATCH), (0, 1))
        return np.moveaxis(windows[rows - EDGE, columns - EDGE], 1, -1)

    return [patches(left, columns), patches(right, matches)], same.astype("float32")


def build():
    # Without padding each layer takes a pixel off each side: 11 x 11 becomes 1 x 1,
    # and a picture a map of descriptions.
    encoder = [
        *(kb.ConvBlock(32, 3, padding="valid", normalization=None) for _ in range(4)),
        keras.layers.Conv2D(32, 3),
        keras.layers.UnitNormalization(),
    ]
    siamese = kb.SiameseEncoder(encoder, "euclidean")
    inputs = [keras.Input((None, None, 3)) for _ in range(2)]
    return keras.Model(inputs, keras.layers.Reshape((1,))(siamese(inputs))), siamese


def match(left, right, window=1):
    """The disparity of least squared difference, summed over a window."""
    costs = np.full((*left.shape[:2], FARTHEST + 1), np.inf, "float32")
    for shift in range(FARTHEST + 1):
        width = left.shape[1] - shift
        apart = np.square(left[:, shift:] - right[:, :width]).sum(axis=-1)
        costs[:, shift:, shift] = uniform_filter(apart, window, mode="nearest")
    return costs.argmin(axis=-1)


def describe(encoder, picture):
    padded = np.pad(picture, ((EDGE, EDGE), (EDGE, EDGE), (0, 0)), mode="edge")
    return encoder.predict(padded[None], verbose=0)[0]


def draw(maps):
    figure, axes = plt.subplots(len(maps), figsize=(8, 2.4 * len(maps)))
    for axis, (name, values) in zip(axes, maps.items(), strict=True):
        axis.imshow(values, vmin=0, vmax=FARTHEST)
        axis.set(title=name, xticks=[], yticks=[])
    PICTURE.parent.mkdir(exist_ok=True)
    unfinished = PICTURE.with_suffix(".part.png")
    figure.savefig(unfinished, bbox_inches="tight")
    unfinished.replace(PICTURE)
    plt.close(figure)


def main(seed=0, epochs=4, pairs=40_000):
    """Returns the shares of pixels that are matched more than 3 pixels off."""
    keras.utils.set_random_seed(seed)
    left, right, disparity = load()
    trained = (x[TRAINED] for x in (left, right, disparity))
    inputs, same = make_pairs(*trained, pairs, np.random.default_rng(seed))
    model, siamese = build()
    model.compile(keras.optimizers.Adam(1e-3), kb.losses.Contrastive(margin=1.0))
    model.fit(inputs, same, batch_size=256, epochs=epochs, verbose=0)

    left, right, disparity = (x[TESTED] for x in (left, right, disparity))
    encoder = siamese.encoder_model()
    found = {
        "encoder": match(describe(encoder, left), describe(encoder, right)),
        "squared differences": match(left, right, PATCH),
    }
    known = np.isfinite(disparity)
    known[:, :FARTHEST] = False  # where a match may be outside the picture
    row = {}
    for name, values in found.items():
        row[name] = float(np.mean(np.abs(values[known] - disparity[known]) > 3))
        print(f"{name:20} more than 3 pixels off: {row[name]:.3f}")
    draw({"left picture": left + 0.5, **found, "measured": disparity})
    return row


if __name__ == "__main__":
    main()
