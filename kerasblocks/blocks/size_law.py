"""How a path of layers changes spatial sizes: its stride and its rounding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

Size = int | None
SizeFunction = Callable[[int], Sequence[Size]]
"""Takes one size for all spatial axes, gives the size that comes out of each."""

# In 24..40 every residue of every stride up to 16 occurs.
_PROBES = range(24, 41)
_LARGEST_STRIDE = 16


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


def find_size_laws(
    path: SizeFunction, sizes: Sequence[Size], out_sizes: Sequence[Size]
) -> list[SizeLaw | None]:
    """The law of each spatial axis, None where no stride fits.

    The path is tried on a range of sizes, so that the law holds for sizes that are
    not known, and rounds as the path does for those that are. A path that takes only
    the sizes at hand, or gives the same for all, is judged by these.

    Args:
        path: The path's sizes as a function.
        sizes: The input's spatial sizes.
        out_sizes: What the path makes of them.
    """
    try:
        seen = [path(size) for size in _PROBES]
    except Exception:
        # Any layer may be in the path, and refuse a size in its own way.
        return [_by_one_size(*pair) for pair in zip(sizes, out_sizes, strict=True)]
    laws = []
    for axis, (size, out) in enumerate(zip(sizes, out_sizes, strict=True)):
        outs = [each[axis] for each in seen]
        fixed = len(set(outs)) == 1
        law = _by_one_size(size, out) if fixed else _fit(outs)
        agrees = law is not None and (size is None or law(size) == out)
        laws.append(law if agrees else None)
    return laws


def _fit(outs: Sequence[Size]) -> SizeLaw | None:
    for stride in range(1, _LARGEST_STRIDE + 1):
        for crop in range(stride):
            law = SizeLaw(stride, crop)
            if all(law(size) == out for size, out in zip(_PROBES, outs, strict=True)):
                return law
    return None


def _by_one_size(size: Size, out: Size) -> SizeLaw | None:
    if not size or not out:
        return None
    for stride in range(1, size + 1):
        for law in (SizeLaw(stride), SizeLaw(stride, stride - 1)):
            if law(size) == out:
                return law
    return None
