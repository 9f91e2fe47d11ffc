"""Checks of constructor arguments, with the same error messages in the whole package.

Every message names the class, the argument, what was expected and what was given. If a
legal name is similar to the given one, the message suggests it.
"""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LAYER_KEYWORDS = ("name", "dtype", "trainable", "autocast")


def did_you_mean(name: Any, legal: Iterable[str]) -> str:
    """Returns a suggestion to append to an error message, or an empty string.

    Example:
        >>> did_you_mean("gendre", ["age", "gender"])
        "; did you mean 'gender'?"
    """
    near = difflib.get_close_matches(str(name), [str(n) for n in legal], n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def one_of(owner: str, argument: str, value: Any, legal: Sequence[Any]) -> Any:
    """Returns `value` if it is among `legal`, else raises a `ValueError`."""
    if isinstance(value, str | None) and value in legal:
        return value
    names = ", ".join(repr(item) for item in legal)
    hint = did_you_mean(value, [item for item in legal if isinstance(item, str)])
    raise ValueError(
        f"{owner}: '{argument}' must be one of {names}, got {value!r}{hint}"
    )


def is_positive_int(value: Any) -> bool:
    """Whether `value` is an int above 0. Numpy integers count, booleans do not."""
    return (
        isinstance(value, numbers.Integral)
        and not isinstance(value, bool)
        and int(value) > 0
    )


def positive_int(owner: str, argument: str, value: Any) -> int:
    """Returns `value` as an int if it is a positive int, else raises."""
    if not is_positive_int(value):
        raise ValueError(f"{owner}: '{argument}' must be a positive int, got {value!r}")
    return int(value)


def positive_number(owner: str, argument: str, value: Any) -> float:
    """Returns `value` as a float if it is a finite number above 0, else raises."""
    if (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and 0 < float(value) < float("inf")
    ):
        return float(value)
    raise ValueError(f"{owner}: '{argument}' must be a positive number, got {value!r}")


def non_negative(owner: str, argument: str, value: Any) -> float:
    """Returns `value` as a float if it is finite and at least 0, else raises."""
    if (
        isinstance(value, bool)
        or not isinstance(value, numbers.Real)
        or not 0 <= float(value) < float("inf")
    ):
        raise ValueError(
            f"{owner}: {argument} must be a number of 0 or more, got {value!r}"
        )
    return float(value)


def check_keys(
    owner: str,
    argument: str,
    given: Any,
    names: Sequence[str],
    *,
    what: str = "heads",
    complete: bool = False,
) -> None:
    """Raises unless `given` is a dict whose keys are among `names`.

    Args:
        owner: The class, for the error message.
        argument: The argument's name, for the error message.
        given: What the user passed.
        names: The legal names.
        what: What the names stand for, for the error message.
        complete: Whether `given` must have every name.

    Raises:
        ValueError: `given` is not a dict, has another name, or lacks a required name.
    """
    if not isinstance(given, Mapping):
        raise ValueError(
            f"{owner}: '{argument}' must be a dict keyed by the names of the {what}, "
            f"{', '.join(map(repr, names))}, got {_short(given)}"
        )
    for name in given:
        if name not in names:
            raise ValueError(
                f"{owner}: '{argument}' names {name!r}, but the {what} are "
                f"{', '.join(map(repr, names))}{did_you_mean(name, names)}"
            )
    lacking = [name for name in names if name not in given]
    if complete and lacking:
        raise ValueError(
            f"{owner}: '{argument}' lacks {', '.join(map(repr, lacking))}; the {what} "
            f"are {', '.join(map(repr, names))}"
        )


def _short(value: Any) -> str:
    """Describes a value for an error message; of an array, only its shape."""
    shape = getattr(value, "shape", None)
    return repr(value) if shape is None else f"an array of shape {tuple(shape)}"


def sizes(owner: str, argument: str, value: Any, rank: int | None = None) -> Any:
    """Checks a kernel size, pool size or stride: one int, or one for each axis.

    Args:
        owner: The class, for the error message.
        argument: The argument's name, for the error message.
        value: What the user passed.
        rank: The number of spatial axes, or None if it is not known yet.

    Returns:
        `value` itself if `rank` is None, else a tuple of `rank` ints.
    """
    many = "a tuple of positive ints" if rank is None else f"a tuple of {rank} ints"
    if is_positive_int(value):
        return value if rank is None else (int(value),) * rank
    if (
        isinstance(value, tuple | list)
        and 1 <= len(value) <= 3
        and all(is_positive_int(item) for item in value)
        and rank in (None, len(value))
    ):
        return value if rank is None else tuple(int(item) for item in value)
    raise ValueError(
        f"{owner}: '{argument}' must be a positive int or {many}, got {value!r}"
    )


def split_keywords(
    owner: str,
    keywords: dict[str, Any],
    options: Iterable[str],
    arguments: Iterable[str] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits keyword arguments into those of a child and those of the layer itself.

    Args:
        owner: The class, for the error message.
        keywords: The `**kwargs` of the constructor.
        options: The names of the child's arguments.
        arguments: The constructor's named arguments, for suggestions.

    Returns:
        The child's keywords and the layer's own: `name`, `dtype`, `trainable`.

    Raises:
        TypeError: a name belongs to neither.
    """
    legal = {*options, *LAYER_KEYWORDS}
    for name in keywords:
        if name not in legal:
            hint = did_you_mean(name, {*legal, *arguments})
            raise TypeError(f"{owner}: unexpected keyword argument {name!r}{hint}")
    own = {name: v for name, v in keywords.items() if name in LAYER_KEYWORDS}
    return {name: v for name, v in keywords.items() if name not in own}, own
