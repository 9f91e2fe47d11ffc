"""The laws on layers that are faulty, on their right twins, and on unusual ones."""

import os
from functools import partial

import keras
import numpy as np
import pytest

from kerasblocks.testing import Broken, NotApplicable, case, checks, run_checks
from tests.testing.layers.faulty import PAIRS
from tests.testing.layers.unusual import UNUSUAL

# The laws that a fault of each kind is to be caught by: one of them at least.
LAWS = {
    "declared, symbolic and eager output agree": (
        *("check_symbolic_output", "check_unknown_sizes"),
    ),
    "sizes never seen at build": (
        *("check_declared_output", "check_batch_sizes", "check_unknown_sizes"),
    ),
    "config is JSON, complete, aliases nothing, survives twice": (
        *("check_config_is_json", "check_config_round_trip"),
        "check_config_is_not_shared",
    ),
    "name, dtype and trainable come back": (
        *("check_base_arguments", "check_config_round_trip"),
    ),
    "no argument silently swallowed": ("check_unknown_argument",),
    "two instances share nothing": ("check_instances_share_nothing",),
    "build alone creates all weights": ("check_build",),
    "weight paths are unique": ("check_weight_paths",),
    "reload gives equal outputs, losses, masks and state, and trains on": (
        *("check_tracking", "check_saved_model", "check_weights_round_trip"),
        *("check_weights_file", "check_config_round_trip"),
    ),
    "compiled equals eager, called twice": (
        *("check_graph", "check_jit", "check_random_training"),
        *("check_symbolic_output", "check_inference_is_deterministic"),
        "check_weights_round_trip",
    ),
    "state moves when it should and not when it should not": (
        *("check_inference_changes_no_state", "check_frozen_state"),
        *("check_state_moves", "check_weights_round_trip"),
    ),
    "every trainable weight gets a finite gradient, not always zero": (
        "check_gradients",
    ),
    "what the training argument changes is what training changes": (
        *("check_training_argument", "check_inference_is_deterministic"),
    ),
    "inference is deterministic": (
        *("check_inference_is_deterministic", "check_training_argument"),
    ),
    "two random calls differ, and a seed repeats them": ("check_random_training",),
    "losses and constraints reach the model": (
        *("check_losses", "check_regularizers_and_constraints"),
    ),
    "policies give the dtype declared, sublayers included": (
        *("check_dtype_policies", "check_sublayer_policies"),
    ),
    "integers are not cast, large positions keep their precision": (
        *("check_integer_inputs", "check_long_inputs"),
    ),
    "values of 1e4 and all zeros stay finite": ("check_large_values", "check_zeros"),
    "half precision stays close to float32": ("check_dtype_policies",),
    "padding does not leak": (
        "check_padding_does_not_leak",
        "check_padding_is_no_step",
    ),
    "declared mask support is true": (
        *("check_padding_does_not_leak", "check_padding_is_no_step"),
    ),
    "the mask fits what comes out": ("check_mask_shape", "check_padding_is_no_step"),
    "channels_first equals channels_last transposed": ("check_data_formats",),
    "the order of keys does not matter": ("check_dict_order",),
    "inputs are not changed in place": (
        *("check_inputs_are_unchanged", "check_config_round_trip"),
    ),
    "one sample's output does not depend on the others": (
        "check_samples_are_independent",
    ),
    "a batch of one": ("check_batch_sizes",),
    "nonsense is refused by the constructor": ("check_nonsense_is_refused",),
}
MISSED = {
    "RunningAverageLoop": "a loop over the steps may well ask for their number",
    "TowerLiveList": "Keras layers give out their own dicts too",
    "ReduceLate": "an error in the first call is an error still",
    "TemperZero": "the name 'temperature' is not plain enough to judge its values",
    "TemperTruthy": "most layers take what is true for True",
}
# Broken by Keras' own code, in layers that are right.
OF_KERAS = {"sequential": {"check_base_arguments": "its config has no trainable"}}
# Two compilations of every layer are for the thorough profile.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
OF_PAIRS, OF_UNUSUAL = (1, 1) if THOROUGH else (6, 3)
QUICK = [
    check
    for check in checks.CHECKS
    if THOROUGH or check.__name__ not in ("check_graph", "check_jit")
]
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="the corpora are written for the TensorFlow backend",
)


def made_of(row, factory):
    bounds = row.input_range and (row.input_range[0], row.input_range[1] + 1)
    return case(
        factory, row.input_shape, row.input_dtype, input_range=bounds, name=row.name
    )


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_fault_is_caught_and_shown(pair, request, tmp_path, monkeypatch):
    if pair.name in MISSED:
        request.applymarker(pytest.mark.xfail(reason=MISSED[pair.name], strict=True))
    monkeypatch.chdir(tmp_path)
    one = made_of(pair, pair.faulty)
    caught = []
    for name in LAWS[pair.law]:
        try:
            getattr(checks, name)(one)
        except NotApplicable:
            continue
        except Broken as error:
            caught.append(error)
    assert caught, pair.fault
    assert all(error.mend for error in caught)
    for error in caught:
        assert shows(error.snippet), f"no error from\n{error.snippet}"


def shows(snippet: str) -> bool:
    """Whether a snippet, run as it stands, ends in an error."""
    assert "layer = ..." not in snippet, snippet
    try:
        exec(compile(snippet, "<snippet>", "exec"), {})
    except Exception:
        return True
    return False


@pytest.mark.parametrize(
    ("row", "factory"),
    [
        # All of them are for the thorough profile: they take minutes.
        *(pytest.param(pair, pair.right, id=pair.name) for pair in PAIRS[::OF_PAIRS]),
        *(pytest.param(row, row.make, id=row.name) for row in UNUSUAL[::OF_UNUSUAL]),
    ],
)
def test_right_layer_is_not_flagged(row, factory):
    expected = OF_KERAS.get(row.name)
    outcomes = run_checks(made_of(row, factory), QUICK, expected)
    assert not [
        (outcome.law, outcome.reason) for outcome in outcomes if outcome.is_breach
    ]


def test_every_law_is_named_and_explained():
    names = [check.__name__ for check in checks.CHECKS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("check_") for name in names)
    assert all(check.__doc__ for check in checks.CHECKS)
    assert set(checks.__all__) == {"CHECKS", *names}


def test_a_law_wants_a_case():
    with pytest.raises(
        TypeError, match=r"made by kerasblocks.testing.case, got <class"
    ):
        checks.check_build(keras.layers.Dense)


def test_a_law_leaves_the_random_state_of_its_caller():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    checks.check_call(case(partial(keras.layers.Dense, 2), (None, 3)))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
