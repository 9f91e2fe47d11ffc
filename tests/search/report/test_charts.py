import dataclasses
import re

import pytest
from matplotlib.image import imread

from kerasblocks.search import Attempt, Trial
from kerasblocks.search.folder import Folder
from kerasblocks.search.report import draw
from kerasblocks.search.report.charts.style import DARK, LIGHT
from kerasblocks.search.report.charts.timeline import bars_of, without_gaps
from kerasblocks.search.report.page import Page
from tests.search.report.made import at, made, point


@pytest.fixture(scope="module")
def charts():
    return {chart.name: chart for chart in Page(made()).charts}


def test_there_is_a_chart_of_everything(charts):
    slices = [name for name in charts if name.startswith("slice-")]
    assert set(charts) - set(slices) == {
        *("history", "curves", "pareto-1", "importance", "parallel", "timeline"),
    }
    assert len(slices) == 5


def test_colours_follow_the_page(charts):
    for chart in charts.values():
        svg = chart.svg()
        assert "var(--" in svg
        # Black is what matplotlib gives to marks that nothing is drawn of.
        colours = set(re.findall(r"#[0-9a-f]{6}\b", svg)) - {"#000000"}
        assert not colours, chart.name


def test_the_palettes_name_the_same_colours():
    assert list(LIGHT) == list(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


def test_ids_are_the_charts_own(charts):
    ids = []
    for name, chart in charts.items():
        svg = chart.svg()
        ids += (own := re.findall(r' id="([^"]*)"', svg))
        assert all(one.startswith(name) for one in own)
        used = re.findall(r'(?:href="|url\()#([^")]+)', svg)
        assert set(used) <= set(own)
    assert len(ids) == len(set(ids))


def test_text_is_text_and_is_told_to_those_who_do_not_see(charts):
    svg = charts["parallel"].svg()
    assert "learned" not in svg
    assert re.search(r"<text[^>]*>not active</text>", svg)
    assert 'role="img"' in svg
    assert "<title id=" in svg
    assert "across" in re.search(r"<desc[^>]*>(.*?)</desc>", svg)[1]


def test_pictures_are_pictures(charts, tmp_path):
    height, width, _ = imread(charts["history"].png(tmp_path)).shape
    assert (width, height) == (720, 504)
    assert [path.name for path in tmp_path.iterdir()] == ["history.png"]


def test_overview_is_one_picture(tmp_path):
    draw(made(folder=tmp_path), Folder(tmp_path))
    height, width, _ = imread(tmp_path / "scores.png").shape
    assert width > 2 * height


def with_attempts(*attempts):
    trials = [
        Trial(number, attempt.status, point({}), 0, attempts=[attempt])
        for number, attempt in enumerate(attempts, 1)
    ]
    return dataclasses.replace(made(), trials=trials)


def test_an_attempt_without_an_end_lasts_until_its_workers_next():
    found = with_attempts(
        Attempt(1, "a", at(0), None, "INTERRUPTED"),
        Attempt(1, "b", at(5), at(90), "COMPLETED"),
        Attempt(1, "a", at(40), None, "RUNNING"),
    )
    bars = [(bar.worker, bar.start, bar.end) for bar in bars_of(found)]
    assert bars == [("a", 0, 40), ("b", 5, 90), ("a", 40, 90)]


def test_a_night_is_cut_out_and_a_pause_is_not():
    found = with_attempts(
        Attempt(1, "a", at(0), at(100), "COMPLETED"),
        Attempt(1, "a", at(110), at(200), "COMPLETED"),
        Attempt(1, "b", at(40_000), at(40_100), "COMPLETED"),
    )
    bars, cuts = without_gaps(bars_of(found))
    assert [round(bar.start) for bar in bars] == [0, 110, 214]
    assert len(cuts) == 1
    assert 200 < cuts[0] < bars[2].start
    assert bars[2].end == bars[2].start + 100


def test_times_that_are_none_do_no_harm():
    found = with_attempts(Attempt(1, "a", "", None), Attempt(1, "a", at(1), at(0)))
    assert [(bar.start, bar.end) for bar in bars_of(found)] == [(0, 0)]
