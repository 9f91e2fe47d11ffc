"""Compiled, a layer does what it does eagerly."""

from __future__ import annotations

import keras

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference, equal
from kerasblocks.testing.law import Broken, NotApplicable, law
from kerasblocks.testing.layer import sublayers
from kerasblocks.testing.weights import randomize, state, train


@law(
    "compute with keras.ops on tensors, branch with ops.where or ops.cond, take sizes "
    "from ops.shape(x), and hold no Python state that a call changes."
)
def check_graph(case: Case) -> None:
    """In a graph the layer predicts and trains as eagerly, call after call."""
    _compiled_equals_eager(case, jit=False)


@law(
    "let no shape depend on values, and use only operations that XLA knows; where that "
    "cannot be, set self.supports_jit = False."
)
def check_jit(case: Case) -> None:
    """Compiled by XLA the layer predicts and trains as eagerly."""
    if keras.backend.backend() == "torch":
        raise NotApplicable("torch's compiler needs a C++ toolchain")
    layer = case.make()
    case(layer, case.sample())
    for one in [layer, *sublayers(layer)]:
        if not getattr(one, "supports_jit", True):
            raise NotApplicable(f"{one.name} says supports_jit=False")
    _compiled_equals_eager(case, jit=True)


def _compiled_equals_eager(case: Case, jit: bool) -> None:
    layer = case.make_seeded()
    model = case.model(layer)
    randomize(layer)
    values = layer.get_weights()
    x = case.sample(4)
    eager = arrays(case(layer, x))
    how = "jit_compile=True" if jit else "jit_compile=False"
    feed = "list(x)" if case.positional else "x"
    code = [
        f"x = {array_code(x)}",
        "i = keras.tree.map_structure(lambda a: keras.Input(a.shape[1:], dtype=a.dtype)"
        ", x)",
        f"model = keras.Model({'list(i)' if case.positional else 'i'}, "
        f"layer({case.star}i))",
        f"model.compile({how})",
        f"eager, compiled = model({feed}), model.predict({feed}, verbose=0)",
        "for a, b in zip(keras.tree.flatten(eager), keras.tree.flatten(compiled)):",
        "    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)",
    ]
    model.compile(jit_compile=jit)
    for seed in (0, 1):
        inputs = case.sample(4, seed=seed)
        compiled = arrays(model.predict_on_batch(case.feed(inputs)))
        expected = arrays(case(layer, inputs)) if seed else eager
        if not close(compiled, expected, rtol=1e-3, atol=1e-4):
            raise Broken(
                f"compiled with {how}, it gives other outputs: "
                + difference(compiled, expected),
                code,
            )
    if not layer.weights or not any(
        keras.backend.is_float_dtype(output.dtype)
        for output in keras.tree.flatten(model.outputs)
    ):
        return
    results = []
    for eagerly in (True, False):
        one = case.make_seeded()
        case(one, x)
        one.set_weights(values)
        keras.utils.set_random_seed(case.seed + 9)
        train(case, one, x, eager=eagerly, jit=jit and not eagerly)
        results.append(state(one))
    if _is_random(case, values, x):
        return
    if not close(results[1], results[0], rtol=1e-3, atol=1e-4):
        names = [
            weight.path
            for weight, ours, theirs in zip(layer.weights, *results, strict=True)
            if not close(ours, theirs, rtol=1e-3, atol=1e-4)
        ]
        raise Broken(
            f"a training step compiled with {how} leaves other values in "
            f"{', '.join(names[:4])} than an eager one",
            [
                f"x = {array_code(x)}",
                f"layer({case.star}x)",
                "model = keras.Sequential([layer])",
                "values, results = layer.get_weights(), []",
                "for eagerly in (True, False):",
                "    layer.set_weights(values)",
                "    model.compile(keras.optimizers.SGD(0.01), 'mse', "
                f"run_eagerly=eagerly, jit_compile={jit} and not eagerly)",
                f"    model.train_on_batch(x, np.ones(layer({case.star}x).shape))",
                "    results.append(layer.get_weights())",
                "for one, other in zip(*results):",
                "    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)",
            ],
        )


def _is_random(case: Case, values: list, x: object) -> bool:
    layer = case.make_seeded()
    case(layer, x)
    layer.set_weights(values)
    layer.trainable = False
    return not equal(
        arrays(case(layer, x, training=True)), arrays(case(layer, x, training=True))
    )
