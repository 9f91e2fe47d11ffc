"""What the package may import, where import-linter cannot see it."""

import ast
import graphlib
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import kerasblocks

PACKAGE = Path(kerasblocks.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
CLI_FILES = sorted((ROOT / "_kerasblocks_cli").rglob("*.py"))
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


@pytest.mark.parametrize("file", CLI_FILES, ids=lambda file: file.name)
def test_the_command_line_needs_only_the_standard_library(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    roots = {name.partition(".")[0] for name in imported_names(run_at_import(tree))}
    assert roots <= sys.stdlib_module_names | {"_kerasblocks_cli"}
    # `search --list` draws its table with rich, when there is something to draw.
    late = {name.partition(".")[0] for name in imported_names(ast.walk(tree))}
    assert late - roots <= sys.stdlib_module_names | {"rich"}


# A program of any name, that of our own command included.
PROGRAM = """
import sys

import keras

before = set(sys.modules)
import kerasblocks

loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print("third parties:", *sorted(loaded - sys.stdlib_module_names - {"kerasblocks"}))
print("backends:", *sorted({"tensorflow", "torch"} & set(sys.modules)))
names = ["ConvBlock", "MultiHeadOutput", "Triplet", "OneShotAccuracy"]
registered = [keras.saving.get_registered_object(f"kerasblocks>{x}") for x in names]
print("registered:", all(registered))
"""


@pytest.mark.table
@pytest.mark.parametrize("name", ["kerasblocks", "train.py"])
def test_a_program_of_any_name_has_the_layers_and_loads_no_third_party(name, tmp_path):
    (tmp_path / name).write_text(PROGRAM)
    process = subprocess.run(
        [sys.executable, tmp_path / name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    # Keras itself imports JAX wherever it is installed.
    backends = {keras.backend.backend()} & {"tensorflow", "torch"}
    assert process.stdout.splitlines() == [
        "third parties:",
        " ".join(["backends:", *backends]),
        "registered: True",
    ]


LAZY = ("hypermodels", "search", "testing")


def test_every_public_name_is_there_and_listed():
    for name in (*kerasblocks.__all__, *LAZY):
        assert getattr(kerasblocks, name) is not None
        assert name in dir(kerasblocks)
    assert kerasblocks.search is sys.modules["kerasblocks.search"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ResidualBlok", "; did you mean 'ResidualBlock'?"),
        ("hypermodel", "; did you mean 'hypermodels'?"),
        ("qqqq", ""),
    ],
)
def test_a_wrong_name_is_an_error_that_names_the_nearest(name, near):
    with pytest.raises(AttributeError) as info:
        getattr(kerasblocks, name)
    assert str(info.value) == f"module 'kerasblocks' has no attribute {name!r}{near}"


def test_files_import_each_other_in_no_circle():
    """The engine of searches still has one, and is left out."""
    modules = {
        ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): file
        for file in FILES
        if file.is_relative_to(PACKAGE) and "search" not in file.parts
    }
    modules = {name.removesuffix(".__init__"): file for name, file in modules.items()}
    graph = {
        name: {
            imported if imported in modules else imported.rpartition(".")[0]
            for imported in imported_names(ast.walk(ast.parse(file.read_text("utf-8"))))
        }
        & set(modules) - {name}
        for name, file in modules.items()
    }
    assert sum(map(len, graph.values())) > 300
    graphlib.TopologicalSorter(graph).prepare()  # raises a CycleError
