"""What a law is: a function of a case that raises `Broken` where a layer breaks it."""

from __future__ import annotations

import functools
import logging
import random
import re
import sys
import traceback
import unittest
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

import hypothesis
import keras
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import Text

Law = Callable[[Case], None]

# Functions that refuse a size that they cannot cut evenly.
_CUTS = ("reshape", "compute_reshape_output_shape", "split")
_SEARCH = settings(
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
    report_multiple_bugs=False,
    print_blob=False,
    verbosity=Verbosity.quiet,
)


class Broken(AssertionError):
    """A law that a layer breaks.

    Args:
        problem: What was expected and what came.
        snippet: Lines of Python that show it, given `layer`, `rng`, `np` and `keras`.
        make: Constructor arguments of the layer in the snippet.
    """

    def __init__(
        self,
        problem: str,
        snippet: Sequence[str] = (),
        make: dict[str, Any] | None = None,
    ):
        super().__init__(problem)
        self.problem = problem
        self.lines = list(snippet)
        self.over = dict(make or {})
        self.law = self.mend = self.snippet = ""

    def __str__(self) -> str:
        parts = [f"{self.law}: {self.problem}" if self.law else self.problem]
        if self.mend:
            parts.append(f"  Fix: {self.mend}")
        if self.snippet:
            parts.append("\n".join(f"    {line}" for line in self.snippet.splitlines()))
        return "\n".join(parts)


class NotApplicable(unittest.SkipTest):
    """A law that says nothing of a layer; pytest shows it as skipped."""


def law(mend: str) -> Callable[[Law], Law]:
    """Make a function of a case a law.

    It then runs under the case's seed, and an error that the layer raises in it is a
    broken law too.

    Args:
        mend: One sentence on how a layer that breaks the law is mended.
    """

    def decorate(function: Law) -> Law:
        name = function.__name__

        @functools.wraps(function)
        def check(case: Case) -> None:
            if not isinstance(case, Case):
                raise TypeError(
                    f"{name}: 'case' must be made by kerasblocks.testing.case, got "
                    f"{case!r}"
                )
            with _seeded(case.seed), warnings.catch_warnings():
                # A warning is no breach; what it warns of is another law's matter.
                warnings.simplefilter("ignore")
                try:
                    function(case)
                    return
                except (NotApplicable, KeyboardInterrupt):
                    raise
                except Broken as error:
                    broken = error
                except Exception as error:
                    broken = Broken(f"raised {summary(error)}{_where(error, case)}")
                    broken.mend = (
                        "see the error; where laws above broke, begin with the first."
                    )
                    broken.__cause__ = error
            broken.law, broken.mend = name, broken.mend or mend
            broken.snippet = _snippet(case, broken)
            broken.__notes__ = []  # Hypothesis' own, which name our functions
            raise broken

        return check

    return decorate


def _call_of(name: str, case: Case, made: str) -> str:
    """A line that tries the one law on layers that are made as in a line of code."""
    shapes = keras.tree.map_structure(lambda one: Text(repr(one.shape)), case.inputs)
    dtypes = keras.tree.map_structure(lambda one: one.dtype, case.inputs)
    made = made.removeprefix("layer = ")
    maker, inside = made[:-1].split("(", 1)
    if maker.endswith(".from_config"):
        inside = f"{{**{inside}, **k}}"
    else:
        inside += ", **k" if inside else "**k"
    bounds = f", input_range={case.input_range}" if case.input_range else ""
    return (
        f"checks.{name}(case(lambda **k: {maker}({inside}), {shapes!r}, {dtypes!r}"
        f"{bounds}))"
    )


def _where(error: BaseException, case: Case) -> str:
    """The line of the layer's own file that an error came through last."""
    file = getattr(sys.modules.get(case.layer_class.__module__), "__file__", None)
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == file
    ]
    if not lines or case.layer_class.__module__.startswith("keras."):
        return ""
    last = lines[-1]
    return f" [{PurePath(last.filename).name}:{last.lineno} in {last.name}]"


def for_all(
    case: Case, strategy: Any, test: Callable[[Any], None], examples: int
) -> None:
    """Try a test on what a strategy draws; a failure is shrunk to a small one."""

    @hypothesis.seed(case.seed)
    @settings(_SEARCH, max_examples=examples)
    @given(strategy)
    def run(drawn: Any) -> None:
        test(drawn)

    run()


def is_refusal(
    error: BaseException, layer: keras.layers.Layer, *, reshape: bool = True
) -> bool:
    """Whether an error is a layer's own way of saying that it does not take a size.

    It is where the layer's code raises it, and where a size cannot be reshaped or
    split: whoever cuts patches of four needs a multiple of four. It is not where two
    things that the layer itself made do not fit each other.
    """
    frames = traceback.extract_tb(error.__traceback__)
    names = [frame.name for frame in frames]
    if reshape and any(name in _CUTS for name in names[-12:]):
        return True
    if "input_spec.py" in frames[-1].filename:
        return True
    code = [kind for kind in type(layer).__mro__ if kind is not keras.layers.Layer]
    modules = {kind.__module__ for kind in code} - {"builtins"}
    files = {getattr(sys.modules.get(module), "__file__", None) for module in modules}
    return frames[-1].filename in files


def _snippet(case: Case, broken: Broken) -> str:
    """Python that runs as it stands: the lines that show it, and the law itself."""
    try:
        made, plain = case.code(**broken.over), case.code()
    except Exception:
        made = plain = ["layer = ...  # as your factory makes it"]
    lines = list(broken.lines)
    if "..." not in plain[-1]:
        lines += ["", "# The law itself:", _call_of(broken.law, case, plain[-1])]
    body = "\n".join(lines)
    imports = ["import keras"] if "keras." in body + made[-1] else []
    if "np." in body or "rng." in body:
        imports.append("import numpy as np")
    if "checks." in body:
        imports.append("from kerasblocks.testing import case, checks")
    imports += [line for line in made[:-1] if line not in imports]
    rng = ["rng = np.random.default_rng(0)"] if "rng." in body else []
    first = [made[-1]] if broken.lines else []
    return "\n".join([*imports, "", *rng, *first, body])


def summary(error: BaseException) -> str:
    """An error's kind and the beginning of its text, on one line."""
    text = re.sub(r"^\{\{.*?\}\}\s*", "", " ".join(str(error).split()))
    if len(text) > 400:
        text = f"{text[:120]} ... {text[-260:]}"  # the cause stands at the end
    return f"{type(error).__name__}: {text}"


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed everything, and give Python and NumPy their own random states back.

    Tracebacks are kept whole within, since `is_refusal` reads them.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    filtered = keras.config.is_traceback_filtering_enabled()
    # TensorFlow warns of functions that it traces again, which laws are made for.
    logger = logging.getLogger("tensorflow")
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        keras.utils.set_random_seed(seed)
        keras.config.disable_traceback_filtering()
        yield
    finally:
        logger.setLevel(level)
        if filtered:
            keras.config.enable_traceback_filtering()
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
