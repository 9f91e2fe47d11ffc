"""`kerasblocks summary TARGET`: shapes, parameters and MACs, before any is paid for."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any, TextIO

from keras import KerasTensor
from rich.console import Console

from _kerasblocks_cli.errors import CommandError, one_line
from _kerasblocks_cli.start import quiet_start
from kerasblocks.commands.inputs import Inputs, arrange
from kerasblocks.commands.target import Target, load
from kerasblocks.core.without_values import without_values
from kerasblocks.inspect.summary import summary


def run(options: argparse.Namespace, stream: TextIO | None) -> int:
    """Run the command; return the exit code."""
    with quiet_start():
        make = _maker(load(options.target), options.arg)
        shapes = None
        if options.shape:
            shapes = _specs(
                without_values(lambda: arrange(make(), options.shape, options.dtype))
            )
        try:
            found = summary(make, shapes, options.depth)
        except (TypeError, ValueError) as error:
            message = str(error).replace("'input_shape'", "--shape")
            raise CommandError(message.partition("\n")[0]) from error
    if stream is not None:
        stream.write(json.dumps(found.to_dict(), indent=2) + "\n")
        stream.flush()
    elif sys.stdout.isatty():
        Console().print(found)
    else:
        print(found)
    return 0


def _maker(target: Target, arguments: dict[str, Any]) -> Callable[[], Any]:
    """The function that makes the model; its errors are said in one line."""

    def make() -> Any:
        try:
            return target.factory(**arguments)
        except Exception as error:
            raise CommandError(
                f"{target.call(arguments)} fails: {one_line(error, target.root)}"
            ) from error

    return make


def _specs(inputs: Inputs) -> Any:
    """The inputs as `summary` takes them, with their dtypes."""
    shapes, dtypes = inputs.shapes, inputs.dtypes
    if isinstance(dtypes, str):
        return KerasTensor(shapes, dtypes)
    if isinstance(dtypes, dict):
        return {name: KerasTensor(shapes[name], dtypes[name]) for name in dtypes}
    return type(dtypes)(map(KerasTensor, shapes, dtypes))
