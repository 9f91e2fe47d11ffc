"""`summary`: its numbers against published and independent counts, and its manners."""

import json
import random
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.inspect.summary import summary
from tests.table import TABLE, functional

BACKEND = keras.backend.backend()
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="its own profiler")


def image_model(*stack, size=(8, 8, 4)):
    return keras.Sequential([keras.Input(size), *stack])


def find(found, name):
    return next(row for row in found.root if row.name == name)


# Parameters, and multiply-accumulates in billions as published.
@pytest.mark.parametrize(
    ("name", "parameters", "published"),
    [
        ("ResNet50", 25_636_712, 3.86),
        ("MobileNet", 4_253_864, 0.569),
        ("MobileNetV2", 3_538_984, 0.300),
        ("InceptionV3", 23_851_784, 5.70),
        ("VGG16", 138_357_544, 15.5),
    ],
)
def test_published_counts(name, parameters, published):
    found = summary(lambda: getattr(keras.applications, name)(weights=None))
    assert found.parameters == parameters
    assert found.macs / 1e9 == pytest.approx(published, rel=5e-3)
    assert found.weight_bytes == 4 * parameters


def profiled(model, shape):
    """Multiply-accumulates by TensorFlow's profiler, on a frozen graph."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    run = tf.function(lambda x: model(x, training=False))
    concrete = run.get_concrete_function(tf.TensorSpec((1, *shape[1:])))
    graph = convert_variables_to_constants_v2(concrete).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    with graph.as_default():
        profile = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    of = {}

    def walk(node):
        of[node.name] = node.float_ops
        for child in node.children:
            walk(child)

    walk(profile)
    kinds = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")
    return sum(of.get(kind, 0) for kind in kinds) // 2


@tensorflow_only
def test_against_the_profiler_of_tensorflow():
    shape = (None, 33, 30, 3)
    model = image_model(
        kb.ConvBlock(8, 3, strides=2),
        kb.InceptionBlock(4, strides=2),
        kb.ResidualBlock(16, normalization="batch", strides=2, bottleneck=4),
        kb.ConvBlock(12, 3, convolution="separable"),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Conv2D(6, (2, 3), padding="valid"),
        layers.Flatten(),
        layers.Dense(5, "softmax"),
        size=shape[1:],
    )
    found = summary(model)
    assert found.macs == profiled(model, shape)
    assert found.parameters == model.count_params()


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (layers.Dense(3), (None, 4), 12),
        (layers.Dense(3), (None, 7, 4), 7 * 12),
        (
            layers.Conv2D(6, 3, groups=2, padding="same"),
            (None, 5, 7, 4),
            35 * 9 * 2 * 6,
        ),
        (layers.Conv1D(6, 3, strides=2), (None, 9, 4), 4 * 3 * 4 * 6),
        (layers.Conv3D(2, 1), (None, 1, 3, 5, 4), 15 * 4 * 2),
        (layers.Conv2DTranspose(6, 3, strides=2), (None, 5, 5, 4), 25 * 9 * 4 * 6),
        (
            layers.SeparableConv2D(6, 3, depth_multiplier=2),
            (None, 5, 5, 4),
            9 * (9 * 8 + 8 * 6),
        ),
        (layers.DepthwiseConv1D(3, depth_multiplier=2), (None, 5, 4), 3 * 3 * 8),
        (layers.EinsumDense("...x,xy->...y", 5), (None, 6, 4), 6 * 20),
        (layers.Embedding(100, 8), (None, 6), 0),
        (layers.MaxPooling2D(2), (None, 5, 5, 4), 0),
        (layers.BatchNormalization(scale=False), (None, 5, 4), 0),
        (layers.Softmax(axis=(1, 2)), (None, 5, 4), 0),
        (layers.PReLU(), (None, 4), 0),
        (layers.Dense(3, "mish"), (None, 4), 12),
        (layers.LSTM(5), (None, 7, 3), 7 * 4 * 5 * (3 + 5)),
        (layers.GRU(5, return_sequences=True), (None, 7, 3), 7 * 3 * 5 * (3 + 5)),
        (layers.Bidirectional(layers.SimpleRNN(5)), (None, 7, 3), 2 * 7 * 5 * (3 + 5)),
        (layers.TimeDistributed(layers.Dense(5)), (None, 7, 3), 7 * 15),
        (
            layers.ConvLSTM1D(2, 3, padding="same"),
            (None, 4, 6, 5),
            4 * 4 * 6 * 3 * 2 * (5 + 2),
        ),
        (
            layers.MultiHeadAttention(2, 4, flash_attention=False),
            ((None, 3, 8), (None, 5, 8)),
            3 * 64 + 2 * 5 * 64 + 2 * 2 * 3 * 5 * 4 + 3 * 64,
        ),
        (layers.Dot(axes=1), [(None, 6), (None, 6)], 6),
        (layers.Add(), [(None, 6), (None, 6)], 0),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_layers_of_keras_by_hand(layer, shape, macs):
    found = summary(layer, shape)
    assert found.macs == macs
    assert not layer.built or not layer.weights


def test_channels_first_is_counted_alike():
    last = summary(layers.SeparableConv2D(6, 3), (None, 5, 7, 4))
    first = layers.SeparableConv2D(6, 3, data_format="channels_first")
    assert summary(first, (None, 4, 5, 7)).macs == last.macs


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_block_built_or_not(row):
    layer = row.make()
    specs = keras.tree.map_structure(
        lambda x: keras.KerasTensor((2, *x.shape[1:]), x.dtype),
        functional(row.make(), row.shape, row.dtype).input,
    )
    asked = summary(layer, specs)
    assert not any(one.built and one.weights for one in layer._flatten_layers())
    model = functional(layer, row.shape, row.dtype)
    assert asked.parameters == model.count_params()
    assert asked.root.output_shape == keras.tree.map_structure(
        lambda x: (2, *x.shape[1:]), model.output
    ) or None in keras.tree.flatten(row.shape)
    found = summary(model)
    assert found.parameters == asked.parameters
    assert found.macs == summary(kb.expand(model)).macs
    if found.macs is not None:
        assert asked.macs == 2 * found.macs


def test_tree_tells_roles_and_depth_cuts_it():
    inputs = keras.Input((16, 16, 3))
    outputs = kb.ResidualBlock(4, strides=2, name="stage")(inputs)
    model = keras.Model(inputs, outputs, name="small")
    found = summary(model)
    assert [row.name for row in found.root.children[0].children] == [
        *("path", "projection", "add")
    ]
    assert find(found, "projection").output_shape == (None, 8, 8, 4)
    text = str(found)
    assert "   ├─ projection" in text
    assert f"parameters: {model.count_params():,} (" in text
    for depth, names in ((0, ["small"]), (1, ["small", "stage"])):
        cut = summary(model, depth=depth)
        assert str(cut).count("─ ") == depth
        assert (cut.parameters, cut.macs) == (found.parameters, found.macs)
        told = cut.to_dict()["tree"]
        assert told["name"] == names[0]
        assert [child["name"] for child in told["children"]] == names[1:]


def test_as_data_html_and_rich():
    from rich.console import Console

    found = summary(image_model(layers.Conv2D(4, 3, name="<first>")))
    told = json.loads(json.dumps(found.to_dict()))
    assert told["macs"] == told["tree"]["children"][0]["macs"] == 36 * 9 * 4 * 4
    assert told["tree"]["children"][0]["output_shape"] == [None, 6, 6, 4]
    assert told["trainable"] + told["non_trainable"] == told["parameters"] == 148
    assert "&lt;first&gt;" in found._repr_html_()
    assert "5.184 k" in found._repr_html_()
    console = Console(width=100)
    with console.capture() as capture:
        console.print(found)
    assert "5.184 k" in capture.get()
    assert repr(found).endswith(": 148 parameters, 5.184 k MACs>")


def test_a_shared_layer_counts_parameters_once_and_macs_each_time():
    encoder = keras.Sequential([layers.Dense(5), layers.Dense(2)], name="encoder")
    model = functional(kb.SiameseEncoder(encoder), [(None, 4), (None, 4)])
    found = summary(model)
    first, second = (row for row in found.root if row.name == "encoder")
    assert found.parameters == 5 * 5 + 6 * 2
    assert found.macs == 2 * (4 * 5 + 5 * 2)
    assert (first.shared, second.shared) == (False, True)
    assert second.macs == first.macs
    assert second.shared_parameters == second.parameters == found.parameters
    assert "shared" in str(found)


def test_a_weight_of_another_layer_is_shared():
    class Tied(layers.Layer):
        def __init__(self, other):
            super().__init__()
            self.other = other

        def call(self, x):
            return ops.matmul(x, ops.transpose(self.other.kernel))

    inputs = keras.Input((4,))
    dense = layers.Dense(3, use_bias=False)
    found = summary(keras.Model(inputs, Tied(dense)(dense(inputs))))
    assert (found.parameters, found.macs) == (12, 24)
    assert found.root.children[1].shared_parameters == 12


def test_unknown_sizes_and_input_shape():
    model = image_model(
        layers.Conv2D(4, 3, name="conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2),
        size=(None, None, 3),
    )
    found = summary(model)
    assert found.macs is None
    assert found.activation_bytes is None
    assert found.known_macs == 8
    assert "MACs: ? (at least 8)" in str(found)
    assert "? conv: " in str(found)
    assert summary(model, (None, 9, 11, 3)).macs == 7 * 9 * 27 * 4 + 8
    assert summary(model, (5, 9, 11, 3)).macs == 5 * (7 * 9 * 27 * 4 + 8)
    fixed = image_model(layers.Conv2D(4, 3), size=(8, 8, 3))
    assert summary(fixed, (None, 9, 11, 3)).macs == 7 * 9 * 27 * 4
    assert find(summary(fixed), fixed.layers[0].name).output_shape == (None, 6, 6, 4)


def test_what_cannot_be_traced_is_unknown():
    class Opaque(layers.Layer):
        def __init__(self):
            super().__init__(name="opaque")
            self.inner = layers.Dense(3, name="inner")

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            ops.convert_to_numpy(x) if isinstance(x, keras.KerasTensor) else None
            return self.inner(x)

    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(Opaque()(inputs)))
    found = summary(model)
    assert found.macs is None
    assert found.known_macs == 6
    assert found.parameters == model.count_params()
    opaque = find(found, "opaque")
    assert opaque.output_shape == (None, 3)
    assert opaque.unknown.startswith("its call cannot be traced: ")
    assert [(row.name, row.parameters, row.macs) for row in opaque.children] == [
        ("inner", 15, None)
    ]
    assert find(found, "inner").output_shape is None


def test_a_trace_that_fails_leaves_nothing_in_the_tree():
    class Fails(layers.Layer):
        def __init__(self):
            super().__init__(name="fails")
            self.first = layers.Dense(3, name="first")
            self.rows = layers.TimeDistributed(layers.Dense(2), name="rows")

        def call(self, x):
            x = self.rows(self.first(x))
            if isinstance(x, keras.KerasTensor):
                raise TypeError("values, please")
            return x

    found = summary(
        lambda: keras.Sequential([Fails(), layers.Dense(5, name="after")]),
        (None, 4, 3),
    )
    fails = find(found, "fails")
    assert fails.unknown == "its call cannot be traced: TypeError: values, please"
    assert fails.output_shape == (None, 4, 2)
    assert [(row.name, row.shared_parameters) for row in fails.children] == [
        *(("first", 0), ("rows", 0))
    ]
    after = find(found, "after")
    assert (after.times, after.macs) == (1, 4 * 2 * 5)
    assert found.parameters == 12 + 8 + 15


def test_loops_and_decompositions_are_unknown():
    solve = layers.Lambda(lambda x: ops.linalg.inv(x), name="inverse")
    assert summary(solve, (None, 3, 3)).macs is None


class Custom(keras.Model):
    """Layers of its own, in a loop, on parts of a dict, with a variable."""

    def __init__(self, times=3):
        super().__init__(name="custom")
        self.times = times
        self.step = layers.Dense(4, name="step")
        self.gate = self.add_weight(shape=(4, 4), initializer="normal")

    def call(self, inputs, training=False):
        x = inputs["b"]
        for _ in range(self.times):
            x = self.step(x)
        return {"x": -self.gate[0] * x, "y": self.gate @ ops.transpose(inputs["a"])}


def test_a_models_own_call_and_a_dict():
    shapes = {"a": (None, 4), "b": (None, 7)}
    with pytest.raises(ValueError, match="incompatible"):  # as called: 4 is not 7
        summary(Custom(), shapes)
    model = Custom()
    found = summary(model, {"a": (None, 4), "b": (None, 4)})
    assert not model.built
    assert found.macs == 3 * 16 + 16
    assert found.parameters == 20 + 16
    assert find(found, "step").shared is False
    assert [row.shared for row in found.root if row.name == "step"] == [
        *(False, True, True)
    ]
    model({"a": np.ones((1, 4)), "b": np.ones((1, 4))})
    assert summary(model).macs == found.macs


def test_a_layer_on_constants_is_seen():
    class Positions(layers.Layer):
        def __init__(self):
            super().__init__()
            self.embed = layers.Embedding(5, 8, name="embed")
            self.project = layers.Dense(8, name="project")

        def call(self, x):
            return x + self.project(self.embed(ops.arange(5)))

    found = summary(Positions(), (None, 5, 8))
    assert found.macs == 5 * 64
    assert [row.name for row in found.root.children] == ["embed", "project"]


def test_nested_models_unbuilt_and_of_other_sizes():
    nested = keras.Sequential(
        [keras.Sequential([layers.Dense(8)]), layers.Conv1D(4, 1)]
    )
    assert summary(nested, (None, 5, 16)).macs == 5 * (16 * 8 + 8 * 4)
    assert not nested.built
    assert not nested.layers[0].built
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(
        inputs, image_model(layers.Conv2D(4, 3), size=(8, 8, 3))(inputs)
    )
    found = summary(model, (None, 16, 18, 3))
    assert find(found, model.layers[1].name).output_shape == (None, 14, 16, 4)
    assert found.macs == 14 * 16 * 27 * 4


def test_text_and_unknown_lengths():
    hashing = layers.Hashing(8)
    assert summary(hashing, keras.KerasTensor((None, 4), "string")).macs == 0
    found = summary(layers.LSTM(3), (None, None, 4))
    assert found.macs is None
    assert "(LSTMCell x ?)" in str(found)
    assert "how often it runs is not known" in str(found)


def test_threads_and_summaries_within_do_not_meet():
    def ask(width):
        def make():
            return image_model(layers.Dense(summary(inner).parameters))

        def inner():
            return keras.Sequential([keras.Input((1,)), layers.Dense(width)])

        return summary(make).macs

    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(ask, range(1, 9))) == [
            64 * 4 * 2 * width for width in range(1, 9)
        ]
    assert keras.layers.Layer.__call__.__module__.startswith("keras.")
    assert "__init__" not in vars(keras.Variable) or BACKEND != "tensorflow"


def test_an_operation_of_ones_own_is_looked_into():
    class Twice(keras.Operation):
        def call(self, x):
            return ops.matmul(x, ops.transpose(x))

        def compute_output_spec(self, x):
            return keras.KerasTensor((x.shape[0], x.shape[0]))

    inputs = keras.Input(batch_shape=(3, 5))
    assert summary(keras.Model(inputs, Twice()(inputs))).macs == 45


def test_dtypes_and_trainable():
    frozen = layers.Dense(4, trainable=False, dtype="mixed_bfloat16", name="frozen")
    norm = layers.BatchNormalization(dtype="mixed_bfloat16")
    model = image_model(frozen, norm, layers.Dense(1, dtype="float32"))
    found = summary(model)
    assert [row.dtype for row in found.root.children] == [
        *("bfloat16", "bfloat16", "float32")
    ]
    assert found.trainable == 8 + 5
    assert found.non_trainable == 20 + 8
    assert found.weight_bytes == 4 * found.parameters
    assert found.largest_activation_bytes == 64 * 4 * 2
    assert found.activation_bytes == 2 * 64 * 4 * 2 + 64 * 4


def test_a_search_asks_before_it_pays():
    def build():
        model = keras.Sequential([keras.Input((10_000,)), layers.Dense(10_000)])
        model.compile(keras.optimizers.Adam(1e-3), "mse", metrics=["mae"])
        made.append(weakref.ref(model.layers[0].kernel))
        return model

    made = []
    keras.utils.set_random_seed(1)
    found = summary(build)
    assert found.parameters == 100_010_000
    with keras.StatelessScope():  # on leaving, Keras gives values to what it knows
        pass
    assert made[0]() is None or made[0]()._value is None


def test_the_global_state_is_left_alone():
    def names():
        return layers.Dense(1).name, layers.Dropout(0.5).name, random.random()

    random.seed(3)
    keras.utils.clear_session(free_memory=False)
    expected = names()
    random.seed(3)
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("mixed_bfloat16")
    found = summary(lambda: image_model(layers.Dense(3), layers.Dropout(0.5)))
    assert found.root.dtype == "bfloat16"
    keras.config.set_dtype_policy("float32")
    assert names() == expected


def test_the_model_is_left_alone():
    class Counter(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1)
            return x

    inner = layers.Dense(4)
    model = image_model(kb.ResidualBlock(4), inner, Counter(), layers.Dense(2))
    nodes = [
        (len(one._inbound_nodes), len(one._outbound_nodes))
        for one in model._flatten_layers()
    ]
    before = model.get_weights()
    found = summary(model)
    assert found.macs is not None
    assert nodes == [
        (len(one._inbound_nodes), len(one._outbound_nodes))
        for one in model._flatten_layers()
    ]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert keras.layers.Layer.__call__.__module__.startswith("keras.")
    again = keras.Sequential.from_config(model.get_config(), {"Counter": Counter})
    assert summary(again).macs == found.macs


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (3, None, "summary: 'model' must be a Keras layer or model, or a function"),
        (lambda: 3, None, "the function must return a Keras layer or model, got 3"),
        (
            layers.Dense(3),
            None,
            r"'input_shape' must be given for 'dense\w*' \(Dense\)",
        ),
        (layers.Dense(3), (None, 0), "must be a shape with the batch axis, such as"),
        (layers.Dense(3), "4", "got '4'"),
        (layers.Dense(3), [], r"'input_shape' must be a shape with .*, got \[\]"),
        (
            layers.Dense(3),
            (3,),
            r"^summary: 'input_shape' must be one that 'dense\w*' \(Dense\) takes, with the "
            r"batch axis, got \(3,\): .*expected min_ndim=2",
        ),
        (
            image_model(layers.Dense(3)),
            (None, 8, 8, 5),
            r"^summary: 'input_shape' must .* takes, \(None, 8, 8, 4\), with the batch "
            r"axis, got \(None, 8, 8, 5\)",
        ),
        (image_model(layers.Dense(3)), (8, 8, 4), "with the batch axis, got"),
    ],
)
def test_errors(model, shape, words):
    with pytest.raises((TypeError, ValueError), match=words):
        summary(model, shape)


def test_error_of_depth_and_of_what_cannot_be_copied():
    class Without(layers.Layer):
        def __init__(self, function, **kwargs):
            super().__init__(name="without", **kwargs)
            self.dense = layers.Dense(function())

        def call(self, x):
            return self.dense(x)

    with pytest.raises(ValueError, match="'depth' must be None or an int of 0 or more"):
        summary(layers.Dense(3), (None, 4), depth=-1)
    with pytest.raises(ValueError, match="an int of 0 or more, got '2'"):
        summary(layers.Dense(3), (None, 4), depth="2")
    layer = Without(lambda: 3)
    with pytest.raises(
        ValueError, match=r"'without' .* is unbuilt and cannot be copied"
    ):
        summary(layer, (None, 4))
    assert not layer.dense.built
    assert summary(lambda: Without(lambda: 3), (None, 4)).macs == 12


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dense(4, name="outside"),
        lambda: kb.ConvBlock(4, name="outside"),  # makes layers as it is built
        lambda: keras.Sequential([layers.Dense(4)], name="outside"),
    ],
    ids=["layer", "block", "model"],
)
def test_a_layer_made_outside_the_function_is_not_built(make):
    layer = make()
    words = (
        r"^summary: 'outside' \(\w+\) is unbuilt and was created outside the function"
    )

    class Holds(keras.Model):
        def __init__(self):
            super().__init__()
            self.held = layer

        def call(self, x):
            return self.held(x)

    for function, shape in (
        (lambda: image_model(layer), None),
        (lambda: image_model(kb.Residual(layer)), None),
        (Holds, (None, 8, 8, 4)),
    ):
        with pytest.raises(ValueError, match=words):
            summary(function, shape)
        assert not any(one.built or one.weights for one in layer._flatten_layers())
    model = image_model(layer)
    expected = model.get_weights()
    assert summary(lambda: image_model(layer)).parameters == model.count_params()
    for old, new in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("optimizer", ["adam", "adafactor", "muon"])
def test_a_compiled_model_is_loaded_without_values(tmp_path, optimizer):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
    model.compile(optimizer, "mse")
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 4)))
    model.save(tmp_path / "model.keras")
    loaded = []

    def load():
        loaded.append(keras.models.load_model(tmp_path / "model.keras"))
        return loaded[0]

    assert summary(load).parameters == 16
    assert all(one._value is None for one in loaded[0].weights)
    assert len(loaded[0].optimizer.variables) == len(model.optimizer.variables)


def test_losses_of_the_last_call_are_kept():
    class Adds(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2, activity_regularizer="l2")

        def call(self, x):
            self.add_loss(ops.sum(x))
            return self.inner(x)

    model = Adds()
    model(np.ones((3, 4), "float32"))
    before = [ops.convert_to_numpy(loss) for loss in model.losses]
    assert summary(model).macs == 8
    assert [ops.convert_to_numpy(loss) for loss in model.losses] == before
    assert len(before) == 2
