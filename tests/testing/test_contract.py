"""check_layer, parametrize_with_checks and the cases they take."""

import subprocess
import sys
import textwrap
from functools import partial

import keras
import pytest
from keras import layers, ops

from kerasblocks.testing import (
    LayerContractError,
    case,
    check_layer,
    checks,
    parametrize_with_checks,
    run_checks,
)


@keras.saving.register_keras_serializable(package="test_contract")
class Scale(layers.Layer):
    """A right layer."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="test_contract")
class Forgetful(Scale):
    """Loses its factor on the way through its config."""

    def get_config(self):
        config = super().get_config()
        del config["factor"]
        return config


@keras.saving.register_keras_serializable(package="test_contract")
class Difference(layers.Layer):
    def call(self, inputs):
        return inputs["a"] - inputs["b"]


def names(outcomes, status):
    return [outcome.law for outcome in outcomes if outcome.status == status]


def test_a_right_layer_passes():
    outcomes = check_layer(lambda **kwargs: Scale(3.0, **kwargs), (None, 4))
    assert [outcome.law for outcome in outcomes] == [
        check.__name__ for check in checks.CHECKS
    ]
    assert not names(outcomes, "failed")
    skipped = {one.law: one.reason for one in outcomes if one.status != "passed"}
    assert skipped["check_dict_order"] == "its input is not a dict"
    assert skipped["check_mask_shape"] == "its input has no axis of time"
    assert set(skipped) == {  # no law may fall silent unseen
        *("check_configurations", "check_data_formats", "check_dict_order"),
        *("check_gradients", "check_integer_inputs", "check_long_inputs"),
        *(
            "check_mask_shape",
            "check_padding_does_not_leak",
            "check_padding_is_no_step",
        ),
        *("check_nonsense_is_refused", "check_random_training", "check_state_moves"),
        "check_regularizers_and_constraints",
    }


def test_every_broken_law_is_named_with_a_way_to_mend_it():
    with pytest.raises(LayerContractError) as caught:
        check_layer(lambda **kwargs: Forgetful(3.0, **kwargs), (None, 4))
    error = caught.value
    assert isinstance(error, AssertionError)
    assert set(error.broken) == {
        *("check_config_round_trip", "check_config_is_complete", "check_saved_model"),
    }
    text = str(error)
    assert text.startswith("Forgetful breaks 3 laws of 46: check_config_round_trip, ")
    assert "other outputs: they differ by up to" in text
    assert "Fix: let `get_config` return every argument" in text
    assert "    layer = Forgetful(factor=3.0)" in text


def test_structures_of_inputs():
    both = {"a": (None, 4), "b": (None, 4)}
    outcomes = check_layer(lambda: Difference(), both, "float32")
    assert "check_dict_order" in names(outcomes, "passed")
    check_layer(layers.Add, [(None, 4), (None, 4)], checks=checks.CHECKS[:20])
    attention = partial(layers.MultiHeadAttention, 2, 3)
    query_and_value = ((None, 5, 4), (None, 6, 4))
    check_layer(attention, query_and_value, checks=checks.CHECKS[:10])


def test_a_space_is_searched_for_the_smallest_configuration():
    def space(hp):
        return {"units": hp.Int("units", 1, 64), "use_bias": hp.Boolean("use_bias")}

    class Narrow(layers.Dense):
        def call(self, x):
            y = super().call(x)
            return y if self.units < 20 else ops.squeeze(y[:, :1], -1)

    law = checks.check_configurations
    check_layer(layers.Dense, (None, 3), space=space, checks=[law])
    with pytest.raises(LayerContractError, match="'units': 20, 'use_bias': False"):
        check_layer(Narrow, (None, 3), space=space, checks=[law])


def test_expected_failures():
    expected = dict.fromkeys(
        ["check_config_round_trip", "check_config_is_complete", "check_saved_model"],
        "its factor is no part of it",
    )
    factory = lambda **kwargs: Forgetful(3.0, **kwargs)  # noqa: E731
    outcomes = check_layer(factory, (None, 4), expected_failures=expected)
    assert set(names(outcomes, "expected failure")) == set(expected)
    with pytest.raises(
        LayerContractError,
        match=r"check_build was expected to fail \(no reason\) and passes: take it off",
    ):
        check_layer(
            factory,
            (None, 4),
            expected_failures={**expected, "check_build": "no reason"},
        )
    with pytest.raises(ValueError, match="'check_biuld'; did you mean 'check_build'"):
        check_layer(Scale, (None, 4), expected_failures={"check_biuld": ""})


def test_where_a_call_fails_nothing_else_is_tried():
    outcomes = run_checks(case(partial(layers.Conv2D, 2, 3), (None, 4)))
    assert names(outcomes, "failed") == ["check_call"]
    assert {outcome.reason for outcome in outcomes[1:]} == {"check_call failed"}


def test_deterministic_under_a_seed():
    law = [checks.check_symbolic_output, checks.check_config_round_trip]

    def one(seed):
        return case(lambda **kwargs: Forgetful(3.0, **kwargs), (None, 4), seed=seed)

    first, again = (
        [(outcome.reason, outcome.snippet) for outcome in run_checks(one(0), law)]
        for _ in range(2)
    )
    assert first == again
    assert (one(0).sample() == one(0).sample()).all()
    assert (one(0).sample() != one(1).sample()).all()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((Scale(), (None, 4)), TypeError, "must be a class or a function that makes"),
        ((Scale, (4, 4)), ValueError, r"expected \(None, ...\), got \(4, 4\)"),
        ((Scale, (None, 0)), ValueError, r"positive sizes .* got \(None, 0\)"),
        ((Scale, "4"), ValueError, "or a list or dict of such tuples, got '4'"),
        ((lambda: 3, (None, 4)), TypeError, "must return a keras.layers.Layer, got 3"),
    ],
)
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        case(*arguments).make()


def test_parametrize_wants_cases():
    with pytest.raises(TypeError, match=r"'cases' must be made by .* got <class"):
        parametrize_with_checks([Scale])


CASES = [
    case(Scale, (None, 4)),
    case(
        Forgetful,
        (None, 4),
        arguments={"factor": 3.0},
        expected_failures={"check_config_round_trip": "its factor is no part of it"},
    ),
]


@parametrize_with_checks(
    CASES, checks=[checks.check_build, checks.check_config_round_trip]
)
def test_as_a_mark(case, check):
    check(case)


def test_pytest_reports_what_came(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        textwrap.dedent("""
            import keras
            from kerasblocks.testing import case, checks, parametrize_with_checks

            class Mine(keras.layers.Layer):
                def call(self, x):
                    return 2 * x

            LAWS = [checks.check_build, checks.check_dict_order, checks.check_losses]

            @parametrize_with_checks(
                [case(Mine, (None, 4))],
                expected_failures={"check_losses": "none"},
                checks=LAWS,
            )
            def test_layers(case, check):
                check(case)
        """)
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "1 failed, 1 passed, 1 skipped" in run.stdout, run.stdout
    assert "PASSED test_mine.py::test_layers[Mine-check_build]" in run.stdout
    assert "[XPASS(strict)] none" in run.stdout
    assert "its input is not a dict" in run.stdout
