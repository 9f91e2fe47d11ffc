"""Ready hypermodels: every point builds, and none is absurd."""

import time

import keras
import keras_tuner as kt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasblocks as kb
from kerasblocks import spaces
from kerasblocks.hypermodels import Images, Network, Sequences, Tables, Tokens
from kerasblocks.hypermodels.infer import scaled
from kerasblocks.hypermodels.stages import BLOCKS
from kerasblocks.search import Study
from kerasblocks.search.explore import explore
from kerasblocks.testing import configs

CLASSES = kb.heads.Multiclass(3)
NETWORKS = {
    "images": Network(Images((8, 8, 1)), CLASSES, steps=10),
    "no channels": Network(Images((5, 9)), CLASSES),
    "one pixel": Network(Images((1, 1, 3)), kb.heads.Binary()),
    "uneven": Network(Images((3, 40, 2)), kb.heads.Regression(2)),
    "large": Network(Images((96, 130, 3)), CLASSES),
    "unknown sizes": Network(Images((None, None, 3)), CLASSES),
    "volumes": Network(Images((3, 6, 5, 1)), CLASSES),
    "sequences": Network(Sequences((24, 1), moments=([3.0], [4.0])), CLASSES, steps=9),
    "one step": Network(Sequences(1), kb.heads.Count()),
    "unknown steps": Network(Sequences((None, 3)), kb.heads.Quantile()),
    "tokens": Network(Tokens((None,), vocabulary=7), kb.heads.Multilabel(4)),
    "table": Network(Tables(5, moments=(np.zeros(5), np.ones(5))), kb.heads.Ordinal(4)),
    "several": Network(
        {"image": Images((4, 4, 1)), "row": Tables(3), "text": Tokens(6, vocabulary=9)},
        {"age": kb.heads.Regression(), "kind": CLASSES, "yes": kb.heads.Binary()},
        steps=9,
    ),
}
each_network = pytest.mark.parametrize("name", NETWORKS)


@each_network
@settings(max_examples=max(3, settings().max_examples // 5))
@given(st.data())
def test_every_point_builds(name, data):
    network = NETWORKS[name]
    model = network.make(data.draw(configs(network.space)))
    if name == "several":
        assert set(model.output) == {"age", "kind", "yes"}
    else:
        assert len(model.output_shape) == 2
    for layer in model.layers:
        sizes = getattr(layer, "output", None)
        if isinstance(sizes, keras.KerasTensor):
            assert 0 not in sizes.shape


@each_network
def test_a_search_over_it_begins_at_once(name):
    begun = time.process_time()
    study = Study(
        name="it",
        hypermodel=NETWORKS[name],
        data=lambda: None,
        objective="val_loss",
    )
    space = explore(study)
    assert time.process_time() - begun < 3
    hp = kt.HyperParameters()
    NETWORKS[name].space(hp)
    assert {p.name for p in hp.space} == {p.name for p in space.space}


@each_network
@settings(max_examples=max(5, settings().max_examples // 2))
@given(st.data())
def test_what_is_inactive_is_neither_drawn_nor_in_the_configuration(name, data):
    network = NETWORKS[name]
    config, values = data.draw(configs(lambda hp: (network.space(hp), dict(hp.values))))
    for encoder, found in config["encoders"].items():
        stages = found.get("stages")
        if stages is None:
            continue
        scope = f"{encoder}/stages/"
        depths = {key for key in stages if key.startswith("depth")}
        assert depths == {f"depth_{i}" for i in range(1, stages["stages"] + 1)}
        asked = {key.removeprefix(scope) for key in values if key.startswith(scope)}
        assert asked <= set(stages)
        assert ("downsample" in stages) == (stages["stages"] > 1)
    kind = values["optimizer/kind"]
    assert ("optimizer/momentum" in values) == (kind == "sgd")
    assert ("optimizer/weight_decay" in values) == (kind == "adamw")


@pytest.mark.parametrize(
    ("shape", "most"),
    [((8, 8, 1), 3), ((1, 1, 1), 1), ((3, 3, 1), 1), ((224, 224, 3), 4)],
)
def test_no_map_that_is_small_is_made_smaller(shape, most):
    network = Network(Images(shape), CLASSES, downsample="stride", block="plain")
    hp = kt.HyperParameters()
    network.space(hp)
    values = [p.values for p in hp.space if p.name == "images/stages/stages"]
    assert max(values[0] if values else [1]) == most
    hp = kt.HyperParameters()
    hp.values["images/stages/stages"] = most
    model = network.make(network.space(hp))
    before = model.get_layer("features").input.shape[1:-1]
    assert min(before) >= min(2, *shape[:2])
    assert max(before) <= 64


@pytest.mark.parametrize("block", BLOCKS)
def test_every_kind_of_block_trains_and_is_saved(block, tmp_path):
    network = Network(
        Images((5, 7, 2), moments=([0.5, 0.5], [1.0, 0.0])),
        CLASSES,
        block=block,
        filters=4,
        stages=2,
        depth=1,
        shift=0.0,
        rotation=0.0,
        steps=2,
    )
    model = network.build(kt.HyperParameters())
    x = np.random.default_rng(0).random((8, 5, 7, 2), "float32")
    model.fit(x, np.arange(8) % 3, epochs=1, verbose=0)
    kinds = {type(layer).__name__ for layer in model.layers}
    names = {"plain": "ConvBlock", "separable": "ConvBlock"}
    assert names.get(block, f"{block.title()}Block") in kinds
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )


def test_values_are_fixed_and_narrowed_by_keyword():
    network = Network(
        Images((8, 8, 1), pooling=spaces.among("average", "max")),
        CLASSES,
        block="residual",
        filters=spaces.among(8, 12),
        depth=spaces.among(1, 3),
        learning_rate=spaces.between(1e-4, 1e-3, log=True),
        optimizer="adam",
        dropout=0.0,
        label_smoothing=0.0,
        hidden=None,
    )
    hp = kt.HyperParameters()
    network.space(hp)
    found = {p.name.split("/")[-1]: p for p in hp.space}
    assert found["filters"].values == [8, 12]
    assert found["depth_2"].values == [1, 3]
    assert found["pooling"].values == ["average", "max"]
    assert (found["learning_rate"].min_value, found["learning_rate"].max_value) == (
        *(1e-4, 1e-3),
    )
    gone = {"block", "kind", "dropout", "label_smoothing", "hidden", "weight_decay"}
    assert not gone & set(found)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: Network(Images((8, 8, 1)), CLASSES, blok="plain"),
            TypeError,
            "Network: unexpected keyword argument 'blok'; did you mean 'block'",
        ),
        (
            lambda: Network(Tables(3), kb.heads.Regression(), label_smoothing=0.1),
            TypeError,
            "'label_smoothing'",
        ),
        (lambda: Network(Tables(3), CLASSES, schedule="cosine"), TypeError, "'sched"),
        (lambda: Images((8, 8, 1), filtres=3), TypeError, "mean 'filters'"),
        (
            lambda: Images((4, 4, 4, 1), zoom=0.1),
            TypeError,
            "'zoom' is for images of 2",
        ),
        (lambda: Images((8,)), ValueError, "'shape' must be that of one sample, 2 or"),
        (lambda: Images((8, 8, None)), ValueError, "how many channels there are"),
        (lambda: Sequences((None, None)), ValueError, "how many channels there are"),
        (lambda: Tables((None,)), ValueError, "how many columns there are"),
        (lambda: Tokens(3, vocabulary=0), ValueError, "'vocabulary' must be a positi"),
        (lambda: Network([], CLASSES), ValueError, "'inputs' must be Images, Seque"),
        (lambda: Network(Tables(3), {}), ValueError, "'outputs' must be tasks such as"),
        (lambda: Network(Tables(3), CLASSES, steps=0), ValueError, "'steps' must be a"),
        (
            lambda: Network(Images((2, 2, 1)), CLASSES, stages=3).build(
                kt.HyperParameters()
            ),
            ValueError,
            "'stages' must be one of 1, got 3",
        ),
    ],
)
def test_what_is_wrong_is_told(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_channels_first_builds():
    keras.config.set_image_data_format("channels_first")
    for network in (
        Network(Images((2, 6, 5)), CLASSES),
        Network(Sequences((2, 9)), CLASSES),
    ):
        model = network.make(network.space(kt.HyperParameters()))
        assert model.output_shape == (None, 3)


def test_regression_learns_in_the_units_of_its_targets():
    x = np.random.default_rng(0).random((64, 3), "float32")
    y = 1e4 + 5e3 * x[:, 0]
    task = scaled(kb.heads.Regression(), y)
    network = Network(Tables(3), task, block="plain", dropout=0.0)
    model = network.build(kt.HyperParameters())
    before = model.evaluate(x, y, verbose=0)[0]
    assert 0.5 < before < 5, "a loss in units of the spread, not of 10,000"
    model.fit(x, y, epochs=30, batch_size=16, verbose=0)
    guess = model.predict(x, verbose=0)[:, 0]
    assert abs(guess - y).mean() < 0.3 * y.std()
