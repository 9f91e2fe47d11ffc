"""What failed: each cause once, with the whole of what was said."""

from __future__ import annotations

import re
from html import escape

from kerasblocks.search.report.elements import code, folded, paragraph, settings
from kerasblocks.search.report.words import count
from kerasblocks.search.results import Result, tunable
from kerasblocks.search.trial import FAILED, Attempt, Trial

MOST = 30
_LAST_LINES = 7
_TELLING = 120
_LONGEST = 20_000


def failures(result: Result) -> str:
    """Return the failed attempts, those alike as one; empty where none failed.

    An attempt that was tried again and then went well is among them.
    """
    alike: dict[tuple[str, str], list[tuple[Trial, Attempt]]] = {}
    for trial in result.trials:
        for attempt in trial.attempts:
            if attempt.status == FAILED:
                # Another shape or another worker's number is no other failure.
                error = re.sub(r"\d+", "#", attempt.error or "")[:_TELLING]
                key = (attempt.cause or "", error)
                alike.setdefault(key, []).append((trial, attempt))
    groups = sorted(alike.values(), key=len, reverse=True)
    parts = [_failure(group) for group in groups[:MOST]]
    if len(groups) > MOST:
        more = count(len(groups) - MOST, "other failure")
        parts.append(paragraph(f"{more} in trials.json.", "quiet"))
    return "\n".join(parts)


def _failure(group: list[tuple[Trial, Attempt]]) -> str:
    trial, attempt = group[0]
    cause = escape(attempt.cause or "unknown cause")
    error = escape(_short(_plain(attempt.error or "nothing was said"), 600))
    where = [f"trial {trial.number}, {attempt.worker}, attempt {attempt.attempt}"]
    if trial.status != FAILED:
        where.append(f"the trial went on and is {trial.status.lower()}")
    parts = [
        f'<p><span class="cause">{cause}</span> · {error}</p>',
        paragraph("; ".join(where), "quiet small"),
    ]
    if len(group) > 1:
        numbers = list(dict.fromkeys(str(other.number) for other, _ in group[1:]))
        listed = ", ".join(numbers[:40]) + (", …" if len(numbers) > 40 else "")
        text = (
            f"The same in {count(len(group) - 1, 'other attempt')}, of trial {listed}."
        )
        parts.append(paragraph(text, "quiet small"))
    chosen = {name: trial.values[name] for name in tunable(trial)} or trial.values
    parts.append(settings(chosen))
    lines = _plain(attempt.traceback or "").rstrip().splitlines()
    if len(lines) > 1:
        last = [line for line in lines if line.strip()][-_LAST_LINES:]
        parts.append(code("\n".join(last)))
    if len(lines) > _LAST_LINES:
        whole = _short("\n".join(lines), _LONGEST)
        parts.append(folded("Whole traceback", code(whole)))
    body = "\n".join(part for part in parts if part)
    return f'<article class="failure">\n{body}\n</article>'


def _plain(text: str) -> str:
    """Take a terminal's colours out."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _short(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}\n…\n{text[-most // 2 :]}"
