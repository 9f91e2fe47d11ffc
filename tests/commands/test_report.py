import io

import pytest

from _kerasblocks_cli import main
from kerasblocks.search import run
from kerasblocks.search.display import Display
from tests.search.studies import study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    run(study(trials=1), out=folder, display=Display(io.StringIO()))
    return folder


def report(*arguments):
    return main(["report", *map(str, arguments)])


def test_it_writes_the_page_and_says_where(folder, capsys):
    assert report(folder) == 0
    page = folder / "report.html"
    pictures = len(list((folder / "report").glob("*.png")))
    said = capsys.readouterr().out
    assert said == f"{page} and {pictures} pictures in {folder / 'report'}\n"
    assert "<h1>tiny</h1>" in page.read_text("utf-8")


def test_it_writes_elsewhere_and_changes_no_search(folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert report(folder, "--out", tmp_path / "mine.html") == 0
    assert (tmp_path / "mine.html").exists()
    assert (tmp_path / "mine" / "history.png").exists()
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert [path.name for path in before if before[path] != after.get(path)] == []


def test_a_folder_that_is_not_there(folder, capsys):
    assert report(folder.with_name("tinny")) == 2
    said = capsys.readouterr().err
    assert f"no search in {folder.with_name('tinny')}" in said
    assert f"did you mean {folder}?" in said


def test_a_folder_that_holds_no_search(tmp_path, capsys):
    assert report(tmp_path) == 2
    assert f"{tmp_path} holds no search" in capsys.readouterr().err


def test_a_file_of_another_kind(folder, tmp_path, capsys):
    assert report(folder, "--out", tmp_path / "page.pdf") == 2
    assert "--out must end with .html, got" in capsys.readouterr().err


def test_a_file_that_cannot_be_written(folder, tmp_path, capsys):
    (tmp_path / "page").write_text("a file where the pictures' folder would be")
    assert report(folder, "--out", tmp_path / "page.html") == 1
    assert "the report cannot be written: File exists" in capsys.readouterr().err
