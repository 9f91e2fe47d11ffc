"""The contract as pytest tests: one for each case and law."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kerasblocks.testing.case import Case
from kerasblocks.testing.checks import CHECKS
from kerasblocks.testing.contract import require_laws
from kerasblocks.testing.law import Law


def parametrize_with_checks(
    cases: Iterable[Case],
    *,
    expected_failures: Mapping[str, str]
    | Callable[[Case], Mapping[str, str]]
    | None = None,
    checks: Iterable[Law] = CHECKS,
) -> Any:
    """A pytest mark that makes a test of each law for each case.

    Args:
        cases: What to check, each made by `case(...)`.
        expected_failures: Names of laws that are known to be broken, with reasons; or
            a function of the case that returns such. They become strict xfails: one
            that passes fails the test. A case may bring its own.
        checks: The laws to try.

    Returns:
        A decorator for a test of the arguments `case` and `check`.

    Raises:
        TypeError: one of `cases` was not made by `case(...)`.
        ValueError: an expected failure is not the name of a law.

    Example:
        >>> import keras
        >>> from kerasblocks.testing import case
        >>> @parametrize_with_checks([case(keras.layers.ReLU, (None, 4))])
        ... def test_layers(case, check):
        ...     check(case)
    """
    import pytest

    rows = []
    checks = tuple(checks)
    for one in cases:
        if not isinstance(one, Case):
            raise TypeError(
                "parametrize_with_checks: 'cases' must be made by "
                f"kerasblocks.testing.case, got {one!r}"
            )
        given = (
            expected_failures(one)
            if callable(expected_failures)
            else (expected_failures or {})
        )
        expected = {**given, **one.expected_failures}
        require_laws(expected)
        for check in checks:
            name = check.__name__
            marks = (
                [pytest.mark.xfail(reason=expected[name], strict=True)]
                if name in expected
                else []
            )
            rows.append(pytest.param(one, check, marks=marks, id=f"{one.name}-{name}"))
    return pytest.mark.parametrize(("case", "check"), rows)
