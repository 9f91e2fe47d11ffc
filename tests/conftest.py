import io

import pytest


@pytest.fixture
def search(tmp_path):
    """Runs a study in a folder of the test's own; keeps what it said."""

    from kerasblocks.search import run
    from kerasblocks.search.display import Display

    def go(study, **options):
        stream = io.StringIO()
        try:
            return run(
                study, **{"out": tmp_path / "out"} | options, display=Display(stream)
            )
        finally:
            go.said = stream.getvalue()

    go.folder = tmp_path / "out"
    go.said = ""
    return go
