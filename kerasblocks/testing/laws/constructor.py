"""A constructor takes what makes sense, and says no to the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras import tree

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.law import Broken, NotApplicable, law
from kerasblocks.testing.layer import constructor_arguments

# Arguments of these names are counts or sizes, whatever the layer.
_COUNTS = (
    *("units", "filters", "kernel_size", "pool_size", "strides", "dilation_rate"),
    *("num_heads", "key_dim", "value_dim", "head_dim", "embed_dim", "embedding_dim"),
    *("hidden_dim", "hidden_units", "intermediate_dim", "mlp_dim", "model_dim"),
    *("input_dim", "output_dim", "num_classes", "num_experts", "vocabulary_size"),
    *("num_filters", "num_units", "latent_dim", "projection_dim", "channels"),
    *("stride", "dilation", "window_size", "patch_size", "block_size", "depth"),
)
_RATES = ("rate", "dropout", "dropout_rate", "drop_rate")
_CHOICES = ("padding", "activation")
_NAN = float("nan")
_NONSENSE = {
    _COUNTS: (0, -1, 2.7, _NAN, "three"),
    _RATES: (-0.5, _NAN, "half"),
    _CHOICES: ("no_such_choice",),
}


@law("pass **kwargs on to super().__init__, which refuses what it does not know.")
def check_unknown_argument(case: Case) -> None:
    """An argument that the constructor does not know is refused."""
    try:
        layer = case.make(no_such_argument=1)
    except Exception:
        return
    if _passes_config(case, layer):
        raise NotApplicable("its from_config leaves out what it does not know")
    raise Broken(
        "a misspelt argument is swallowed: no_such_argument=1 is no error",
        [
            "try:",
            "    type(layer)(**dict(layer.get_config(), no_such_argument=1))",
            "except (TypeError, ValueError):",
            "    pass",
            "else:",
            '    raise AssertionError("no_such_argument=1 was taken")',
        ],
    )


@law("check arguments in __init__, and name there what was expected and what came.")
def check_nonsense_is_refused(case: Case) -> None:
    """A count of 0, a rate below 0, NaN, or a choice that there is not, is refused."""
    tried = dict(_plain_arguments(case))
    if not tried:
        raise NotApplicable("no argument whose meaning is plain by its name")
    x = case.sample()
    for name, nonsense in tried.items():
        for value in nonsense:
            try:
                layer = case.make(**{name: value})
                outputs = case(layer, x)
                case(layer, x, training=True)
            except Exception:
                continue
            shapes = [tuple(y.shape) for y in tree.flatten(outputs) if y is not None]
            raise Broken(
                f"{name}={value!r} is taken, and the output is of shape "
                + " and ".join(map(str, shapes)),
                [
                    f"x = {array_code(x)}",
                    "try:",
                    f"    bad = type(layer)(**dict(layer.get_config(), {name}="
                    f"{_source(value)}))",
                    f"    bad({case.star}x)",
                    "except Exception:",
                    "    pass",
                    "else:",
                    f'    raise AssertionError("{name} was taken")',
                ],
            )


def _plain_arguments(case: Case) -> Iterator[tuple[str, tuple]]:
    """Arguments whose meaning is plain by their name, and nonsense for each."""
    layer = case.make()
    try:
        config = layer.get_config()
    except Exception:
        config = {}
    for name, parameter in constructor_arguments(type(layer)).items():
        value = case.arguments.get(name, config.get(name, parameter.default))
        several = value if isinstance(value, list | tuple) and value else [value]
        if isinstance(value, bool):
            continue
        if name in _COUNTS and all(isinstance(one, int) for one in several):
            yield name, _NONSENSE[_COUNTS]
        elif name in _RATES and isinstance(value, int | float):
            # One that is checked at all is to be checked wholly.
            if any(_refuses(case, name, wrong) for wrong in _NONSENSE[_RATES]):
                yield name, _NONSENSE[_RATES]
        elif name in _CHOICES and isinstance(value, str):
            yield name, _NONSENSE[_CHOICES]


def _refuses(case: Case, name: str, value: Any) -> bool:
    try:
        case.make(**{name: value})
    except Exception:
        return True
    return False


def _passes_config(case: Case, layer: keras.layers.Layer) -> bool:
    """Whether the layer was made by a from_config that drops unknown arguments."""
    own = type(layer).from_config.__func__
    return own is not keras.layers.Layer.from_config.__func__ and not _strict(case)


def _strict(case: Case) -> bool:
    return isinstance(case.factory, type)


def _source(value: Any) -> str:
    return 'float("nan")' if value != value else repr(value)
