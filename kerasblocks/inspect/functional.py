"""The graph of a model, as a model of Keras' own class."""

from __future__ import annotations

import keras


def as_functional(owner: str, model: keras.Model) -> keras.Model:
    """A Functional model of the same layers: not compiled, and no class but Keras'.

    Args:
        owner: The function that asks, for the error message.
        model: A Functional or Sequential model.

    Raises:
        ValueError: `model` is neither, or has a `call` of its own, or is not built.
    """
    called = f"{owner}: the model {model.name!r}"
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError(
            f"{called} is not built; begin it with a keras.Input or call "
            "build(input_shape)"
        )
    if not is_graph(model):
        raise ValueError(
            f"{called} ({type(model).__name__}) must be Functional or Sequential; a "
            "subclassed model has no graph, or has a call that does more than its graph"
        )
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def is_graph(model: keras.Model) -> bool:
    """Whether the model does what its graph says, and no more."""
    graph = isinstance(model, keras.Sequential) or hasattr(model, "operations")
    return graph and type(model).call.__module__.partition(".")[0] == "keras"
