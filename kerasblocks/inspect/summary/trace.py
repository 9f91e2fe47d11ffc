"""`Trace`: runs a layer on symbolic tensors and records every layer that it runs.

On symbolic tensors, Keras runs every layer by one method, and every operation by
another. A trace intercepts both. So it sees a layer wherever it is called: in a block,
in the graph of a model or in anyone's `call`. The shapes and dtypes are Keras' own.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import nodes, sublayers
from kerasblocks.inspect.graph import has_graph, is_of_keras
from kerasblocks.inspect.summary.call_tree import Row
from kerasblocks.inspect.summary.interception import shown_to
from kerasblocks.inspect.summary.macs import count_macs
from kerasblocks.inspect.summary.sizes import count_weights, product, tensor_bytes
from kerasblocks.inspect.summary.special_layers import rule_for
from kerasblocks.inspect.summary.symbolic import as_specs, is_symbolic


class Trace:
    """Records a row for each layer that runs inside `watch`.

    Attributes:
        rows: The rows of the outermost layers.
        watching: Whether the trace is recording.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.watching = True
        self._children = self.rows  # of the layer that is running
        self._operations: list[Row] = []  # the children that are operations
        self._times: int | None = 1  # how often the next layer runs
        self._all_times: int | None = 1  # how often what is running now runs in all
        self._entered: Any = None  # the layer whose `call` comes next
        self._seen: dict[int, Any] = {}  # by id: the layers that have a row
        self._counted: dict[int, int] = {}  # by id of a weight: when it was first seen
        # By id: each layer that was called, whether it was built, its numbers of nodes.
        self._called: dict[int, tuple[Any, bool, int, int]] = {}

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Records the layers that run in this thread, and leaves no trace in them."""
        with shown_to(self):
            try:
                yield
            finally:
                for layer, built, inbound, outbound in self._called.values():
                    layer.built = built
                    del nodes(layer)[0][inbound:], nodes(layer)[1][outbound:]

    def start(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """Runs the outermost layer."""
        if has_graph(layer):
            # Its `__call__` would refuse other sizes than the model was built for.
            takes = inspect.signature(layer.call).parameters
            self.run(layer, args, {"training": False} if "training" in takes else {})
        else:
            layer(*args, **kwargs, training=False)

    def repeat(self, times: int | None, layer: Any, *inputs: Any) -> Any:
        """Runs `layer` once, and counts it `times` times."""
        self._times = times
        return layer(*inputs, training=False)

    def run(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Runs the `call` of a layer and records its row."""
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
                run = rule_for(layer) or _run_call
                outputs = as_specs(run(self, layer, args, kwargs))
                if len(self._operations) == len(row.children):
                    _take_over_operations(row)
            except Exception as error:
                outputs = self.infer(layer, args, kwargs)
                # What it ran until then does not belong in the tree.
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
        """The output of `layer`, without tracing what it runs."""
        with self._unwatched():
            return layer.compute_output_spec(*args, **kwargs)

    def enter(
        self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        """A layer is called. Recording pauses until its `call` runs."""
        if id(layer) not in self._called:
            counts = len(nodes(layer)[0]), len(nodes(layer)[1])
            self._called[id(layer)] = (layer, layer.built, *counts)
        if not self.watching:
            return call(layer, *args, **kwargs)
        if not layer.built and type(layer).build is keras.layers.Layer.build:
            layer.built = True  # Its children are built when they are called.
        if not any(map(is_symbolic, tree.flatten((args, kwargs)))):
            args, kwargs = as_specs(args), as_specs(kwargs)
        entered, self._entered = self._entered, layer
        try:
            with self._unwatched():
                return call(layer, *args, **kwargs)
        finally:
            self._entered = entered

    def expects(self, layer: Any) -> bool:
        """Whether it is the layer that was entered, not one that runs in between."""
        return self._entered is layer

    def arrive(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Keras is about to run the `call` of a layer: records it."""
        self._entered, self.watching = None, True
        try:
            return self.run(layer, args, kwargs)
        finally:
            self.watching = False

    def count(self, operation: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Counts one of Keras' operations, or looks into one that is not Keras'."""
        if not is_of_keras(type(operation)) or isinstance(operation, keras.Function):
            return self.run(operation, args, kwargs)
        with self._unwatched():  # One operation may use another.
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
        """Adds the sizes of the weights. Weights of earlier rows are shared."""
        weights = getattr(layer, "weights", ())
        row.parameters = count_weights(weights)
        row.trainable = count_weights(getattr(layer, "trainable_weights", ()))
        row.shared_parameters = count_weights(
            weight
            for weight in weights
            if self._counted.setdefault(id(weight), len(self._counted)) < counted
        )

    def _list(self, layer: Any) -> list[Row]:
        """The rows of the layers inside a layer that cannot be traced."""
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
        # Keras' own inference refuses some calls that work, such as convolutions with
        # groups. The backend does not.
        args, kwargs = as_specs(args), as_specs(kwargs)
        return keras.Operation.compute_output_spec(operation, *args, **kwargs)


def _run_call(trace: Trace, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return layer.call(*args, **kwargs)


def _take_over_operations(row: Row) -> None:
    """Adds the MACs of the operations to the layer that runs nothing else."""
    counts = [operation.own_macs for operation in row.children]
    row.own_macs = None if None in counts else sum(filter(None, counts))
    row.unknown = next((one.unknown for one in row.children if one.unknown), "")
    row.children.clear()


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:120]
