"""What a search leaves for people and programs: tables, pictures, a report.

Matplotlib and scikit-learn are imported when something is drawn.
"""

from __future__ import annotations

from pathlib import Path

from kerasblocks.search.folder import Folder
from kerasblocks.search.report.tables import write_tables
from kerasblocks.search.results import Result

__all__ = ["draw", "write_report", "write_tables"]


def draw(result: Result, folder: Folder) -> None:
    """Draw the trials' scores and learning curves as `scores.png`.

    Args:
        result: What to draw.
        folder: Where.
    """
    from kerasblocks.search.report.charts.overview import overview

    overview(result, folder.png)


def write_report(result: Result, out: str | Path | None = None) -> Path:
    """Write the report as one HTML file, and its charts as pictures.

    It reads only what is remembered: the search may be running meanwhile.

    Args:
        result: What to report.
        out: The HTML file, `report.html` in the study's folder by default. The
            pictures go to a folder beside it, named as it is without its suffix.

    Returns:
        The HTML file.

    Raises:
        ValueError: The file's name does not end with `.html`.
    """
    out = result.folder / "report.html" if out is None else Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"write_report: 'out' must end with .html, got {str(out)!r}")
    from kerasblocks.search.report.page import write

    return write(result, out)
