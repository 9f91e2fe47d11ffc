"""`Summary`: as text, as data, as HTML and with rich."""

import json

import keras
from keras import layers

import kerasblocks as kb
from kerasblocks.inspect.summary import summary
from tests.inspect.summary.models import find, image_model


def test_tree_tells_roles_and_depth_cuts_it():
    inputs = keras.Input((16, 16, 3))
    outputs = kb.ResidualBlock(4, strides=2, name="stage")(inputs)
    model = keras.Model(inputs, outputs, name="small")
    found = summary(model)
    assert [row.name for row in found.root.children[0].children] == [
        *("branch", "projection", "merge", "activation")
    ]
    assert find(found, "projection").output_shape == (None, 8, 8, 4)
    text = str(found)
    assert "   ├─ projection" in text
    assert f"parameters: {model.count_params():,} (" in text
    for depth, names in ((0, ["small"]), (1, ["small", "stage"])):
        cut = summary(model, depth=depth)
        assert str(cut).count("─ ") == depth
        assert (cut.parameters, cut.macs) == (found.parameters, found.macs)
        told = cut.to_dict()["tree"]
        assert told["name"] == names[0]
        assert [child["name"] for child in told["children"]] == names[1:]


def test_as_data_html_and_rich():
    from rich.console import Console

    found = summary(image_model(layers.Conv2D(4, 3, name="<first>")))
    told = json.loads(json.dumps(found.to_dict()))
    assert told["macs"] == told["tree"]["children"][0]["macs"] == 36 * 9 * 4 * 4
    assert told["tree"]["children"][0]["output_shape"] == [None, 6, 6, 4]
    assert told["trainable"] + told["non_trainable"] == told["parameters"] == 148
    assert "&lt;first&gt;" in found._repr_html_()
    assert "5.184 k" in found._repr_html_()
    console = Console(width=100)
    with console.capture() as capture:
        console.print(found)
    assert "5.184 k" in capture.get()
    assert repr(found).endswith(": 148 parameters, 5.184 k MACs>")
