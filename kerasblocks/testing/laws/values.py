"""Large values and zeros stay finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays
from kerasblocks.testing.law import Broken, NotApplicable, law
from kerasblocks.testing.weights import gradients


@law(
    "subtract the maximum before exp, add a small epsilon within sqrt and log and to "
    "what divides, or use the keras.ops that do: softmax, logsumexp, normalize."
)
def check_large_values(case: Case) -> None:
    """Inputs of 1e4 give finite outputs."""
    _need_floats(case)
    layer = case.make()
    case(layer, case.sample())
    for x in (case.sample(scale=1e4), case.sample(fill=1e4), case.sample(fill=-1e4)):
        for training in (False, True):
            _finite(case, layer, x, training, "inputs of 1e4")


@law(
    "add a small epsilon within sqrt, log and norms and to what divides: at zero their "
    "gradient is infinite, and ops.where does not stop its NaN."
)
def check_zeros(case: Case) -> None:
    """Inputs that are all zeros give finite outputs and gradients."""
    _need_floats(case)
    layer = case.make()
    x = case.sample(4, fill=0.0)
    case(layer, case.sample())
    for training in (False, True):
        _finite(case, layer, x, training, "inputs that are all zeros")
    if case.takes("dtype"):
        half = case.make(dtype="mixed_float16")
        try:
            case(half, x)
        except Exception:
            half = None  # what fails under the policy is another law's matter
        if half is not None:
            _finite(case, half, x, False, "zeros under mixed_float16")
    of_weights, of_inputs = gradients(case, layer, x)
    for name, gradient in [*of_weights.items(), *(("the input", g) for g in of_inputs)]:
        if gradient is not None and not np.isfinite(gradient).all():
            raise Broken(
                f"for inputs that are all zeros, the gradient of {name} is not finite",
                [
                    f"x = {array_code(x)}",
                    "class Shifted(keras.Model):",
                    "    def __init__(self):",
                    "        super().__init__()",
                    "        self.layer = layer",
                    "        self.shift = self.add_weight(shape=())",
                    "        self.shift.assign(0)",
                    "    def call(self, x):",
                    "        x = keras.tree.map_structure(lambda a: a + keras.ops.cast("
                    "self.shift, a.dtype) * keras.ops.ones_like(a), x)",
                    f"        y = keras.tree.flatten(self.layer({case.star}x))",
                    "        return sum(keras.ops.sum(keras.ops.cast(one, 'float32')) "
                    "for one in y)[None]",
                    "    def compute_loss(self, y_pred=None, **kwargs):",
                    "        return keras.ops.sum(y_pred)",
                    "model = Shifted()",
                    "model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)",
                    "model.train_on_batch(x)",
                    "for weight in model.trainable_weights:",
                    "    assert np.isfinite(np.array(weight)).all(), weight.path",
                ],
            )


def _finite(case: Case, layer: Any, x: Any, training: bool, what: str) -> None:
    over = {} if layer.dtype_policy.name == "float32" else {"dtype": "mixed_float16"}
    for one in arrays(case(layer, x, training=training)):
        if one.dtype.kind == "f" and not np.isfinite(one).all():
            raise Broken(
                f"{what} give outputs that are not finite",
                [
                    f"x = {array_code(x)}",
                    f"y = layer({case.star}x, training={training})",
                    "assert all(np.isfinite(keras.ops.cast(one, 'float32')).all() for "
                    "one in keras.tree.flatten(y))",
                ],
                over,
            )


def _need_floats(case: Case) -> None:
    if not case.has_floats:
        raise NotApplicable("its inputs are not floats")
