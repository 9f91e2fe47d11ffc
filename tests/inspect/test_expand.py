"""`expand` on models; that it works on each block is a law (tests/blocks)."""

import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.table import arrays, assert_equal


def everything():
    """A model of every block, nested ones and nested models too."""
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            kb.ConvBlock(4, convolution="separable", activation=kb.Maxout(2)),
            kb.ResidualBlock(2, normalization="batch", order="pre"),
            layers.Flatten(),
            layers.Dense(5),
        ],
        name="encoder",
    )
    left, right = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    x = kb.InceptionBlock(1, strides=2, normalization="batch")(left)
    x = kb.ResidualBlock(4, order="post", bottleneck=2, name="stage")(x)
    y = kb.Parallel(
        [
            kb.Residual([layers.MaxPooling2D(2), layers.Conv2D(4, 1)]),
            kb.ConvBlock(4, 3, strides=2),
        ],
        merge="maximum",
    )(right)
    pairs = [
        kb.SiameseEncoder(encoder, merge, stacked=stacked)([x, y])
        for merge, stacked in (("euclidean", False), ("absolute_difference", True))
    ]
    shared = layers.Dropout(0.1)(layers.Concatenate()(pairs))
    heads = kb.MultiHeadOutput(
        {
            "b": kb.heads.Regression(),
            "a": kb.heads.Binary(),
            "c": kb.heads.Multiclass(3, hidden=[4]),
        }
    )
    return keras.Model([left, right], heads(shared))


def images():
    generator = np.random.default_rng(0)
    return [generator.standard_normal((2, 16, 16, 3)).astype("float32") for _ in "ab"]


def test_every_block_in_one_model(tmp_path):
    model = everything()
    expanded = kb.expand(model)
    outputs = model(images())
    assert list(expanded(images())) == list(outputs) == ["b", "a", "c"]
    assert_equal(expanded(images()), outputs)
    assert {id(w) for w in expanded.weights} == {id(w) for w in model.weights}
    expanded.save(tmp_path / "expanded.keras")
    np.savez(tmp_path / "io.npz", *images(), *(outputs[name] for name in "bac"))
    code = (
        "import sys, keras, numpy as np\n"
        "sys.modules['kerasblocks'] = None  # an import of it fails\n"
        f"io = np.load({str(tmp_path / 'io.npz')!r})\n"
        f"model = keras.models.load_model({str(tmp_path / 'expanded.keras')!r})\n"
        "outputs = model([io['arr_0'], io['arr_1']])\n"
        "for i, name in enumerate('bac', start=2):\n"
        "    np.testing.assert_array_equal(outputs[name], io[f'arr_{i}'])\n"
        "print('equal')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "equal\n", done.stderr


def test_training_one_trains_the_other():
    inputs = keras.Input((8, 8, 3))
    outputs = kb.ResidualBlock(4, normalization="batch")(inputs)
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(outputs))
    expanded = kb.expand(model)
    expanded.compile("sgd", "mse")
    before = model.get_weights()
    x = images()[0][:, :8, :8]
    expanded.train_on_batch(x, np.ones((2, 4)))
    changed = [(a != b).any() for a, b in zip(before, model.get_weights(), strict=True)]
    assert all(changed)
    assert_equal(expanded(x), model(x))


def test_features_from_inside_a_block():
    model = everything()
    expanded = kb.expand(model)
    inner = expanded.get_layer("stage__branch__reduce__convolution")
    features = keras.Model(expanded.input, inner.output)
    before = keras.Model(model.input, model.get_layer("inception_block").output)
    reduce = model.get_layer("stage").branch_layer.layers[0].layers[0]
    assert_equal(features(images()), reduce(before(images())))


def test_training_argument_is_kept():
    inputs = keras.Input((4,))
    chain = kb.Chain([layers.BatchNormalization(), layers.Dropout(0.5)])
    always = keras.Model(inputs, chain(inputs, training=True))
    never = keras.Model(inputs, chain(inputs, training=False))
    x = np.ones((64, 4), "float32")
    assert_equal(kb.expand(never)(x), never(x))
    (trained,), (inferred,) = arrays(kb.expand(always)(x)), arrays(never(x))
    assert not np.allclose(trained, inferred)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_casts_are_kept(policy):
    inputs = keras.Input((8, 8, 3))
    # The inner layer stays float32: the block rounds its input first.
    block = kb.Residual([layers.Conv2D(3, 1, dtype="float32")], dtype=policy)
    model = keras.Model(inputs, block(inputs))
    x = images()[0][:, :8, :8]
    assert_equal(kb.expand(model)(x), model(x))


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("merge", ["concatenate", "euclidean", None])
def test_masks_are_kept(merge, stacked):
    embed = layers.Embedding(10, 4, mask_zero=True)
    inputs = [keras.Input((6,), dtype="int32"), keras.Input((6,), dtype="int32")]
    encoder = [embed, kb.Maxout(2), layers.LSTM(3, return_sequences=True)]
    merged = kb.SiameseEncoder(encoder, merge, stacked=stacked)(inputs)
    x = merged if merge else layers.Add()(list(merged))
    model = keras.Model(inputs, layers.LSTM(2)(x))
    ids = [np.array([[1, 2, 3, 0, 0, 0]]), np.array([[4, 5, 0, 0, 0, 0]])]
    assert_equal(kb.expand(model)(ids), model(ids))


def test_sequential_and_dict_inputs():
    sequential = keras.Sequential([keras.Input((8, 3)), kb.ConvBlock(4)])
    x = np.ones((1, 8, 3), "float32")
    assert_equal(kb.expand(sequential)(x), sequential(x))
    inputs = {"b": keras.Input((3,), name="b"), "a": keras.Input((3,), name="a")}
    siamese = kb.SiameseEncoder(layers.Dense(2))
    model = keras.Model(inputs, siamese([inputs["a"], inputs["b"]]))
    data = {"a": np.ones((1, 3)), "b": np.zeros((1, 3))}
    assert_equal(kb.expand(model)(data), model(data))
    assert list(kb.expand(model).input) == list(model.input) == ["b", "a"]


def test_a_model_of_named_outputs_becomes_a_plain_one():
    heads = kb.MultiHeadOutput({"a": kb.heads.Regression(), "b": kb.heads.Binary()})
    inputs = keras.Input((4,))
    inner = kb.MultiHeadModel(inputs, heads(inputs))
    for model in (inner, kb.MultiHeadModel(inputs, inner(inputs))):
        plain = kb.expand(model)
        assert "kerasblocks" not in plain.to_json()
        assert list(plain.output) == ["a", "b"]


def test_what_cannot_be_opened_is_said():
    class Hiding(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.block = kb.ConvBlock(2)

        def build(self, input_shape):
            self.block.build(input_shape)

        def call(self, inputs):
            return self.block(inputs)

    inputs = keras.Input((8, 3))
    with pytest.raises(
        TypeError,
        match=r"the layer 'hiding' \(Hiding\) has a block inside its own call",
    ):
        kb.expand(keras.Model(inputs, Hiding()(inputs)))

    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match="a subclassed model has no graph"):
        kb.expand(Subclassed())
    with pytest.raises(ValueError, match="is not built; begin it with a keras"):
        kb.expand(keras.Sequential([kb.ConvBlock(2)]))


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_keras_draws_it(tmp_path):
    pytest.importorskip("pydot")
    keras.utils.plot_model(kb.expand(everything()), tmp_path / "model.png")
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")
    graph = keras.utils.model_to_dot(kb.expand(everything()), show_layer_names=True)
    assert "stage__branch__reduce__convolution" in graph.to_string()


class Doubled(keras.Model):
    """A Functional model that does more than its graph."""

    def call(self, inputs, training=None):
        return 2 * super().call(inputs, training=training)


@pytest.mark.parametrize("function", [kb.expand, kb.fold])
def test_a_call_of_the_models_own_is_not_dropped(function):
    inputs = keras.Input((4,))
    model = Doubled(inputs, layers.Dense(2)(inputs))
    words = f"{function.__name__}: .* has a call that does more than its graph"
    with pytest.raises(ValueError, match=words):
        function(model)


def test_operations_are_named_after_their_block():
    """Else they would take names that a model loaded from a file has already."""
    inputs = [keras.Input((8,)), keras.Input((8,))]
    siamese = kb.SiameseEncoder(layers.Dense(4), merge="absolute_difference")
    model = keras.Model(inputs, siamese(inputs))
    names = [one.name for one in kb.expand(model).operations][2:]
    assert names
    assert all(name.startswith("siamese_encoder__") for name in names)


def test_a_compiled_model_with_any_loss():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, kb.Chain([layers.Dense(2)])(inputs))
    model.compile("sgd", lambda y_true, y_pred: keras.ops.mean(y_pred, axis=-1))
    assert not kb.expand(model).compiled
