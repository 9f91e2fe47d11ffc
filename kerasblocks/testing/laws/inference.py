"""At inference a layer is a function of its input, sample by sample."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import tree

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference, equal
from kerasblocks.testing.law import Broken, NotApplicable, law
from kerasblocks.testing.weights import moved, randomize, state


@law("let `training` decide: act at random only `if training`.")
def check_inference_is_deterministic(case: Case) -> None:
    """Two calls on one input give the same."""
    layer = case.make()
    x = case.sample()
    first = arrays(case(layer, x))
    for _ in range(2):
        again = arrays(case(layer, x))
        if not equal(first, again):
            raise Broken(
                f"two calls at inference differ: {difference(again, first)}",
                [
                    f"x = {array_code(x)}",
                    f"one, other = layer({case.star}x), layer({case.star}x)",
                    "for a, b in zip(keras.tree.flatten(one), "
                    "keras.tree.flatten(other)):",
                    "    np.testing.assert_array_equal(a, b)",
                ],
            )


@law("assign to state only `if training`.")
def check_inference_changes_no_state(case: Case) -> None:
    """A call at inference leaves every variable as it was."""
    layer = case.make()
    case(layer, case.sample())
    randomize(layer)
    before, random = state(layer), [arrays(v)[0] for v in layer.variables]
    for seed in (1, 2):
        case(layer, case.sample(3, seed=seed))
    changed = moved(layer, before) or [
        variable.path
        for variable, old in zip(layer.variables, random, strict=True)
        if not np.array_equal(arrays(variable)[0], old, equal_nan=old.dtype.kind == "f")
    ]
    if changed:
        raise Broken(
            f"a call at inference changed {', '.join(changed)}",
            [
                f"x = {array_code(case.sample())}",
                f"layer({case.star}x)",
                "before = [np.array(v) for v in layer.variables]",
                f"layer({case.star}x)",
                "for old, new in zip(before, layer.variables):",
                "    np.testing.assert_array_equal(old, new)",
            ],
        )


@law(
    "reduce over features or positions, never over axis 0, at inference; do not tell "
    "an inner layer training=True."
)
def check_samples_are_independent(case: Case) -> None:
    """What comes out for a sample does not depend on the others in its batch."""
    layer = case.make()
    case(layer, case.sample(4))
    randomize(layer)
    # A loud neighbour is as little to be heard as a quiet one.
    loudness = np.array([1.0, 1e-3, 30.0, 1.0])
    loud = tree.map_structure(
        lambda a: (
            (a * loudness.reshape((4,) + (1,) * (a.ndim - 1))).astype(a.dtype)
            if a.dtype.kind == "f" and case.input_range is None
            else a
        ),
        case.sample(4),
    )
    for x in (case.sample(4), loud):
        _is_independent(case, layer, x)


def _is_independent(case: Case, layer: keras.layers.Layer, x: Any) -> None:
    whole = arrays(case(layer, x))
    if not whole or any(one.ndim == 0 or one.shape[0] != 4 for one in whole):
        raise NotApplicable("its output does not begin with the batch")
    for few in (slice(0, 1), slice(3, 4), slice(0, 2), slice(2, 4)):
        part = tree.map_structure(lambda array, few=few: array[few], x)
        alone = arrays(case(layer, part))
        mates = [one[few] for one in whole]
        if not close(alone, mates):
            which = f"[{few.start}:{few.stop}]"
            raise Broken(
                f"samples {which} of 4 give other outputs without the others: "
                + difference(alone, mates),
                [
                    f"x = {array_code(x)}",
                    f"layer({case.star}x)",
                    "layer.set_weights([w + 0.1 for w in layer.get_weights()])",
                    "for i in range(4):",
                    "    part = keras.tree.map_structure(lambda a: a[i : i + 1], x)",
                    f"    one, other = layer({case.star}x), layer({case.star}part)",
                    "    for a, b in zip(keras.tree.flatten(one), "
                    "keras.tree.flatten(other)):",
                    "        np.testing.assert_allclose(a[i : i + 1], b, rtol=1e-3, "
                    "atol=1e-4)",
                ],
            )
