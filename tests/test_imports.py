"""What the package may import, where import-linter cannot see it."""

import ast
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kerasblocks

PACKAGE = Path(kerasblocks.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
BACKENDS = {"tensorflow", "jax", "torch"}


def imported_names(nodes):
    """The dotted names that the import statements among `nodes` bring in."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def run_at_import(tree):
    """Every node but those inside functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from run_at_import(node)


def private_keras(tree):
    """Where a file reaches into `keras.src`, by import or by attribute."""
    for name in imported_names(ast.walk(tree)):
        if f"{name}.".startswith("keras.src."):
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "keras.src":
            yield f"line {node.lineno}"


@pytest.mark.parametrize(
    "file", FILES, ids=lambda file: str(file.relative_to(PACKAGE.parent))
)
def test_file_imports_no_backend_at_its_top_and_nothing_private(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    roots = {name.partition(".")[0] for name in imported_names(run_at_import(tree))}
    assert not roots & BACKENDS
    assert not list(private_keras(tree))


@pytest.mark.parametrize(
    "source",
    [
        "import keras.src",
        "from keras import src",
        "from keras.src import ops",
        "from keras.src.layers.layer import Layer",
        "import keras\nLayer = keras.src.layers.Layer",
    ],
)
def test_a_reach_into_private_keras_is_seen(source):
    assert list(private_keras(ast.parse(source)))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import torch.nn", {"torch.nn"}),
        ("try:\n    import jax\nexcept ImportError:\n    pass", {"jax"}),
        ("class A:\n    from tensorflow import data", {"tensorflow.data"}),
        ("def f():\n    import tensorflow", set()),
    ],
)
def test_imports_in_functions_are_let_be(source, names):
    assert set(imported_names(run_at_import(ast.parse(source)))) == names


@pytest.mark.table
def test_importing_the_package_loads_no_other_backend():
    # Keras itself imports JAX wherever it is installed.
    others = {"tensorflow", "torch"} - {keras.backend.backend()}
    code = f"import sys, kerasblocks; print({others} & set(sys.modules))"
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == "set()"
