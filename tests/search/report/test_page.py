import dataclasses
import re
import runpy
import time
from html.parser import HTMLParser

import keras
import keras_tuner as kt
import pytest

from kerasblocks.search import Trial, read
from kerasblocks.search.report import write_report
from kerasblocks.search.report.page import Page
from kerasblocks.search.report.rebuild import build_snippet, load_snippet
from tests.search.report.made import made, point
from tests.search.studies import build, study

VOID = {"meta", "link", "wbr", "use", "path"}


class Reader(HTMLParser):
    """Checks that tags close in order, and keeps what the page refers to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.refers, self.text = [], set(), [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.refers += [v for k, v in attributes if k in ("src", "href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def written(result):
    result.folder.mkdir(parents=True, exist_ok=True)
    return write_report(result).read_text(encoding="utf-8")


def html_of(result):
    """The page alone, without its pictures, which take half of the time."""
    return Page(result).html()


def sections(page):
    return re.findall(r'<section id="(\w+)">', page)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of every kind of trial, written once; its folder and its text."""
    folder = tmp_path_factory.mktemp("made")
    return folder, written(made(folder=folder))


def test_the_page_holds_everything(report):
    _, page = report
    assert sections(page) == [
        *("best", "scores", "pareto", "importance", "parallel", "slices", "timeline"),
        *("failures", "rebuild", "environment", "trials"),
    ]
    seen = Reader(page).text
    for words in (
        "Search for the highest val_accuracy and lowest macs",
        "26 completed, 1 pruned, 2 failed, 1 cut off",
        "Test accuracy",
        "0.8750",
        "out of bag",
        "memory · Boom: <b>",
        "Whole traceback",
        "batch_size None",
        "jax0.8",
    ):
        assert words in seen, words


def test_nothing_comes_from_outside(report):
    _, page = report
    found = Reader(page)
    assert all(ref.startswith("#") or ref == "data:," for ref in found.refers)
    assert not found.tags & {"script", "img", "iframe", "object", "embed"}
    assert not re.search(r"https?:|@import|url\((?!#)", page)


def test_a_picture_for_each_chart(report):
    folder, page = report
    pictures = {path.stem for path in (folder / "report").iterdir()}
    assert pictures == set(re.findall(r'<title id="([\w-]+)-title"', page))


def test_pictures_of_an_earlier_report_do_not_stay(tmp_path):
    written(made(2, tmp_path))
    assert (tmp_path / "report" / "slice-1.png").exists()
    written(made(1, tmp_path))
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        *("history.png", "curves.png", "pareto-1.png", "timeline.png"),
    }
    assert not list(tmp_path.glob(".*"))


def test_what_users_wrote_is_text():
    nasty = "<script>alert(1)</script>"
    result = made(5, name=nasty, error=nasty)
    first = result.trials[0]
    trial = dataclasses.replace(first, point=point(first.values | {nasty: "a"}))
    result = dataclasses.replace(result, trials=[trial, *result.trials[1:]])
    found = Reader(html_of(result))
    assert "script" not in found.tags
    assert nasty in found.text


@pytest.mark.parametrize(
    ("result", "there"),
    [
        ({"trials": 0}, ["best"]),
        (
            {"trials": 1},
            ["best", "scores", "pareto", "importance", "timeline", "rebuild"],
        ),
        ({"trials": 4, "only": "FAILED"}, ["best", "scores", "timeline", "failures"]),
        ({"trials": 2, "only": "RUNNING"}, ["best", "timeline"]),
        ({"trials": 3, "only": "PRUNED"}, ["best", "scores", "timeline"]),
    ],
)
def test_few_trials(result, there):
    page = html_of(made(**result))
    Reader(page)
    rest = {"environment", "trials"} if result["trials"] else set()
    assert set(sections(page)) - rest == set(there)
    if not result["trials"] or "only" in result:
        assert "No trial has completed." in page


def test_failures_alike_are_one():
    page = html_of(made(40, only="FAILED"))
    assert page.count('class="failure"') == 1
    assert "The same in 39 other attempts" in page


def test_values_that_are_none_do_no_harm():
    trials = [
        Trial(n, "COMPLETED", point({"x": n / 9}), 0, score=0.1 * n, epochs=epochs)
        for n, epochs in enumerate(([], [{}], [{"val_accuracy": None}]), 1)
    ]
    result = dataclasses.replace(made(), trials=trials, test=None, sessions=[])
    assert "needs 10 completed trials" in html_of(result)


def test_one_objective_has_no_front():
    assert "pareto" not in sections(html_of(made(2, goals=1)))


def test_a_search_that_runs_is_said_to():
    result = made(3)
    result.sessions[0]["ended"] = None
    assert "has not ended: it still runs, or was cut off" in html_of(result)


def test_long_names_and_many_trials():
    name = "n" * 90
    begun = time.process_time()
    page = html_of(made(500, name=name, extra=36, workers=30))
    # 2 to 3 s on a machine that does nothing else.
    assert time.process_time() - begun < 12
    assert len(page) < 3e6
    assert "The first 8 of 41 hyperparameters." in page
    assert "6 more workers not shown" in page


def test_a_report_elsewhere(tmp_path):
    result = made(2, tmp_path / "none")
    out = write_report(result, tmp_path / "page.html")
    assert out == tmp_path / "page.html"
    assert (tmp_path / "page" / "history.png").exists()
    with pytest.raises(ValueError, match=r"'out' must end with \.html, got '.*page'"):
        write_report(result, tmp_path / "page")


def test_snippets_of_a_search_run(search, monkeypatch):
    result = search(study(trials=2, objective=["val_accuracy", "parameters"]))
    page = html_of(read(search.folder))
    assert "highest val_accuracy and lowest parameters" in page
    assert "2 completed" in page

    namespace = {"build": build}
    exec(build_snippet(result.best), namespace)
    assert namespace["model"].count_params() == result.best.params
    assert namespace["hp"].values == result.best.values

    monkeypatch.chdir(result.folder.parent)
    moved = read(result.folder.name)
    script = result.folder.parent / "snippet.py"
    script.write_text(load_snippet(moved))
    model = runpy.run_path(str(script))["model"]
    assert isinstance(model, keras.Model)
    assert model.count_params() == result.best.params


def test_minimized_scores_rank_the_lowest_first():
    result = made(2, goals=1)
    goal = kt.Objective("val_accuracy", "min")
    result = dataclasses.replace(result, goals=[goal])
    assert "lower is better" in html_of(result)
