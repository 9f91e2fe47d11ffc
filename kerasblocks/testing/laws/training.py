"""Training: what it changes, what it must not, and what it must reach."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference, equal
from kerasblocks.testing.law import Broken, NotApplicable, law
from kerasblocks.testing.layer import constructor_arguments, sublayers
from kerasblocks.testing.weights import gradients, moved, randomize, state

_RUNNING = ("moving", "running", "ema")


@law("take `training=None`, read it as a plain bool, and let Keras pass it on.")
def check_training_argument(case: Case) -> None:
    """Training is off unless asked for, and reaches the layers inside."""
    x = case.sample(4)
    kept = []
    for kwargs in ({}, {"training": False}, {"training": None}):
        layer = case.make_seeded()
        case(layer, case.sample())
        # Not case(...), which says training=False to what acts unless told.
        outputs = layer(*x, **kwargs) if case.positional else layer(x, **kwargs)
        kept.append(arrays(outputs))
    for outputs, how in zip(kept[1:], ("False", "None"), strict=True):
        if not close(kept[0], outputs):
            raise Broken(
                f"layer(x) is not layer(x, training={how}): "
                f"{difference(kept[0], outputs)}",
                [
                    f"x = {array_code(x)}",
                    f"one = layer({case.star}x)",
                    f"other = layer({case.star}x, training={how})",
                    "for a, b in zip(keras.tree.flatten(one), "
                    "keras.tree.flatten(other)):",
                    "    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)",
                ],
            )
    layer = case.make_seeded()
    case(layer, case.sample())
    inside = [one for one in sublayers(layer) if not sublayers(one)]
    _drops(case, layer, inside, x)
    model = case.model(layer)
    other = case.make_seeded()
    case(other, case.sample())
    other.set_weights(layer.get_weights())
    keras.utils.set_random_seed(case.seed + 3)
    ours = arrays(case(other, x, training=True))
    keras.utils.set_random_seed(case.seed + 3)
    theirs = arrays(model(case.feed(x), training=True))
    if not close(ours, theirs) and close(ours, arrays(case(other, x, training=True))):
        raise Broken(
            "called in a model that trains, it gives something else than called with "
            f"training=True: {difference(theirs, ours)}",
            [f"x = {array_code(x)}", f"print(layer({case.star}x, training=True))"],
        )


def _drops(
    case: Case,
    layer: keras.layers.Layer,
    inside: list[keras.layers.Layer],
    x: Any,
) -> None:
    """An inner Dropout must be heard when the layer is told training=True."""
    kinds = (keras.layers.Dropout, keras.layers.GaussianNoise)
    noisy = [
        one
        for one in inside
        if isinstance(one, kinds)
        and (getattr(one, "rate", 0) or getattr(one, "stddev", 0))
    ]
    if not noisy:
        return
    tries = [arrays(case(layer, x, training=True)) for _ in range(4)]
    if all(equal(tries[0], one) for one in tries):
        raise Broken(
            f"it holds {noisy[0].name!r}, and calls with training=True are all alike",
            [
                f"x = {array_code(x)}",
                f"tries = [layer({case.star}x, training=True) for _ in range(4)]",
                "tries = [keras.tree.flatten(one)[0] for one in tries]",
                "assert any((np.array(tries[0]) != np.array(t)).any() for t in tries)",
            ],
        )


@law("guard what assigns to state with `if training and self.trainable`.")
def check_frozen_state(case: Case) -> None:
    """With trainable=False nothing is trainable, and no state moves in training."""
    layer = case.make()
    case(layer, case.sample())
    randomize(layer)
    layer.trainable = False
    if layer.trainable_weights:
        names = ", ".join(weight.path for weight in layer.trainable_weights)
        raise Broken(
            f"trainable=False leaves {names} trainable",
            [
                f"x = {array_code(case.sample())}",
                f"layer({case.star}x)",
                "layer.trainable = False",
                "assert not layer.trainable_weights",
            ],
        )
    before = state(layer)
    for seed in (1, 2):
        case(layer, case.sample(4, seed=seed), training=True)
    if moved(layer, before):
        raise Broken(
            f"frozen, it still changes {', '.join(moved(layer, before))} in training",
            [
                f"x = {array_code(case.sample(4))}",
                f"layer({case.star}x)",
                "layer.trainable = False",
                "before = layer.get_weights()",
                f"layer({case.star}x, training=True)",
                "for old, new in zip(before, layer.get_weights()):",
                "    np.testing.assert_array_equal(old, new)",
            ],
        )
    layer.trainable = True


@law(
    "assign moving statistics when `training` is true, and do not tell an inner layer "
    "training=False."
)
def check_state_moves(case: Case) -> None:
    """Moving statistics move in training."""
    layer = case.make()
    case(layer, case.sample())
    running = [
        weight.path
        for weight in layer.non_trainable_weights
        if any(part in weight.name.lower().split("_") for part in _RUNNING)
        and keras.backend.is_float_dtype(weight.dtype)
    ]
    frozen = {
        weight.path
        for inner in sublayers(layer)
        if not inner.trainable
        for weight in inner.weights
    }
    running = [path for path in running if path not in frozen]
    if not running:
        raise NotApplicable("it has no moving statistics")
    randomize(layer)
    before = state(layer)
    for seed in (1, 2):
        case(layer, case.sample(4, seed=seed, scale=2.0), training=True)
    still = [path for path in running if path not in moved(layer, before)]
    if still:
        raise Broken(
            f"{', '.join(still)} does not move in training",
            [
                f"x = {array_code(case.sample(4))}",
                f"layer({case.star}x)",
                f"still = [w for w in layer.weights if w.path in {still}]",
                "before = [np.array(weight) for weight in still]",
                f"layer({case.star}x, training=True)",
                "for old, new in zip(before, still):",
                "    assert (old != np.array(new)).any(), new.path",
            ],
        )


@law(
    "let every trainable weight be used in a way that has a gradient (argmax, round "
    "and casts to integers have none); guard sqrt, log and division where they meet "
    "zero; make what is not trained trainable=False."
)
def check_gradients(case: Case) -> None:
    """Every trainable weight gets a finite gradient that is not always zero."""
    layer = case.make()
    case(layer, case.sample())
    if not layer.trainable_weights:
        raise NotApplicable("it has no trainable weights")
    waiting = {weight.path for weight in layer.trainable_weights}
    missing: set[str] = set()
    code = [
        f"x = {array_code(case.sample(8))}",
        f"layer({case.star}x)",
        "model = keras.Sequential([layer])",
        "before = {w.path: np.array(w) for w in layer.trainable_weights}",
        'model.compile(keras.optimizers.SGD(1.0), "mse")',
        f"model.fit(x, np.ones(layer({case.star}x).shape), epochs=3, verbose=0)",
        "for w in layer.trainable_weights:",
        "    assert (before[w.path] != np.array(w)).any(), w.path",
    ]
    for seed in range(5):
        found, _ = gradients(case, layer, case.sample(8, seed=seed))
        for path, gradient in found.items():
            if gradient is None:
                missing.add(path)
            elif not np.isfinite(gradient).all():
                raise Broken(f"the gradient of {path} is not finite", code)
            elif (gradient != 0).any():
                waiting.discard(path)
        if not waiting:
            return
        randomize(layer, seed)
    names = ", ".join(sorted(waiting))
    how = "no gradient" if waiting <= missing else "a gradient that is always zero"
    raise Broken(f"{names} gets {how}: it never learns", code)


@law(
    "draw with a keras.random.SeedGenerator that is made in __init__, not with a plain "
    "int as the seed, nor with another library's random numbers."
)
def check_random_training(case: Case) -> None:
    """Where training is random, two calls differ, and a seed repeats them."""
    x = case.sample(4)

    def run(**over: Any) -> list[list[np.ndarray]]:
        layer = case.make_seeded(**over)
        case(layer, case.sample())
        layer.set_weights(values)
        layer.trainable = False  # no state moves, so only chance is left
        keras.utils.set_random_seed(case.seed + 5)
        return [arrays(case(layer, x, training=True)) for _ in range(4)]

    first = case.make_seeded()
    case(first, case.sample())
    values = first.get_weights()
    calls, again = run(), run()
    code = [
        f"x = {array_code(x)}",
        f"one, other = (layer({case.star}x, training=True) for _ in range(2))",
    ]
    if not all(close(a, b) for a, b in zip(calls, again, strict=True)):
        raise Broken(
            "the same seed does not repeat a training call",
            [
                f"x = {array_code(x)}",
                "outputs = []",
                "for _ in range(2):",
                "    keras.utils.set_random_seed(1)",
                "    again = type(layer).from_config(layer.get_config())",
                f"    again({case.star}x)",
                "    if outputs:",
                "        again.set_weights(outputs[0][1])",
                f"    y = again({case.star}x, training=True)",
                "    outputs.append((keras.tree.flatten(y)[0], again.get_weights()))",
                "np.testing.assert_allclose(outputs[0][0], outputs[1][0])",
            ],
        )
    if not all(equal(calls[0], one) for one in calls):
        _heeds_seed(case, values, x)
        return
    if not _asks_for_chance(case, first) or close(calls[0], arrays(case(first, x))):
        raise NotApplicable("its training is not random")
    try:
        seeded = [run(seed=seed)[0] for seed in (1, 2)] if case.takes("seed") else None
    except Exception:
        seeded = None
    if seeded is not None and equal(*seeded):
        raise NotApplicable("its training is not random")
    raise Broken(
        "it acts at random in training, and every call draws the same",
        [
            *code,
            "one, other = (keras.tree.flatten(y)[0] for y in (one, other))",
            "assert (np.array(one) != np.array(other)).any()",
        ],
    )


def _heeds_seed(case: Case, values: list[np.ndarray], x: Any) -> None:
    """Where training is random, a `seed` that is given settles what it draws."""
    if not case.takes("seed"):
        return
    drawn = []
    for chance in (1, 2):
        keras.utils.set_random_seed(chance)
        layer = case.make(seed=11)
        case(layer, case.sample())
        layer.set_weights(values)
        layer.trainable = False
        drawn.append(arrays(case(layer, x, training=True)))
    if not close(*drawn):
        raise Broken(
            "two layers with the same seed draw other random values: the seed is not "
            "handed to what draws",
            [
                f"x = {array_code(x)}",
                "again = type(layer).from_config(layer.get_config())",
                f"layer({case.star}x), again({case.star}x)",
                "again.set_weights(layer.get_weights())",
                f"one, other = layer({case.star}x, training=True), again({case.star}x, "
                "training=True)",
                "for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other)):",
                "    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)",
            ],
            {"seed": 11},
        )


def _asks_for_chance(case: Case, layer: keras.layers.Layer) -> bool:
    """Whether the layer's code names Keras' random functions."""
    if case.takes("seed"):
        return True
    words = {"random", "dropout", "SeedGenerator"}
    for kind in type(layer).__mro__:
        if kind is keras.layers.Layer:
            break
        for member in vars(kind).values():
            code = getattr(member, "__code__", None)
            if code is not None and words & set(code.co_names):
                return True
    return False


@law(
    "call self.add_loss within `call`, give regularizers to add_weight, and keep "
    "sublayers where Keras tracks them; do not collect losses in a list of your own."
)
def check_losses(case: Case) -> None:
    """The layer's losses are scalars, as many at each call, and reach its model."""
    layer = case.make()
    x = case.sample(4)
    case.build(layer)
    built = len(layer.losses)
    for training in (False, True):
        case(layer, x, training=training)
        if len(layer.losses) < built:
            raise Broken(
                f"built, it has {built} losses, and {len(layer.losses)} after a call: "
                "what build adds is cleared by each call",
                [
                    f"layer.build({(None, *keras.tree.flatten(x)[0].shape[1:])})",
                    "built = len(layer.losses)",
                    f"layer({case.star}{array_code(x)})",
                    "assert len(layer.losses) >= built",
                ],
            )
        once = [float(loss) for loss in _scalars(layer)]
        case(layer, x, training=training)
        twice = [float(loss) for loss in _scalars(layer)]
        if len(once) != len(twice):
            raise Broken(
                f"after one call it has {len(once)} losses, and {len(twice)} after two",
                [
                    f"x = {array_code(x)}",
                    f"layer({case.star}x)",
                    "once = len(layer.losses)",
                    f"layer({case.star}x)",
                    "assert len(layer.losses) == once",
                ],
            )
        fresh = case.make_like(layer)
        model = case.model(fresh)
        model(case.feed(x), training=training)
        theirs = [float(loss) for loss in model.losses]
        if len(theirs) != len(once):
            raise Broken(
                f"called alone it has {len(once)} losses, and its model {len(theirs)}",
                [f"x = {array_code(x)}", f"layer({case.star}x)", "print(layer.losses)"],
            )
        if not all(np.isfinite([*once, *theirs])):
            raise Broken(f"a loss is not finite: {once}")


def _scalars(layer: keras.layers.Layer) -> list[Any]:
    for loss in layer.losses:
        if tuple(loss.shape) not in ((), (1,)):
            raise Broken(f"a loss is of shape {tuple(loss.shape)}, and not a scalar")
    return layer.losses


@law(
    "hand each regularizer and constraint to the add_weight, or the sublayer, that it "
    "is for."
)
def check_regularizers_and_constraints(case: Case) -> None:
    """A regularizer or constraint that the constructor takes reaches a weight."""
    first = case.make()
    case(first, case.sample())
    names = {weight.name for weight in first.weights}
    tried = 0
    for argument in constructor_arguments(case.layer_class):
        part, _, kind = argument.rpartition("_")
        if kind not in ("regularizer", "constraint") or part == "activity":
            continue
        if not any(part in name for name in names):
            continue
        if kind == "constraint":
            value = keras.constraints.NonNeg()
        else:
            value = keras.regularizers.L2(0.1)
        try:
            layer = case.make(**{argument: value})
            case(layer, case.sample())
        except Exception:
            continue
        tried += 1
        randomize(layer)
        reached = (
            any(weight.constraint is not None for weight in layer.weights)
            if kind == "constraint"
            else bool(layer.losses)
        )
        if not reached:
            text = "non_neg" if kind == "constraint" else "l2"
            check = (
                "any(w.constraint is not None for w in layer.weights)"
                if kind == "constraint"
                else "layer.losses"
            )
            raise Broken(
                f"'{argument}' is taken and has no effect",
                [
                    f"x = {array_code(case.sample())}",
                    f"layer({case.star}x)",
                    f"assert {check}",
                ],
                {argument: text},
            )
    if not tried:
        raise NotApplicable("it takes no regularizer or constraint")
