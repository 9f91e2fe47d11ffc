"""`kerasblocks summary TARGET`: shapes, parameters and MACs, before any is paid for."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kerasblocks.commands import options as read
from kerasblocks.commands.errors import CommandError, one_line
from kerasblocks.commands.inputs import Inputs, arrange
from kerasblocks.commands.quiet import quiet_start
from kerasblocks.commands.target import Target, load

_DESCRIPTION = """\
Print the tree of a model's layers, down to those inside blocks: output shape,
parameters and multiply-accumulates (MACs), dtype. No weight gets a value.
"""
_EXAMPLES = """\
examples:
  kerasblocks summary mypackage.models:make_model --depth 2
  kerasblocks summary keras.applications:ResNet50 --arg weights=None
  kerasblocks summary kerasblocks:InceptionBlock --arg filters=32 \\
      --input-shape 28,28,192
"""


def add_to(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "summary",
        help="what a model is made of: shapes, parameters, multiply-accumulates",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="kerasblocks summary TARGET [--input-shape SIZES] [--depth N] [options]",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "target",
        metavar="TARGET",
        help="package.module:Name or path/to/file.py:Name of a class of layers or "
        "models, or of a function that makes one",
    )
    parser.add_argument(
        "--input-shape",
        action="append",
        default=[],
        metavar="SIZES",
        help="an input's sizes without the batch, like 224,224,3, where the model has "
        "none or others are wanted; given again for several inputs, NAME=SIZES for "
        "named ones",
    )
    parser.add_argument(
        "--dtype",
        action="append",
        default=[],
        metavar="DTYPE",
        help="the inputs' dtype (default: float32), one for all, one for each "
        "--input-shape, or NAME=DTYPE",
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument of the class or function: a Python value, else a string; "
        "may be repeated",
    )
    parser.add_argument(
        "--depth",
        type=read.whole(0),
        metavar="N",
        help="how many levels of layers are told (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    with _named_here():
        given = read.shapes(options.input_shape)
        dtypes = read.dtypes(options.dtype, given)
    arguments = read.arguments(options.arg)
    with quiet_start():
        target = load(options.target)
        from kerasblocks.core.phantom import apart
        from kerasblocks.inspect.summary import summary

        make = _maker(target, arguments)
        shapes = None
        if given:
            with _named_here():
                shapes = _specs(apart(lambda: arrange(make(), given, dtypes)))
        try:
            found = summary(make, shapes, options.depth)
        except (TypeError, ValueError) as error:
            message = str(error).replace("'input_shape'", "--input-shape")
            raise CommandError(message.partition("\n")[0]) from error
    if options.json:
        print(json.dumps(found.to_dict(), indent=2))
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(found)
    else:
        print(found)
    return 0


def _maker(target: Target, arguments: dict[str, Any]) -> Callable[[], Any]:
    """The function that makes the model; where it fails, that is the user's to read."""

    def make() -> Any:
        try:
            return target.factory(**arguments)
        except Exception as error:
            inside = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            raise CommandError(
                f"{target.name}({inside}) fails: {one_line(error, target.root)}"
            ) from error

    return make


def _specs(inputs: Inputs) -> Any:
    """The inputs as `summary` takes them, with their dtypes."""
    from keras import KerasTensor

    shapes, dtypes = inputs.shapes, inputs.dtypes
    if isinstance(dtypes, str):
        return KerasTensor(shapes, dtypes)
    if isinstance(dtypes, dict):
        return {name: KerasTensor(shapes[name], dtypes[name]) for name in dtypes}
    return type(dtypes)(map(KerasTensor, shapes, dtypes))


@contextmanager
def _named_here() -> Iterator[None]:
    """Errors that name the option of `check` name that of this command."""
    try:
        yield
    except CommandError as error:
        message = str(error).replace("--shape", "--input-shape")
        raise CommandError(message, error.code) from error
