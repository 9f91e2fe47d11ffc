"""The top of the report: what came out, in a few numbers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from html import escape

from kerasblocks.search.report.elements import paragraph
from kerasblocks.search.report.words import count, duration, number, parse
from kerasblocks.search.results import Result
from kerasblocks.search.trial import COMPLETED, FAILED, INTERRUPTED, PRUNED, RUNNING

_WORDS = {
    COMPLETED: "completed",
    PRUNED: "pruned",
    FAILED: "failed",
    INTERRUPTED: "cut off",
    RUNNING: "running",
}


def summary(result: Result) -> str:
    """Return the title, what was sought, and the numbers that matter."""
    goals = " and ".join(
        f"{'highest' if goal.direction == 'max' else 'lowest'} {goal.name}"
        for goal in result.goals
    )
    made = datetime.now(UTC)
    line = (
        f"Search for the {goals} · seed {result.seed} · as of {made:%Y-%m-%d %H:%M} UTC"
    )
    tiles = "\n".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}"
        f"<small>{escape(note)}</small></dd></div>"
        for name, value, note in _tiles(result)
    )
    return (
        f"<header>\n<h1>{escape(result.name)}</h1>\n{paragraph(line, 'lead quiet')}\n"
        f'<dl class="tiles">\n{tiles}\n</dl>\n{_notice(result)}\n</header>'
    )


def _tiles(result: Result) -> list[tuple[str, str, str]]:
    tiles = []
    best = result.best
    if best is not None:
        note = f"trial {best.number}"
        if best.best_epoch:
            note += (
                f", epoch {best.best_epoch} of {max(len(best.epochs), best.best_epoch)}"
            )
        tiles.append((f"Best {result.goal.name}", number(best.score), note))
    else:
        tiles.append((f"Best {result.goal.name}", "-", "no trial has completed"))
    if result.test:
        metric = result.goal.name.removeprefix("val_")
        first = metric if metric in result.test else next(iter(result.test))
        rest = [
            f"{name} {number(v)}" for name, v in result.test.items() if name != first
        ]
        note = ", ".join(["on held-out data", *rest])
        tiles.append((f"Test {first}", number(result.test[first]), note))
    if best is not None and best.params is not None:
        tiles.append(("Parameters", number(best.params), "of the best model"))
    seen = Counter(trial.status for trial in result.trials)
    states = [
        f"{seen[status]:,} {word}" for status, word in _WORDS.items() if seen[status]
    ]
    tiles.append(("Trials", f"{len(result.trials):,}", ", ".join(states) or "none yet"))
    tiles.append(_time(result))
    return tiles


def _time(result: Result) -> tuple[str, str, str]:
    """The time that sessions took; of one without an end, up to its last news."""
    news = [
        when
        for trial in result.trials
        for attempt in trial.attempts
        for when in (parse(attempt.started), parse(attempt.ended))
        if when is not None
    ]
    spent = 0.0
    for session in result.sessions:
        start, end = parse(session.get("started")), parse(session.get("ended"))
        later = [when for when in news if start is not None and when >= start]
        end = end or (max(later) if later else None)
        if start is not None and end is not None:
            spent += (end - start).total_seconds()
    busy = sum(trial.seconds or 0.0 for trial in result.trials)
    workers = {a.worker for trial in result.trials for a in trial.attempts}
    note = f"{duration(busy)} in trials, {count(len(workers), 'worker')}"
    return "Time", duration(spent or busy), note


def _notice(result: Result) -> str:
    open_ended = bool(result.sessions) and not result.sessions[-1].get("ended")
    if not open_ended:
        return ""
    text = "The search has not ended: it still runs, or was cut off."
    return f'<p class="notice">{escape(text)}</p>'
