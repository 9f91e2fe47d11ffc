"""Python that shows what is broken, and does so where the user runs it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasblocks.commands.inputs import Inputs
from kerasblocks.commands.target import Target
from kerasblocks.testing import Outcome


@dataclass(frozen=True)
class Snippets:
    """The snippets for what breaks laws.

    Args:
        target: What is checked.
        inputs: What it is fed.
        options: The further keyword arguments of its case.
    """

    target: Target
    inputs: Inputs
    options: Mapping[str, Any]

    def __call__(self, outcome: Outcome) -> str:
        """Python that runs as it stands from this folder."""
        snippet = outcome.snippet
        # Where the layer raised, the law knows only a plain call of it, which may
        # well work. Then the law itself is the example.
        raised = outcome.reason.startswith("raised ")
        if raised and outcome.law != "check_call" and not _raises(snippet):
            snippet = self._law(outcome.law)
        return self.target.runnable(snippet)

    def _law(self, name: str) -> str:
        given = [self.target.name, repr(self.inputs.shapes)]
        if self.inputs.dtypes != "float32":
            given.append(repr(self.inputs.dtypes))
        given += [f"{key}={value!r}" for key, value in self.options.items() if value]
        imported = self.target.name.partition(".")[0]
        return (
            "from kerasblocks.testing import case, checks\n"
            f"from {self.target.module} import {imported}\n\n"
            f"checks.{name}(case({', '.join(given)}))"
        )


def _raises(snippet: str) -> bool:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(snippet, "<snippet>", "exec"), {"__name__": "snippet"})
        except Exception:
            return True
    return False
