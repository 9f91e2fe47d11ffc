"""The README's snippets run, and give the shapes that it says."""

import ast
import contextlib
import re
import unittest
from pathlib import Path

import keras_tuner
import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
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
