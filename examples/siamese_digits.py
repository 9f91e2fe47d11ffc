"""A Siamese network tells whether two images show the same digit.

One encoder with one set of weights reads both images, as in section 7.1.5 of Deep
Learning with Python. It never sees the test images, and works alone afterwards: here
it finds, for each test image, the nearest training image.
"""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import kerasblocks as kb


def load():
    digits = load_digits()
    images = digits.images[..., None].astype("float32") / 16
    return train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )


def build():
    # Keras' momentum of 0.99 is for more steps than there are here.
    normalization = keras.layers.BatchNormalization(momentum=0.9)
    encoder = keras.Sequential(
        [
            kb.ConvBlock(16, 3, normalization=normalization),
            kb.ConvBlock(32, 3, strides=2, normalization=normalization),
            keras.layers.Flatten(),
            keras.layers.Dense(32),
        ]
    )
    siamese = kb.SiameseEncoder(encoder, merge="absolute_difference")
    inputs = [keras.Input((8, 8, 1), name=name) for name in ("left", "right")]
    same = keras.layers.Dense(1, activation="sigmoid")(siamese(inputs))
    return keras.Model(inputs, same), siamese


def main(seed=0, epochs=8, pairs=6000):
    keras.utils.set_random_seed(seed)
    x, x_test, y, y_test = load()
    model, siamese = build()
    model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(kb.data.Pairs(x, y, 64, pairs, seed), epochs=epochs, verbose=0)

    questions = kb.data.Pairs(x_test, y_test, pairs=2000, seed=seed, fresh=False)
    _, pair_accuracy = model.evaluate(questions, verbose=0)
    encode = siamese.encoder_model().predict
    nearest = KNeighborsClassifier(1).fit(encode(x, verbose=0), y)
    neighbour_accuracy = nearest.score(encode(x_test, verbose=0), y_test)
    print(f"same digit or not, on pairs of test images: {pair_accuracy:.3f}")
    print(f"digit of the nearest training image: {neighbour_accuracy:.3f}")
    return {"pairs": pair_accuracy, "neighbours": neighbour_accuracy}


if __name__ == "__main__":
    main()
