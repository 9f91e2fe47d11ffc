"""What every block must do: the contract for layers, and laws of our own."""

import os

import keras
import pytest
from keras import tree

import kerasblocks as kb
from kerasblocks.testing import case, checks, parametrize_with_checks
from tests.table import TABLE, Row, assert_equal, functional, randomize, samples

EVERY_ROW = pytest.mark.parametrize("row", TABLE, ids=str)
pytestmark = pytest.mark.table
# Compiled by XLA is compiled: a second compilation is for the thorough profile.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
LAWS = [check for check in checks.CHECKS if THOROUGH or check is not checks.check_graph]
# What a backend computes otherwise. The rest is Keras' own, and tried on TensorFlow.
COMPUTED = (
    checks.check_symbolic_output,
    checks.check_batch_sizes,
    checks.check_build,
    checks.check_saved_model,
    checks.check_inference_changes_no_state,
    checks.check_samples_are_independent,
    checks.check_frozen_state,
    checks.check_state_moves,
    checks.check_gradients,
    checks.check_jit,
    checks.check_dtype_policies,
    checks.check_data_formats,
    checks.check_zeros,
)
# What a further row of a class is tried for: that it computes rightly and keeps its
# arguments. The other laws are of the class, tried on its first row, or of sizes, which
# tests/blocks/test_shapes.py tries on drawn arguments; the thorough profile tries all.
# XLA compiles the further rows under JAX, where every row keeps check_jit.
FURTHER = (
    *(check for check in COMPUTED if check is not checks.check_jit),
    checks.check_call,
    checks.check_config_is_json,
    checks.check_config_round_trip,
    checks.check_training_argument,
    checks.check_mask_shape,
)
LAYER = "Keras on torch normalizes layers along the last axis only"
# What a row cannot keep on a backend. On TensorFlow there is no such row.
EXPECTED = {
    "torch": {
        "ResidualBlock_pre_3d": {"check_data_formats": LAYER},
    },
}


def expected(row: Row) -> dict[str, str]:
    return EXPECTED.get(keras.backend.backend(), {}).get(row.name, {})


def is_further(row: Row) -> bool:
    """Whether a row before it is of its class; the inputs of MultiInput differ all."""
    kind = row.name.partition("_")[0]
    names = [one.name.partition("_")[0] for one in TABLE[: TABLE.index(row)]]
    return kind in names and kind != "MultiInput"


def contract(laws, rows):
    """A test of each of the laws, or of those that a backend computes, for each row."""
    return parametrize_with_checks(
        [
            case(
                row.make,
                row.shape,
                row.dtype,
                name=row.name,
                expected_failures=expected(row),
            )
            for row in rows
        ],
        checks=laws if keras.backend.backend() == "tensorflow" else COMPUTED,
    )


@contract(LAWS, [row for row in TABLE if not is_further(row)])
def test_contract(case, check):
    check(case)


@contract(LAWS if THOROUGH else FURTHER, [row for row in TABLE if is_further(row)])
def test_contract_of_a_further_row(case, check):
    check(case)


@EVERY_ROW
def test_global_data_format_is_read_once(row: Row):
    if not row.spatial:
        pytest.skip("has no spatial axes")
    keras.config.set_image_data_format("channels_first")
    layer = row.make()
    keras.config.set_image_data_format("channels_last")
    copy = type(layer).from_config(layer.get_config())
    turned = tree.map_shape_structure(
        lambda shape: (2, shape[-1], *shape[1:-1]), row.shape
    )
    expected = row.make(data_format="channels_first").compute_output_shape(turned)
    assert layer.compute_output_shape(turned) == expected
    assert copy.compute_output_shape(turned) == expected


@EVERY_ROW
def test_sequential_functional_and_subclassed_models(row: Row):
    layer = row.make()
    model = functional(layer, row.shape, row.dtype)
    x = samples(row.shape, dtype=row.dtype)

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = type(layer).from_config(layer.get_config())

        def call(self, inputs):
            return self.inner(inputs)

    subclassed = Subclassed()
    subclassed(x)
    subclassed.set_weights(model.get_weights())
    assert_equal(subclassed(x), model(x))
    if isinstance(row.shape, tuple):
        sequential = keras.Sequential([type(layer).from_config(layer.get_config())])
        sequential(x)
        sequential.set_weights(model.get_weights())
        assert_equal(sequential(x), model(x))


@EVERY_ROW
def test_inside_another_block(row: Row):
    layer = row.make()
    x = samples(row.shape, dtype=row.dtype)
    layer.build(row.shape)
    outer = kb.Chain([type(layer).from_config(layer.get_config())])
    outer.build(row.shape)
    outer.set_weights(layer.get_weights())
    assert_equal(outer(x), layer(x))


@EVERY_ROW
def test_expanded_model_is_plain_and_equal(row: Row, tmp_path):
    model = functional(row.make(), row.shape, row.dtype)
    randomize(model)
    x = samples(row.shape, dtype=row.dtype)
    expanded = kb.expand(model)
    assert_equal(expanded(x), model(x))
    assert {id(w) for w in expanded.weights} == {id(w) for w in model.weights}
    assert "kerasblocks" not in expanded.to_json()
    expanded.save(tmp_path / "expanded.keras")
    assert_equal(keras.models.load_model(tmp_path / "expanded.keras")(x), model(x))
    names = [layer.name for layer in kb.expand(model).layers]
    assert [layer.name for layer in expanded.layers] == names, "renamed twice"
