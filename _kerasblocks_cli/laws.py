"""The names of the laws and what each says, read from their source.

Importing them would load Keras, which takes seconds.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from _kerasblocks_cli.errors import CommandError, did_you_mean

_TESTING = Path(__file__).parents[1] / "kerasblocks" / "testing"


def laws() -> dict[str, str]:
    """Each law and what it says, in the order they are tried.

    Example:
        >>> next(iter(laws().items()))
        ('check_call', 'A call on arrays of the input shape works.')
    """
    says = {
        node.name: (ast.get_docstring(node) or "").partition("\n")[0]
        for file in sorted((_TESTING / "laws").glob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    return {name: says[name] for name in _order()}


def chosen(names: Sequence[str], option: str) -> list[str]:
    """The laws with these names, with or without `check_`, in their order.

    Args:
        names: What the user wrote.
        option: The option, for the message.

    Raises:
        CommandError: No law has such a name.

    Example:
        >>> chosen(["build", "check_call"], "--law")
        ['check_call', 'check_build']
    """
    known = _order()
    full = [name if name.startswith("check_") else f"check_{name}" for name in names]
    for name, given in zip(full, names, strict=True):
        if name not in known:
            short = [law.removeprefix("check_") for law in known]
            hint = did_you_mean(name.removeprefix("check_"), short)
            hint = hint or "; kerasblocks check --list names them all"
            raise CommandError(f"{option}: no law is called {given!r}{hint}")
    return [name for name in known if name in full]


def _order() -> list[str]:
    tree = ast.parse((_TESTING / "checks.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "CHECKS":
            assert isinstance(node.value, ast.Tuple)
            return [ast.unparse(item) for item in node.value.elts]
    raise AssertionError("kerasblocks/testing/checks.py: no CHECKS")
