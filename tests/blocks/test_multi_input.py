import json

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.testing import case, checks
from tests.book.twins import as_array
from tests.table import assert_close, assert_equal, randomize

PRESENT = np.array([1, 0, 1, 0], "int32")
FORMULAS = {
    "concatenate": lambda *x: np.concatenate(x, axis=-1),
    "add": lambda *x: np.sum(x, axis=0),
    "average": lambda *x: np.mean(x, axis=0),
    "multiply": lambda *x: np.prod(x, axis=0),
    "maximum": lambda *x: np.max(x, axis=0),
    "minimum": lambda *x: np.min(x, axis=0),
    "subtract": lambda a, b: a - b,
    "dot": lambda a, b: np.sum(a * b, axis=-1, keepdims=True),
}
OPTIONAL = ["concatenate", "add", "average", "multiply", "maximum", "minimum", "gated"]


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def softmax(x, axis):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def named(inputs):
    """`keras.Input`s for arrays, each of its name; pairs get one for the second."""

    def symbol(name, x):
        if isinstance(x, tuple):
            return symbol(name, x[0]), symbol(f"{name}_present", x[1])
        return keras.Input(x.shape[1:], dtype=str(x.dtype), name=name)

    return {name: symbol(name, x) for name, x in inputs.items()}


def step(model, x):
    """One step of gradient descent, eagerly where that is the faster."""
    eagerly = keras.backend.backend() != "jax"
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
    model.train_on_batch(x, np.ones((4, *model.output_shape[1:])))


# Each merge.


@pytest.mark.parametrize("merge", FORMULAS)
@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 5), (2, 3, 4, 5)])
def test_merges_against_their_formulas(merge, shape):
    count = 2 if merge in ("subtract", "dot") else 3
    x = [random(*shape, seed=i) for i in range(count)]
    expected = FORMULAS[merge](*x)
    assert_close(kb.MultiInput([None] * count, merge)(x), expected)
    named = dict(zip("zya", x, strict=False))
    block = kb.MultiInput(dict.fromkeys(named), merge)
    assert_close(block(dict(sorted(named.items()))), expected)


@pytest.mark.parametrize("merge", ["concatenate", "add", "gated", "dot"])
def test_channels_first(merge):
    x = [random(2, 5, 3, 4), random(2, 5, 3, 4, seed=1)]
    first = kb.MultiInput([None, None], merge, data_format="channels_first")
    last = kb.MultiInput([None, None], merge)
    turned = [np.moveaxis(one, 1, -1) for one in x]
    last(turned), first(x)
    first.set_weights(last.get_weights())
    assert_close(first(x), np.moveaxis(as_array(last(turned)), -1, 1))


def test_gated_multimodal_unit():
    a, b, c = random(4, 3), random(4, 5, seed=1), random(4, 2, seed=2)
    block = kb.MultiInput({"b": None, "a": None, "c": None}, "gated")
    block.build({"a": (None, 3), "b": (None, 5), "c": (None, 2)})
    randomize(block)
    by_path = {w.path.split("merge/")[1]: as_array(w) for w in block.weights}

    def dense(name, x):
        return x @ by_path[f"{name}/kernel"] + by_path[f"{name}/bias"]

    pairs = [(1, b), (2, a), (3, c)]
    joined = np.concatenate([b, a, c], axis=-1)
    hidden = np.stack([np.tanh(dense(f"hidden_{name}", x)) for name, x in pairs])
    gates = softmax(np.stack([dense(f"gate_{name}", joined) for name, _ in pairs]), 0)
    assert_close(block({"a": a, "b": b, "c": c}), (gates * hidden).sum(0))


def test_one_input():
    x = random(3, 4)
    for merge in ("concatenate", "average", "maximum"):
        assert_equal(kb.MultiInput({"only": None}, merge)({"only": x}), x)


# The order.


def test_the_order_is_that_of_the_encoders():
    x = {"z": random(3, 2), "a": random(3, 3, seed=1), "m": random(3, 1, seed=2)}
    expected = np.concatenate([x["z"], x["a"], x["m"]], axis=-1)
    block = kb.MultiInput({"z": None, "a": None, "m": None})
    for names in ("zam", "amz", "mza"):
        assert_equal(block({name: x[name] for name in names}), expected)
        inputs = named({name: x[name] for name in names})
        model = keras.Model(inputs, block(inputs))
        assert_equal(model(x), expected)
        assert_equal(model.predict(x, verbose=0), expected)
        listed = keras.Model([inputs[name] for name in names], block(inputs))
        assert_equal(listed([x[name] for name in names]), expected)


def test_the_order_survives_a_config_with_sorted_keys():
    x = {"z": random(3, 2), "a": random(3, 3, seed=1)}
    block = kb.MultiInput({"z": None, "a": None})
    text = json.dumps(keras.saving.serialize_keras_object(block), sort_keys=True)
    again = keras.saving.deserialize_keras_object(json.loads(text))
    assert again.keys == ["z", "a"]
    assert_equal(again(x), block(x))


# Encodings of different shapes.


def test_channels_are_projected_to_the_most():
    block = kb.MultiInput(
        {"text": layers.Dense(3), "image": layers.Dense(8), "facts": None}, "add"
    )
    block.build({"text": (None, 6), "image": (None, 5), "facts": (None, 8)})
    assert list(block.projections) == ["text"]
    assert block.projections["text"].name == "project_text"
    assert tuple(block.projections["text"].kernel.shape) == (3, 8)


@pytest.mark.parametrize(
    ("large", "small", "strides"),
    [
        ((33, 33), (17, 17), (2, 2)),
        ((32, 34), (16, 17), (2, 2)),
        ((16, 40), (16, 14), (1, 3)),
        ((7, 5, 4), (3, 5, 2), (2, 1, 2)),
        ((9,), (3,), (3,)),
    ],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_sizes_are_projected_to_the_smallest(large, small, strides, data_format):
    def shape(sizes, channels):
        first = data_format == "channels_first"
        return (2, channels, *sizes) if first else (2, *sizes, channels)

    shapes = [shape(small, 5), shape(large, 3)]
    for merge, channels in (("concatenate", 8), ("maximum", 5), ("gated", 5)):
        given = {"resize": "stride", "data_format": data_format}
        block = kb.MultiInput([None, None], merge, **given)
        block.build(shapes)
        assert block.compute_output_shape(shapes) == shape(small, channels)
        assert list(block.projections) == ["1"]
        convolution = [block.projections["1"], *block.projections["1"]._layers][-1]
        assert convolution.strides == strides
        assert convolution.filters == (5 if merge == "maximum" else 3)


def test_a_size_that_no_rounding_up_gives_is_cropped():
    block = kb.MultiInput([None, None], "add", resize="stride")
    block.build([(None, 33, 33, 4), (None, 16, 17, 4)])
    assert [layer.name for layer in block.projections["0"].layers] == [
        "crop",
        "project_0",
    ]
    assert block.compute_output_shape([(2, 33, 33, 4), (2, 16, 17, 4)]) == (
        *(2, 16, 17, 4),
    )


def test_sizes_of_one_are_broadcast():
    x, gates = random(2, 4, 6, 3), random(2, 1, 1, 3, seed=1)
    block = kb.MultiInput([None, None], "multiply")
    assert_close(block([x, gates]), x * gates)
    assert not block.projections


def test_unknown_sizes_fit_any():
    block = kb.MultiInput([None, layers.Dense(3)], "add")
    block.build([(None, None, None, 3), (None, 8, None, 4)])
    x = [random(2, 8, 5, 3), random(2, 8, 5, 4)]
    assert block(x).shape == (2, 8, 5, 3)
    with pytest.raises(ValueError, match="cannot be merged by 'add'"):
        block([x[0][:, :6], x[1]])


# Errors.

DENSE = layers.Dense(4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: kb.MultiInput({}),
            "MultiInput: 'encoders' must be a dict or a list of at least one encoder, "
            "got {}",
        ),
        (
            lambda: kb.MultiInput(DENSE),
            "'encoders' must be a dict or a list of at least one encoder, got <Dense",
        ),
        (
            lambda: kb.MultiInput({"a/b": DENSE}),
            "a name in 'encoders' must be a string without '/', got 'a/b'",
        ),
        (lambda: kb.MultiInput({3: DENSE}), "must be a string without '/', got 3"),
        (
            lambda: kb.MultiInput({"text": 3}),
            "the encoder of 'text' must be a Keras layer, a list of layers, None, or "
            "the name of an earlier input, got 3",
        ),
        (
            lambda: kb.MultiInput([DENSE, layers.Dense]),
            "the encoder of 1 must be a Keras layer, a list of layers, None, or the "
            "position of an earlier input, got <class",
        ),
        (
            lambda: kb.MultiInput({"text": DENSE, "title": "txt"}),
            "the name of an earlier input, got 'txt'; did you mean 'text'?",
        ),
        (
            lambda: kb.MultiInput([DENSE, None], "concat"),
            "'merge' must be one of 'concatenate', 'add', 'average', 'multiply', "
            "'maximum', 'minimum', 'subtract', 'absolute_difference', "
            "'squared_difference', 'dot', 'cosine_similarity', 'euclidean', 'gated', "
            "or a Keras layer that takes a list of tensors, got 'concat'; did you mean "
            "'concatenate'?",
        ),
        (
            lambda: kb.MultiInput([None] * 3, "dot"),
            "merge='dot' takes exactly 2 tensors, got 3",
        ),
        (
            lambda: kb.MultiInput({"text": None}, "subtract"),
            "merge='subtract' takes exactly 2 tensors, got 1",
        ),
        (
            lambda: kb.MultiInput([None] * 2, "subtract", optional=[0]),
            "'optional' must be empty with merge='subtract', which needs all inputs, "
            "got [0]",
        ),
        (
            lambda: kb.MultiInput({"text": None, "image": None}, optional=["imgae"]),
            "'optional' must be a list of some of 'text', 'image', got 'imgae'; did "
            "you mean 'image'?",
        ),
        (
            lambda: kb.MultiInput({"text": None, "image": None}, optional="image"),
            "'optional' must be a list of some of 'text', 'image', got 'image'",
        ),
        (
            lambda: kb.MultiInput([None, None], optional=[2]),
            "'optional' must be a list of some of 0, 1, got 2",
        ),
        (
            lambda: kb.MultiInput([None, None], optional=[True]),
            "'optional' must be a list of some of 0, 1, got True",
        ),
        (
            lambda: kb.MultiInput([None], data_format="last"),
            "'data_format' must be one of",
        ),
    ],
)
def test_words_of_the_constructor(make, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        make()
    assert words in str(error.value)


TWO = {"text": None, "image": None}
OTHER = {"text": layers.Dense(2), "image": [layers.Reshape((2, 2)), layers.Flatten()]}


@pytest.mark.parametrize(
    ("encoders", "inputs", "words"),
    [
        (TWO, {"text": (2, 4)}, "must be a dict with 'text', 'image': 'image' is miss"),
        (
            TWO,
            {"image": (2, 4), "txt": (2, 4)},
            "'text' is missing, and 'txt' is unknown; did you mean 'text'?",
        ),
        (
            TWO,
            {"image": (2, 4), "text": (2, 4), "x": (2, 4)},
            "must be a dict with 'text', 'image': 'x' is unknown",
        ),
        (TWO, [(2, 4), (2, 4)], "must be a dict with 'text', 'image', got a list of 2"),
        (TWO, (2, 4), "must be a dict with 'text', 'image', got a tensor of shape"),
        ([None, None], [(2, 4)], "must be a list of 2, one for each encoder, got a li"),
        (
            [None, None],
            {"text": (2, 4), "image": (2, 4)},
            "must be a list of 2, one for each encoder, got a dict with '",
        ),
        ([None, None], (2, 4), "must be a list of 2, one for each encoder, got a ten"),
        (
            [None, None],
            [(2, 4), (2, 3, 4)],
            "the encodings cannot be merged by 'add'; their shapes are\n"
            "  0: (2, 4)\n  1: (2, 3, 4)",
        ),
        (TWO, {"text": (2,), "image": (2,)}, "their shapes are\n  'text': (2,)"),
        (
            TWO,
            {"text": (2, 8, 3), "image": (2, 5, 3)},
            "their shapes are\n  'text': (2, 8, 3)\n  'image': (2, 5, 3)",
        ),
        (
            TWO,
            {"text": (2, 4), "image": [(2, 4), (2, 4)]},
            "the encoder of 'image' must return one tensor, got a list of 2",
        ),
    ],
)
def test_words_of_wrong_inputs(encoders, inputs, words):
    def spec(shape):
        return keras.KerasTensor(shape)

    tries = [
        lambda block: block.build(inputs),
        lambda block: block.compute_output_shape(inputs),
        lambda block: block(keras.tree.map_shape_structure(spec, inputs)),
        lambda block: block(keras.tree.map_shape_structure(np.zeros, inputs)),
    ]
    for attempt in tries:
        with pytest.raises(ValueError) as error:  # noqa: PT011
            attempt(kb.MultiInput(encoders, "add"))
        assert words in str(error.value)


def test_wrong_inputs_of_a_built_layer():
    x = {"text": np.zeros((2, 4)), "image": np.zeros((2, 4))}
    block = kb.MultiInput({"text": None, "image": None})
    block(x)
    with pytest.raises(ValueError, match="'txt' is unknown; did you mean 'text'"):
        block({"txt": x["text"], **x})


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            np.zeros((2, 4)),
            "the input 'image' is optional and must be a pair (input, present), got a "
            "tensor of shape (2, 4)",
        ),
        (
            (np.zeros((2, 4)), np.zeros((2, 4))),
            "'present' of the optional input 'image' must have the shape (batch,) or "
            "(batch, 1), got a tensor of shape (2, 4)",
        ),
        ((np.zeros((2, 4)),) * 3, "got a tuple of 3"),
    ],
)
def test_words_of_a_wrong_pair(entry, words):
    block = kb.MultiInput({"text": None, "image": None}, optional=["image"])
    with pytest.raises(ValueError) as error:  # noqa: PT011
        block({"text": np.zeros((2, 4)), "image": entry})
    assert words in str(error.value)


# Inputs that may be absent.


def optional_block(merge, optional=("b",)):
    encoders = {name: layers.Dense(4, "tanh") for name in "cba"}
    return kb.MultiInput(encoders, merge, optional=optional), encoders


def three():
    return {name: random(4, 5, seed=i) for i, name in enumerate("abc")}


def without(block, encoders, merge, names, x):
    """What a block of some of the inputs gives, with the same weights."""
    small = kb.MultiInput({name: encoders[name] for name in names}, merge)
    x = {name: x[name] for name in names}
    small(x)
    if merge == "gated":
        rows = [i for i, name in enumerate("cba") if name in names]
        places = {str(p): str(row + 1) for p, row in enumerate(rows, start=1)}
        rows = np.concatenate([np.arange(4 * i, 4 * i + 4) for i in rows])
        whole = {w.path.split("merge/")[1]: as_array(w) for w in block.weights[6:]}
        for weight in small.merge_layer.weights:
            layer, kind = weight.path.split("merge/")[1].split("/")
            role, place = layer.split("_")
            value = whole[f"{role}_{places[place]}/{kind}"]
            weight.assign(value if value.shape == weight.shape else value[rows])
    return as_array(small(x))


@pytest.mark.parametrize("dtype", ["bool", "int32", "float32"])
@pytest.mark.parametrize("merge", OPTIONAL)
def test_an_absent_input_is_as_if_there_were_none(merge, dtype):
    block, encoders = optional_block(merge)
    x = three()
    garbage = np.where(PRESENT[:, None], x["b"], np.float32("nan"))
    for present in (PRESENT.astype(dtype), PRESENT.astype(dtype)[:, None]):
        outputs = as_array(block({**x, "b": (garbage, present)}))
        randomize(block)
        outputs = as_array(block({**x, "b": (garbage, present)}))
        both = without(block, encoders, merge, "cba", x)
        alone = without(block, encoders, merge, "ca", x)
        if merge == "concatenate":
            alone = np.concatenate(
                [alone[:, :4], np.zeros((4, 4), "float32"), alone[:, 4:]], axis=-1
            )
        expected = np.where(PRESENT[:, None], both, alone)
        assert_close(outputs, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("merge", OPTIONAL)
def test_all_absent_is_zeros(merge):
    block, _ = optional_block(merge, optional=("a", "b", "c"))
    x = {name: (value, PRESENT) for name, value in three().items()}
    outputs = as_array(block(x))
    assert not outputs[PRESENT == 0].any()
    assert outputs[PRESENT == 1].all()


@pytest.mark.parametrize("merge", OPTIONAL)
@pytest.mark.parametrize("optional", ["b", "abc"])
def test_gradients_do_not_see_what_is_absent(merge, optional):
    block, _ = optional_block(merge, optional=tuple(optional))
    results = []
    for garbage in (0.0, np.nan, np.inf, 1e30):
        x = three()
        for name in optional:
            there = np.where(PRESENT[:, None], x[name], np.float32(garbage))
            x[name] = (there, PRESENT)
        if not results:
            inputs = named(x)
            model = keras.Model(inputs, layers.Dense(1)(block(inputs)))
            randomize(model)
            start = model.get_weights()
        model.set_weights(start)
        step(model, x)
        results.append(model.get_weights())
        assert_close(results[0], results[-1], rtol=1e-5, atol=1e-6)


def test_a_text_of_padding_alone_is_absent_without_nan():
    """A mean over no steps is NaN, and so would be its gradient."""
    text = [layers.Embedding(9, 4, mask_zero=True), layers.GlobalAveragePooling1D()]
    block = kb.MultiInput({"text": text, "facts": None}, optional=["text"])
    tokens = np.array([[1, 2, 0], [0, 0, 0], [3, 0, 0], [-7, 99, 3]], "int32")
    x = {"text": (tokens, PRESENT), "facts": random(4, 3)}
    inputs = named(x)
    model = keras.Model(inputs, layers.Dense(1)(block(inputs)))
    step(model, x)
    assert all(np.isfinite(value).all() for value in model.get_weights())


def test_optional_images_of_a_smaller_size():
    """The stand-in comes after the projection, whose bias would be seen."""
    block = kb.MultiInput([None, None], "add", optional=[0], resize="stride")
    x = [(random(4, 8, 8, 3), PRESENT), random(4, 4, 4, 5, seed=1)]
    block(x)
    randomize(block)
    outputs = as_array(block(x))
    assert_equal(outputs[PRESENT == 0], x[1][PRESENT == 0])
    assert list(block.projections) == ["0"]


def test_an_optional_input_of_several_tensors():
    pair = [random(4, 5), random(4, 5, seed=1)]
    encoder = kb.SiameseEncoder(layers.Dense(3), "absolute_difference")
    block = kb.MultiInput({"pair": encoder, "one": None}, "add", optional=["pair"])
    one = random(4, 3, seed=2)
    outputs = as_array(block({"one": one, "pair": (pair, PRESENT)}))
    assert_equal(outputs[PRESENT == 0], one[PRESENT == 0])
    expected = one + as_array(encoder(pair))
    assert_close(outputs[PRESENT == 1], expected[PRESENT == 1])


# What encoders may be.


def everything():
    """A model with a nested block, a shared layer, a model and a pair of inputs."""
    shared = layers.Dense(4, "tanh", name="shared")
    image = keras.Input((8, 8, 2))
    x = layers.Flatten()(kb.ConvBlock(3, strides=2)(image))
    picture = keras.Model(image, layers.Dense(6)(x))
    block = kb.MultiInput(
        {
            "text": [layers.Embedding(20, 5, mask_zero=True), layers.LSTM(4)],
            "picture": picture,
            "pair": kb.SiameseEncoder(shared, "multiply"),
            "both": kb.MultiInput({"z": shared, "a": None}, "average", optional=["a"]),
            "plain": keras.Sequential([layers.Dense(3), layers.ReLU()]),
        },
        "gated",
        optional=["plain"],
    )
    inputs = {
        "plain": (
            keras.Input((3,), name="plain"),
            keras.Input((1,), dtype="bool", name="has_plain"),
        ),
        "both": {
            "a": (keras.Input((4,), name="a"), keras.Input((), name="has_a")),
            "z": keras.Input((7,), name="z"),
        },
        "pair": [keras.Input((7,), name="left"), keras.Input((7,), name="right")],
        "picture": keras.Input((8, 8, 2), name="picture"),
        "text": keras.Input((None,), dtype="int32", name="text"),
    }
    outputs = layers.Dense(2, name="head")(block(inputs))
    flat = keras.tree.flatten(inputs)
    return keras.Model({one.name: one for one in flat}, outputs)


def everything_data(batch=4):
    tokens = np.random.default_rng(0).integers(1, 20, (batch, 6))
    return {
        "plain": random(batch, 3),
        "has_plain": PRESENT.astype(bool)[:, None],
        "a": random(batch, 4, seed=1),
        "has_a": 1 - PRESENT.astype("float32"),
        "z": random(batch, 7, seed=2),
        "left": random(batch, 7, seed=3),
        "right": random(batch, 7, seed=4),
        "picture": random(batch, 8, 8, 2, seed=5),
        "text": np.where(np.arange(6) < 4, tokens, 0).astype("int32"),
    }


@pytest.mark.parametrize("expanded", [False, True])
def test_saved_reloaded_expanded_and_trained_on(expanded, tmp_path):
    model = everything()
    randomize(model)
    x = everything_data()
    one = kb.expand(model) if expanded else model
    assert_equal(one(x), model(x))
    one.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_equal(again(x), model(x))
    assert len(again.weights) == len(model.weights)
    for each in (one, again):
        step(each, x)
    assert_close(again(x), one(x))
    if expanded:
        assert "kerasblocks" not in one.to_json()


def test_integers_reach_the_encoder_as_they_are():
    seen = []

    class Look(layers.Layer):
        def call(self, x):
            seen.append(keras.backend.standardize_dtype(x.dtype))
            return ops.cast(x, "float32")

    x = [np.array([[1], [2]], "int32"), np.array([[True], [False]])]
    kb.MultiInput([Look(), Look()], dtype="mixed_float16")(x)
    assert {"int32", "bool"} <= set(seen)


def test_frozen():
    block = kb.MultiInput([layers.Dense(3), layers.Dense(4)], "add", trainable=False)
    block.build([(None, 2), (None, 2)])
    assert len(block.weights) == 6
    assert not block.trainable_weights


@pytest.mark.parametrize("as_list", [False, True])
def test_a_shared_encoder_is_shared_in_a_copy(as_list):
    shared = layers.Dense(3)
    x = {"a": random(2, 5), "b": random(2, 4), "c": random(2, 5, seed=1)}
    encoders = {"c": shared, "b": layers.Dense(2), "a": "c"}
    if as_list:
        encoders, x = [shared, layers.Dense(2), 0], [x["c"], x["b"], x["a"]]
    block = kb.MultiInput(encoders)
    copy = kb.MultiInput.from_config(block.get_config())
    block(x), copy(x)
    assert len(copy.weights) == len(block.weights) == 4
    copy.set_weights(block.get_weights())
    assert_equal(copy(x), block(x))
    assert block.encoders[2 if as_list else "a"] is shared


def test_a_model_of_its_own_class_as_encoder():
    class Own(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    block = kb.MultiInput({"a": Own(), "b": None})
    x = {"a": random(2, 4), "b": random(2, 2)}
    assert block(x).shape == (2, 5)
    assert len(block.weights) == 2


# Masks.


@pytest.mark.parametrize(
    "check",
    [
        checks.check_mask_shape,
        checks.check_padding_does_not_leak,
        checks.check_padding_is_no_step,
    ],
    ids=lambda check: check.__name__,
)
@pytest.mark.parametrize("merge", ["concatenate", "gated", "maximum", "dot"])
def test_masks_of_sequences(merge, check):
    def make(**kwargs):
        encoders = [layers.LSTM(3, return_sequences=True), layers.Dense(4)]
        return kb.MultiInput(encoders, merge, **kwargs)

    check(case(make, [(None, 6, 3), (None, 6, 3)]))


@pytest.mark.parametrize("merge", ["add", "average", "concatenate", "gated"])
def test_steps_of_an_absent_sequence_are_masked(merge):
    def sequence():
        embedding = layers.Embedding(9, 4, mask_zero=True)
        return [embedding, layers.LSTM(4, return_sequences=True)]

    block = kb.MultiInput([sequence(), sequence()], merge, optional=[0])
    long, short = np.full((4, 3), 2), np.array([[1, 0, 0]] * 4)
    outputs = block([(long, PRESENT), short])
    expected = [[True] * 3 if there else [True, False, False] for there in PRESENT]
    np.testing.assert_array_equal(as_array(outputs._keras_mask), expected)
    if merge in ("add", "average"):
        alone = as_array(kb.Chain([block.encoders[1]])(short))
        assert_equal(as_array(outputs)[PRESENT == 0], alone[PRESENT == 0])


def test_masks_of_absent_sequences_are_kept_by_an_expanded_model():
    def sequence():
        embedding = layers.Embedding(9, 4, mask_zero=True)
        return [embedding, layers.LSTM(4, return_sequences=True)]

    block = kb.MultiInput({"b": sequence(), "a": None}, "add", optional=["b"])
    x = {
        "a": random(4, 3, 4),
        "b": (np.array([[1, 2, 0]] * 4, "int32"), PRESENT),
    }
    inputs = named(x)
    steps = layers.Masking()(inputs["a"])
    x["a"][:, 1:] = 0
    model = keras.Model(inputs, layers.GRU(3)(block({**inputs, "a": steps})))
    assert_equal(kb.expand(model)(x), model(x))


@pytest.mark.parametrize("merge", ["add", "gated"])
def test_names_that_no_layer_may_have(merge):
    """TensorFlow refuses them in the scopes of a graph."""
    block = kb.MultiInput({"free text": [layers.Dense(3)], "Größe": None}, merge)
    x = {"free text": random(4, 3), "Größe": random(4, 2)}
    inputs = {name: keras.Input(value.shape[1:]) for name, value in x.items()}
    outputs = block(inputs)
    model = keras.Model([inputs[name] for name in x], outputs)
    x = list(x.values())
    assert_equal(kb.expand(model).predict(x, verbose=0), model.predict(x, verbose=0))
