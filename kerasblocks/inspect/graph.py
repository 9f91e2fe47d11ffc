"""The graph of a model: which layers it calls, on which tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import mask_of


def has_graph(layer: Any) -> bool:
    """Whether it is a Functional model, or a Sequential model that is built."""
    if isinstance(layer, keras.Sequential):
        return layer.built
    return isinstance(layer, keras.Model) and hasattr(layer, "operations")


def is_graph(model: Any) -> bool:
    """Whether the model has a graph, and its `call` does nothing beyond it."""
    return has_graph(model) and is_of_keras(type(model).call)


def is_of_keras(member: Any) -> bool:
    """Whether Keras defines this class or function."""
    return member.__module__.partition(".")[0] == "keras"


def inputs_of(model: keras.Model) -> Any:
    """The symbolic inputs of a model that has a graph, in its own structure."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def as_functional(owner: str, model: Any) -> keras.Model:
    """A Functional model of the same layers. It is not compiled.

    Args:
        owner: The function that asks, for the error message.
        model: A Functional or Sequential model.

    Raises:
        TypeError: `model` is not a Keras model.
        ValueError: `model` is not built, is neither Functional nor Sequential, or is a
            subclass with a `call` of its own.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"{owner}: 'model' must be a Keras model, got {model!r}")
    called = f"{owner}: the model {model.name!r}"
    sequential = isinstance(model, keras.Sequential)
    if sequential and not model.built:
        raise ValueError(
            f"{called} is not built; begin it with a keras.Input or call "
            "build(input_shape)"
        )
    if not is_graph(model):
        raise ValueError(
            f"{called} ({type(model).__name__}) must be Functional or Sequential; a "
            "subclassed model has no graph, or has a call that does more than its graph"
        )
    outputs = model.outputs[0] if sequential else model.output
    return keras.Model(inputs_of(model), outputs, name=model.name)


def retrace(model: keras.Model, call: Callable[..., Any]) -> keras.Model:
    """A Functional model on the same inputs, each of whose layers `call` has called.

    Args:
        model: A Functional model.
        call: Takes a layer or operation and its arguments, and returns the outputs.
    """

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("mask", ...) is None:
            del kwargs["mask"]  # Keras passes it even to layers that do not take it.
        return call(layer, *args, **kwargs)

    return keras.models.clone_model(
        model,
        # The same input tensors, so that the output of any layer can be used with them.
        input_tensors=model.input,
        clone_function=lambda layer: layer,
        call_function=called,
    )


class Call:
    """One call of a layer or operation: its arguments and its output.

    The `KerasTensor`s stand for values: each has a shape, a dtype and an identity.
    """

    def __init__(self, layer: Any, args: Any, kwargs: Any, output: Any):
        self.layer = layer
        self.args = args
        self.kwargs = {
            name: value
            for name, value in kwargs.items()
            if name != "mask" or any(mask is not None for mask in tree.flatten(value))
        }
        self.output = output

    @property
    def reads(self) -> list[keras.KerasTensor]:
        """Every tensor among the arguments; one that is passed twice is there twice."""
        return tensors((self.args, self.kwargs))

    @property
    def keeps_dtype(self) -> bool:
        """Whether all inputs have the dtype of the output, which is a single tensor."""
        return {x.dtype for x in tensors(self.args)} == {self.output.dtype}

    @property
    def input(self) -> keras.KerasTensor | None:
        """The input of a call from one tensor to one tensor; None for other calls.

        A mask or `training=False` may come with it: they change nothing in inference.
        """
        plain = set(self.kwargs) <= {"training", "mask"} and len(self.args) == 1
        training = self.kwargs.get("training")
        if not plain or not (training is None or training is False):
            return None
        x = self.args[0]
        single = isinstance(self.output, keras.KerasTensor)
        return x if single and isinstance(x, keras.KerasTensor) else None

    @property
    def is_simple(self) -> bool:
        """Whether it goes from one tensor to one tensor of the same dtype."""
        return self.input is not None and self.keeps_dtype


class Graph:
    """The calls of a model, each after the calls whose outputs it reads.

    Args:
        owner: The function that asks, for the error message.
        model: A Functional or Sequential model.

    Raises:
        ValueError: the model has no graph.
    """

    def __init__(self, owner: str, model: keras.Model):
        model = as_functional(owner, model)
        self.name = model.name
        self.calls: list[Call] = []
        self.input, self.output = model.input, retrace(model, self._record).output
        self._producers = {
            id(x): call for call in self.calls for x in tensors(call.output)
        }
        self._readers: dict[int, list[Call | None]] = {}
        for call in self.calls:
            self._read(call)
        for x in tensors(self.output):
            self._readers.setdefault(id(x), []).append(None)

    def producer(self, x: keras.KerasTensor) -> Call | None:
        """The call that `x` is an output of; None for an input of the model."""
        return self._producers.get(id(x))

    def readers(self, x: keras.KerasTensor) -> list[Call | None]:
        """The calls that read `x`, once each time; None where the model returns it."""
        return list(self._readers.get(id(x), ()))

    def only_reader(self, x: keras.KerasTensor) -> Call | None:
        """The call that reads `x`, if it is the only one and reads it once."""
        readers = self.readers(x)
        return readers[0] if len(readers) == 1 else None

    def bypass(self, call: Call, x: keras.KerasTensor) -> None:
        """Removes `call`; the readers of its output read `x` instead."""
        old = call.output

        def swap(tensor: Any) -> Any:
            return x if tensor is old else tensor

        for reader in self._readers.pop(id(old), []):
            if reader is None:
                self.output = tree.map_structure(swap, self.output)
            else:
                reader.args = tree.map_structure(swap, reader.args)
                reader.kwargs = tree.map_structure(swap, reader.kwargs)
            self._readers.setdefault(id(x), []).append(reader)
        self._remove(call)

    def replace(self, call: Call, layer: Any, x: keras.KerasTensor) -> None:
        """Makes `call` a call of `layer` on `x`; calls without readers are removed."""
        before = call.reads
        call.layer, call.args, call.kwargs = layer, (x,), {}
        self._read(call)
        self._unread(call, before)

    def exchange(self, first: Call, second: Call) -> None:
        """Swaps the layers of two calls. Only `second` may read `first`."""
        x, old = first.input, first.output
        first.layer, second.layer = second.layer, first.layer
        first.kwargs = second.kwargs = {}
        shape = first.layer.compute_output_shape(x.shape)
        first.output = keras.KerasTensor(shape, old.dtype)
        second.args = (first.output,)
        self._readers[id(first.output)] = self._readers.pop(id(old))
        self._producers[id(first.output)] = self._producers.pop(id(old))

    @property
    def layers(self) -> list[Any]:
        """The layers and operations that are called, each once."""
        return list({id(call.layer): call.layer for call in self.calls}.values())

    def replay(self) -> keras.Model:
        """A new model on the same inputs, made by calling the layers again."""
        values = {id(x): x for x in tree.flatten(self.input)}

        def value(x: Any) -> Any:
            return values[id(x)] if isinstance(x, keras.KerasTensor) else x

        for call in self.calls:
            args, kwargs = tree.map_structure(value, (call.args, call.kwargs))
            results = call.layer(*args, **kwargs)
            for x, result in zip(tensors(call.output), tensors(results), strict=True):
                values[id(x)] = result
        outputs = tree.map_structure(value, self.output)
        return keras.Model(self.input, outputs, name=self.name)

    def _record(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        output = layer(*args, **kwargs)
        self.calls.append(Call(layer, args, kwargs, output))
        return output

    def _read(self, call: Call) -> None:
        for x in call.reads:
            self._readers.setdefault(id(x), []).append(call)

    def _unread(self, call: Call, inputs: list[keras.KerasTensor]) -> None:
        for x in inputs:
            self._readers[id(x)].remove(call)
            producer = self.producer(x)
            if producer is not None and not any(
                self._readers.get(id(y)) for y in tensors(producer.output)
            ):
                self._remove(producer)

    def _remove(self, call: Call) -> None:
        if call in self.calls:
            self.calls.remove(call)
            self._unread(call, call.reads)
            for x in tensors(call.output):
                # New tensors may get the same ids.
                self._readers.pop(id(x), None)
                self._producers.pop(id(x))


def tensors(structure: Any) -> list[keras.KerasTensor]:
    """The `KerasTensor`s in a structure."""
    leaves = tree.flatten(structure)
    return [x for x in leaves if isinstance(x, keras.KerasTensor)]


def is_masked(x: keras.KerasTensor) -> bool:
    """Whether `x` carries a Keras mask."""
    return mask_of(x) is not None
