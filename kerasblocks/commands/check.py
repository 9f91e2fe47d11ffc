"""`kerasblocks check MODULE:NAME --shape SIZES`: hold a layer to the contract."""

from __future__ import annotations

import argparse
import inspect
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kerasblocks.commands import options as read
from kerasblocks.commands.errors import CommandError, did_you_mean, one_line
from kerasblocks.commands.inputs import arrange
from kerasblocks.commands.laws import chosen, laws
from kerasblocks.commands.quiet import quiet_start
from kerasblocks.commands.target import Target, load

_DESCRIPTION = """\
Try the laws that every Keras layer should keep on one layer, and say of each that
is broken what came, how to mend it, and the smallest example as Python that runs.
"""
_EXAMPLES = """\
examples:
  kerasblocks check mypackage.layers:MyLayer --shape 16,16,3 --arg filters=8
  kerasblocks check layers.py:Attention --shape query=7,8 --shape value=5,8
  kerasblocks check keras.layers:Embedding --shape 12 --dtype int32 \\
      --range 0,50 --arg input_dim=50 --arg output_dim=4
  kerasblocks check layers.py:make_layer --shape None,3 --law build --law jit

exit code: 0 if every law holds, 1 if one is broken, 2 for wrong use
"""


def add_to(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "check",
        help="hold a layer to the contract: shapes, configs, saving, training, ...",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="kerasblocks check TARGET --shape SIZES [--arg NAME=VALUE] [options]",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        help="package.module:Name or path/to/file.py:Name of a class, or of a function "
        "that makes a new layer",
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="SIZES",
        help="an input's sizes without the batch: 16,16,3; None or ? where any size "
        "will do; '' for none. Given again, the layer takes a list of inputs, or "
        "several arguments if its call does; NAME=SIZES for a dict, or for the "
        "arguments by name",
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a constructor argument: a Python value, else a string; may be repeated",
    )
    parser.add_argument(
        "--dtype",
        action="append",
        default=[],
        metavar="DTYPE",
        help="the inputs' dtype (default: float32), one for all, one for each --shape, "
        "or NAME=DTYPE",
    )
    parser.add_argument(
        "--range",
        metavar="LEAST,END",
        help="integers are drawn from LEAST to END - 1 (--range=-5,5 where negative)",
    )
    parser.add_argument(
        "--law",
        action="append",
        default=[],
        metavar="LAW",
        help="try this law only; may be repeated",
    )
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="LAW=REASON",
        help="the layer is known to break this law; may be repeated",
    )
    parser.add_argument(
        "--seed",
        type=read.whole(0),
        default=0,
        metavar="N",
        help="another seed draws other values (default: 0)",
    )
    parser.add_argument(
        "--list", action="store_true", help="name all laws, each with what it says"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    says = laws()
    if options.list:
        width = max(map(len, says))
        print("\n".join(f"{name:{width}}  {text}" for name, text in says.items()))
        return 0
    # What can be wrong without Keras, before Keras takes its seconds.
    names = chosen(options.law, "--law") or list(says)
    expected = {
        law: reason
        for name, reason in read.reasons(options.expect).items()
        for law in chosen([name], "--expect")
    }
    if options.target is None:
        raise CommandError("expected what to check, as MODULE:NAME or FILE.py:NAME")
    inputs = read.shapes(options.shape)
    if not inputs:
        raise CommandError(
            "expected the input's sizes without the batch, like --shape 16,16,3"
        )
    dtypes = read.dtypes(options.dtype, inputs)
    given = read.arguments(options.arg)
    drawn = None if options.range is None else read.integer_range(options.range)
    if drawn and not any("int" in dtype for dtype in dtypes):
        raise CommandError("--range: no input is of integers; give --dtype int32")

    noisy = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    with quiet_start():
        target = load(options.target)
        from kerasblocks.commands.report import report_for
        from kerasblocks.commands.snippets import Snippets
        from kerasblocks.testing import case, run_checks
        from kerasblocks.testing.checks import CHECKS

        layer = _make(target, given)
    handed = arrange(layer, inputs, dtypes)
    details = {"arguments": given, "input_range": drawn, "seed": options.seed}
    one = case(
        target.factory, handed.shapes, handed.dtypes, name=target.name, **details
    )
    if not noisy:  # of retracing, which the laws cause
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    checks = [check for check in CHECKS if check.__name__ in names]
    report = report_for(
        target.name,
        {name: says[name] for name in names},
        Snippets(target, handed, details),
        handed.hint,
    )
    report.begin(f"{_call(target, given)}, {handed.words}")
    begun, interrupted = time.perf_counter(), False
    try:
        with _no_litter():
            run_checks(one, checks, expected, progress=report.outcome)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        report.stop()
    report.end(time.perf_counter() - begun, interrupted)
    if interrupted:
        return 130
    return 1 if report.breaches else 0


@contextmanager
def _no_litter() -> Iterator[None]:
    """Let Hypothesis keep its files elsewhere than in the user's folder."""
    from hypothesis.configuration import set_hypothesis_home_dir

    with tempfile.TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


def _make(target: Target, given: dict[str, Any]) -> Any:
    """The layer, made once to see whether it can be."""
    import keras

    called = _call(target, given)
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
    """Which `--arg` lacks or is misspelt, judging by the signature."""
    from kerasblocks.testing.layer import constructor_arguments

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


def _call(target: Target, given: dict[str, Any]) -> str:
    inside = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"{target.name}({inside})"
