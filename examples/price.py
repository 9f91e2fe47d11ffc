"""What a parcel costs, from a picture, a text and numbers, of which some may be lost.

The price model of section 7.1.2 of Deep Learning with Python: each kind of input has an
encoder of its own. A handwritten digit says how many things are in the parcel, at 10
each; a text says in words what the box costs ("forty two"); numbers are its weight and
its way, whose product is the postage. Of 30% of the parcels there is no picture.
"""

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen "
ONES = (ONES + "fourteen fifteen sixteen seventeen eighteen nineteen").split()
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
TOKENS = {word: token for token, word in enumerate([*ONES, *TENS], start=1)}
ABSENT = 0.3


def in_words(number):
    """42 as "forty two"."""
    if number < 20:
        return ONES[number]
    tens, ones = divmod(number, 10)
    return f"{TENS[tens - 2]} {ONES[ones]}" if ones else TENS[tens - 2]


def tokens(text):
    found = [TOKENS[word] for word in text.split()]
    return found + [0] * (2 - len(found))


def make_parcels(images, digits, count, rng):
    chosen = rng.integers(0, len(digits), count)
    boxes = rng.integers(0, 100, count)
    numbers = rng.uniform(0, 1, (count, 2))
    price = 10 * digits[chosen] + boxes + 100 * numbers.prod(axis=1)
    there = rng.uniform(size=count) > ABSENT
    # What stands in place of a picture that is not there has no effect.
    pictures = np.where(there[:, None, None, None], images[chosen], np.nan)
    inputs = {
        "picture": (pictures.astype("float32"), there),
        "text": np.array([tokens(in_words(number)) for number in boxes]),
        "numbers": numbers.astype("float32"),
    }
    return inputs, price.astype("float32")


def make_encoders():
    return {
        "picture": [
            kb.ConvBlock(16, 3),
            kb.ConvBlock(32, 3, strides=2),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu"),
        ],
        "text": [
            keras.layers.Embedding(len(TOKENS) + 1, 16, mask_zero=True),
            keras.layers.LSTM(32),
        ],
        "numbers": keras.layers.Dense(32, activation="relu"),
    }


def build(names):
    """A model that reads the inputs of these names."""
    symbols = {
        "picture": (
            keras.Input((8, 8, 1), name="picture"),
            keras.Input((), dtype="bool", name="has_picture"),
        ),
        "text": keras.Input((2,), dtype="int32", name="text"),
        "numbers": keras.Input((2,), name="numbers"),
    }
    encoders = {name: make_encoders()[name] for name in names}
    optional = [name for name in ("picture",) if name in names]
    inputs = {name: symbols[name] for name in names}
    x = kb.MultiInput(encoders, optional=optional)(inputs)
    x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


def main(epochs=30, parcels=6000):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    data = load_digits()
    images = data.images[..., None].astype("float32") / 16
    x, x_test, y, y_test = train_test_split(
        images, data.target, test_size=0.2, stratify=data.target, random_state=0
    )
    x, price = make_parcels(x, y, parcels, rng)
    x_test, price_test = make_parcels(x_test, y_test, 1000, rng)
    there = x_test["picture"][1]

    errors = {}
    print(f"{'mean error of the price':26}{'with picture':>14}{'without':>10}")
    for left_out in (None, "picture", "text", "numbers"):
        names = [name for name in x if name != left_out]
        model = build(names)
        model.compile(keras.optimizers.Adam(0.003), "mse")
        train, test = ({name: xs[name] for name in names} for xs in (x, x_test))
        model.fit(train, price / 100, batch_size=64, epochs=epochs, verbose=0)
        off = np.abs(100 * model.predict(test, verbose=0)[:, 0] - price_test)
        errors[left_out] = off[there].mean(), off[~there].mean()
        what = f"a model without {left_out}" if left_out else "a model of all inputs"
        print(f"{what:26}{errors[left_out][0]:14.1f}{errors[left_out][1]:10.1f}")
    return errors


if __name__ == "__main__":
    main()
