"""Finds how a branch of layers changes spatial sizes: its stride and its rounding."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

Size = int | None
SizeFunction = Callable[[int], Sequence[Size]]
"""Takes one size for all spatial axes, and returns the output size of each axis."""

_START = 64
_LARGEST_STRIDE = 64
_CHECKED = (64, 75, 128)


class SizeLaw(NamedTuple):
    """The law that a size `n` becomes `ceil((n - crop) / stride)`.

    Convolutions, pooling and chains of these follow a law of this form: crop is 0 with
    "same" padding, and `stride - 1` for pooling with "valid" padding.
    """

    stride: int
    crop: int = 0

    def __call__(self, size: int) -> int:
        """The output size for `size`."""
        return math.ceil((size - self.crop) / self.stride)


def global_axes(path: SizeFunction, out_sizes: Sequence[Size]) -> list[int]:
    """The axes that have size 1 after the path whatever they had before.

    Global pooling is such a path.
    """
    ones = [axis for axis, size in enumerate(out_sizes) if size == 1]
    try:
        probes = [path(size) for size in (_CHECKED[0], _CHECKED[-1])] if ones else []
    except Exception:
        # A layer may refuse a size in its own way.
        return []
    return [axis for axis in ones if all(sizes[axis] == 1 for sizes in probes)]


def find_size_laws(
    branch: SizeFunction, sizes: Sequence[Size], out_sizes: Sequence[Size]
) -> list[SizeLaw | None]:
    """Returns the law of each spatial axis, or None for an axis if no law fits.

    The branch is tried on other sizes too, so that the law also holds for unknown sizes
    and rounds in the same way. If the branch refuses other sizes, or gives the same
    size for all, only the given sizes count.

    Args:
        branch: A function from input sizes to the output sizes of the branch.
        sizes: The input's spatial sizes.
        out_sizes: The spatial sizes of the output.
    """
    branch = functools.cache(branch)
    laws = []
    for axis, (size, out) in enumerate(zip(sizes, out_sizes, strict=True)):

        def size_of(size: int, axis: int = axis) -> Size:
            return branch(size)[axis]

        try:
            fixed = size_of(_CHECKED[0]) == size_of(_CHECKED[-1])
            law = law_between(size, out) if fixed else _fit(size_of)
        except Exception:
            # Any layer may be in the branch, and refuse a size with any error.
            law = law_between(size, out)
        agrees = law is not None and (size is None or law(size) == out)
        laws.append(law if agrees else None)
    return laws


def _fit(size_of: Callable[[int], Size]) -> SizeLaw | None:
    """Returns the law of a function, or None if it follows no law."""
    return next((law for law in _candidates(size_of) if _holds(law, size_of)), None)


def _candidates(size_of: Callable[[int], Size]) -> Iterator[SizeLaw]:
    least, most = size_of(_START), size_of(2 * _START)
    if not least or not most or most <= least:
        return
    stride = round(_START / (most - least))
    yield from (SizeLaw(stride), SizeLaw(stride, stride - 1))
    # The output grows at the sizes `crop + 1 + k * stride`.
    first = _growth(size_of, _START)
    second = first and _growth(size_of, first)
    if first and second:
        yield SizeLaw(second - first, (first - 1) % (second - first))


def _holds(law: SizeLaw, size_of: Callable[[int], Size]) -> bool:
    """Whether a law holds for some sizes, and around sizes where the output grows."""
    first = _START + 1 + (law.crop - _START) % law.stride
    last = 2 * _START - (2 * _START - first) % law.stride
    around = {first - 1, first, last - 1, last}
    return all(law(size) == size_of(size) for size in {*_CHECKED, *around})


def _growth(size_of: Callable[[int], Size], start: int) -> int | None:
    """The first size after `start` with a larger output, found by bisection."""
    least, low, high = size_of(start), start, start + _LARGEST_STRIDE
    if size_of(high) == least:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if size_of(middle) == least:
            low = middle
        else:
            high = middle
    return high


def law_between(size: Size, out: Size) -> SizeLaw | None:
    """The law with the smallest stride that turns `size` into `out`, or None."""
    if not size or not out:
        return None
    for stride in range(1, size + 1):
        for law in (SizeLaw(stride), SizeLaw(stride, stride - 1)):
            if law(size) == out:
                return law
    return None
