"""`build` makes the weights: all of them, once, each known to the layer."""

from __future__ import annotations

from collections import Counter

import keras

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import close, difference
from kerasblocks.testing.law import Broken, law
from kerasblocks.testing.weights import randomize, untracked


@law(
    "create weights, and build every sublayer for the shape that reaches it, in "
    "`build`; create nothing in `call`."
)
def check_build(case: Case) -> None:
    """`build(shape)` alone creates every weight, and a call creates none."""
    layer = case.make()
    case.build(layer)
    before = [variable.path for variable in layer.variables]
    randomize(layer)
    values = layer.get_weights()
    for training in (False, True):
        case(layer, case.sample(), training=training)
        after = [variable.path for variable in layer.variables]
        if after != before:
            new = list((Counter(after) - Counter(before)).elements())
            raise Broken(
                f"build made {len(before)} variables and a call made "
                f"{len(after)}: {', '.join(new[:4])} came late",
                [
                    f"x = {array_code(case.sample())}",
                    f"layer.build({_build_shapes(case)})",
                    "before = [variable.path for variable in layer.variables]",
                    f"layer({case.star}x, training={training})",
                    "print(before)",
                    "assert [variable.path for variable in layer.variables] == before",
                ],
            )
        if training is False:
            for weight, value in zip(layer.weights, values, strict=True):
                if (keras.ops.convert_to_numpy(weight) != value).any():
                    raise Broken(
                        f"the call at inference after build changed {weight.path}: a "
                        "value that was set after build is lost",
                        [
                            f"x = {array_code(case.sample())}",
                            f"layer.build({_build_shapes(case)})",
                            "layer.set_weights([w + 0.1 for w in layer.get_weights()])",
                            "before = layer.get_weights()",
                            f"layer({case.star}x)",
                            "for one, other in zip(before, layer.get_weights()):",
                            "    np.testing.assert_array_equal(one, other)",
                        ],
                    )
    if not layer.built:
        raise Broken(
            "the layer says built=False after build and a call",
            [f"layer.build({_build_shapes(case)})", "assert layer.built"],
        )


@law(
    "create weights with self.add_weight, and keep layers, variables and seed "
    "generators on attributes of the layer, or in lists or dicts there."
)
def check_tracking(case: Case) -> None:
    """Every variable that the layer holds, alone or in a layer, is among its own."""
    layer = case.make()
    case(layer, case.sample())
    for where, value in untracked(layer):
        kind = type(value).__name__
        raise Broken(
            f"{where} is a {kind} that is not tracked: it is neither saved nor trained",
            [
                f"x = {array_code(case.sample())}",
                f"layer({case.star}x)",
                "print(layer.variables)",
                f"held = {where.replace('self.', 'layer.', 1)}",
                "held = getattr(held, 'variables', [held])",
                "tracked = {id(v) for v in layer.variables}",
                "tracked |= {id(v.value) for v in layer.variables}",
                "assert all(id(v) in tracked for v in held)",
            ],
        )


@law("give each weight, and each sublayer, of a layer a name of its own.")
def check_weight_paths(case: Case) -> None:
    """No two variables of the layer have one path."""
    layer = case.make()
    case(layer, case.sample())
    counts = Counter(variable.path for variable in layer.variables)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        raise Broken(
            f"{counts[twice[0]]} variables have the path {twice[0]!r}",
            [
                f"x = {array_code(case.sample())}",
                f"layer({case.star}x)",
                "paths = [variable.path for variable in layer.variables]",
                "print(paths)",
                "assert len(set(paths)) == len(paths)",
            ],
        )


@law("make what the layer holds in __init__ or build, once, and never in `call`.")
def check_used_twice(case: Case) -> None:
    """Used twice in one model, the layer has its weights once and gives the same."""
    layer = case.make()
    case(layer, case.symbols())
    count = len(layer.variables)
    inputs = case.symbols()
    first, second = case(layer, inputs), case(layer, inputs)
    model = keras.Model(
        list(inputs) if case.positional else inputs,
        {"first": first, "second": second},
    )
    code = [
        f"x = {array_code(case.sample())}",
        "i = keras.tree.map_structure(lambda a: keras.Input(a.shape[1:], dtype=a.dtype)"
        ", x)",
        f"layer({case.star}i)",
        "count = len(layer.variables)",
        f"layer({case.star}i)",
        "assert len(layer.variables) == count",
    ]
    if len(layer.variables) != count:
        raise Broken(
            f"used again, it has {len(layer.variables)} variables and had {count}", code
        )
    outputs = model(case.feed(case.sample()), training=False)
    if not close(outputs["first"], outputs["second"]):
        raise Broken(
            "used twice on the same input, it gives two outputs: "
            + difference(outputs["first"], outputs["second"]),
            code,
        )


def _build_shapes(case: Case) -> str:
    shapes = (
        "keras.tree.map_structure(lambda a: (None, *a.shape[1:]), x)"
        if len(keras.tree.flatten(case.inputs)) > 1
        or isinstance(case.inputs, list | dict)
        else None
    )
    if shapes is None:
        return str((None, *keras.tree.flatten(case.sample())[0].shape[1:]))
    return f"*{shapes}" if case.positional else shapes
