"""`Hooks`: wraps methods of Keras while they are in use."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


class Hooks:
    """Wraps methods while at least one thread is inside `installed`.

    All threads share the classes, so a wrapper must not change the calls of other
    threads.

    Args:
        *hooks: Tuples of the class, the method's name, and the function that wraps the
            method.

    Example:
        >>> class Bell:
        ...     def ring(self):
        ...         return "ding"
        >>> hooks = Hooks((Bell, "ring", lambda ring: lambda self: 2 * ring(self)))
        >>> with hooks.installed():
        ...     Bell().ring()
        'dingding'
        >>> Bell().ring()
        'ding'
    """

    def __init__(self, *hooks: tuple[type, str, Wrap]) -> None:
        self._hooks = hooks
        self._lock = threading.Lock()
        self._users = 0
        self._undo = contextlib.ExitStack()

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Wraps the methods, unless another thread has done so already."""
        with self._lock:
            if not self._users:
                with contextlib.ExitStack() as undo:
                    for owner, name, wrap in self._hooks:
                        self._install(owner, name, wrap, undo)
                    self._undo = undo.pop_all()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._undo.close()

    def _install(
        self, owner: type, name: str, wrap: Wrap, undo: contextlib.ExitStack
    ) -> None:
        if not hasattr(owner, name):
            raise RuntimeError(
                f"kerasblocks needs {owner.__name__}.{name}, which Keras "
                f"{keras.__version__} does not have"
            )
        if name in vars(owner):
            undo.callback(setattr, owner, name, vars(owner)[name])
        else:
            undo.callback(delattr, owner, name)  # The method is inherited.
        setattr(owner, name, wrap(getattr(owner, name)))
