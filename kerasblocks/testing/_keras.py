"""Every private name of Keras that the laws use, and nothing else.

`tests/testing/test_keras.py` checks that each name is there and means what is expected,
so that a version of Keras that changes one is noticed. The code in printed snippets
may use such names too.
"""

from __future__ import annotations

from typing import Any

BOOKKEEPING = ("_inbound_nodes", "_outbound_nodes", "_tracker")
"""The attributes of a layer in which Keras itself keeps layers and variables."""


def children(layer: Any) -> list[Any]:
    """The layers that a layer holds, not those inside them."""
    return list(getattr(layer, "_layers", ()))


def mask_of(tensor: Any) -> Any:
    """The Keras mask that travels on a tensor, None where there is none."""
    return getattr(tensor, "_keras_mask", None)
