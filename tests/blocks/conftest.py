"""Counts the shapes that the fuzz tries; the root conftest says how many."""

import pytest

from tests.blocks.shape_law import tried


@pytest.fixture(autouse=True)
def _shapes_tried(request):
    tried.clear()
    yield
    # A report carries properties from a worker to the process that sums them up.
    request.node.user_properties.extend(
        (f"shapes {kind}", count) for kind, count in tried.items()
    )
