"""The arguments of `kerasblocks check` and `kerasblocks summary`."""

from __future__ import annotations

import argparse
from typing import Any, TextIO

from _kerasblocks_cli import values
from _kerasblocks_cli.errors import CommandError
from _kerasblocks_cli.laws import chosen, laws
from _kerasblocks_cli.parsing import add_command, whole
from _kerasblocks_cli.start import start

_CHECK = """\
Try the laws that every Keras layer should keep on one layer. For each law that is
broken, print what happened, a fix, and the smallest example as Python that runs.

examples:
  kerasblocks check mypackage.layers:MyLayer --shape 16,16,3 --arg filters=8
  kerasblocks check layers.py:Attention --shape query=7,8 --shape value=5,8
  kerasblocks check keras.layers:Embedding --shape 12 --dtype int32 \\
      --range 0,50 --arg input_dim=50 --arg output_dim=4
  kerasblocks check layers.py:make_layer --shape None,3 --law build --law jit

exit code: 0 if every law holds, 1 if one is broken, 2 for wrong use
"""
_SUMMARY = """\
Print the tree of a model's layers, down to those inside blocks: output shape,
parameters and multiply-accumulates (MACs), dtype. No weight gets a value. A model that
knows its inputs needs no --shape.

examples:
  kerasblocks summary mypackage.models:make_model --depth 2
  kerasblocks summary keras.applications:ResNet50 --arg weights=None
  kerasblocks summary kerasblocks:InceptionBlock --arg filters=32 --shape 28,28,192
"""


def add_check(commands: Any) -> None:
    """Add `check` to the commands."""
    parser = add_command(
        commands,
        "check",
        _run_check,
        _CHECK,
        about="hold a layer to the contract: shapes, configs, saving, training, ...",
        usage="kerasblocks check TARGET --shape SIZES [--arg NAME=VALUE] [options]",
    )
    _add_target(parser, "of a layer's class, or of a function that makes a new layer")
    parser.add_argument(
        "--range",
        metavar="LEAST,END",
        help="integers are drawn from LEAST to END - 1 (--range=-5,5 where negative)",
    )
    _add_repeated(parser, "--law", "LAW", "try this law only")
    _add_repeated(
        parser, "--expect", "LAW=REASON", "the layer is known to break this law"
    )
    parser.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="another seed draws other values (default: 0)",
    )
    parser.add_argument(
        "--list", action="store_true", help="list all laws, each with what it says"
    )


def add_summary(commands: Any) -> None:
    """Add `summary` to the commands."""
    parser = add_command(
        commands,
        "summary",
        _run_summary,
        _SUMMARY,
        about="what a model is made of: shapes, parameters, multiply-accumulates",
        usage="kerasblocks summary TARGET [--shape SIZES] [--depth N] [options]",
    )
    _add_target(parser, "of a class of layers or models, or of a function")
    parser.add_argument(
        "--depth",
        type=whole(0),
        metavar="N",
        help="how many levels of layers are printed (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _add_target(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        help=f"package.module:Name or path/to/file.py:Name {what}",
    )
    _add_repeated(
        parser,
        "--shape",
        "SIZES",
        "an input's sizes without the batch: 16,16,3; None or ? where any size will "
        "do; '' for none. Given again, the layer takes a list of inputs, or several "
        "arguments if its call does; NAME=SIZES for a dict, or for the arguments by "
        "name",
    )
    _add_repeated(
        parser,
        "--dtype",
        "DTYPE",
        "the inputs' dtype (default: float32), one for all, one for each --shape, or "
        "NAME=DTYPE",
    )
    _add_repeated(
        parser,
        "--arg",
        "NAME=VALUE",
        "an argument of the class or function: a Python value, else a string",
    )


def _add_repeated(
    parser: argparse.ArgumentParser, option: str, metavar: str, about: str
) -> None:
    parser.add_argument(
        option,
        action="append",
        default=[],
        metavar=metavar,
        help=f"{about}; may be repeated",
    )


def _run_check(options: argparse.Namespace, stream: TextIO | None) -> int:
    says = laws()
    if options.list:
        width = max(map(len, says))
        print("\n".join(f"{name:{width}}  {text}" for name, text in says.items()))
        return 0
    options.law = chosen(options.law, "--law") or list(says)
    options.expect = {
        law: reason
        for name, reason in values.reasons(options.expect).items()
        for law in chosen([name], "--expect")
    }
    if options.target is not None and not options.shape:
        raise CommandError(
            "expected the input's sizes without the batch, like --shape 16,16,3"
        )
    _read_target(options)
    if options.range is not None:
        options.range = values.integer_range(options.range)
        if not any("int" in dtype for dtype in options.dtype):
            raise CommandError("--range: no input is of integers; give --dtype int32")
    return start("check")(options, stream)


def _run_summary(options: argparse.Namespace, stream: TextIO | None) -> int:
    _read_target(options)
    return start("summary")(options, stream)


def _read_target(options: argparse.Namespace) -> None:
    """Replace what the user wrote of the inputs and arguments by their values."""
    if options.target is None:
        raise CommandError("the following arguments are required: TARGET")
    options.shape = values.shapes(options.shape)
    options.dtype = values.dtypes(options.dtype, options.shape)
    options.arg = values.arguments(options.arg)
