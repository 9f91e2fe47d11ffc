"""What a search says while it runs: plain lines, a live table, or JSON."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from kerasblocks.search.display.events import JsonDisplay
from kerasblocks.search.display.live import LiveDisplay
from kerasblocks.search.display.plain import Display

__all__ = ["Display", "JsonDisplay", "LiveDisplay", "display_for"]


def display_for(stream: TextIO | None = None) -> Display:
    """Return the display that suits a stream: live on a terminal, else plain.

    Args:
        stream: Standard output by default.

    Example:
        >>> import io
        >>> type(display_for(io.StringIO())).__name__
        'Display'
    """
    stream = stream or sys.stdout
    moves = os.environ.get("TERM", "") not in ("dumb", "unknown")
    return LiveDisplay(stream) if stream.isatty() and moves else Display(stream)
