"""What is saved comes back: a whole model, its weights, its state."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import tree

from kerasblocks.testing._keras import mask_of
from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference, equal
from kerasblocks.testing.law import Broken, law, summary
from kerasblocks.testing.layer import custom_objects, sublayers
from kerasblocks.testing.weights import is_seed, moved, randomize, state, train


@law(
    "let `get_config` return every argument, `build` create every weight, and every "
    "weight and sublayer be tracked; register the class with "
    "keras.saving.register_keras_serializable."
)
def check_saved_model(case: Case) -> None:
    """A model saved as .keras comes back with equal outputs, losses and state."""
    layer = case.make()
    model = case.model(layer)
    randomize(layer)
    x = case.sample(4)
    train(case, layer, x)
    code = _code(case)
    with tempfile.TemporaryDirectory() as folder, custom_objects(layer):
        file = Path(folder) / "model.keras"
        model.save(file)
        again = keras.models.load_model(file)
        feed = case.feed(x)
        before, after = (one(feed, training=False) for one in (model, again))
        if not equal(before, after):
            raise Broken(
                "the model that was loaded gives other outputs: "
                + difference(after, before),
                code,
            )
        _same_masks(before, after, code)
        ours, theirs = ([float(loss) for loss in one.losses] for one in (model, again))
        if len(ours) != len(theirs) or not np.allclose(ours, theirs, rtol=1e-4):
            raise Broken(
                f"the model's losses are {ours}, and {theirs} after loading",
                [*code, "assert len(model.losses) == len(again.losses)"],
            )
        if _trainable(model) != _trainable(again):
            raise Broken("other weights are trainable after loading", code)
        for one, other in zip(state(model), state(again), strict=True):
            if not np.array_equal(one, other) and not _has_lora(layer):
                raise Broken("a weight is lost on the way through the file", code)
        loaded = again.get_layer(layer.name)
        for one in (layer, loaded):
            keras.utils.set_random_seed(case.seed + 2)
            train(case, one, x)
        if not all(np.isfinite(value).all() for value in _floats(loaded)):
            raise Broken("trained further after loading, weights are not finite", code)
        values = [arrays(one.weights) for one in (layer, loaded)]
        # Where training is random, Keras does not give its seeds' states back.
        if not any(is_seed(v) for v in layer.variables) and not close(
            values[0], values[1]
        ):
            raise Broken(
                "trained further, the layer and the one that was loaded part ways: "
                + difference(values[1], values[0]),
                code,
            )


@law("create every weight in `build`, and keep all state in weights of the layer.")
def check_weights_round_trip(case: Case) -> None:
    """`set_weights(get_weights())` makes another layer give the same."""
    layer = case.make()
    x = case.sample()
    case(layer, x)
    randomize(layer)
    for seed in (1, 2):
        case(layer, case.sample(4, seed=seed), training=True)
    keras.utils.set_random_seed(case.seed + 7)
    other = case.make()
    case(other, x)
    code = [
        f"x = {array_code(x)}",
        "keras.utils.set_random_seed(1)",
        "again = type(layer).from_config(layer.get_config())",
        f"layer({case.star}x), again({case.star}x)",
        f"layer({case.star}x, training=True)",
        "again.set_weights(layer.get_weights())",
        f"one, other = layer({case.star}x), again({case.star}x)",
        "for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other)):",
        "    np.testing.assert_array_equal(a, b)",
    ]
    shapes = [[tuple(w.shape) for w in one.weights] for one in (layer, other)]
    if shapes[0] != shapes[1]:
        raise Broken(
            f"after training, its weights are of shapes {shapes[0]}, and a new layer's "
            f"of {shapes[1]}",
            code,
        )
    other.set_weights(layer.get_weights())
    if not equal(case(other, x), case(layer, x)):
        raise Broken(
            "another layer with the same weights gives other outputs: something that "
            "the output depends on is not among the weights; "
            + difference(case(other, x), case(layer, x)),
            code,
        )


@law(
    "keep layers and weights on attributes whose names and order are the same in every "
    "instance, and create them all in `build`."
)
def check_weights_file(case: Case) -> None:
    """Weights that a file holds come back into a new model of the layer."""
    layer = case.make()
    model = case.model(layer)
    if not model.weights:
        return
    randomize(layer)
    other = case.make()
    fresh = case.model(other)
    code = [
        f"x = {array_code(case.sample())}",
        *_functional(case, "layer", "model"),
        "model.set_weights([w + 0.1 for w in model.get_weights()])",
        'model.save_weights("model.weights.h5")',
        "again = type(layer).from_config(layer.get_config())",
        *_functional(case, "again", "fresh"),
        'fresh.load_weights("model.weights.h5")',
        "for a, b in zip(model.get_weights(), fresh.get_weights()):",
        "    np.testing.assert_array_equal(a, b)",
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.weights.h5"
        model.save_weights(file)
        try:
            fresh.load_weights(file)
        except ValueError as error:
            raise Broken(
                "a new model does not take the weights: " + summary(error),
                code,
            ) from error
    if moved(other, state(layer)) and not _has_lora(layer):
        raise Broken("a weight is lost on the way through the file", code)


def _same_masks(before: object, after: object, code: list[str]) -> None:
    for one, other in zip(tree.flatten(before), tree.flatten(after), strict=True):
        ours, theirs = map(mask_of, (one, other))
        if (ours is None) != (theirs is None) or (
            ours is not None and not equal(ours, theirs)
        ):
            raise Broken("the mask of the output is another after loading", code)


def _trainable(model: keras.Model) -> list[bool]:
    return [weight.trainable for weight in model.weights]


def _has_lora(layer: keras.layers.Layer) -> bool:
    """Whether weights are saved added up, as those of a low-rank adaptation are."""
    inside = [layer, *sublayers(layer)]
    return any(getattr(one, "lora_enabled", False) for one in inside)


def _floats(layer: keras.layers.Layer) -> list[np.ndarray]:
    return [value for value in arrays(layer.weights) if value.dtype.kind == "f"]


def _functional(case: Case, layer: str, model: str) -> list[str]:
    return [
        "i = keras.tree.map_structure(lambda a: keras.Input(a.shape[1:], dtype=a.dtype)"
        ", x)",
        f"{model} = keras.Model({'list(i)' if case.positional else 'i'}, "
        f"{layer}({case.star}i))",
    ]


def _code(case: Case) -> list[str]:
    feed = "list(x)" if case.positional else "x"
    return [
        f"x = {array_code(case.sample())}",
        *_functional(case, "layer", "model"),
        "model.set_weights([w + 0.1 for w in model.get_weights()])",
        'model.save("model.keras")',
        'again = keras.models.load_model("model.keras")',
        f"one, other = (m({feed}, training=False) for m in (model, again))",
        "for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other)):",
        "    np.testing.assert_allclose(a, b)",
    ]
