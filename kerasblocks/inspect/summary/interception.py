"""Shows every call of a layer or operation on symbolic tensors to an observer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import keras

from kerasblocks.core.hooks import Hooks
from kerasblocks.inspect.summary.symbolic import as_spec, is_symbolic


class Observer(Protocol):
    """Receives the calls in one thread.

    The call of a layer is reported twice: to `enter` when it begins, and to `arrive`
    when Keras has cast the inputs, built the layer and comes to its own `call`.
    """

    watching: bool

    def enter(
        self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        """A layer is called; `call` is its `__call__`."""

    def expects(self, layer: Any) -> bool:
        """Whether `arrive` should run the `call` of this layer."""
        ...

    def arrive(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Keras is about to run the `call` of a layer."""

    def count(self, operation: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """An operation runs."""


@contextlib.contextmanager
def shown_to(observer: Observer) -> Iterator[None]:
    """Shows the calls in this thread, and in no other, to an observer."""
    with _HOOKS.installed():
        before, _THREAD.observer = _THREAD.observer, observer
        try:
            yield
        finally:
            _THREAD.observer = before


class _Thread(threading.local):
    observer: Observer | None = None


_THREAD = _Thread()


def _enter(call: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(layer: Any, *args: Any, **kwargs: Any) -> Any:
        observer = _THREAD.observer
        if observer is None:
            return call(layer, *args, **kwargs)
        return observer.enter(layer, call, args, kwargs)

    return hooked


def _arrive(infer: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(layer: Any, *args: Any, **kwargs: Any) -> Any:
        observer = _THREAD.observer
        if observer is None or not observer.expects(layer):
            return infer(layer, *args, **kwargs)
        return observer.arrive(layer, args, kwargs)

    return hooked


def _count(infer: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(operation: Any, *args: Any, **kwargs: Any) -> Any:
        observer = _THREAD.observer
        if observer is None or not observer.watching:
            return infer(operation, *args, **kwargs)
        return observer.count(operation, args, kwargs)

    return hooked


def _symbolic(operator: Callable[..., Any]) -> Callable[..., Any]:
    """Makes `variable * x` symbolic. It needs values even if `x` has none."""

    def hooked(variable: Any, *other: Any) -> Any:
        observer = _THREAD.observer
        if observer is None or not observer.watching:
            return operator(variable, *other)
        return getattr(as_spec(variable), operator.__name__)(*other)

    return hooked


def _skip(assign: Callable[..., Any]) -> Callable[..., Any]:
    """Does not assign symbolic tensors to variables."""

    def hooked(variable: Any, value: Any) -> Any:
        is_watched = _THREAD.observer is not None and _THREAD.observer.watching
        return value if is_watched and is_symbolic(value) else assign(variable, value)

    return hooked


_OPERATORS = "add sub mul matmul truediv floordiv mod pow neg abs getitem"
_HOOKS = Hooks(
    (keras.layers.Layer, "__call__", _enter),
    (keras.layers.Layer, "symbolic_call", _arrive),
    (keras.Operation, "symbolic_call", _count),
    *((keras.Variable, f"__{name}__", _symbolic) for name in _OPERATORS.split()),
    (keras.Variable, "assign", _skip),
)
