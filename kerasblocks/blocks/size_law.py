"""How a path of layers changes spatial sizes: its stride and its rounding."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

Size = int | None
SizeFunction = Callable[[int], Sequence[Size]]
"""Takes one size for all spatial axes, gives the size that comes out of each."""

_START = 64
_LARGEST_STRIDE = 64
_CHECKED = (57, 64, 75, 128)


class SizeLaw(NamedTuple):
    """`n` becomes `ceil((n - crop) / stride)`: rounded up for crop 0.

    Convolutions and pooling obey such a law, and so do chains of them: "same"
    padding with crop 0, valid pooling with crop `stride - 1`.
    """

    stride: int
    crop: int = 0

    def __call__(self, size: int) -> int:
        """The size that comes out for `size`."""
        return math.ceil((size - self.crop) / self.stride)


def is_global(path: SizeFunction, out_sizes: Sequence[Size]) -> bool:
    """Whether a path gives one value for all places, as global pooling does."""
    if not out_sizes or set(out_sizes) != {1}:
        return False
    try:
        return all(set(path(size)) == {1} for size in (_CHECKED[0], _CHECKED[-1]))
    except Exception:
        # Any layer may be in the path, and refuse a size in its own way.
        return False


def find_size_laws(
    path: SizeFunction, sizes: Sequence[Size], out_sizes: Sequence[Size]
) -> list[SizeLaw | None]:
    """The law of each spatial axis, None where no stride fits.

    The path is tried on other sizes, so that the law holds for those that are not
    known, and rounds as the path does for those that are. A path that takes only the
    sizes at hand, or gives the same for all, is judged by these.

    Args:
        path: The path's sizes as a function.
        sizes: The input's spatial sizes.
        out_sizes: What the path makes of them.
    """
    path = functools.cache(path)
    laws = []
    for axis, (size, out) in enumerate(zip(sizes, out_sizes, strict=True)):

        def size_of(size: int, axis: int = axis) -> Size:
            return path(size)[axis]

        try:
            fixed = size_of(_CHECKED[0]) == size_of(_CHECKED[-1])
            law = law_between(size, out) if fixed else _fit(size_of)
        except Exception:
            # Any layer may be in the path, and refuse a size in its own way.
            law = law_between(size, out)
        agrees = law is not None and (size is None or law(size) == out)
        laws.append(law if agrees else None)
    return laws


def _fit(size_of: Callable[[int], Size]) -> SizeLaw | None:
    """The law of a function: a usual one, or one found where the function grows."""
    return next((law for law in _candidates(size_of) if _holds(law, size_of)), None)


def _candidates(size_of: Callable[[int], Size]) -> Iterator[SizeLaw]:
    least, most = size_of(_START), size_of(2 * _START)
    if not least or not most or most <= least:
        return
    stride = round(_START / (most - least))
    yield from (SizeLaw(stride), SizeLaw(stride, stride - 1))
    # It grows at the sizes `crop + 1 + k * stride`.
    first = _growth(size_of, _START)
    second = first and _growth(size_of, first)
    if first and second:
        yield SizeLaw(second - first, (first - 1) % (second - first))


def _holds(law: SizeLaw, size_of: Callable[[int], Size]) -> bool:
    """Whether a law is right for some sizes, and around those where it grows."""
    first = _START + 1 + (law.crop - _START) % law.stride
    last = 2 * _START - (2 * _START - first) % law.stride
    around = {first - 1, first, last - 1, last}
    return all(law(size) == size_of(size) for size in {*_CHECKED, *around})


def _growth(size_of: Callable[[int], Size], start: int) -> int | None:
    """The first size after `start` for which more comes out, by bisection."""
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
    """The law with the least stride that takes one size to another, if any does."""
    if not size or not out:
        return None
    for stride in range(1, size + 1):
        for law in (SizeLaw(stride), SizeLaw(stride, stride - 1)):
            if law(size) == out:
                return law
    return None
