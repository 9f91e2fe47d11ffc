"""The contract: every law, tried on one layer."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import keras

from kerasblocks.testing.case import Case, case
from kerasblocks.testing.checks import CHECKS
from kerasblocks.testing.law import Broken, Law, NotApplicable

Status = Literal[
    "passed", "failed", "not applicable", "expected failure", "unexpected pass"
]


@dataclass(frozen=True)
class Outcome:
    """What came of one law.

    Attributes:
        law: The law's name.
        status: "passed", "failed", "not applicable", "expected failure" or
            "unexpected pass".
        reason: Why it failed, or does not apply, or was expected to fail.
        mend: A sentence on a fix, where it failed.
        snippet: Python that shows the failure, where it failed.
        seconds: How long it took.
    """

    law: str
    status: Status
    reason: str = ""
    mend: str = ""
    snippet: str = ""
    seconds: float = 0.0

    @property
    def is_breach(self) -> bool:
        """Whether it speaks against the layer, or against what was expected of it."""
        return self.status in ("failed", "unexpected pass")


class LayerContractError(AssertionError):
    """A layer breaks laws of the contract.

    Attributes:
        outcomes: What came of every law.
        broken: The names of the laws that are broken.
    """

    def __init__(self, name: str, outcomes: list[Outcome]):
        self.outcomes = outcomes
        breaches = [outcome for outcome in outcomes if outcome.is_breach]
        self.broken = [outcome.law for outcome in breaches]
        count = f"{len(breaches)} law{'s' * (len(breaches) != 1)}"
        super().__init__(
            f"{name} breaks {count} of {len(outcomes)}: {', '.join(self.broken)}\n\n"
            + "\n\n".join(describe(outcome) for outcome in breaches)
        )


def describe(outcome: Outcome) -> str:
    """A breach in words: what, a fix, and a snippet that shows it."""
    if outcome.status == "unexpected pass":
        return (
            f"{outcome.law} was expected to fail ({outcome.reason}) and passes: take "
            "it off the expected failures"
        )
    text = f"{outcome.law}: {outcome.reason}"
    if outcome.mend:
        text += f"\n  Fix: {outcome.mend}"
    if outcome.snippet:
        text += "\n\n" + "\n".join(
            f"    {line}".rstrip() for line in outcome.snippet.splitlines()
        )
    return text


def run_checks(
    case: Case,
    checks: Iterable[Law] = CHECKS,
    expected_failures: Mapping[str, str] | None = None,
    progress: Callable[[Outcome], Any] | None = None,
) -> list[Outcome]:
    """Try laws on a case and tell what came of each.

    Args:
        case: What to check.
        checks: The laws; all of them by default.
        expected_failures: Names of laws that are known to be broken, with reasons,
            beside those of the case.
        progress: Called with each outcome as it comes.

    Returns:
        An outcome for each law, in their order. Where a plain call fails, no other
        law is tried.
    """
    expected = {**case.expected_failures, **(expected_failures or {})}
    require_laws(expected)
    outcomes: list[Outcome] = []
    dead = ""
    for check in checks:
        if dead:
            outcome = Outcome(check.__name__, "not applicable", dead)
        else:
            outcome = _try(check, case, expected)
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)
        if check.__name__ == "check_call" and outcome.status == "failed":
            dead = "check_call failed"
    return outcomes


def check_layer(
    factory: Callable[..., keras.layers.Layer],
    input_shape: Any,
    input_dtype: Any = "float32",
    *,
    arguments: Mapping[str, Any] | None = None,
    space: Callable[..., Mapping[str, Any]] | None = None,
    input_range: tuple[int, int] | None = None,
    checks: Iterable[Law] = CHECKS,
    expected_failures: Mapping[str, str] | None = None,
    seed: int = 0,
) -> list[Outcome]:
    """Hold a layer to the whole contract of `kerasblocks.testing.checks`.

    Args:
        factory: A class, or a function, that makes a new layer each time.
        input_shape: The shape of the input with the batch, None, first; or a list or
            dict of shapes, or a tuple of them for several arguments.
        input_dtype: The dtype of the inputs, or a structure of dtypes.
        arguments: Constructor arguments, for a factory that is a class.
        space: A function of `hp` that returns constructor arguments: the first of its
            configurations is checked by all laws, others by the quick ones.
        input_range: The least integer input, and the first above the greatest.
        checks: The laws to try.
        expected_failures: Names of laws that the layer is known to break, with the
            reasons: `{"check_jit": "uses a hash table"}`. One that passes is
            reported.
        seed: Another seed draws other values.

    Returns:
        What came of each law.

    Raises:
        LayerContractError: the layer breaks laws; all of them are named, each with
            what happened, a fix and a snippet that shows it.
        TypeError, ValueError: the arguments are wrong.

    Example:
        >>> import keras
        >>> outcomes = check_layer(
        ...     lambda **kwargs: keras.layers.Dense(3, **kwargs),
        ...     input_shape=(None, 4),
        ...     checks=CHECKS[:10],
        ... )
        >>> outcomes[0].law, outcomes[0].status
        ('check_call', 'passed')
    """
    one = case(
        factory,
        input_shape,
        input_dtype,
        arguments=arguments,
        space=space,
        input_range=input_range,
        seed=seed,
    )
    outcomes = run_checks(one, checks, expected_failures)
    if any(outcome.is_breach for outcome in outcomes):
        raise LayerContractError(one.name, outcomes)
    return outcomes


def require_laws(names: Iterable[str]) -> None:
    """Raise where a name is not that of a law."""
    known = [check.__name__ for check in CHECKS]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"expected_failures: no law is called {name!r}{hint}")


def _try(check: Law, case: Case, expected: Mapping[str, str]) -> Outcome:
    name, begin = check.__name__, time.perf_counter()
    reason = expected.get(name)
    try:
        check(case)
    except NotApplicable as error:
        status, text, mend, snippet = "not applicable", str(error), "", ""
    except Broken as error:
        text, mend, snippet = error.problem, error.mend, error.snippet
        status = "failed"
        if reason is not None:
            status, text = "expected failure", reason
    else:
        status, text, mend, snippet = "passed", "", "", ""
        if reason is not None:
            status, text = "unexpected pass", reason
    seconds = time.perf_counter() - begin
    return Outcome(name, status, text, mend, snippet, seconds)
