"""MultiHeadModel: names in every kind of data, and all that a keras.Model can."""

import pickle
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from tests.table import assert_equal

NAMES = ["size", "kind"]
X = np.random.default_rng(0).standard_normal((12, 4)).astype("float32")
Y = {"size": X[:, :1] * 2, "kind": np.arange(12) % 3}
WEIGHT = np.linspace(0.1, 2, 12).astype("float32")


def make_heads():
    return kb.MultiHeadOutput(
        {"size": kb.heads.Regression(), "kind": kb.heads.Multiclass(3)}
    )


def build():
    heads = make_heads()
    inputs = keras.Input((4,))
    model = kb.MultiHeadModel(inputs, heads(layers.Dense(3)(inputs)))
    model.compile("sgd", **heads.compile_args())
    return model, heads


def arrays(y, weight=None):
    if weight is None:
        return {"x": X, "y": y}
    _, weight = make_heads().route(Y, weight)
    return {"x": X, "y": y, "sample_weight": weight}


def tf_data(y, weight=None):
    tf = pytest.importorskip("tensorflow")
    parts = (X, y) if weight is None else (X, y, weight)
    return {"x": tf.data.Dataset.from_tensor_slices(parts).batch(12)}


class Batches(keras.utils.PyDataset):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.parts


def py_dataset(y, weight=None):
    return {"x": Batches((X, y) if weight is None else (X, y, weight))}


def torch_loader(y, weight=None):
    data = pytest.importorskip("torch.utils.data")
    parts = (X, y) if weight is None else (X, y, weight)

    class Rows(data.Dataset):
        def __len__(self):
            return len(X)

        def __getitem__(self, index):
            return keras.tree.map_structure(lambda array: array[index], parts)

    return {"x": data.DataLoader(Rows(), batch_size=12)}


FEEDS = [arrays, tf_data, py_dataset, torch_loader]


@pytest.fixture(params=FEEDS, ids=lambda feed: feed.__name__)
def feed(request):
    if request.param is tf_data and "tensorflow" not in sys.modules:
        pytest.skip("TensorFlow is not the backend")
    return request.param


@pytest.mark.table
@pytest.mark.filterwarnings("ignore:.*pin_memory:UserWarning")
def test_targets_and_some_weights_by_name_in_any_order(feed):
    model, _ = build()
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    turned = dict(reversed(Y.items()))
    assert model.evaluate(**feed(turned), verbose=0, return_dict=True) == pytest.approx(
        logs
    )
    weighted = model.evaluate(
        **feed(turned, {"size": WEIGHT}), verbose=0, return_dict=True
    )
    assert weighted["kind_loss"] == pytest.approx(logs["kind_loss"])
    errors = (ops.convert_to_numpy(model(X)["size"]) - Y["size"])[:, 0] ** 2
    assert weighted["size_loss"] == pytest.approx(np.mean(errors * WEIGHT), rel=1e-5)
    model.fit(**feed(turned, {"size": WEIGHT}), shuffle=False, verbose=0)


WRONG = [
    ({"sizes": Y["size"], "kind": Y["kind"]}, "'y' names 'sizes'.*mean 'size'"),
    (
        {**Y, "colour": Y["kind"]},
        r"'y' names 'colour', but the outputs are '\w+', '\w+'",
    ),
    ({"size": Y["size"]}, "'y' lacks 'kind'"),
    (
        Y["size"],
        r"'y' must be a dict keyed by the names of the outputs, '\w+', '\w+', got an "
        r"array of shape \(\w+, 1\)",
    ),
]


@pytest.mark.table
@pytest.mark.filterwarnings("ignore:.*pin_memory:UserWarning")
@pytest.mark.parametrize(("y", "words"), WRONG, ids=["near", "extra", "less", "array"])
def test_wrong_names_are_refused_at_once(feed, y, words):
    model, _ = build()
    before = model.get_weights()
    with pytest.raises(ValueError, match=rf"MultiHeadModel: {words}"):
        model.fit(**feed(y), shuffle=False, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    if words is WRONG[0][1]:  # and can be mended, which takes a compilation
        model.fit(**feed(Y), shuffle=False, verbose=0)


def test_wrong_names_of_sample_weights_are_refused():
    model, heads = build()
    with pytest.raises(ValueError, match=r"'sample_weight' names 'sizes'.*'size'"):
        model.fit(**py_dataset(Y, {"sizes": WEIGHT}), verbose=0)
    with pytest.raises(ValueError, match=r"'sample_weight' names 'sizes'.*'size'"):
        heads.route(Y, {"sizes": WEIGHT})


def test_one_array_of_sample_weights_is_for_all_heads():
    model, _ = build()
    logs = model.test_on_batch(X, Y, sample_weight=WEIGHT, return_dict=True)
    both = {"size": WEIGHT, "kind": WEIGHT}
    again = model.test_on_batch(X, Y, sample_weight=both, return_dict=True)
    assert logs == pytest.approx(again)


def test_route_in_a_tf_data_pipeline():
    tf = pytest.importorskip("tensorflow")
    model, heads = build()
    parts = (X, dict(reversed(Y.items())), {"size": WEIGHT})
    data = tf.data.Dataset.from_tensor_slices(parts).batch(5)
    routed = data.map(lambda x, y, w: (x, *heads.route(y, w)))
    y, weight = list(routed)[-1][1:]
    assert list(y) == list(weight) == NAMES
    np.testing.assert_array_equal(weight["kind"], np.ones(2))
    plain = keras.Model(model.inputs, model.outputs and model.output)
    plain.compile("sgd", **heads.compile_args())
    plain.fit(routed, shuffle=False, verbose=0)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ({"kind": Y["kind"]}, "MultiHeadOutput: 'y' lacks 'size'"),
        (
            {**Y, "kind": np.array([0, 3, -1])},
            "MultiHeadOutput: the labels of 'kind' must be whole numbers from 0 to 2, "
            "got 3; a missing label must be NaN or the task's 'missing'",
        ),
        ({**Y, "kind": np.array([0.5])}, "whole numbers from 0 to 2, got 0.5"),
        ({**Y, "size": np.array([np.inf])}, "must be finite numbers, got inf"),
        ({**Y, "size": np.array(["1"])}, "must be numbers, got an array of <U1"),
    ],
)
def test_route_looks_at_the_labels(y, words):
    with pytest.raises(ValueError, match="MultiHeadOutput: ") as caught:
        make_heads().route(y)
    assert words in str(caught.value)


def test_route_takes_what_is_missing():
    heads = kb.MultiHeadOutput(
        {"a": kb.heads.Multiclass(3, missing=-1), "b": kb.heads.Binary()}
    )
    y = {"b": [np.nan, 0.3], "a": np.array([-1, 2])}
    assert list(heads.route(y)) == ["a", "b"]
    with pytest.raises(ValueError, match=r"'b' must be numbers from 0 to 1, got 2\.0"):
        heads.route({**y, "b": [2.0, np.nan]})


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (
            {**Y, "size": np.ones((12, 2))},
            r"labels of 'size', a Regression, must have the shape \(batch, 1\), got",
        ),
        (
            {**Y, "kind": np.eye(3)[Y["kind"]]},
            r"the labels of 'kind', a Multiclass, must have the shape \(batch\), got "
            r"\(.*, 3\); for one-hot labels give the task loss='categorical_cross",
        ),
    ],
)
def test_labels_of_a_wrong_shape_are_refused(y, words):
    model, _ = build()
    with pytest.raises(ValueError, match=words):
        model.fit(X, y, verbose=0)


def test_a_loss_that_gives_one_number_for_the_batch_is_refused():
    heads = kb.MultiHeadOutput(
        {"a": kb.heads.Regression(loss=lambda y, p: ops.mean(ops.square(y - p)))}
    )
    with pytest.raises(ValueError, match="loss of 'a' must give a value for each samp"):
        heads.compile_args()["loss"]["a"](np.ones((2, 1)), np.ones((2, 1)))


def test_an_output_that_is_no_dict_is_refused():
    inputs = keras.Input((4,))
    model = kb.MultiHeadModel(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="MultiHeadModel: the model's output must"):
        model.fit(X, Y["size"], verbose=0)


@pytest.mark.table
def test_it_is_a_functional_model():
    model, _ = build()
    plain = keras.Model(model.input, model.output)
    assert [layer.name for layer in model.layers] == [
        layer.name for layer in plain.layers
    ]
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for other in (plain, clone, kb.expand(model)):
        for name in NAMES:
            np.testing.assert_array_equal(
                ops.convert_to_numpy(other(X)[name]),
                ops.convert_to_numpy(model(X)[name]),
            )
    features = keras.Model(model.input, model.layers[1].output)
    assert features(X).shape == (12, 3)
    assert set(model.predict(X, verbose=0)) == set(NAMES)


@pytest.mark.table
def test_it_trains_as_a_plain_model_does():
    """Without balancing: the same losses, metrics and weights, to the last bit."""
    model, heads = build()
    plain = keras.Model(model.input, model.output)
    plain.compile("sgd", **heads.compile_args())
    start = model.get_weights()
    ours = model.fit(X, Y, epochs=3, shuffle=False, verbose=0).history
    weights = model.get_weights()
    model.set_weights(start)
    theirs = plain.fit(X, Y, epochs=3, shuffle=False, verbose=0).history
    assert ours == theirs
    for a, b in zip(weights, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.table
def test_a_subclass_by_hand(tmp_path):
    @keras.saving.register_keras_serializable(package="test_multi_head_model")
    class Custom(kb.MultiHeadModel):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.heads = kb.MultiHeadOutput(
                {"size": kb.heads.Regression(), "kind": kb.heads.Multiclass(3)},
                balancing="uncertainty",
            )

        def call(self, inputs):
            return self.heads(inputs)

    model = Custom()
    model(X)
    model.compile("adam", **model.heads.compile_args())
    model.fit(X, Y, verbose=0)
    assert (ops.convert_to_numpy(model.heads.balancer.current_weights()) != 1).all()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    expected = model.test_on_batch(X, Y, return_dict=True)
    assert again.test_on_batch(X, Y, return_dict=True) == pytest.approx(expected)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_jit(jit_compile):
    model, heads = build()
    model.compile("sgd", **heads.compile_args(), jit_compile=jit_compile)
    eager, _ = build()
    eager.compile("sgd", **heads.compile_args(), run_eagerly=True)
    eager.set_weights(model.get_weights())
    y = {"size": np.where(X[:, :1] > 0, np.nan, 1.0), "kind": Y["kind"]}
    assert model.train_on_batch(X, y, return_dict=True) == pytest.approx(
        eager.train_on_batch(X, y, return_dict=True), rel=1e-5
    )


@keras.saving.register_keras_serializable(package="test_multi_head_model")
class Wide(kb.MultiHeadModel):
    """Functional, from arguments of its own."""

    def __init__(self, width, **kwargs):
        self.width = width
        inputs = keras.Input((4,))
        outputs = make_heads()(layers.Dense(width)(inputs))
        super().__init__(inputs, outputs, **kwargs)

    def get_config(self):
        return {"width": self.width, "name": self.name}


@keras.saving.register_keras_serializable(package="test_multi_head_model")
class Derived(kb.MultiHeadModel):
    """Functional, from the inputs and outputs that it is given."""


class NotRegistered(kb.MultiHeadModel):
    """Likewise, given to Keras as a custom object."""


def derived(cls):
    inputs = keras.Input((4,))
    return cls(inputs, make_heads()(layers.Dense(3)(inputs)))


@pytest.mark.table
@pytest.mark.parametrize(
    "make",
    [
        lambda: build()[0],
        lambda: Wide(7),
        lambda: derived(Derived),
        lambda: derived(NotRegistered),
    ],
    ids=["plain", "arguments", "registered", "not registered"],
)
def test_a_functional_subclass_is_saved_loaded_and_cloned(make, tmp_path):
    model = make()
    cls, bases = type(model), kb.MultiHeadModel.__bases__
    assert bases == (keras.Model,)
    assert isinstance(model, type(keras.Model(model.input, model.output)))
    model.compile("sgd", **make_heads().compile_args())
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    with keras.saving.custom_object_scope({"NotRegistered": NotRegistered}):
        copies = [
            keras.models.load_model(tmp_path / "model.keras"),
            keras.models.model_from_json(model.to_json()),
            cls.from_config(model.get_config()),
        ]
    clone = keras.models.clone_model(model)
    # Keras clones any Functional model with arguments of its own as a plain one.
    assert isinstance(model, Wide) or type(clone) is cls
    expected = model.predict(X, verbose=0)
    for copy in [*copies, clone]:
        assert type(copy) is cls or copy is clone
        copy.set_weights(model.get_weights())
        found = copy.predict(X, verbose=0)
        for name in NAMES:
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_functional_subclass_leaves_the_class_as_it_is():
    """Keras itself adds Functional to the bases of the class and of its parents."""

    class Functional(kb.MultiHeadModel):
        pass

    class Further(Functional):
        pass

    class ByHand(kb.MultiHeadModel):
        def __init__(self, width, depth):
            super().__init__()
            self.heads = make_heads()

        def call(self, inputs):
            return self.heads(inputs)

    heads = make_heads()
    inputs = keras.Input((4,))
    for cls in (Further, Functional, kb.MultiHeadModel):
        model = cls(inputs, heads(inputs))
        assert isinstance(model, cls)
        assert isinstance(cls.from_config(model.get_config()), cls)
        model.compile("sgd", **heads.compile_args())
        model.fit(X, Y, verbose=0)
    by_hand = ByHand(3, 4)
    by_hand.compile("sgd", **by_hand.heads.compile_args())
    by_hand.fit(X, Y, verbose=0)


def test_a_functional_model_is_pickled():
    model, _ = build()
    again = pickle.loads(pickle.dumps(model))
    assert isinstance(again, kb.MultiHeadModel)
    assert_equal(again(X), model(X))
