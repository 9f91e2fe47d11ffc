"""Every configuration of a search space keeps the laws that are quick to try."""

from __future__ import annotations

from typing import Any

from kerasblocks.testing.case import Case
from kerasblocks.testing.configs import configs
from kerasblocks.testing.law import Broken, NotApplicable, for_all, law
from kerasblocks.testing.laws.build import check_build, check_tracking
from kerasblocks.testing.laws.inference import check_samples_are_independent
from kerasblocks.testing.laws.round_trip import check_config_round_trip
from kerasblocks.testing.laws.shapes import check_batch_sizes, check_symbolic_output

_QUICK = (
    check_symbolic_output,
    check_batch_sizes,
    check_build,
    check_tracking,
    check_config_round_trip,
    check_samples_are_independent,
)


@law("see the law that is named: the configuration is the smallest that breaks it.")
def check_configurations(case: Case) -> None:
    """Configurations drawn from the space keep the laws of shape, build and config."""
    if case.space is None:
        raise NotApplicable("the case has no space")

    def keep(arguments: dict[str, Any]) -> None:
        one = case.with_arguments(arguments)
        for check in _QUICK:
            try:
                check(one)
            except NotApplicable:
                continue
            except Broken as error:
                again = Broken(
                    f"with {arguments}, {error.law}: {error.problem}",
                    error.lines,
                    {**one.arguments, **error.over},
                )
                again.mend = error.mend
                raise again from error

    for_all(case, configs(case.space), keep, 6)
