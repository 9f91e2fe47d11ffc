"""The few pieces of HTML that the report is made of; all text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from kerasblocks.search.report.words import setting

if TYPE_CHECKING:
    from kerasblocks.search.report.charts.style import Chart


def section(place: str, title: str, *parts: str) -> str:
    r"""Return a section under a heading, or nothing where there are no parts.

    Example:
        >>> section("a", "A & B", "<p>one</p>")
        '<section id="a">\n<h2>A &amp; B</h2>\n<p>one</p>\n</section>'
    """
    held = [part for part in parts if part]
    if not held:
        return ""
    body = "\n".join(held)
    return f'<section id="{place}">\n<h2>{escape(title)}</h2>\n{body}\n</section>'


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph.

    Example:
        >>> paragraph("a < b", "quiet")
        '<p class="quiet">a &lt; b</p>'
    """
    return f"<p{_kind(kind)}>{escape(text)}</p>"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Any]],
    label: str,
    *,
    left: Sequence[str] = (),
    best: bool = False,
) -> str:
    """Return a table in a box of its own that scrolls where it is too wide.

    Args:
        heads: The columns' names.
        rows: Text to write, cell by cell.
        label: What it is, for a reader that hears it.
        left: The columns of words; the others are aligned as numbers.
        best: Whether the first row is the best one.
    """
    kinds = ["wrap" if head in left else "number" for head in heads]
    names = "".join(
        f'<th scope="col" class="{kind}">{_breakable(head)}</th>'
        for head, kind in zip(heads, kinds, strict=True)
    )
    body = "\n".join(
        f"<tr{_kind('best' if best and place == 0 else '')}>"
        + "".join(
            f"<td{_kind(kind)}>{escape(str(cell))}</td>"
            for cell, kind in zip(row, kinds, strict=True)
        )
        + "</tr>"
        for place, row in enumerate(rows)
    )
    return scroll(
        f"<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>",
        label,
    )


def scroll(body: str, label: str) -> str:
    """Return a box that scrolls sideways, by keyboard too."""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        f"\n{body}\n</div>"
    )


def figure(chart: Chart, *, titled: bool = True) -> str:
    """Return a chart, under its title where its section has another."""
    svg = scroll(chart.svg(), chart.title) if chart.wide else chart.svg()
    kind = _kind("wide" if chart.wide else "")
    title = f"<figcaption>{_breakable(chart.title)}</figcaption>\n" if titled else ""
    return f"<figure{kind}>\n{title}{svg}\n</figure>"


def beside(*parts: str, kind: str = "") -> str:
    """Return parts side by side where the screen is wide enough, or nothing."""
    body = "\n".join(part for part in parts if part)
    return f'<div class="{f"beside {kind}".strip()}">\n{body}\n</div>' if body else ""


def folded(summary: str, body: str) -> str:
    """Return what is shown when it is asked for."""
    return f"<details><summary>{escape(summary)}</summary>\n{body}\n</details>"


def settings(values: Mapping[str, Any]) -> str:
    """Return names with their values, in a line as long as it takes.

    Example:
        >>> settings({"rate": 0.5})
        '<dl class="settings"><div><dt>rate</dt><dd>0.5</dd></div></dl>'
    """
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(setting(value))}</dd></div>"
        for name, value in values.items()
    )
    return f'<dl class="settings">{pairs}</dl>' if pairs else ""


def code(text: str) -> str:
    """Return a block of code."""
    return f'<pre tabindex="0"><code>{escape(text)}</code></pre>'


def _breakable(text: str) -> str:
    """Let a long name break after its scopes and words."""
    return re.sub(r"([/_])(?=.)", r"\1<wbr>", escape(text))


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
