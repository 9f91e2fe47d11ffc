"""A layer's config is JSON, and is the layer's own."""

from __future__ import annotations

import json
from typing import Any

import keras
from keras import saving

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, equal
from kerasblocks.testing.law import Broken, NotApplicable, law, summary
from kerasblocks.testing.laws.round_trip import first_change, text_of
from kerasblocks.testing.layer import constructor_arguments, custom_objects
from kerasblocks.testing.weights import randomize

_BASE = {"dtype": "mixed_bfloat16", "name": "given_name", "trainable": False}


@law(
    "return from `get_config` only what JSON holds; pass layers, activations and "
    "initializers through keras.saving.serialize_keras_object or their `serialize`."
)
def check_config_is_json(case: Case) -> None:
    """The config is JSON, equal after it was read back."""
    layer = case.make()
    code = ["import json", "json.dumps(layer.get_config())"]
    try:
        text = json.dumps(layer.get_config(), sort_keys=True)
        json.dumps(saving.serialize_keras_object(layer))
    except Exception as error:
        raise Broken(
            f"its config cannot be written as JSON: {summary(error)}",
            code,
        ) from error
    if json.dumps(json.loads(text), sort_keys=True) != text:
        raise Broken("its config is another after a trip through JSON", code)


@law(
    "let the constructor take **kwargs and pass them to super().__init__, and begin "
    "`get_config` with super().get_config()."
)
def check_base_arguments(case: Case) -> None:
    """A `name`, a `dtype` and `trainable=False` are kept, and are in the config."""
    taken = constructor_arguments(case.layer_class)
    for argument, value in _BASE.items():
        code = [
            "again = type(layer).from_config(layer.get_config())",
            f"print(again.{argument})",
        ]
        if argument not in taken:
            if _comes_back(case.make()):
                continue  # as keras.Sequential, which leaves it to its layers
            raise Broken(
                f"the constructor does not take '{argument}'",
                [f"type(layer)(**dict(layer.get_config(), {argument}={value!r}))"],
            )
        layer = case.make(**{argument: value})
        with custom_objects(layer):
            again = type(layer).from_config(layer.get_config())
        for which, one in (("made with", layer), ("reloaded, with", again)):
            came = (
                one.dtype_policy.name if argument == "dtype" else getattr(one, argument)
            )
            if came != value:
                raise Broken(
                    f"{which} {argument}={value!r}, it has {argument}={came!r}",
                    [
                        *code[:1],
                        "for one in (layer, again):",
                        f"    assert one.{_attribute(argument)} == {value!r}",
                    ],
                    {argument: value},
                )


@law("copy what the constructor is given before it is kept or changed.")
def check_config_is_not_shared(case: Case) -> None:
    """The layer does not change the config it is made from, nor follow its changes."""
    layer = case.make()
    if not _is_own(type(layer), "from_config"):
        raise NotApplicable("its from_config is that of a layer of Keras")
    config = layer.get_config()
    given = _plain(config)
    with custom_objects(layer):
        other = type(layer).from_config(given)
    case(other, case.sample())
    case(other, case.sample(), training=True)
    code = [
        f"x = {array_code(case.sample())}",
        "import copy",
        "config = layer.get_config()",
        "given = copy.deepcopy(config)",
        "other = type(layer).from_config(given)",
        f"other({case.star}x)",
    ]
    if text_of(given) != text_of(config):
        raise Broken(
            "from_config, or a call, changed the config that it was given: "
            + first_change(config, given),
            [*code, "assert given == config, given"],
        )
    with custom_objects(layer):
        before = text_of(other.get_config())
        changed = _grow(given)
        after = text_of(other.get_config())
    if changed and before != after:
        raise Broken(
            "the layer keeps the caller's own list or dict: what the caller appends to "
            f"it later, in {changed}, is in the layer",
            [
                *code,
                "before = str(other.get_config())",
                "for value in given.values():",
                "    if isinstance(value, list):",
                "        value.append(None)",
                "    elif isinstance(value, dict):",
                "        value['new'] = None",
                "assert str(other.get_config()) == before, other.get_config()",
            ],
        )


@law(
    "keep state on the instance: no mutable default arguments, no lists or dicts on "
    "the class, no layer or variable made outside of the instance."
)
def check_instances_share_nothing(case: Case) -> None:
    """Two layers are made alike, and what one does leaves the other as it was."""
    first, second = case.make_seeded(), case.make_seeded()
    x = case.sample()
    case(first, x)
    case(second, x)
    code = [
        f"x = {array_code(case.sample())}",
        "first, second = layer, type(layer).from_config(layer.get_config())",
        *(f"{one}({case.star}x)" for one in ("first", "second")),
    ]
    shapes = [[tuple(w.shape) for w in layer.weights] for layer in (first, second)]
    if shapes[0] != shapes[1]:
        raise Broken(
            f"the first layer made has weights of shapes {shapes[0]}, the second of "
            f"{shapes[1]}",
            [
                *code,
                "shapes = [[w.shape for w in one.weights] for one in (first, second)]",
                "assert shapes[0] == shapes[1], shapes",
            ],
        )
    ours = {id(variable) for variable in first.variables}
    shared = [variable.path for variable in second.variables if id(variable) in ours]
    if shared:
        raise Broken(
            f"two layers that the factory made share {', '.join(shared[:3])}", code
        )
    second.set_weights(first.get_weights())
    before, config = arrays(case(second, x)), text_of(second.get_config())
    randomize(first)
    for _ in range(2):
        case(first, case.sample(seed=1), training=True)
    if not equal(case(second, x), before) or text_of(second.get_config()) != config:
        raise Broken("a call of one layer changes what another gives", code)
    third = case.make_seeded()
    case(third, x)
    if [tuple(weight.shape) for weight in third.weights] != shapes[0]:
        raise Broken("a layer made after another was called has other weights", code)


def _attribute(argument: str) -> str:
    return "dtype_policy.name" if argument == "dtype" else argument


def _comes_back(layer: keras.layers.Layer) -> bool:
    try:
        with custom_objects(layer):
            type(layer).from_config(layer.get_config())
    except Exception:
        return False
    return True


def _is_own(kind: type, name: str) -> bool:
    """Whether a class's method is not one that it inherits from a class of Keras."""
    owner = next(one for one in kind.__mro__ if name in vars(one))
    if issubclass(keras.layers.Layer, owner):
        return True  # what every layer has, and not a wrapper's or a cell's
    inherited = owner is not kind and owner.__module__.startswith("keras.")
    return not inherited or kind.__module__.startswith("keras.")


def _plain(value: Any) -> Any:
    """Copy dicts, lists and tuples, to any depth; what they hold stays as it is."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return tuple(map(_plain, value)) if type(value) is tuple else value


def _grow(config: dict[str, Any]) -> str:
    """Append to every list, and add to every plain dict, of a config."""
    changed = []
    for name, value in config.items():
        if isinstance(value, list):
            value.append(None)
            changed.append(name)
        elif isinstance(value, dict) and "class_name" not in value:
            value["a new key"] = None
            changed.append(name)
    return ", ".join(map(repr, changed))
