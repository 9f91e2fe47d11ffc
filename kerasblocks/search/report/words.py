"""How the report writes numbers, times and names."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any


def number(value: Any, digits: int = 4) -> str:
    """Write a number short; what is none, or not finite, as a dash.

    Example:
        >>> number(0.952), number(1234567.0), number(3e-05), number(None)
        ('0.9520', '1,234,567', '3e-05', '-')
    """
    if value is None or isinstance(value, str):
        return value or "-"
    value = float(value)
    if not math.isfinite(value):
        return "-"
    if value == round(value) and abs(value) < 1e12:
        return f"{value:,.0f}"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3g}"
    # Scores of one column, which mostly lie here, stay aligned.
    if 1e-3 <= abs(value) < 10:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}g}"


def setting(value: Any) -> str:
    """Write a hyperparameter's value short.

    Example:
        >>> setting(0.00123456), setting(True), setting("same"), setting(None)
        ('0.00123', 'True', 'same', 'None')
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def duration(seconds: float | None) -> str:
    """Write a time as people say it.

    Example:
        >>> duration(7.24), duration(127), duration(8000), duration(None)
        ('7.2 s', '2 min 7 s', '2 h 13 min', '-')
    """
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(text: str | None) -> str:
    """Write an ISO time to the minute.

    Example:
        >>> moment("2026-01-31T12:34:56.789+00:00"), moment(None)
        ('2026-01-31 12:34 UTC', '-')
    """
    when = parse(text)
    return "-" if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def parse(text: str | None) -> datetime | None:
    """Read an ISO time; None where it is none.

    Example:
        >>> parse("2026-01-31T12:00:00+00:00").hour, parse("soon")
        (12, None)
    """
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def shorten(text: str, width: int) -> str:
    """Cut a long name in its middle, where names differ least.

    Example:
        >>> shorten("stage_1/block_2/filters", 15), shorten("rate", 15)
        ('stage_1…filters', 'rate')
    """
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def count(many: int, thing: str) -> str:
    """Write how many there are of a thing.

    Example:
        >>> count(1, "trial"), count(1200, "trial")
        ('1 trial', '1,200 trials')
    """
    return f"{many:,} {thing}{'s' * (many != 1)}"
