"""`GradientFlow`: as text, as HTML, as data and as a picture."""

import json

import numpy as np
import pytest

from kerasblocks.inspect.gradients import gradient_flow
from kerasblocks.inspect.gradients.flow import plot_flows
from tests.inspect.gradients.models import X, Y, line, norms

pytestmark = pytest.mark.table


def test_the_table_in_text_and_html_and_json_and_a_picture(tmp_path):
    model = line()
    model.layers[0].trainable = False
    flow = gradient_flow(model, X, Y, loss="mse", depth=2)
    title, head, *rows = [text for text in str(flow).splitlines() if text.strip()]
    assert title.strip() == "loss 4, gradients on 1 sample"
    assert " ".join(head.split()) == "block gradient norm weight norm ratio weights"
    cells = [row.split() for row in rows[1:]]
    assert cells == [
        ["w", "-", "2.24", "-", "2", "frozen"],
        ["kernel", "-", "2.24", "-", "2", "frozen"],
        ["v", "44", "3", "14.7", "1"],
        ["kernel", "44", "3", "14.7", "1"],
    ]
    page = flow._repr_html_()
    assert page.count("<tr>") == 5
    assert "  kernel</td>" in page
    written = json.loads(json.dumps(flow.to_dict()))
    assert written == flow.to_dict()
    assert written["blocks"][1]["blocks"][0]["name"] == "v/kernel"
    flow.plot(tmp_path / "new" / "flow.png")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["flow.png"]
    zero = gradient_flow(model, X, np.array([[33.0]]), loss="mse")
    assert norms(zero)["v"] == 0
    zero.plot(tmp_path / "zero.png")
    plot_flows({"some": flow, "none": zero}, tmp_path / "two.png")
    for file in (tmp_path / "new" / "flow.png", tmp_path / "two.png"):
        assert file.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="'flows' must name at least one flow"):
        plot_flows({}, tmp_path / "none.png")
