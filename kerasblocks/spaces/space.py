"""`Space`: the arguments of one thing: fixed, narrowed or searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from kerasblocks.core.arguments import did_you_mean
from kerasblocks.spaces.domains import Among, Domain, candidates, is_domain

Test = Callable[[Any], bool]


class _Known(NamedTuple):
    """What is known of an argument that was chosen."""

    domain: Domain | None
    conditions: list[tuple[str, list[Any]]]
    """The parents' names in the search, each with the values that open the argument."""
    parameter: str


class Space:
    """The arguments of one thing, each fixed by the user or asked of `hp`.

    It is entered with `with`, which opens a name scope. An argument that is inactive
    (its condition does not hold) is neither asked for nor among the arguments.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        owner: The function, for error messages.
        name: The name scope.
        given: What the user fixes, or narrows by `among` and `between`.
        legal: The names that may be given.

    Raises:
        TypeError: `given` has another name.

    Example:
        >>> import keras_tuner as kt
        >>> from kerasblocks.spaces.domains import among
        >>> hp = kt.HyperParameters()
        >>> with Space(hp, "mine", "mine", {"size": 4}, ["size", "pool"]) as space:
        ...     _ = space.choose("size", among(1, 2))
        ...     _ = space.choose("pool", among("max"), when=("size", lambda n: n > 1))
        >>> space.arguments, hp.values
        ({'size': 4, 'pool': 'max'}, {})
    """

    def __init__(
        self,
        hp: Any,
        owner: str,
        name: str,
        given: Mapping[str, Any],
        legal: Iterable[str],
    ) -> None:
        legal = list(legal)
        for argument in given:
            if argument not in legal:
                raise TypeError(
                    f"{owner}: unexpected keyword argument {argument!r}"
                    f"{did_you_mean(argument, legal)}"
                )
        self.hp = hp
        self.owner = owner
        self.arguments: dict[str, Any] = {}
        self._name = name
        self._left = dict(given)
        self._known: dict[str, _Known] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Space:
        self._stack.enter_context(self.hp.name_scope(self._name))
        return self

    def __exit__(self, *failure: Any) -> None:
        if failure[0] is None:
            for argument in list(self._left):
                self.choose(argument, Among((None,)))
        self._stack.__exit__(*failure)

    def choose(
        self,
        argument: str,
        domain: Domain,
        *,
        when: tuple[str, Test] | None = None,
        legal: Iterable[Any] | None = None,
        parameter: str | None = None,
    ) -> Any:
        """Set an argument: to what was given, or to what `hp` says.

        Args:
            argument: The argument.
            domain: What it may be if the user gave nothing.
            when: An argument that was chosen before and a test of its value: this one
                is there only where the test holds. (KerasTuner knows no conditions
                on two hyperparameters of which none depends on the other.)
            legal: Every value that it can have, if they can be listed.
            parameter: Its name in the search if not its own.

        Returns:
            The value; None where it is inactive.
        """
        given = argument in self._left
        value = self._left.pop(argument, domain)
        for each in candidates(value) if legal is not None and given else ():
            self._check(argument, each, list(legal or ()))
        if isinstance(value, Among) and len(value.values) == 1:
            value = value.values[0]  # nothing is to be chosen
        fixed = not is_domain(value)
        opens = ([], True) if when is None else self._conditions(*when)
        if opens is None:
            # It cannot be active. What the user asked for all the same is passed on:
            # the block says what is wrong with it.
            if given and not is_domain(value):
                self.arguments[argument] = value
            return None
        conditions, active = opens
        name = parameter or argument
        self._known[argument] = _Known(None if fixed else value, conditions, name)
        if fixed:
            if active or (given and value is None):
                self.arguments[argument] = value
            return value if active else None
        with ExitStack() as stack:
            for parent, labels in conditions:
                stack.enter_context(self.hp.conditional_scope(parent, labels))
            chosen = value.ask(self.hp, name)
        if active:
            self.arguments[argument] = chosen
        return chosen

    def _check(self, argument: str, value: Any, legal: list[Any]) -> None:
        if value not in legal:
            words = [each for each in legal if isinstance(each, str)]
            raise ValueError(
                f"{self.owner}: {argument!r} must be one of "
                f"{', '.join(map(repr, legal))}, got {value!r}"
                f"{did_you_mean(value, words)}"
            )

    def _conditions(
        self, parent: str, holds: Test
    ) -> tuple[list[tuple[str, list[Any]]], bool] | None:
        """The conditions to open, and whether they hold; None if they never can."""
        known = self._known.get(parent)
        if known is None:
            # Never active, or passed on although it cannot be.
            return None
        active = parent in self.arguments and holds(self.arguments[parent])
        if known.domain is None:
            fixed = parent in self.arguments or not known.conditions
            if fixed and not active:
                return None
            return known.conditions, active
        pairs = zip(known.domain.values, known.domain.labels, strict=True)
        labels = [label for value, label in pairs if holds(value)]
        if not labels:
            return None
        if len(labels) == len(known.domain.labels):
            return known.conditions, active
        return [*known.conditions, (known.parameter, labels)], active


def arguments_of(block: Any) -> list[str]:
    """The arguments that a block's space may be given.

    Args:
        block: The class of the block.
    """
    return [*block.argument_names(), "dtype", "trainable"]
