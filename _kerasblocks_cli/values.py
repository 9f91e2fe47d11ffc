"""The values of options that name a layer's inputs and arguments."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from _kerasblocks_cli.errors import CommandError, did_you_mean

Shape = tuple[int | None, ...]

DTYPES = (
    *("float16", "float32", "float64", "bfloat16", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
)
_CONSTANTS = {"true": "True", "false": "False", "none": "None", "null": "None"}


def shapes(texts: Sequence[str]) -> list[tuple[str | None, Shape]]:
    """Each input's name, if it has one, and its shape with the batch, None, first.

    Example:
        >>> shapes(["16,16,3"]), shapes(["a=?,3", "b="])
        ([(None, (None, 16, 16, 3))], [('a', (None, None, 3)), ('b', (None,))])
    """
    return [(name, (None, *_sizes(text))) for name, text in _named(texts, "--shape")]


def dtypes(
    texts: Sequence[str], inputs: Sequence[tuple[str | None, Shape]]
) -> list[str]:
    """The dtype of each input, float32 by default.

    Example:
        >>> dtypes(["b=int32"], shapes(["a=3", "b=4"]))
        ['float32', 'int32']
    """
    given = _named(texts, "--dtype")
    for _, dtype in given:
        if dtype not in DTYPES:
            known = ", ".join(DTYPES)
            raise CommandError(f"--dtype: expected one of {known}, got {dtype!r}")
    names = [name for name, _ in inputs]
    if any(name is not None for name, _ in given):
        for name, _ in given:
            if name not in names:
                hint = did_you_mean(str(name), filter(None, names))
                raise CommandError(
                    f"--dtype: no --shape is given for an input {name!r}{hint}"
                )
        return [dict(given).get(name, "float32") for name in names]
    if len(given) > 1 and len(given) != len(inputs):
        raise CommandError(
            f"--dtype: expected one for all inputs or one for each of the "
            f"{len(inputs)}, got {len(given)}"
        )
    each = [dtype for _, dtype in given] or ["float32"]
    return each if len(each) > 1 else each * len(inputs)


def integer_range(text: str) -> tuple[int, int]:
    """The least integer and the first above the greatest.

    Example:
        >>> integer_range("0,100")
        (0, 100)
    """
    try:
        least, end = (int(part) for part in text.split(","))
    except ValueError:
        least = end = 0
    if least >= end:
        raise CommandError(
            "--range: expected the least integer and the first above the greatest, "
            f"like 0,100, got {text!r}"
        )
    return least, end


def arguments(texts: Sequence[str]) -> dict[str, Any]:
    """Arguments of a class or function: Python literals, all else as strings.

    Example:
        >>> arguments(["filters=8", "activation=relu", "strides=(2, 1)"])
        {'filters': 8, 'activation': 'relu', 'strides': (2, 1)}
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise CommandError(f"--arg: expected NAME=VALUE, got {text!r}")
        if name in found:
            raise CommandError(f"--arg: {name!r} is given twice")
        found[name] = _value(name, value.strip())
    return found


def reasons(texts: Sequence[str]) -> dict[str, str]:
    """The laws that are expected to be broken, and why.

    Example:
        >>> reasons(["check_jit=uses a hash table"])
        {'check_jit': 'uses a hash table'}
    """
    found = {}
    for text in texts:
        name, _, reason = text.partition("=")
        if not name.strip() or not reason.strip():
            raise CommandError(
                f'--expect: expected LAW="the reason why it is broken", got {text!r}'
            )
        found[name.strip()] = reason.strip()
    return found


def _named(texts: Sequence[str], option: str) -> list[tuple[str | None, str]]:
    pairs: list[tuple[str | None, str]] = []
    for text in texts:
        name, equals, value = text.partition("=")
        pairs.append((name.strip(), value.strip()) if equals else (None, text.strip()))
    names = [name for name, _ in pairs]
    if None in names and len(set(names)) > 1:
        raise CommandError(
            f"{option}: name all inputs or none, got {' and '.join(map(repr, texts))}"
        )
    for name in names:
        if name is not None and names.count(name) > 1:
            raise CommandError(f"{option}: {name!r} is given twice")
        if name == "":
            raise CommandError(f"{option}: expected a name before '=', got '='")
    return pairs


def _sizes(text: str) -> Shape:
    inside = text.strip()
    if (inside[:1], inside[-1:]) in (("(", ")"), ("[", "]")):
        inside = inside[1:-1]
    inside = inside.strip().removesuffix(",")
    if not inside:
        return ()
    sizes: list[int | None] = []
    for part in (one.strip() for one in inside.split(",")):
        if part in ("None", "none", "?"):
            sizes.append(None)
        elif part.isdecimal() and int(part) > 0:
            sizes.append(int(part))
        else:
            raise CommandError(
                "--shape: expected positive sizes without the batch, like 16,16,3, "
                f"None or ? where any size will do, got {text!r}"
            )
    return tuple(sizes)


def _value(name: str, text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    if text in _CONSTANTS:
        raise CommandError(
            f"--arg: {name}={text} would be the word {text!r}, which counts as true; "
            f"write {name}={_CONSTANTS[text]}, as Python does"
        )
    if text[:1] in tuple("([{'\""):
        raise CommandError(f"--arg: {name}={text} is no Python value")
    return text
