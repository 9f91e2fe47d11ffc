"""A layer's config brings back an equal layer, whatever its arguments."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
from keras import saving

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference, equal
from kerasblocks.testing.law import Broken, NotApplicable, law, summary
from kerasblocks.testing.layer import constructor_arguments, custom_objects
from kerasblocks.testing.weights import is_seed, randomize

# Of every layer: `check_base_arguments` tries these.
_BASE = ("name", "dtype", "trainable", "autocast", "activity_regularizer", "self")


@law(
    "let `get_config` return every argument of the constructor, beside those of "
    "super().get_config(), and let the constructor take **kwargs for super()."
)
def check_config_round_trip(case: Case) -> None:
    """An equal layer comes back from the config, twice."""
    _round_trip(case)


@law("let `get_config` return every argument of the constructor.")
def check_config_is_complete(case: Case) -> None:
    """What another argument changes comes back from the config."""
    layer = case.make()
    changes = dict(_changes(case, layer))
    if not changes:
        raise NotApplicable("no argument that could be varied")
    for argument, value in changes.items():
        other = Changed(case, {argument: value})
        try:
            other(other.make(), other.sample())
            other.make().get_config()
        except Exception:
            continue  # the value does not suit the others
        try:
            _keeps(other, argument, value)
            _round_trip(other, {argument: value})
        except Broken as error:
            error.problem = f"with {argument}={value!r}: {error.problem}"
            raise
        except Exception:
            continue  # as stateful=True, which binds a layer to its batch


def _keeps(case: Case, argument: str, value: Any) -> None:
    """Where a layer keeps an argument as it came, its copy must have it too."""
    layer = case.make()
    code = ["again = type(layer).from_config(layer.get_config())"]
    kept = getattr(layer, argument, None)
    copied = _copy(layer, code, {argument: value})
    lost = getattr(copied, argument, value)
    if type(kept) is type(value) and kept == value and lost != value:
        raise Broken(
            f"the layer that comes back from its config has {argument}={lost!r}",
            [*code, f"assert again.{argument} == layer.{argument}"],
            {argument: value},
        )


def _round_trip(case: Case, over: dict[str, Any] | None = None) -> None:
    layer = case.make_seeded()
    x = case.sample()
    code = [
        f"x = {array_code(x)}",
        "data = keras.saving.serialize_keras_object(layer)",
        "again = keras.saving.deserialize_keras_object(data)",
    ]
    case(layer, x)
    randomize(layer)
    values = layer.get_weights()
    texts = [text_of(layer.get_config())]
    copied = layer
    for _ in range(2):
        keras.utils.set_random_seed(case.seed + 1)
        copied = _copy(copied, code, over)
        texts.append(text_of(copied.get_config()))
        case(copied, x)
    _same_config(layer, copied, texts, code, over)
    shapes = [[tuple(w.shape) for w in one.weights] for one in (layer, copied)]
    if shapes[0] != shapes[1]:
        raise Broken(
            f"its weights are of shapes {shapes[0]}, and those of the layer that comes "
            f"back from its config of {shapes[1]}",
            [
                *code,
                f"layer({case.star}x), again({case.star}x)",
                "shapes = [[w.shape for w in one.weights] for one in (layer, again)]",
                "assert shapes[0] == shapes[1], shapes",
            ],
            over,
        )
    trains = [[w.trainable for w in one.weights] for one in (layer, copied)]
    if trains[0] != trains[1]:
        raise Broken("other weights are trainable after the trip", code, over)
    copied.set_weights(values)
    mended = [
        *code,
        f"layer({case.star}x), again({case.star}x)",
        "layer.set_weights([w + 0.1 for w in layer.get_weights()])",
        "again.set_weights(layer.get_weights())",
    ]
    if not equal(case(copied, x), case(layer, x)):
        raise Broken(
            "with the same weights, the layer that comes back from its config gives "
            "other outputs: " + difference(case(copied, x), case(layer, x)),
            [
                *mended,
                f"np.testing.assert_allclose(layer({case.star}x), again({case.star}x))",
            ],
            over,
        )
    losses = [[float(loss) for loss in one.losses] for one in (layer, copied)]
    if len(losses[0]) != len(losses[1]) or not close(*map(_numbers, losses)):
        raise Broken(
            f"its losses are {losses[0]}, and {losses[1]} after the trip: a "
            "regularizer or a loss is lost",
            [
                *mended,
                f"layer({case.star}x), again({case.star}x)",
                "assert len(layer.losses) == len(again.losses)",
                "for one, other in zip(layer.losses, again.losses):",
                "    assert abs(float(one) - float(other)) < 1e-6",
            ],
            over,
        )
    _same_training(case, layer, x, code, over)
    _same_constraints(layer, copied, code, over)


def _same_training(
    case: Case, layer: keras.layers.Layer, x: Any, code: list[str], over: Any
) -> None:
    """Compare training calls of the layer and of what comes back from its config.

    Of layers that hold a seed. Where two layers made under other seeds train alike, the
    arguments settle it all, and so they must for the copy. Where chance is left, it
    must be as large.
    """
    if not any(is_seed(variable) for variable in layer.variables):
        return
    made = []
    for seed in (1, 2):
        keras.utils.set_random_seed(case.seed + seed)
        made.append(case.make())
    keras.utils.set_random_seed(case.seed + 3)
    made.append(_copy(made[0], code, over))
    kept = []
    for one in made:
        case(one, x)
        one.set_weights(layer.get_weights())
        one.trainable = False  # no state moves, so only chance is left
        keras.utils.set_random_seed(case.seed + 4)
        kept.append([arrays(case(one, x, training=True)) for _ in range(3)])
    if _all_equal(kept[0], kept[1]):
        same = _all_equal(kept[0], kept[2])
    else:
        ours, theirs = (_spread(case, one) for one in (made[0], made[2]))
        same = 0.5 * ours <= theirs <= 2 * ours
    if not same:
        raise Broken(
            "the layer that comes back from its config trains in another way: a seed, "
            "or an argument that only training heeds, is lost",
            [
                *code,
                f"layer({case.star}x), again({case.star}x)",
                "again.set_weights(layer.get_weights())",
                "for one in (layer, again):",
                "    keras.utils.set_random_seed(1)",
                f"    print(one({case.star}x, training=True))",
                f"np.testing.assert_allclose(layer({case.star}x, training=True), "
                f"again({case.star}x, training=True))",
            ],
            over,
        )


def _spread(case: Case, layer: keras.layers.Layer) -> float:
    """How far training calls lie from inference, on average."""
    x = case.sample(8)
    still = arrays(case(layer, x))
    apart = [
        np.abs(one.astype("float64") - base).mean()
        for _ in range(16)
        for one, base in zip(arrays(case(layer, x, training=True)), still, strict=True)
        if one.size and one.shape == base.shape and one.dtype.kind == "f"
    ]
    return float(np.mean(apart or [0.0]))


def _same_constraints(
    layer: keras.layers.Layer, copied: keras.layers.Layer, code: list[str], over: Any
) -> None:
    for weight, other in zip(layer.weights, copied.weights, strict=True):
        ours, theirs = weight.constraint, other.constraint
        if (ours is None) != (theirs is None):
            raise Broken(f"the constraint of {weight.path} is lost", code, over)


def _all_equal(ours: list, theirs: list) -> bool:
    return all(close(a, b) for a, b in zip(ours, theirs, strict=True))


def _copy(layer: keras.layers.Layer, code: list[str], over: Any) -> keras.layers.Layer:
    try:
        with custom_objects(layer):
            data = json.loads(json.dumps(saving.serialize_keras_object(layer)))
            copied = saving.deserialize_keras_object(data)
            type(layer).from_config(layer.get_config())
    except Exception as error:
        raise Broken(
            "no layer comes back from its config: " + summary(error),
            [*code[1:], "type(layer).from_config(layer.get_config())"],
            over,
        ) from error
    if type(copied) is not type(layer):
        raise Broken(f"its config brings back a {type(copied).__name__}", code, over)
    return copied


def _same_config(
    layer: keras.layers.Layer, copied: Any, texts: list[str], code: list[str], over: Any
) -> None:
    if len(set(texts)) > 1:
        raise Broken(
            "the config of the layer that comes back is another: "
            + first_change(json.loads(texts[0]), json.loads(texts[-1])),
            [*code, "assert again.get_config() == layer.get_config()"],
            over,
        )
    for attribute in ("name", "trainable"):
        if getattr(layer, attribute) != getattr(copied, attribute):
            raise Broken(
                f"its {attribute} {getattr(layer, attribute)!r} comes back as "
                f"{getattr(copied, attribute)!r}",
                [*code, f"assert again.{attribute} == layer.{attribute}"],
                over,
            )
    if layer.dtype_policy.name != copied.dtype_policy.name:
        raise Broken(
            f"its dtype {layer.dtype_policy.name!r} comes back as "
            f"{copied.dtype_policy.name!r}",
            [*code, "assert again.dtype_policy.name == layer.dtype_policy.name"],
            over,
        )


class Changed(Case):
    """A case whose layers have other arguments than the factory gives."""

    def __init__(self, case: Case, over: dict[str, Any]):
        self.__dict__.update(case.__dict__)
        self.over = over

    def make(self, **over: Any) -> keras.layers.Layer:
        return super().make(**{**self.over, **over})


def _changes(case: Case, layer: keras.layers.Layer) -> Any:
    """Arguments of the layer's constructor with another value than the one it has."""
    try:
        config = layer.get_config()
    except Exception as error:
        raise NotApplicable("it has no config") from error
    for name, parameter in constructor_arguments(type(layer)).items():
        if name in _BASE:
            continue
        value = case.arguments.get(name, config.get(name, parameter.default))
        other = _another(name, value)
        if other is not None:
            yield name, other


def _another(name: str, value: Any) -> Any:
    if name.endswith("_regularizer") and value is None:
        return "l2"
    if name.endswith("_constraint") and value is None:
        return "non_neg"
    if name == "activation" or name.endswith("_activation"):
        return "tanh" if value in (None, "linear", "relu") else None
    if name == "seed":
        return 5
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float) and value == value:
        return value / 2 if value else 0.25
    return None


def _numbers(values: list[float]) -> Any:
    return keras.ops.convert_to_tensor(values or [0.0], "float32")


def text_of(config: Any) -> str:
    """A config as text, for comparing."""
    return json.dumps(
        saving.serialize_keras_object(config), sort_keys=True, default=repr
    )


def first_change(before: Any, after: Any) -> str:
    """Say where two configs first differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            if before.get(key, "(nothing)") != after.get(key, "(nothing)"):
                ours, theirs = (one.get(key, "(nothing)") for one in (before, after))
                return f"{key!r} was {ours!r} and is {theirs!r}"
    return f"{before!r} became {after!r}"
