"""Configurations, drawn from the same spaces that a KerasTuner search reads."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st


class DrawnHyperParameters:
    """Looks like `keras_tuner.HyperParameters` to a space, and asks Hypothesis.

    A hyperparameter of one name has one value, as in KerasTuner, and an inactive one
    is None and not drawn. The first of the choices is the simplest, to which
    Hypothesis shrinks; defaults are taken for the signatures' sake alone.

    Args:
        draw: The `draw` of a composite strategy.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]):
        self._draw = draw
        self._scopes: list[str] = []
        self._conditions: list[bool] = []
        self.values: dict[str, Any] = {}

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Puts `name` before the names of the hyperparameters inside."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def conditional_scope(
        self, parent_name: str, parent_values: Sequence[Any]
    ) -> Iterator[None]:
        """Makes what is inside inactive unless the parent has one of the values."""
        self._conditions.append(self._is_among(parent_name, parent_values))
        try:
            yield
        finally:
            self._conditions.pop()

    def Choice(  # noqa: N802  KerasTuner's name
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """One of `values`."""
        strategy = st.sampled_from(list(values))
        return self._get(name, strategy, parent_name, parent_values)

    def Int(  # noqa: N802  KerasTuner's name
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> int:
        """A number from `min_value` to `max_value`, both included."""
        if sampling != "linear" and step is not None:
            strategy = st.sampled_from(_powers(min_value, max_value, step))
        else:
            steps = (max_value - min_value) // (step or 1)
            strategy = st.integers(0, steps).map(
                lambda count: min_value + count * (step or 1)
            )
        return self._get(name, strategy, parent_name, parent_values)

    def Float(  # noqa: N802  KerasTuner's name
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> float:
        """A number from `min_value` to `max_value`, both included."""
        strategy = st.floats(min_value, max_value)
        if step is not None and sampling != "linear":
            strategy = st.sampled_from(_powers(min_value, max_value, step))
        elif step is not None:
            steps = int((max_value - min_value) / step + 1e-9)
            strategy = st.integers(0, steps).map(lambda count: min_value + count * step)
        return self._get(name, strategy, parent_name, parent_values)

    def Boolean(  # noqa: N802  KerasTuner's name
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> bool:
        """True or False."""
        return self._get(name, st.booleans(), parent_name, parent_values)

    def Fixed(  # noqa: N802  KerasTuner's name
        self,
        name: str,
        value: Any,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """`value` itself."""
        return self._get(name, st.just(value), parent_name, parent_values)

    def get(self, name: str) -> Any:
        """The value that was drawn for `name`."""
        return self.values[self._full(name)]

    def _get(
        self,
        name: str,
        strategy: st.SearchStrategy[Any],
        parent_name: str | None,
        parent_values: Any,
    ) -> Any:
        active = all(self._conditions) and (
            parent_name is None or self._is_among(parent_name, parent_values)
        )
        if not active:
            return None
        full = self._full(name)
        if full not in self.values:
            self.values[full] = self._draw(strategy)
        return self.values[full]

    def _is_among(self, parent_name: str, parent_values: Any) -> bool:
        values = (
            parent_values
            if isinstance(parent_values, list | tuple)
            else [parent_values]
        )
        return self.values.get(self._full(parent_name)) in values

    def _full(self, name: str) -> str:
        return "/".join([*self._scopes, name])


def _powers(least: float, most: float, step: float) -> list[float]:
    """`least`, and as often times `step` as stays within `most`."""
    values = [least]
    while values[-1] * step <= most * (1 + 1e-9):
        values.append(values[-1] * step)
    return values


@st.composite
def _configs(draw: Any, space: Callable[..., Any], given: dict[str, Any]) -> Any:
    # Keras takes seeds for layers from `random`, whose state is Hypothesis' to keep.
    state = random.getstate()
    try:
        return space(DrawnHyperParameters(draw), **given)
    finally:
        random.setstate(state)


def configs(space: Callable[..., Any], **given: Any) -> st.SearchStrategy[Any]:
    """Configurations from a search space, as KerasTuner would see them.

    Args:
        space: A function of `hp` that returns constructor arguments, or whatever else
            a tuner's build function makes of its hyperparameters.
        **given: Further arguments of the function.

    Returns:
        A strategy for what `space` returns.

    Raises:
        TypeError: `space` cannot be called.

    Example:
        >>> def space(hp):
        ...     return {"units": hp.Int("units", 1, 64), "use_bias": hp.Boolean("bias")}
        >>> from hypothesis import find
        >>> find(configs(space), lambda config: config["units"] > 20)
        {'units': 21, 'use_bias': False}
    """
    if not callable(space):
        raise TypeError(f"configs: 'space' must be a function of hp, got {space!r}")
    return _configs(space, given)
