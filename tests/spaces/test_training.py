"""Optimizers, schedules, regularization, normalization: each point is one of Keras'."""

import keras
import keras_tuner as kt
import numpy as np
import pytest
from hypothesis import given

import kerasblocks as kb
from kerasblocks import spaces
from kerasblocks.testing import configs
from tests.spaces.reading import at, searched

KINDS = ("adam", "adamw", "nadam", "rmsprop", "lion", "sgd")


@given(
    configs(
        lambda hp: (
            spaces.optimizer(
                hp,
                steps=100,
                kind=spaces.among(*KINDS),
                schedule=spaces.among("cosine", "constant", "exponential"),
            ),
            dict(hp.values),
        )
    )
)
def test_every_optimizer_is_made_and_holds_what_was_chosen(reading):
    config, values = reading
    optimizer = keras.optimizers.get(config)
    kind = values["optimizer/kind"]
    assert type(optimizer).__name__.lower() == kind
    names = {name.split("/")[-1] for name in values}
    assert ("momentum" in names) == ("nesterov" in names) == (kind == "sgd")
    assert ("weight_decay" in names) == (kind == "adamw")
    rates = [value for name, value in values.items() if "learning_rate" in name]
    assert len(rates) == 1, "one learning rate, of the range of its kind"
    schedule = values["optimizer/schedule/kind"]
    assert ("warmup" in names) == (schedule != "exponential")
    shape = config["config"]["learning_rate"]
    plain = keras.optimizers.schedules.deserialize(shape)
    warm = round(values.get("optimizer/schedule/warmup", 0) * 100)
    assert float(plain(warm)) == pytest.approx(rates[0], rel=1e-3)
    end = 1.0 if schedule == "constant" else 0.01
    assert float(plain(100)) == pytest.approx(rates[0] * end, rel=1e-3)


def test_a_given_learning_rate_is_that_of_every_kind():
    rate = spaces.between(1e-4, 1e-3, log=True)
    names = searched(spaces.optimizer, learning_rate=rate)
    assert [name for name in names if "rate" in name] == ["optimizer/learning_rate"]
    for kind in ("adam", "sgd"):
        config, _ = at(spaces.optimizer, {"optimizer/kind": kind}, learning_rate=0.5)
        assert config["config"]["learning_rate"] == 0.5


def test_a_schedule_needs_steps():
    with pytest.raises(TypeError, match="optimizer: unexpected keyword argument 'sch"):
        spaces.optimizer(kt.HyperParameters(), schedule="cosine")
    with pytest.raises(ValueError, match="'steps' must be a positive int, got 0"):
        spaces.optimizer(kt.HyperParameters(), steps=0)
    config = spaces.optimizer(
        kt.HyperParameters(), steps=9, schedule="constant", warmup=0.0
    )
    assert isinstance(config["config"]["learning_rate"], float)


def test_a_model_trains_with_what_the_space_gives_and_is_saved(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    hp = kt.HyperParameters()
    model.compile(spaces.optimizer(hp, steps=4), loss="mse", run_eagerly=True)
    x = np.ones((4, 3), "float32")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


@given(configs(lambda hp: (spaces.normalization(hp), dict(hp.values))))
def test_normalization_has_a_momentum_only_for_batches(reading):
    config, values = reading
    batch = values["normalization/kind"] == "batch"
    assert ("normalization/momentum" in values) == batch
    if batch:
        momentum = config["normalization"].momentum
        assert momentum == values["normalization/momentum"]
    shape = kb.ConvBlock(4, **config).compute_output_shape((None, 5, 3))
    assert shape == (None, 5, 4)


@given(configs(spaces.regularization))
def test_regularization_is_three_numbers(config):
    assert set(config) == {"dropout", "l2", "label_smoothing"}
    assert all(0 <= number <= 0.5 for number in config.values())


@given(
    configs(
        lambda hp: (
            spaces.multi_head(
                hp,
                heads={
                    "age": kb.heads.Regression(),
                    "kind": kb.heads.Multiclass(3, hidden=[7]),
                },
                most=2,
            ),
            dict(hp.values),
        )
    )
)
def test_heads_have_hidden_layers_of_their_own(reading):
    config, values = reading
    heads = config["heads"]
    assert len(heads["age"].hidden) == values["multi_head/age/depth"]
    assert heads["kind"].hidden == (7,), "what a task says itself stays"
    assert not any(name.startswith("multi_head/kind") for name in values)
    assert config["balancing"] in (None, "uncertainty", "scale")


def test_weights_of_losses_leave_no_balancing_to_search():
    heads = {
        "age": kb.heads.Regression(loss_weight=0.1),
        "kind": kb.heads.Multiclass(3),
    }
    names = searched(spaces.multi_head, heads=heads)
    assert not any("balancing" in name for name in names)
