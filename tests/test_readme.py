"""The snippets of the README, and of pages that are one program, run."""

import ast
import contextlib
import re
import unittest
from pathlib import Path

import keras_tuner
import pytest

ROOT = Path(__file__).parent.parent


def snippets(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


SNIPPETS = snippets("README.md")
SHAPE = re.compile(r"# (\(None.*\))$")


@pytest.mark.parametrize("snippet", SNIPPETS[1:], ids=lambda text: text.split("\n")[0])
def test_snippet(snippet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    names = {}
    exec(SNIPPETS[0], names)
    lines = snippet.split("\n")
    for statement in ast.parse(snippet).body:
        code = compile(ast.Module([statement], []), "README.md", "exec")
        exec(code, names)
        stated = SHAPE.search(lines[statement.end_lineno - 1])
        if stated:
            output = names[statement.targets[0].id]
            assert output.shape == ast.literal_eval(stated[1])
    if "build" in names:
        names["build"](keras_tuner.HyperParameters())
    for name in [name for name in names if name.startswith("test_")]:
        run(names[name])


def run(test):
    """Run a test, for each of its parameters where it has some."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.args]
    if not marks:
        test()
    for mark in marks:
        for row in mark.args[1]:
            with contextlib.suppress(unittest.SkipTest):
                test(*row.values)


def test_there_are_snippets():
    assert len(SNIPPETS) > 5
    assert SHAPE.search(SNIPPETS[1].split("\n")[1])


@pytest.mark.parametrize("page", ["docs/own-block.md", "docs/steps.md"])
def test_page(page):
    names = {}
    for snippet in snippets(page):
        exec(snippet, names)
