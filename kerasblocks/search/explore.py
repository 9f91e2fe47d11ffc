"""Find a study's whole search space before any model is trained."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras_tuner as kt

from kerasblocks.search.errors import StudyError, one_line
from kerasblocks.search.trial import dumps

if TYPE_CHECKING:
    from kerasblocks.search.study import Study


def explore(study: Study) -> kt.HyperParameters:
    """Find every conditional part of a study's space, and build its model once.

    A hypermodel that has a method `space(hp)`, as the ready ones have, is read by it,
    which costs no model. Any other is built until each conditional scope was open
    once, as many of them at once as can be.

    A hypermodel that cannot be built at all is found here, before it costs
    trials.

    Args:
        study: The study.

    Returns:
        The search space, with every hyperparameter at its default.

    Raises:
        StudyError: A build failed; its cause is in the message and chained.
    """

    def build(point: kt.HyperParameters) -> None:
        try:
            study.build(point)
        except Exception as error:
            raise StudyError(
                f"Study {study.name!r}: the model cannot be built at "
                f"{point.values or 'the defaults'}: {one_line(error, study.source)}"
            ) from error

    space = kt.HyperParameters()
    read = getattr(study.hypermodel, "space", None)
    if callable(read):
        _open_all(space, read)
        point = _point(space, {})
        build(point)
        space.merge(point, overwrite=False)
    else:
        _open_all(space, build)
    fresh = kt.HyperParameters()
    fresh.merge(space)
    return fresh


def _open_all(
    space: kt.HyperParameters, read: Callable[[kt.HyperParameters], Any]
) -> None:
    """Read a space at points that open each conditional scope once."""
    tried: list[Any] = []
    unseen: list[Any] = []
    point = kt.HyperParameters()
    read(point)
    while True:
        space.merge(point, overwrite=False)
        tried += [s for s in copy.deepcopy(point.active_scopes) if s not in tried]
        unseen += [s for s in copy.deepcopy(point.inactive_scopes) if s not in unseen]
        unseen = [scope for scope in unseen if scope not in tried]
        if not unseen:
            return
        # A scope that its values do not open would be tried for ever.
        tried.append(unseen[0])
        point = _point(space, _opening(unseen))
        try:
            read(point)
        except StudyError:
            # Not each of the values that open scopes must go with each other.
            point = _point(space, _opening(unseen[:1]))
            read(point)


def _opening(scopes: Sequence[Any]) -> dict[str, Any]:
    """Values that open the first of the scopes, and as many others as they can."""
    allowed: dict[str, list[Any]] = {}
    for scope in scopes:
        wanted = dict(allowed)
        for condition in scope:
            values = wanted.get(condition.name, condition.values)
            wanted[condition.name] = [v for v in condition.values if v in values]
        if all(wanted.values()):
            allowed = wanted
    return {name: values[0] for name, values in allowed.items()}


def _point(space: kt.HyperParameters, values: dict[str, Any]) -> kt.HyperParameters:
    """A point of the space with some values, and else the defaults."""
    point = kt.HyperParameters()
    point.values = dict(values)
    point.merge(space, overwrite=False)
    for name in values:
        if not point.is_active(name):
            del point.values[name]
    return point


def at(point: Mapping[str, Any]) -> kt.HyperParameters:
    """Return the hyperparameters that `get_config()` wrote, and leave it as it is.

    KerasTuner's `from_config` changes what it is given.

    Example:
        >>> at({"space": [], "values": {"units": 8}}).values
        {'units': 8}
    """
    return kt.HyperParameters.from_config(copy.deepcopy(dict(point)))


def describe(space: kt.HyperParameters) -> list[dict[str, Any]]:
    """Return a space as plain data, equal for equal spaces.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16])
        >>> describe(hp)[0]["config"]["name"]
        'units'
    """
    return json.loads(dumps(space.get_config()["space"]))


def changes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """Say in words how two described spaces differ.

    Args:
        old: The space as it was.
        new: The space as it is.

    Example:
        >>> a, b = kt.HyperParameters(), kt.HyperParameters()
        >>> _ = a.Choice("units", [8, 16]), b.Choice("units", [8, 32])
        >>> changes(describe(a), describe(b))
        ["'units' changed"]
    """
    before = _by_name(old)
    after = _by_name(new)
    words = [f"{name!r} is new" for name in after if name not in before]
    words += [f"{name!r} is gone" for name in before if name not in after]
    words += [
        f"{name!r} changed"
        for name, entries in after.items()
        if name in before and before[name] != entries
    ]
    return words


def fits(values: dict[str, Any], space: kt.HyperParameters) -> bool:
    """Whether a point of an older space has a legal value for all of this one.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16])
        >>> fits({"units": 8}, hp), fits({"units": 9}, hp)
        (True, False)
    """
    point = kt.HyperParameters()
    for entry in space.space:
        point.merge([entry])
        if not point.is_active(entry):
            continue
        if entry.name not in values or not _legal(entry, values[entry.name]):
            return False
        point.values[entry.name] = values[entry.name]
    return True


def _by_name(space: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names: dict[str, list[Any]] = {}
    for entry in space:
        names.setdefault(entry["config"]["name"], []).append(entry)
    return names


def _legal(entry: Any, value: Any) -> bool:
    low, high = getattr(entry, "min_value", None), getattr(entry, "max_value", None)
    if low is not None and high is not None:
        return not isinstance(value, (str, bool)) and low <= value <= high
    return value in list(entry.values)
