"""`kerasblocks check MODULE:NAME --shape SIZES`: hold a layer to the contract."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import keras
from hypothesis.configuration import set_hypothesis_home_dir

from _kerasblocks_cli.errors import CommandError, did_you_mean, one_line
from _kerasblocks_cli.start import quiet_start
from kerasblocks.commands.check_report import report_for
from kerasblocks.commands.inputs import Inputs, arrange
from kerasblocks.commands.target import Target, load
from kerasblocks.testing import Outcome, case, run_checks
from kerasblocks.testing.checks import CHECKS
from kerasblocks.testing.layer import constructor_arguments


def run(options: argparse.Namespace, stream: TextIO | None) -> int:
    """Run the command; return the exit code."""
    given = options.arg
    with quiet_start():
        keras.utils.set_random_seed(0)  # it loads TensorFlow under every backend
        target = load(options.target)
        layer = _make(target, given)
    inputs = arrange(layer, options.shape, options.dtype)
    details = {
        "arguments": given,
        "input_range": options.range,
        "seed": options.seed,
    }
    tried = case(
        target.factory, inputs.shapes, inputs.dtypes, name=target.name, **details
    )
    checks = [check for check in CHECKS if check.__name__ in options.law]
    report = report_for(
        target.name,
        {one.__name__: (one.__doc__ or "").partition("\n")[0] for one in checks},
        Snippets(target, inputs, details),
        inputs.hint,
    )
    report.begin(f"{target.call(given)}, {inputs.words}")
    begun, interrupted = time.perf_counter(), False
    try:
        with _no_litter():
            run_checks(tried, checks, options.expect, progress=report.outcome)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        report.stop()
    report.end(time.perf_counter() - begun, interrupted)
    if interrupted:
        return 130
    return 1 if report.breaches else 0


@contextlib.contextmanager
def _no_litter() -> Iterator[None]:
    """Keep the files of Hypothesis out of the user's folder."""
    with tempfile.TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


def _make(target: Target, given: dict[str, Any]) -> Any:
    """Make the layer once, to see whether that works."""
    called = target.call(given)
    try:
        made = target.factory(**given)
    except Exception as error:
        hint = _argument_hint(target, given) if isinstance(error, TypeError) else ""
        if not hint and isinstance(error, ValueError):
            hint = _argument_hint(target, given, missing=False)
        raise CommandError(
            f"{called} fails: {one_line(error, target.root)}{hint}"
        ) from error
    if not isinstance(made, keras.layers.Layer):
        raise CommandError(f"{called} returned {made!r}; expected a keras.layers.Layer")
    return made


def _argument_hint(target: Target, given: dict[str, Any], missing: bool = True) -> str:
    """Name the `--arg` that is missing or misspelt, by the signature."""
    try:
        if inspect.isclass(target.factory):
            known = constructor_arguments(target.factory)
        else:
            known = dict(inspect.signature(target.factory).parameters)
    except (TypeError, ValueError):
        return ""
    for name in given:
        if name not in known:
            return did_you_mean(f"--arg {name}=", [f"--arg {one}=" for one in known])
    needed = [
        f"--arg {name}=VALUE"
        for name, parameter in known.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and name not in given
    ]
    return f"; give {' '.join(needed)}" if missing and needed else ""


@dataclass(frozen=True)
class Snippets:
    """Python that shows what is broken, and runs where the user runs it.

    Args:
        target: What is checked.
        inputs: What it is fed.
        options: The other keyword arguments of its case.
    """

    target: Target
    inputs: Inputs
    options: Mapping[str, Any]

    def __call__(self, outcome: Outcome) -> str:
        """Python that runs unchanged in this folder."""
        snippet = outcome.snippet
        # If the layer raised, the law knows only a plain call of it. If that call
        # works, the law itself is the example.
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
