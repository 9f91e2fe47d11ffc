"""Tables that commands write into pages of docs/, between two marks."""

from pathlib import Path

from kerasblocks.files import replacing

DOCS = Path(__file__).resolve().parent.parent / "docs"


def write_section(page: str, section: str, text: str) -> None:
    """Replaces what stands in docs/`page` between the marks of `section`.

    Raises:
        ValueError: the page has no such marks.
    """
    path = DOCS / page
    begin, end = f"<!-- {section}: by command -->", f"<!-- {section}: end -->"
    old = path.read_text(encoding="utf-8")
    before, found, rest = old.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path.name} must hold the lines {begin!r} and {end!r}")
    with replacing(path) as draft:
        new = f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
        draft.write_text(new, encoding="utf-8")


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])
