"""What is true of both metrics of labels and embeddings, on every backend."""

import keras
import numpy as np
import pytest

import kerasblocks as kb

pytestmark = pytest.mark.table
METRICS = {
    "retrieval": lambda **k: kb.metrics.RetrievalAccuracy(2, "cosine", **k),
    "one_shot": lambda **k: kb.metrics.OneShotAccuracy(3, **k),
}
each_metric = pytest.mark.parametrize("make", METRICS.values(), ids=METRICS)


def data(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((50, 6), "float32"), rng.integers(0, 4, 50)


def compiled(make, dtype=None, **compiling):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, dtype=dtype)])
    model.compile("sgd", kb.losses.Triplet(), metrics=[make(name="m")], **compiling)
    return model


@each_metric
def test_fit_and_evaluate_compiled_as_eager(make):
    x, y = data()
    ways = [{"run_eagerly": True}, {"jit_compile": False}]
    if keras.backend.backend() != "torch":
        ways.append({"jit_compile": True})
    results = []
    for way in ways:
        model = compiled(make, **way)
        # The last batch of two is too small for most questions.
        history = model.fit(x, y, 16, epochs=2, shuffle=False, verbose=0)
        evaluated = model.evaluate(x, y, 32, verbose=0, return_dict=True)
        results.append([*history.history["m"], evaluated["m"]])
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], atol=1e-5)
    assert 0.2 < results[0][-1] < 1


@each_metric
def test_a_model_with_the_metric_is_saved_and_reloaded(make, tmp_path):
    x, y = data()
    model = compiled(make)
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.evaluate(x, y, verbose=0, return_dict=True) == pytest.approx(before)


@each_metric
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_collapsed_encoder_is_never_right(make, value):
    _, y = data()
    assert float(make()(y, np.full((50, 4), value, "float32"))) == 0


@each_metric
def test_a_perfect_encoder_is_always_right(make):
    _, y = data()
    assert float(make()(y, np.eye(4, dtype="float32")[y])) == pytest.approx(1)


@each_metric
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_policies(make, policy):
    x, y = data()
    model = compiled(make, policy)
    metric = make()
    metric.update_state(y, keras.ops.cast(model.predict(x, verbose=0), "float32"))
    result = model.evaluate(x, y, 50, verbose=0, return_dict=True)["m"]
    assert result == pytest.approx(float(metric.result()), abs=0.05)


@each_metric
def test_large_labels_stay_apart(make):
    x, y = data()
    large = (y + 2**24).astype("int32")
    assert float(make()(large, x)) == float(make()(y, x))
