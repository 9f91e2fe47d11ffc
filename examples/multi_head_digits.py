"""One network, three answers: which digit, whether it is odd, how much of it is ink.

Section 7.1.3 of Deep Learning with Python: the heads share their features, and loss
weights give the smallest loss, the squared error of the ink, its say in them.
"""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb


def load():
    digits = load_digits()
    images = digits.images[..., None].astype("float32") / 16
    targets = (digits.target, digits.target % 2, images.mean(axis=(1, 2, 3)))
    x, x_test, *targets = train_test_split(
        images, *targets, test_size=0.2, stratify=digits.target, random_state=0
    )
    names = ("digit", "odd", "ink")
    y = dict(zip(names, targets[::2], strict=True))
    y_test = dict(zip(names, targets[1::2], strict=True))
    return x, x_test, y, y_test


def build(loss_weights):
    images = keras.Input((8, 8, 1))
    x = kb.ConvBlock(32, 3, normalization=None)(images)
    x = kb.ResidualBlock(64, strides=2, order="book", normalization=None)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    heads = kb.MultiHeadOutput(
        {
            "digit": kb.heads.Multiclass(10),
            "odd": kb.heads.Binary(hidden=[32]),
            "ink": kb.heads.Regression(),
        }
    )
    model = keras.Model(images, heads(x))
    model.compile("adam", **heads.compile_args(loss_weights))
    return model


def evaluate(loss_weights, epochs):
    keras.utils.set_random_seed(0)
    x, x_test, y, y_test = load()
    model = build(loss_weights)
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    measured = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    return {
        "digit": measured["digit_sparse_categorical_accuracy"],
        "odd": measured["odd_binary_accuracy"],
        "ink": measured["ink_mean_absolute_error"],
    }


def main(epochs=10):
    results = {
        "equal weights": evaluate(None, epochs),
        "ink times 50": evaluate({"ink": 50.0}, epochs),
    }
    for name, result in results.items():
        print(
            f"{name}: accuracy of digit {result['digit']:.3f}, of odd "
            f"{result['odd']:.3f}; share of ink off by {result['ink']:.3f}"
        )
    return results


if __name__ == "__main__":
    main()
