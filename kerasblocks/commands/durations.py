"""Times on a command line: `90`, `90s`, `10m`, `1h30m`."""

from __future__ import annotations

import argparse
import re

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PARTS = re.compile("".join(rf"(?:([\d.]+){unit})?" for unit in _UNITS))


def seconds(text: str) -> float:
    """Read a time; for argparse.

    Args:
        text: Seconds, or numbers with the units d, h, m, s in this order.

    Raises:
        argparse.ArgumentTypeError: It is no time, or none at all.

    Example:
        >>> seconds("90"), seconds("10m"), seconds("1h30m"), seconds("1.5h")
        (90.0, 600.0, 5400.0, 5400.0)
    """
    plain = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"[\d.]+", plain):
        plain += "s"
    found = _PARTS.fullmatch(plain)
    try:
        if found is None or not plain:
            raise ValueError
        pairs = zip(found.groups(), _UNITS.values(), strict=True)
        total = sum(float(part) * unit for part, unit in pairs if part)
    except ValueError:
        total = 0.0
    if not total > 0:
        raise argparse.ArgumentTypeError(
            f"expected a time above 0 like 90, 90s, 10m or 1h30m, got {text!r}"
        )
    return total
