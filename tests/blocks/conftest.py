"""Counts the shapes that the fuzz tries, and says how many at the end."""

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


def pytest_terminal_summary(terminalreporter):
    counts = {"run": 0, "declared": 0}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                for name, count in report.user_properties:
                    if name.startswith("shapes "):
                        counts[name.removeprefix("shapes ")] += count
    if any(counts.values()):
        terminalreporter.write_line(
            f"shapes tried: {counts['run']:,} run, and {counts['declared']:,} more "
            "declared and compared"
        )
