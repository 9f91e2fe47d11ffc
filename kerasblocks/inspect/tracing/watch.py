"""Where every call of a layer, and every operation, on symbolic tensors is seen."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import keras

from kerasblocks.core.hooks import Hooks
from kerasblocks.inspect.tracing.specs import as_spec, is_symbolic


class Watcher(Protocol):
    """What is shown the calls of a thread."""

    watching: bool

    def enter(
        self, layer: Any, call: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        """A layer is called: `call` is its `__call__`."""

    def expects(self, layer: Any) -> bool:
        """Whether the layer's `call` is to be run by `arrive`."""
        ...

    def arrive(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The call of a layer comes to its `call`."""

    def count(self, operation: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """An operation runs."""


@contextlib.contextmanager
def shown_to(watcher: Watcher) -> Iterator[None]:
    """Show the calls of this thread, and no other's, to a watcher."""
    with _HOOKS.installed():
        before, _THREAD.watcher = _THREAD.watcher, watcher
        try:
            yield
        finally:
            _THREAD.watcher = before


class _Thread(threading.local):
    watcher: Watcher | None = None


_THREAD = _Thread()


def _enter(call: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(layer: Any, *args: Any, **kwargs: Any) -> Any:
        watcher = _THREAD.watcher
        if watcher is None:
            return call(layer, *args, **kwargs)
        return watcher.enter(layer, call, args, kwargs)

    return hooked


def _arrive(infer: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(layer: Any, *args: Any, **kwargs: Any) -> Any:
        watcher = _THREAD.watcher
        if watcher is None or not watcher.expects(layer):
            return infer(layer, *args, **kwargs)
        return watcher.arrive(layer, args, kwargs)

    return hooked


def _count(infer: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(operation: Any, *args: Any, **kwargs: Any) -> Any:
        watcher = _THREAD.watcher
        if watcher is None or not watcher.watching:
            return infer(operation, *args, **kwargs)
        return watcher.count(operation, args, kwargs)

    return hooked


def _symbolic(operator: Callable[..., Any]) -> Callable[..., Any]:
    """Makes `variable * x` symbolic, which wants values even where `x` has none."""

    def hooked(variable: Any, *other: Any) -> Any:
        watcher = _THREAD.watcher
        if watcher is None or not watcher.watching:
            return operator(variable, *other)
        return getattr(as_spec(variable), operator.__name__)(*other)

    return hooked


def _forget(assign: Callable[..., Any]) -> Callable[..., Any]:
    """Gives no variable a value that is none."""

    def hooked(variable: Any, value: Any) -> Any:
        is_watched = _THREAD.watcher is not None and _THREAD.watcher.watching
        return value if is_watched and is_symbolic(value) else assign(variable, value)

    return hooked


_OPERATORS = "add sub mul matmul truediv floordiv mod pow neg abs getitem"
_HOOKS = Hooks(
    (keras.layers.Layer, "__call__", _enter),
    (keras.layers.Layer, "symbolic_call", _arrive),
    (keras.Operation, "symbolic_call", _count),
    *((keras.Variable, f"__{name}__", _symbolic) for name in _OPERATORS.split()),
    (keras.Variable, "assign", _forget),
)
