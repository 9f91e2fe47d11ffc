"""`Trace`: runs a layer on symbolic tensors and writes down all that it runs.

On symbolic tensors, every call of a layer and every operation of Keras passes one
place. Both places are watched while a trace runs: so a layer is seen wherever it is
called, in a block, in a model's graph or in a `call` of anyone's, with the shapes and
dtypes that Keras itself would give it.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import nodes, sublayers
from kerasblocks.inspect.tracing.inputs import has_inputs
from kerasblocks.inspect.tracing.macs import count_macs
from kerasblocks.inspect.tracing.row import Row
from kerasblocks.inspect.tracing.sizes import count_weights, product, tensor_bytes
from kerasblocks.inspect.tracing.specs import as_specs, is_symbolic
from kerasblocks.inspect.tracing.watch import shown_to

Rule = Callable[["Trace", Any, tuple, dict[str, Any]], Any]
"""Runs a layer of a kind that cannot run on symbolic tensors: see `rules.py`."""


class Trace:
    """A row for each layer that is run while it watches, in `rows`.

    Args:
        rule_for: Gives the rule for a layer that needs one, else None.
    """

    def __init__(self, rule_for: Callable[[Any], Rule | None]) -> None:
        self.rows: list[Row] = []
        self.watching = True
        self._rule_for = rule_for
        self._children = self.rows
        self._operations: list[Row] = []  # those of the children that are no layers
        self._times: int | None = 1  # of the next layer
        self._all_times: int | None = 1  # of whatever runs
        self._entered: Any = None
        self._seen: dict[int, Any] = {}  # what has a row, by id
        self._counted: dict[int, int] = {}  # the weights, by id, in the order seen
        self._called: dict[int, tuple[Any, bool, int, int]] = {}

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Watch this thread; leave nothing of it in the layers that it calls."""
        with shown_to(self):
            try:
                yield
            finally:
                for layer, built, inbound, outbound in self._called.values():
                    layer.built = built
                    del nodes(layer)[0][inbound:], nodes(layer)[1][outbound:]

    def start(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """Run the layer that all else is in."""
        if has_inputs(layer):
            # Not by calling it: a model takes other sizes than those it was made for.
            takes = inspect.signature(layer.call).parameters
            self.run(layer, args, {"training": False} if "training" in takes else {})
        else:
            layer(*args, **kwargs, training=False)

    def repeat(self, times: int | None, layer: Any, *inputs: Any) -> Any:
        """Run `layer` once, and count it as run so often."""
        self._times = times
        return layer(*inputs, training=False)

    def run(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Run the `call` of a layer, with a row for it."""
        row = Row(layer.name, type(layer).__name__, times=self._times)
        row.shared = id(layer) in self._seen
        counted = len(self._counted)
        outer = self._children, self._operations, self._all_times
        self._children, self._operations = row.children, []
        self._all_times, self._times = product((self._all_times, self._times)), 1
        self._seen[id(layer)] = layer
        seen = dict(self._seen)
        try:
            try:
                run = self._rule_for(layer) or _run_call
                outputs = as_specs(run(self, layer, args, kwargs))
                if len(self._operations) == len(row.children):
                    _fold(row)
            except Exception as error:
                outputs = self.infer(layer, args, kwargs)
                # Whatever it ran until then is no part of the tree.
                self._seen, self._times = seen, 1
                for weight in list(self._counted)[counted:]:
                    del self._counted[weight]
                row.own_macs = None
                row.unknown = f"its call cannot be traced: {_first_line(error)}"
                row.children[:] = self._list(layer)
            self._describe(row, outputs)
            self._add_weights(row, layer, counted)
        finally:
            self._children, self._operations, self._all_times = outer
        self._children.append(row)
        return outputs

    def infer(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """What `layer` gives, without looking into it."""
        with self._unwatched():
            return layer.compute_output_spec(*args, **kwargs)

    def enter(
        self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        """A layer is called: until it comes to its `call`, it is not watched."""
        if id(layer) not in self._called:
            counts = len(nodes(layer)[0]), len(nodes(layer)[1])
            self._called[id(layer)] = (layer, layer.built, *counts)
        if not self.watching:
            return call(layer, *args, **kwargs)
        if not layer.built and type(layer).build is keras.layers.Layer.build:
            layer.built = True  # Its children will be, as they are called.
        if not any(map(is_symbolic, tree.flatten((args, kwargs)))):
            args, kwargs = as_specs(args), as_specs(kwargs)
        entered, self._entered = self._entered, layer
        try:
            with self._unwatched():
                return call(layer, *args, **kwargs)
        finally:
            self._entered = entered

    def expects(self, layer: Any) -> bool:
        """Whether it is the layer that was entered, not one that runs meanwhile."""
        return self._entered is layer

    def arrive(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The call of a layer comes to its `call`."""
        self._entered, self.watching = None, True
        try:
            return self.run(layer, args, kwargs)
        finally:
            self.watching = False

    def count(self, operation: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """An operation runs: count it, or look into one that is not of Keras."""
        of_keras = type(operation).__module__.partition(".")[0] == "keras"
        if not of_keras or isinstance(operation, keras.Function):
            return self.run(operation, args, kwargs)
        with self._unwatched():  # One operation may ask another.
            outputs = _infer_operation(operation, args, kwargs)
        macs = count_macs(operation, args, kwargs, outputs)
        if macs != 0:
            row = Row(operation.name, type(operation).__name__)
            row.own_macs = product((macs, self._all_times))
            if self._all_times is None:
                row.unknown = "how often it runs is not known"
            elif macs is None:
                row.unknown = f"{row.kind} cannot be counted, or a size is not known"
            self._describe(row, outputs)
            self._children.append(row)
            self._operations.append(row)
        return outputs

    def _describe(self, row: Row, outputs: Any) -> None:
        row.output_shape = tree.map_structure(lambda x: tuple(x.shape), outputs)
        flat = tree.flatten(outputs)
        row.dtype = ", ".join(dict.fromkeys(x.dtype for x in flat))
        if not row.children:
            sizes = [tensor_bytes(x.shape, x.dtype) for x in flat]
            known = None if None in sizes else sum(filter(None, sizes))
            row.activation_bytes = product((known, self._all_times))

    def _add_weights(self, row: Row, layer: Any, counted: int) -> None:
        """The weights of a layer, of which those of rows before it are shared."""
        weights = getattr(layer, "weights", ())
        row.parameters = count_weights(weights)
        row.trainable = count_weights(getattr(layer, "trainable_weights", ()))
        row.shared_parameters = count_weights(
            weight
            for weight in weights
            if self._counted.setdefault(id(weight), len(self._counted)) < counted
        )

    def _list(self, layer: Any) -> list[Row]:
        """The layers inside one that cannot be traced, without what they give."""
        rows = []
        for child in sublayers(layer):
            row = Row(child.name, type(child).__name__, own_macs=None)
            row.shared = id(child) in self._seen
            row.unknown = f"{layer.name} cannot be traced"
            self._seen[id(child)] = child
            counted = len(self._counted)
            row.children = self._list(child)
            self._add_weights(row, child, counted)
            rows.append(row)
        return rows

    @contextlib.contextmanager
    def _unwatched(self) -> Iterator[None]:
        before, self.watching = self.watching, False
        try:
            yield
        finally:
            self.watching = before


def _infer_operation(operation: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    try:
        return operation.compute_output_spec(*args, **kwargs)
    except Exception:
        # Keras' own inference refuses some of what works, such as convolutions in
        # groups; the backend's does not.
        args, kwargs = as_specs(args), as_specs(kwargs)
        return keras.Operation.compute_output_spec(operation, *args, **kwargs)


def _run_call(trace: Trace, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return layer.call(*args, **kwargs)


def _fold(row: Row) -> None:
    """What the operations of a layer without layers take is its own."""
    counts = [operation.own_macs for operation in row.children]
    row.own_macs = None if None in counts else sum(filter(None, counts))
    row.unknown = next((one.unknown for one in row.children if one.unknown), "")
    row.children.clear()


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:120]
