"""The report as one page of HTML, without anything from outside, and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import keras_tuner as kt

from kerasblocks.files import replacing
from kerasblocks.search.report import elements as html
from kerasblocks.search.report.charts.bars import bars
from kerasblocks.search.report.charts.curves import curves
from kerasblocks.search.report.charts.history import history
from kerasblocks.search.report.charts.parallel import MOST as MOST_AXES
from kerasblocks.search.report.charts.parallel import parallel
from kerasblocks.search.report.charts.pareto import pareto
from kerasblocks.search.report.charts.slices import slices
from kerasblocks.search.report.charts.style import DARK, LIGHT, Chart
from kerasblocks.search.report.charts.timeline import timeline
from kerasblocks.search.report.failures import failures
from kerasblocks.search.report.importance import Importance, importance
from kerasblocks.search.report.rebuild import build_snippet, load_snippet
from kerasblocks.search.report.space import Parameter, parameters
from kerasblocks.search.report.summary import summary
from kerasblocks.search.report.tables import value_of
from kerasblocks.search.report.words import count, duration, moment, number, setting
from kerasblocks.search.results import Result
from kerasblocks.search.trial import Trial

_BEST = 10
_PICTURES = (
    *("history", "curves", "importance", "parallel", "timeline"),
    *("pareto-[0-9]*", "slice-[0-9]*"),
)


class Page:
    """A report in the making: what is found out once, and the charts drawn of it.

    Args:
        result: What it reports.
    """

    def __init__(self, result: Result) -> None:
        self.result = result
        higher = result.goal.direction == "max"
        self.importance = importance(result.trials, higher_is_better=higher)
        self.axes = _by_importance(parameters(result.ranked), self.importance)
        self.curves = curves(result)
        self.history = history(result)
        self.pareto = pareto(result)
        self.bars = bars(self.importance)
        self.parallel = parallel(result, self.axes)
        self.slices = slices(result, self.axes)
        self.timeline = timeline(result)

    @property
    def charts(self) -> list[Chart]:
        """Every chart that there is something to draw in."""
        first = [self.history, self.curves, *self.pareto, self.bars]
        every = [*first, self.parallel, *self.slices, self.timeline]
        return [chart for chart in every if chart is not None]

    def html(self) -> str:
        """Return the whole page."""
        sections = [
            ("best", "Best trials", self._best()),
            ("scores", "Scores", self._scores()),
            ("pareto", "Pareto front", self._pareto()),
            ("importance", "Importance", self._importance()),
            ("parallel", "Parallel coordinates", self._parallel()),
            ("slices", "Slices", self._slices()),
            ("timeline", "Timeline", self._timeline()),
            ("failures", "Failures", failures(self.result)),
            ("rebuild", "The best model in code", self._rebuild()),
            ("environment", "Environment", self._environment()),
            ("trials", "All trials", self._trials()),
        ]
        held = [one for one in sections if one[2]]
        links = "\n".join(
            f'<a href="#{place}">{escape(title)}</a>' for place, title, _ in held
        )
        body = "\n\n".join(
            [
                summary(self.result),
                f'<nav aria-label="Sections">\n{links}\n</nav>',
                "<main>",
                *(html.section(*one) for one in held),
                "</main>",
            ]
        )
        here = files("kerasblocks.search.report")
        return Template((here / "page.html").read_text("utf-8")).substitute(
            title=escape(f"{self.result.name}: search report"),
            palette=_palette(),
            style=(here / "page.css").read_text("utf-8").rstrip(),
            body=body,
        )

    def _best(self) -> str:
        ranked = self.result.ranked
        if not ranked:
            return html.paragraph("No trial has completed.", "quiet")
        return _trial_table(
            self.result, ranked[:_BEST], [axis.name for axis in self.axes[:MOST_AXES]]
        )

    def _scores(self) -> str:
        charts = [chart for chart in (self.history, self.curves) if chart is not None]
        return html.beside(*(html.figure(chart) for chart in charts))

    def _pareto(self) -> str:
        if not self.pareto:
            return ""
        goals = self.result.goals
        order = self.result.front
        rows = [
            [trial.number, *(number(_value(trial, goal.name, goals)) for goal in goals)]
            for trial in order[:12]
        ]
        heads = ["trial", *(goal.name for goal in goals)]
        text = f"{count(len(order), 'trial')} that no other beats in every objective."
        if len(rows) < len(order):
            text += f" The table has the first {len(rows)}."
        listed = html.paragraph(text) + html.table(heads, rows, "Pareto front")
        titled = len(self.pareto) > 1
        drawn = [html.figure(chart, titled=titled) for chart in self.pareto]
        return html.beside(*drawn, f"<div>{listed}</div>")

    def _importance(self) -> str:
        found = self.importance
        if not found.trials:
            return ""
        if self.bars is None:
            return html.paragraph(f"Not told: {found.doubt}.", "quiet")
        what = (
            "Share of the scores' variance that each hyperparameter makes alone, and "
            "(paler) that two make together."
        )
        sure = (
            "Functional ANOVA over a random forest of 100 trees, which learned the "
            f"scores of {count(found.trials, 'completed trial')} and explains "
            f"{max(found.r2 or 0, 0):.0%} of the variance of scores that its trees had "
            f"not seen (R² {found.r2:.2f}, out of bag)"
        )
        sure += f": {found.doubt}." if found.doubt else "."
        rows = [[name, f"{share:.1%}"] for name, share in found.shares.items()]
        rows += [
            [f"{a} & {b}", f"{share:.1%}"]
            for (a, b), share in found.pairs.items()
            if share >= 0.01
        ]
        heads = ["hyperparameter, or two together", "share"]
        listed = html.table(heads, rows, "Importance", left=heads[:1])
        words = [
            html.paragraph(what),
            html.paragraph(sure, "quiet small"),
            html.folded("As a table", listed),
        ]
        return html.beside(
            html.figure(self.bars, titled=False), f"<div>{''.join(words)}</div>"
        )

    def _parallel(self) -> str:
        if self.parallel is None:
            return ""
        note = "A line for each completed trial."
        if len(self.axes) > MOST_AXES:
            note += f" The first {MOST_AXES} of {len(self.axes)} hyperparameters."
        drawn = html.figure(self.parallel, titled=False)
        return html.paragraph(note, "quiet small") + drawn

    def _slices(self) -> str:
        if not self.slices:
            return ""
        hint = (
            f"{self.result.goal.name} against each hyperparameter. A bar is a value's "
            "median; the large point is the best trial."
        )
        drawn = (html.figure(chart) for chart in self.slices)
        return html.paragraph(hint, "quiet small") + html.beside(*drawn, kind="small")

    def _timeline(self) -> str:
        if self.timeline is None:
            return ""
        note = html.paragraph(self.timeline.description, "quiet small")
        return note + html.figure(self.timeline, titled=False)

    def _rebuild(self) -> str:
        best = self.result.best
        if best is None:
            return ""
        load = load_snippet(self.result)
        parts = []
        if load:
            parts += [html.paragraph("Trained, weights and all:"), html.code(load)]
        parts += [
            html.paragraph("Built anew from its hyperparameters, as the trial began:"),
            html.code(build_snippet(best)),
        ]
        return "\n".join(parts)

    def _environment(self) -> str:
        sessions = self.result.sessions
        if not sessions:
            return ""
        heads = ["session", "started", "ended", "outcome", "settings"]
        rows = [
            [
                place,
                moment(session.get("started")),
                moment(session.get("ended")),
                session.get("outcome") or "has not ended",
                ", ".join(
                    f"{name} {setting(value)}"
                    for name, value in (session.get("settings") or {}).items()
                ),
            ]
            for place, session in enumerate(sessions, 1)
        ]
        versions = html.settings(sessions[-1].get("versions") or {})
        return versions + html.table(heads, rows[-20:], "Sessions", left=heads[1:])

    def _trials(self) -> str:
        trials = self.result.trials
        if not trials:
            return ""
        names: dict[str, None] = {}
        for trial in trials:
            names.update(dict.fromkeys(trial.values))
        listed = _trial_table(self.result, trials, list(names), ranked=False)
        return html.folded(f"Show {count(len(trials), 'trial')}", listed)


def write(result: Result, out: Path) -> Path:
    """Write the page to a file, and its pictures to a folder beside it.

    Args:
        result: What to report.
        out: The HTML file.

    Returns:
        The file.
    """
    page = Page(result)
    pictures = out.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = [chart.png(pictures) for chart in page.charts]
    with replacing(out) as draft:
        draft.write_text(page.html(), encoding="utf-8")
    # An earlier report, of a study begun anew since, may have had others.
    for kind in _PICTURES:
        for old in pictures.glob(f"{kind}.png"):
            if old not in drawn:
                old.unlink()
    return out


def _by_importance(axes: list[Parameter], found: Importance) -> list[Parameter]:
    """Those that matter first; in the space's order where that is not known."""
    # One that acts only through another counts as much as the two together.
    weight = dict(found.shares)
    for pair, share in found.pairs.items():
        for name in pair:
            weight[name] = weight.get(name, 0.0) + share / 2
    return sorted(axes, key=lambda axis: -weight.get(axis.name, 0.0))


def _trial_table(
    result: Result,
    trials: Sequence[Trial],
    names: Sequence[str],
    *,
    ranked: bool = True,
) -> str:
    others = [goal.name for goal in result.goals[1:]]
    if "parameters" not in others:
        others.append("parameters")
    heads = ["trial", *(() if ranked else ("status",)), result.goal.name, *others]
    heads += ["time", *names]
    rows = [
        [
            trial.number,
            *(() if ranked else (trial.status.lower(),)),
            number(trial.score),
            *(number(value_of(trial, name)) for name in others),
            duration(trial.seconds),
            *(
                setting(trial.values[name]) if name in trial.values else "-"
                for name in names
            ),
        ]
        for trial in trials
    ]
    label = "Best trials" if ranked else "All trials"
    return html.table(heads, rows, label, best=ranked)


def _value(trial: Trial, name: str, goals: Sequence[kt.Objective]) -> float | None:
    return trial.score if name == goals[0].name else value_of(trial, name)


def _palette() -> str:
    def rule(colours: dict[str, str]) -> str:
        listed = " ".join(f"--{name}: {value};" for name, value in colours.items())
        return f":root {{ {listed} }}"

    dark = f"@media (prefers-color-scheme: dark) {{ {rule(DARK)} }}"
    # Paper is light.
    scheme = ":root { color-scheme: light dark; }"
    return f"{scheme}\n{rule(LIGHT)}\n@media screen {{ {dark} }}"
