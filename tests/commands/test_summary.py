import json
import sys

import pytest

from _kerasblocks_cli import main

MODELS = """
import keras
import kerasblocks as kb


def make(width=4):
    inputs = keras.Input((16, 16, 3))
    outputs = kb.ResidualBlock(width, strides=2, name="stage")(inputs)
    return keras.Model(inputs, outputs, name="made")


class Named(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.matmul(inputs["a"], keras.ops.transpose(inputs["b"]))


def fails():
    raise ValueError("no such width")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a file of models in it."""
    (tmp_path / "some_models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("some_models", None)


def run(command, capsys, code=0):
    assert main(["summary", *command.split()]) == code
    return capsys.readouterr()


def test_a_function_that_makes_a_model(folder, capsys):
    text = run("some_models.py:make --depth 1 --arg width=8", capsys).out
    assert "made (Functional)" in text
    assert "└─ stage (ResidualBlock)" in text
    assert "projection" not in text
    assert "(None, 8, 8, 8)" in text
    assert "\nMACs: " in text
    text = run("some_models.py:make --shape 32,?,3", capsys).out
    assert "(None, 16, None, 4)" in text
    assert "\nMACs: ? (at least 0)" in text


@pytest.mark.parametrize(
    ("command", "shape", "macs"),
    [
        ("keras.layers:Dense --arg units=3 --shape 7,4", [None, 7, 3], 84),
        (
            "keras.layers:Attention --shape 3,8 --shape 5,8",
            [None, 3, 8],
            2 * 3 * 5 * 8,
        ),
        ("keras.layers:Add --shape 4 --shape 4", [None, 4], 0),
        (
            "some_models:Named --shape b=5 --shape a=5 --dtype float64",
            [None, 1],
            5,
        ),
    ],
)
def test_a_layer_and_its_inputs_as_json(command, shape, macs, folder, capsys):
    told = json.loads(run(f"{command} --json", capsys).out)
    assert told["tree"]["output_shape"] == shape
    assert told["macs"] == macs


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("some_models.py:mak", "some_models.py has no 'mak'; did you mean make?"),
        ("some_models:fails", "fails() fails: ValueError: no such width [some_models"),
        ("keras.layers:Dense --arg units=3", "--shape must be given for 'dense"),
        ("keras.layers:Dense --shape 4,a", "--shape: expected positive"),
        (
            "keras.layers:MultiHeadAttention --arg num_heads=1 --arg key_dim=2 "
            "--shape 4",
            "--shape: MultiHeadAttention.call takes query and value",
        ),
        (
            "keras.layers:ReLU --shape 4 --dtype b=int8",
            "no --shape is given for an input 'b'",
        ),
        (
            "some_models:make --shape 32,3",
            "--shape must be like that of 'made', (None, 16, 16, 3)",
        ),
    ],
)
def test_wrong_use_is_said_in_one_line(command, words, folder, capsys):
    error = run(command, capsys, code=2).err
    assert error.startswith("kerasblocks: error: ")
    assert error.count("\n") == 1
    assert words in error
