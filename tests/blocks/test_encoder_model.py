"""The encoder of a Siamese model, saved and used alone."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb

SHAPE = (6, 6, 2)
ENCODERS = {
    "layer": lambda: layers.Conv2D(3, 2),
    "list": lambda: [
        layers.Conv2D(3, 2, activation="elu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(4),
    ],
    "empty list": list,
    "lists in lists": lambda: [kb.Chain([layers.Flatten()]), layers.Dense(4)],
    "Sequential": lambda: keras.Sequential([layers.Flatten(), layers.Dense(4)]),
    "Sequential with Input": lambda: keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(4)]
    ),
    "Functional": lambda: functional(),
}
each_encoder = pytest.mark.parametrize("encoder", ENCODERS)
LOAD = """
import sys, keras, numpy as np
for file in sys.argv[1:]:
    model = keras.models.load_model(file + ".keras")
    np.save(file + ".npy", model.predict(np.load("x.npy"), verbose=0))
assert not [name for name in sys.modules if name.startswith("kerasblocks")]
"""


def functional():
    x = inputs = keras.Input(SHAPE)
    x = layers.Conv2D(2, 3, padding="same")(x)
    return keras.Model(inputs, layers.Flatten()(layers.Add()([x, inputs])))


def blocks():
    return [kb.ConvBlock(3), layers.Flatten()]


def siamese_model(encoder, shape=SHAPE, dtype=None):
    inputs = [keras.Input(shape, dtype=dtype) for _ in range(2)]
    siamese = kb.SiameseEncoder(encoder, "euclidean", name="siamese")
    return keras.Model(inputs, siamese(inputs)), siamese


def images(seed=0):
    return np.random.default_rng(seed).standard_normal((5, *SHAPE), "float32")


def test_encoders_load_where_this_package_is_not(tmp_path):
    np.save(tmp_path / "x.npy", images())
    expected = {}
    for name, make in {**ENCODERS, "blocks": blocks}.items():
        alone = siamese_model(make())[1].encoder_model()
        assert isinstance(alone, keras.Model)
        if name == "blocks":
            alone = kb.expand(alone)
        alone.save(tmp_path / f"{name}.keras")
        expected[name] = alone.predict(images(), verbose=0)
    command = [sys.executable, "-c", LOAD, *expected]
    subprocess.run(command, check=True, cwd=tmp_path)
    for name, outputs in expected.items():
        again = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(again, outputs, rtol=1e-5, atol=1e-6)


@pytest.mark.table
@each_encoder
def test_it_shares_its_weights_also_after_a_reload(encoder, tmp_path):
    model, _ = siamese_model(ENCODERS[encoder]())
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    siamese = model.get_layer("siamese")
    alone = siamese.encoder_model()
    assert [id(w) for w in alone.weights] == [id(w) for w in siamese.weights]
    x, y = images(), images(1)
    if model.trainable_weights:
        model.compile("sgd", "mse")
        shape = model.compute_output_shape([x.shape, y.shape])
        model.train_on_batch([x, y], np.ones(shape, "float32"))
    a, b = alone.predict(x, verbose=0), alone.predict(y, verbose=0)
    np.testing.assert_allclose(
        np.linalg.norm(a - b, axis=-1, keepdims=True),
        model.predict([x, y], verbose=0),
        rtol=1e-4,
        atol=1e-5,
    )


def test_of_a_block_called_on_arrays():
    siamese = kb.SiameseEncoder(layers.Dense(3))
    siamese([np.ones((2, 4)), np.ones((2, 4))])
    alone = siamese.encoder_model()
    assert alone.input_shape == (None, 4)
    assert alone.output_shape == (None, 3)


def test_inputs_of_several_sizes():
    siamese = kb.SiameseEncoder(layers.GlobalMaxPooling1D())
    siamese.build([(None, 7, 2), (None, 9, 2)])
    assert siamese.encoder_model().input_shape == (None, None, 2)


def test_tokens_stay_whole_numbers(tmp_path):
    encoder = [layers.Embedding(9, 3, mask_zero=True), layers.LSTM(2)]
    model, _ = siamese_model(encoder, (None,), "int32")
    model.save(tmp_path / "model.keras")
    siamese = keras.models.load_model(tmp_path / "model.keras").get_layer("siamese")
    alone = siamese.encoder_model()
    assert alone.inputs[0].dtype == "int32"
    short, long = np.array([[1, 2]]), np.array([[1, 2, 0, 0]])
    np.testing.assert_allclose(
        alone.predict(long, verbose=0), alone.predict(short, verbose=0), rtol=1e-5
    )


def test_of_a_block_that_is_not_built():
    with pytest.raises(ValueError, match=r"SiameseEncoder: encoder_model\(\) needs"):
        kb.SiameseEncoder(layers.Dense(3)).encoder_model()
