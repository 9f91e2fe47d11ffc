"""`Graph`: the calls that a Functional model is made of, to be rewritten in place."""

from __future__ import annotations

from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import mask_of
from kerasblocks.inspect.functional import as_functional


class Call:
    """One call of a layer or operation: on what, and what came out.

    The `KerasTensor`s stand for themselves alone: as the names of values, with their
    shapes and dtypes.
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
        """Every tensor among the arguments, as often as it stands there."""
        return tensors((self.args, self.kwargs))

    @property
    def keeps_dtype(self) -> bool:
        """Whether all that it is called on has the dtype of its single output."""
        return {x.dtype for x in tensors(self.args)} == {self.output.dtype}

    @property
    def input(self) -> keras.KerasTensor | None:
        """The tensor it was called on, where that is all it was called on.

        A `training=False` beside it, or a mask, says nothing about inference.
        """
        plain = set(self.kwargs) <= {"training", "mask"} and len(self.args) == 1
        training = self.kwargs.get("training")
        if not plain or not (training is None or training is False):
            return None
        x = self.args[0]
        single = isinstance(self.output, keras.KerasTensor)
        return x if single and isinstance(x, keras.KerasTensor) else None


class Graph:
    """A Functional model's calls, each after those that it reads from."""

    def __init__(self, model: keras.Model):
        model = as_functional("fold", model)
        self.name = model.name
        self.calls: list[Call] = []
        traced = keras.models.clone_model(
            model,
            input_tensors=model.input,
            clone_function=lambda layer: layer,
            call_function=self._record,
        )
        self.input, self.output = model.input, traced.output
        self._producers = {
            id(x): call for call in self.calls for x in tensors(call.output)
        }
        self._readers: dict[int, list[Call | None]] = {}
        for call in self.calls:
            self._read(call)
        for x in tensors(self.output):
            self._readers.setdefault(id(x), []).append(None)

    def producer(self, x: keras.KerasTensor) -> Call | None:
        """The call that `x` came out of; None for the model's input."""
        return self._producers.get(id(x))

    def readers(self, x: keras.KerasTensor) -> list[Call | None]:
        """The calls that read `x`, each as often as it does; None for the output."""
        return list(self._readers.get(id(x), ()))

    def only_reader(self, x: keras.KerasTensor) -> Call | None:
        """The call that reads `x`, where it alone does, and once."""
        readers = self.readers(x)
        return readers[0] if len(readers) == 1 else None

    def bypass(self, call: Call, x: keras.KerasTensor) -> None:
        """Gives `x` to whoever reads the output of `call`, which falls away."""
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
        """Makes `call` a call of `layer` on `x`; what it read may fall away."""
        before = call.reads
        call.layer, call.args, call.kwargs = layer, (x,), {}
        self._read(call)
        self._unread(call, before)

    def exchange(self, first: Call, second: Call) -> None:
        """Lets two layers change places, of which the second alone reads the first."""
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
        """What is called, each once."""
        return list({id(call.layer): call.layer for call in self.calls}.values())

    def replay(self) -> keras.Model:
        """Calls what is left of the calls, on the same inputs, as a new model."""
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
        if kwargs.get("mask", ...) is None:
            del kwargs["mask"]  # some layers refuse the one that Keras noted
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
                # Their ids may become those of new tensors.
                self._readers.pop(id(x), None)
                self._producers.pop(id(x))


def tensors(structure: Any) -> list[keras.KerasTensor]:
    """The `KerasTensor`s in a structure."""
    leaves = tree.flatten(structure)
    return [x for x in leaves if isinstance(x, keras.KerasTensor)]


def is_masked(x: keras.KerasTensor) -> bool:
    """Whether a mask travels on `x`."""
    return mask_of(x) is not None
